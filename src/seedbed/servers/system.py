"""PostgreSQL programs that are already on the machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.servers.binaries import Binaries, probe
from seedbed.servers.protocol import Unavailable
from seedbed.servers.tuning import Tuning

if TYPE_CHECKING:
    from seedbed.servers.launcher import LocalServer

_KNOWN_PLACES = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # PGDG on RHEL
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True)
class System:
    """The backend of binaries found on the PATH or where distributions put them."""

    name: str = "system"

    def describe(self, *, major: int | None = None) -> str:
        """Return version and origin, for people; see `Backend.describe`."""
        return str(self.binaries(major))

    def program(self, name: str) -> Path | None:
        """Return a client program; see `Backend.program`."""
        return self.binaries().program(name)

    def server(self, place: Path, tuning: Tuning, *, major: int | None = None) -> LocalServer:
        """Return a server made of the machine's programs; see `Backend.server`."""
        # Imported here for the sake of those who only want a description.
        from seedbed.servers.launcher import local_server

        return local_server(self.binaries(major), place, tuning)

    def binaries(self, major: int | None = None) -> Binaries:
        """Return the machine's programs: the PATH's, else the newest of the known places.

        Raises:
            Unavailable: there are none (of that major version).
        """
        reasons = []
        for folder in _candidates():
            try:
                found = probe(folder, self.name)
            except Unavailable as reason:
                reasons.append(str(reason))
                continue
            if major in (None, found.major):
                return found
            reasons.append(f"{found} in {folder} is not version {major}")
        raise Unavailable("; ".join(reasons) or "no initdb on the PATH or in the usual folders")


def usual_places(program: str) -> list[Path]:
    """Return a program's files in the folders that distributions use, those of the newest version first."""
    found = [path for place in _KNOWN_PLACES for path in Path("/").glob(f"{place}/{program}")]
    return sorted(found, key=lambda path: path.parent.parent.name, reverse=True)


def _candidates() -> Iterator[Path]:
    """Yield folders holding an initdb, each once; a link on the PATH counts as the folder it leads to."""
    seen = set()
    on_path = [shutil.which("initdb", path=folder) for folder in os.get_exec_path()]
    for program in (*(Path(found) for found in on_path if found), *usual_places("initdb")):
        folder = program.resolve().parent
        if folder not in seen:
            seen.add(folder)
            yield folder
