"""The snapshots there are, and the connections that work with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from seedbed.databases.beside import beside
from seedbed.databases.marks import Mark, marked
from seedbed.databases.sessions import Sessions
from seedbed.errors import InvalidInput, nearest
from seedbed.interruption import interruptible
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, take_lock, transaction, trust_the_catalogue
from seedbed.spelling import told_in_python
from seedbed.url import url_text

if TYPE_CHECKING:
    import sqlalchemy


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a database.

    Attributes:
        name: what people call it.
        of: the database it is a copy of.
        database: its own name on the server.
        environment: what `of` was for when it was made.
        at: when that was.
        size: in bytes.
        ended: the sessions on `of` that were ended to make it.
    """

    name: str
    of: str
    database: str
    environment: str
    at: datetime
    size: int
    ended: Sessions = Sessions()  # noqa: RUF009 - frozen


@told_in_python
def saved(url: str | sqlalchemy.URL) -> list[Snapshot]:
    """Return the snapshots of a database, the oldest first.

    Args:
        url: the database.
    """
    with connect(url_text(url)) as connection:
        trust_the_catalogue(connection)
        database = connection.info.dbname
        return [_snapshot(connection, mark) for mark in marks_of(connection, database)]


@contextmanager
def at_work(url: str, *, wait: bool) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
    """Yield a connection to a database, in a transaction that holds the lock, and one beside it."""
    with (
        interruptible(),
        connect(url) as connection,
        translating_errors(),
        transaction(connection, keep=True),
    ):
        take_lock(connection, wait=wait)
        with beside(connection) as admin:
            yield connection, admin


def marks_of(connection: Connection[Any], database: str) -> list[Mark]:
    """Return the marks of a database's snapshots."""
    return [mark for mark in marked(connection, database) if mark.kind == "snapshot"]


def find(connection: Connection[Any], database: str, name: str) -> Snapshot:
    """Return a snapshot of a database by its name.

    Raises:
        InvalidInput: there is none; the nearest is suggested.
    """
    marks = marks_of(connection, database)
    for mark in marks:
        if mark.name == name:
            return _snapshot(connection, mark)
    known = [mark.name for mark in marks]
    raise InvalidInput(f"there is no snapshot {name!r} of {database}: {nearest(name, known)}")


def _snapshot(connection: Connection[Any], mark: Mark) -> Snapshot:
    row = connection.execute(
        "SELECT pg_catalog.pg_database_size(oid) FROM pg_catalog.pg_database WHERE datname = %s",
        [mark.database],
    ).fetchone()
    size = row[0] if row else 0
    return Snapshot(mark.name, mark.of, mark.database, mark.environment, mark.at, size)
