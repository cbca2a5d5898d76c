"""The seam behind which a database server comes from: start it, ask for a URL, stop it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from seedbed.servers.tuning import Tuning


class Unavailable(Exception):
    """A backend cannot provide a server here; the message is the reason, for people."""


class Server(Protocol):
    """A PostgreSQL server seedbed can start and stop.

    ``start`` and ``stop`` are idempotent. ``url`` is valid while the server runs, holds no password, and works
    as it is in psql, psycopg and SQLAlchemy (as ``postgresql+psycopg://``).
    """

    @property
    def version(self) -> str:
        """PostgreSQL's version, for example ``18.6``."""

    def start(self) -> None:
        """Return when the server accepts connections; does nothing if it already does."""

    def url(self, database: str = "postgres") -> str:
        """Return the connection URL of a database on this server."""

    def stop(self) -> None:
        """Return when the server is gone; does nothing if it already is."""


class Backend(Protocol):
    """A way to get a server: the embedded wheel, binaries on the machine, a container."""

    @property
    def name(self) -> str:
        """What an operator calls it: ``embedded``, ``system``, ``container``."""

    def describe(self, *, major: int | None = None) -> str:
        """Return what it provides, for people: ``PostgreSQL 18.6 embedded``.

        Raises:
            Unavailable: it provides nothing here (of that major version), and why.
        """

    def program(self, name: str) -> Path | None:
        """Return a client program it brings along (``psql``, ``pg_dump`` ...), or None.

        Raises:
            Unavailable: it provides nothing here, and why.
        """

    def server(self, place: Path, tuning: Tuning, *, major: int | None = None) -> Server:
        """Return a server, not yet started, whose files live in ``place``.

        Args:
            place: a folder of ours; made if it is missing.
            tuning: how it is set up.
            major: the major version it must have, where data in ``place`` already has one.

        Raises:
            Unavailable: this backend cannot do that here, and why.
        """
