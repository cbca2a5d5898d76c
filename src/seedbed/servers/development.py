"""The persistent development server: one per user, made when first asked for, kept until somebody removes it.

What stands behind ``seedbed db start | stop | status | url | shell`` and behind every command that is given no URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import errors, sql

from seedbed.errors import DatabaseFailure, Finding, InvalidInput
from seedbed.servers.account import Account
from seedbed.servers.choose import NoServer, choose
from seedbed.servers.homes import data_home
from seedbed.servers.place import Place
from seedbed.servers.postmaster import Postmaster
from seedbed.servers.protocol import Unavailable
from seedbed.servers.tuning import DURABLE

DATABASE = "seedbed"
"""The database made in a new server, which URLs name unless they are asked for another."""

_IDLE = "the development server is not running"


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of the development server.

    Attributes:
        folder: where its files are, or would be.
        major: the major version its data was made by; None before the first start.
        pid: its process while it runs, else None.
        url: the URL of its database, through a socket and without a password; None while it does not run.
        tcp_url: the same through 127.0.0.1, for programs that know no sockets.
        log: the file it writes its messages to.
    """

    folder: Path
    major: int | None
    pid: int | None
    url: str | None
    tcp_url: str | None
    log: Path

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.pid is not None


@dataclass(frozen=True, slots=True)
class Started:
    """What `ensure_started` found or did.

    Attributes:
        url: the URL of the database.
        server: what runs, for people, where it was started now: ``PostgreSQL 18.6 embedded``, with why not another.
        launched: whether it had to be started.
        created: whether the database was made now.
    """

    url: str
    server: str
    launched: bool
    created: bool


def ensure_started(
    database: str = DATABASE, *, backend: str = "auto", home: Path | None = None
) -> Started:
    """Return when the development server runs and has a database; does only what is missing.

    Args:
        database: the database's name.
        backend: where a server that has to be started comes from, or ``auto``.
        home: the folder of the server's folder; the user's data directory by default.

    Raises:
        NoServer: no backend works here, or none of the version the data was made by.
        DatabaseFailure: the server did not start; the message has its own last words.
    """
    place = development_place(home)
    found = Postmaster.of(place.data)
    launched = found is None or not found.ready
    text = _start(place, backend) if launched else f"PostgreSQL {_major(place)}"
    made, address = _ensure_database(place, database)
    return Started(address, text, launched, made)


def stop(*, home: Path | None = None) -> bool:
    """Stop the development server and return whether it was running; its data stays."""
    return development_place(home).stop()


def status(database: str = DATABASE, *, home: Path | None = None) -> Status:
    """Return what there is of the development server, touching nothing."""
    place = development_place(home)
    found = Postmaster.of(place.data)
    if found is None or not found.ready:
        return Status(place.root, _major(place), None, None, None, place.log)
    urls = place.url(database, found.port), place.tcp_url(database, found.port)
    return Status(place.root, _major(place), found.pid, *urls, place.log)


def url(database: str = DATABASE, *, home: Path | None = None) -> str:
    """Return the URL of a database on the running development server.

    Raises:
        InvalidInput: it is not running.
    """
    found = status(database, home=home).url
    if found is None:
        raise InvalidInput(_IDLE, remedy="seedbed db start starts it.")
    return found


def development_place(home: Path | None = None) -> Place:
    """Return the files of the development server below a folder, by default the user's data directory."""
    return Place.at((home or data_home(Account.for_servers())) / "server")


def _start(place: Place, backend: str) -> str:
    """Start the server from the first backend that can, and return what runs, for people."""
    major = _major(place)
    try:
        choice = choose(backend, major=major)
    except NoServer as error:
        raise _explained(error, place, major) from None
    try:
        server = choice.backend.server(place.root, DURABLE, major=major)
    except Unavailable as reason:
        raise NoServer(
            f"{choice.description} cannot be used", findings=[Finding("", str(reason))]
        ) from None
    server.start()
    return str(choice)


def _ensure_database(place: Place, database: str) -> tuple[bool, str]:
    """Make a database unless it is there; says whether it was made, and its URL."""
    found = Postmaster.of(place.data)
    if found is None:
        raise DatabaseFailure(f"the server in {place.root} ended just after it was ready")
    address = place.url(database, found.port)
    with psycopg.connect(place.url("postgres", found.port), autocommit=True) as connection:
        known = "SELECT FROM pg_database WHERE datname = %s"
        if connection.execute(known, [database]).fetchone() is not None:
            return False, address
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):  # 42P04, 23505
            return False, address  # another process was faster
        return True, address


def _major(place: Place) -> int | None:
    try:
        return int((place.data / "PG_VERSION").read_text())
    except OSError:  # not there; whether it could be, its lock will tell
        return None


def _explained(error: NoServer, place: Place, major: int | None) -> NoServer:
    if major is None:
        return error
    remedy = f"Install PostgreSQL {major}, or move that folder away to begin with a new server."
    message = f"{error.message}, and the databases in {place.root} were made by PostgreSQL {major}"
    return NoServer(message, findings=error.findings, remedy=remedy)
