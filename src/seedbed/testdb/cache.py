"""Data directories with templates in them, kept between runs and ready to start.

An entry is complete or absent (it is renamed into place). A shared lock on the cache covers reading one, an exclusive one
publishing and removing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import DatabaseFailure
from seedbed.servers.account import Account
from seedbed.servers.homes import cache_home
from seedbed.servers.launcher import LocalServer
from seedbed.servers.place import Place

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cache:
    """The data directories that earlier runs left.

    Attributes:
        folder: where they are.
        entry: the name of this project's, for this version of PostgreSQL and of seedbed.
        limit: bytes; the ones used longest ago go first.
    """

    folder: Path
    entry: str
    limit: int

    @classmethod
    def of(cls, server: LocalServer, project: str, megabytes: int) -> Cache:
        """Return the cache for a server's binaries and a project."""
        from importlib.metadata import version

        binaries = server.binaries
        said = "\0".join([str(binaries), version("seedbed"), str(server.place.account.uid)])
        name = f"{binaries.origin}-{binaries.version}-{_digest(said)}{_ending(project)}"
        return cls(home(), name, megabytes * _MEGABYTE)

    @contextmanager
    def lent(self, place: Place) -> Iterator[bool]:
        """Copy this project's data directory to a new server's place; gives whether there is one.

        The databases themselves are copied while the block runs, which is meant to start the server: it looks at none of them
        before somebody connects.

        Raises:
            DatabaseFailure: it cannot be copied.
        """
        source = self.folder / self.entry
        if not source.is_dir():
            yield False
            return
        with _locked(self.folder, fcntl.LOCK_SH):
            with place.locked():
                databases = _begin(source, place)
            try:
                yield True
            finally:
                _wait_for(databases)
            with suppress(OSError):  # a cache that may only be read serves as well
                os.utime(source)

    def publish(self, place: Place) -> None:
        """Keep a stopped server's data directory for later runs, in place of the one there was."""
        if self.limit == 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{self.entry}.{secrets.token_hex(4)}"
        draft.mkdir(mode=0o700)
        try:
            _copy(place.data, draft / "data")
            shutil.copyfile(place.passfile, draft / "passfile")
            (draft / "passfile").chmod(0o600)
            (draft / "size").write_text(str(_size(draft)))
            with _locked(self.folder, fcntl.LOCK_EX):
                shutil.rmtree(self.folder / self.entry, ignore_errors=True)
                draft.rename(self.folder / self.entry)
                self._shrink()
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _shrink(self) -> None:
        entries = [path for path in self.folder.iterdir() if (path / "size").is_file()]
        kept = 0
        for path in sorted(entries, key=lambda path: path.stat().st_mtime, reverse=True):
            size = int((path / "size").read_text())
            if kept + size > self.limit:
                shutil.rmtree(path)
            else:
                kept += size


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    file = folder / "lock"
    mode = os.O_RDONLY if file.exists() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(file, mode | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def slim(server: LocalServer) -> None:
    """Remove what a stopped server needs no more: a quarter of what every run would copy, and a third of each clone's files.

    Free space and visibility maps are hints: PostgreSQL does without where there are none, and VACUUM makes them anew. Of the
    write-ahead log, a server that was stopped in an orderly way reads its last checkpoint, which begins in the segment that
    pg_controldata names and may end in the next one.
    """
    program, data = server.binaries.program("pg_controldata"), server.place.data
    if program is None:
        return
    said = server.place.account.run([program, "-D", data]).stdout
    first = re.search(r"REDO WAL file:\s*([0-9A-F]{24})", said)
    if not first or not re.search(r"cluster state:\s*shut down\n", said):
        return
    log = sorted(data.glob("pg_wal/" + "[0-9A-F]" * 24))
    needed = [path for path in log if path.name >= first[1]][:2]
    maps = [path for kind in ("fsm", "vm") for path in data.glob(f"base/*/[1-9]*_{kind}")]
    for path in {*log, *maps}.difference(needed):
        path.unlink()


def home() -> Path:
    """Return the folder of the data directories."""
    return cache_home(Account.caller()) / "templates"


def clear(project: str | None = None) -> int:
    """Remove what is kept, and return how many data directories that were.

    Args:
        project: whose, by the folder; everybody's by default.

    Raises:
        DatabaseFailure: it cannot be removed.
    """
    folder = home()
    if not folder.is_dir():
        return 0
    ending = "" if project is None else _ending(project)
    try:
        with _locked(folder, fcntl.LOCK_EX):
            found = [
                path for path in folder.iterdir() if path.is_dir() and path.name.endswith(ending)
            ]
            for path in found:
                shutil.rmtree(path)
    except OSError as error:
        raise DatabaseFailure(f"the templates in {folder} cannot be removed: {error}") from None
    return len(found)


def _ending(project: str) -> str:
    """Return how the names of a project's data directories end."""
    return f"-{_digest(project)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _begin(source: Path, place: Place) -> subprocess.Popen[bytes]:
    """Copy what a server needs to start, and begin with the rest."""
    place.data.mkdir(mode=0o700)
    place.account.give(place.data)
    shutil.copyfile(source / "passfile", place.passfile)
    place.passfile.chmod(0o600)
    parts = [path for path in (source / "data").iterdir() if path.name != "base"]
    databases = _copying([source / "data" / "base"], place.data)
    try:
        _wait_for(_copying(parts, place.data))
    except DatabaseFailure:
        databases.communicate()
        raise
    return databases


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with owners, modes and all."""
    _wait_for(_copying([source], target))


def _copying(sources: Iterable[Path], target: Path) -> subprocess.Popen[bytes]:
    """Begin to copy files and folders with owners, modes and all; cp does it in a fifth of Python's time."""
    options = ["-a", "--reflink=auto"] if sys.platform == "linux" else ["-Rp"]
    command = ["/bin/cp", *options, *(str(source) for source in sources), str(target)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _wait_for(copying: subprocess.Popen[bytes]) -> None:
    said = copying.communicate()[1].decode().strip()
    if copying.returncode:
        first = said.partition("\n")[0]  # of a full disk, each file is told
        raise DatabaseFailure(f"a data directory cannot be copied: {first}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
