"""PostgreSQL's programs: where they lie, which version they are, and a copy for an account that cannot reach them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from seedbed.servers.account import Account
from seedbed.servers.protocol import Unavailable

OLDEST = 14
"""The oldest major version seedbed works with."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL.

    Attributes:
        bin: the folder of ``initdb``, ``postgres`` and the client programs.
        version: for example ``18.6``.
        origin: for people: ``embedded`` or ``system``.
        base: the folder below which the programs, their libraries and their files keep their places.
        parts: what belongs to the installation, as paths below ``base``.
    """

    bin: Path
    version: str
    origin: str
    base: Path
    parts: tuple[str, ...] = (".",)

    @property
    def major(self) -> int:
        """The major version: the part data directories depend on."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> Path | None:
        """Return a program of this installation (``psql``, ``pg_dump`` ...), or None where it was left out."""
        path = self.bin / name
        return path if os.access(path, os.X_OK) else None

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} {self.origin}"


def probe(folder: Path, origin: str) -> Binaries:
    """Return the installation in a folder of programs, taken to be ``bin`` below its base.

    Raises:
        Unavailable: a program is missing, does not run here, or is too old.
    """
    for name in ("initdb", "postgres"):
        if not os.access(folder / name, os.X_OK):
            raise Unavailable(f"no {name} program in {folder}")
    program = folder / "postgres"
    said = _version(program, program.stat().st_mtime_ns)
    found = re.search(r"\(PostgreSQL\) (\S+)", said)
    if not found:
        raise Unavailable(f"{program} does not run here: {said.strip()}")
    binaries = Binaries(folder, found[1], origin, base=folder.parent)
    if binaries.major < OLDEST:
        raise Unavailable(f"{binaries} in {folder} is older than PostgreSQL {OLDEST}")
    return binaries


@cache
def _version(program: Path, changed_at: int) -> str:
    """Return what a program says of its version, asked once for each state of its file."""
    try:
        return Account.caller().run([program, "--version"]).stdout
    except OSError as error:  # for another processor, for example
        return error.strerror or str(error)


def reachable(binaries: Binaries, account: Account, copies: Path) -> Binaries:
    """Return the installation, or a copy of it below ``copies`` where the account cannot reach the original.

    The copy is complete or absent (it is renamed into place), and named by version and contents, so that a
    newer installation never meets an older copy. The original's permissions are left alone.

    Raises:
        Unavailable: it cannot be copied.
    """
    folders = (binaries.bin, *(binaries.base / part for part in binaries.parts))
    if all(account.can_enter(folder) for folder in folders):
        return binaries
    files = _files(binaries)
    target = copies / f"postgresql-{binaries.version}-{_fingerprint(files)}"
    if not target.is_dir():
        try:
            _copy(files, target)
        except OSError as error:
            reason = f"{account.name} cannot reach {binaries.bin}, nor can it be copied"
            raise Unavailable(f"{reason}: {error}") from error
    return replace(binaries, bin=target / binaries.bin.relative_to(binaries.base), base=target)


def _files(binaries: Binaries) -> dict[Path, Path]:
    """Return the files a server and its clients need, by their place below the base."""
    found = {}
    for part in binaries.parts:
        for path in sorted((binaries.base / part).rglob("*")):
            place = path.relative_to(binaries.base)
            for_compilers = path.suffix == ".a" or not {"include", "pgxs"}.isdisjoint(place.parts)
            if path.is_file() and not for_compilers:
                found[place] = path
    return found


def _fingerprint(files: dict[Path, Path]) -> str:
    digest = hashlib.blake2b(digest_size=6)
    for place, path in files.items():
        status = path.stat()
        digest.update(f"{place}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _copy(files: dict[Path, Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for place, source in files.items():
            copy = draft / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            copy.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
        for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # else another process finished the same copy first
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
