"""A connection to another database of the same server: nobody can rename or copy the one they are in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import LockNotAvailable

from seedbed.errors import DatabaseFailure, Finding, Locked
from seedbed.servers.reached import Reached, reached

_NEIGHBOURS = """
SELECT datname FROM pg_catalog.pg_database
WHERE datallowconn AND datname <> pg_catalog.current_database() AND pg_catalog.has_database_privilege(oid, 'CONNECT')
ORDER BY datname = 'postgres' DESC, datname = 'template1' DESC, datistemplate, datname
"""
_IDENTITY = """
SELECT pg_catalog.pg_postmaster_start_time(),
       (SELECT oid FROM pg_catalog.pg_database WHERE datname = %s)
"""
"""Which run of which server it is, and which database has a name there."""
_TRIED = 5
_LOOK = """
SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity, pg_catalog.pg_sleep(0.002) WHERE pid = %s AND datname = %s)
"""
_LOOKS = 1_000
"""How often we look whether a session of ours is gone; whatever needs it gone looks for five seconds more."""


@contextmanager
def beside(connection: Connection[Any]) -> Iterator[Connection[Any]]:
    """Yield a connection in autocommit to another database of the very same server.

    Args:
        connection: to a database; stays open.

    Raises:
        DatabaseFailure: there is no other database the role may connect to.
    """
    here = connection.info.dbname
    neighbours = [name for (name,) in connection.execute(_NEIGHBOURS).fetchmany(_TRIED)]
    identity = connection.execute(_IDENTITY, [here]).fetchone()
    place, findings = reached(connection), []
    for name in neighbours:
        try:
            found = _open(place, name)
        except psycopg.Error as error:
            findings.append(Finding(name, str(error).strip().splitlines()[-1]))
            continue
        with found:
            if found.execute(_IDENTITY, [here]).fetchone() == identity:
                yield found
                return
            findings.append(Finding(name, "leads to another server"))
    raise DatabaseFailure(
        f"a database cannot be replaced or copied from within, and there is no other one beside {here} to connect to",
        findings=findings,
        remedy=f"Let the role connect to the database postgres of the server, beside {here}.",
    )


def _open(place: Reached, database: str) -> Connection[Any]:
    parameters: dict[str, Any] = place.everything(database)
    connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    # Nothing there is looked up in schemas of the application, which might answer in the server's name.
    connection.execute("SELECT pg_catalog.set_config('search_path', '', false)")
    return connection


def open_beside(connection: Connection[Any], database: str) -> Connection[Any]:
    """Return a connection to a database on the server of another connection."""
    return _open(reached(connection), database)


def leave(connection: Connection[Any], admin: Connection[Any]) -> None:
    """Close a connection and return when its session is gone: until then PostgreSQL counts it as somebody.

    Args:
        connection: to the database to leave.
        admin: to another one.
    """
    session = connection.execute(
        "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_database()"
    ).fetchone()
    connection.close()
    for _ in range(_LOOKS):  # it ends by itself, within a few milliseconds
        if admin.execute(_LOOK, session).fetchone() == (True,):
            return


def alone(admin: Connection[Any], database: str) -> None:
    """Keep others from replacing or copying a database meanwhile; the server forgets it with the connection.

    A little is waited: whoever has just closed such a connection has left before the server has noticed.

    Raises:
        Locked: somebody is at it.
    """
    try:
        with admin.transaction():
            admin.execute("SET LOCAL lock_timeout = '2s'")
            admin.execute(
                "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtextextended(%s, 0))",
                [f"seedbed {database}"],
            )
    except LockNotAvailable:
        raise Locked(
            f"another run of seedbed is restoring {database} or takes a snapshot of it",
            remedy="Wait for it, or end that process.",
        ) from None
