"""What a test database is made from, and the fingerprint that tells whether one made earlier is still the same.

The fingerprint must be cheap: computing it imports nothing of the project. What the building imported is only known
afterwards; it is noted in a `Manifest`, which is compared when the database is to be used again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from seedbed.testdb.reading import imported

Prepare = Callable[[str], object]
"""Makes the tables in the database of a URL, and says whether it did: otherwise they are made as without it."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a template is made from.

    Attributes:
        root: the project's folder.
        profile, as_of, scale, seed, minimal: as `seedbed.apply` takes them.
        schema: where the tables come from, if not from the project's metadata; see `seedbed.testdb.schema`.
        prepare: makes the tables instead of `schema`, or says that it does not; its file counts as a part of the blueprint.
    """

    root: Path
    profile: str
    as_of: str | None = None
    scale: float = 1.0
    seed: str | None = None
    minimal: bool = False
    schema: str | None = None
    prepare: Prepare | None = field(default=None, compare=False)
    prepared_by: tuple[Path, ...] = ()

    @property
    def told(self) -> bool:
        """Whether somebody says where the tables come from."""
        return self.schema is not None or self.prepare is not None

    def fingerprint(self, server_version: str) -> str:
        """Return a text that is the same for the same options and files of a project; it begins with `project_tag`."""
        said = [
            *(server_version, version("seedbed"), str(self.root), self.profile, str(self.as_of)),
            *(repr(self.scale), str(self.seed), str(self.minimal), str(self.schema)),
            *(str(path) for path in self.prepared_by),
        ]
        digest = hashlib.blake2b("\0".join(said).encode(), digest_size=12)
        for path in self.files():
            digest.update(f"\0{path}\0".encode())
            digest.update(file_digest(path).encode())
        return project_tag(str(self.root)) + digest.hexdigest()

    def files(self) -> list[Path]:
        """Return the files known beforehand: seeds, the configuration, and what makes the tables."""
        from seedbed.settings import read_settings
        from seedbed.testdb.schema import schema_files

        settings = read_settings(self.root)
        seeds = self.root / settings.seeds
        found = [*seeds.rglob("*.yaml"), *seeds.rglob("*.yml"), self.root / "pyproject.toml"]
        tops = {"factories", settings.profiles, (settings.schema or "").partition(":")[0]}
        for top in {name.partition(".")[0] for name in tops if name}:
            found += [*(self.root / top).rglob("*.py"), self.root / f"{top}.py"]
        found += [*schema_files(self.root, self.schema), *self.prepared_by]
        return sorted({path for path in found if path.is_file()})


@dataclass(frozen=True, slots=True)
class Manifest:
    """What only the building of a template brought to light.

    Attributes:
        as_of: the moment the rows were made for, as ISO text.
        seed: what their values hang on.
        day: the day it is good for, where the profile's moment is the day's; empty for any day.
        files: digests of the files that were imported or read, by path.
        rows: how many rows each table holds.
    """

    as_of: str = ""
    seed: str = ""
    day: str = ""
    files: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of_this_process(
        cls, root: Path, as_of: datetime, seed: str, rows: dict[str, int], *, dated: bool
    ) -> Manifest:
        """Return the manifest of a template that this process just built."""
        files = _digests(imported(root))
        return cls(as_of.isoformat(), seed, today().isoformat() if dated else "", files, rows)

    def with_files(self, files: Iterable[Path]) -> Manifest:
        """Return it with more files that count."""
        return replace(self, files=_digests(files) | self.files)

    @classmethod
    def read(cls, text: str) -> Manifest:
        """Return the manifest that `text` made."""
        return _parsed(text)

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @property
    def holds(self) -> bool:
        """Whether nothing has changed since."""
        if self.day not in ("", today().isoformat()):
            return False
        return all(file_digest(Path(path)) == digest for path, digest in self.files.items())


def project_tag(root: str) -> str:
    """Return how the fingerprints of a project begin, by its folder."""
    return hashlib.blake2b(root.encode(), digest_size=4).hexdigest()


@cache
def _parsed(text: str) -> Manifest:
    return Manifest(**json.loads(text))


def today() -> date:
    """Return this day, in UTC."""
    return datetime.now(UTC).date()


def file_digest(path: Path) -> str:
    """Return a digest of a file's content; of a missing file, nothing. Of ``folder/*.sql``, the digest of the names."""
    try:
        if path.name.startswith("*"):
            content = "\0".join(sorted(each.name for each in path.parent.glob(path.name))).encode()
        else:
            content = path.read_bytes()
    except OSError:
        return ""
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _digests(files: Iterable[Path]) -> dict[str, str]:
    return {str(path): file_digest(path) for path in files}
