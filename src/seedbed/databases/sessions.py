"""Who is connected to a database, and ending their sessions."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import Connection, errors, sql

from seedbed.databases.beside import open_beside
from seedbed.errors import DatabaseFailure, SeedbedError
from seedbed.load.failures import translated

_SESSIONS = """
SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type, 'unknown') FROM pg_catalog.pg_stat_activity
WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid()
  AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'parallel worker') ORDER BY pid
"""
"""The server itself sends autovacuum away where it is in the way. Of other people's sessions a role sees the names at least."""
_PATIENCE = 5000
"""Milliseconds for one session to end."""
_PAUSE = 0.01
"""Seconds between two looks at who is connected."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions on a database.

    Attributes:
        pids: their processes.
        applications: how many each application has, by its name or else the role's.
    """

    pids: tuple[int, ...] = ()
    applications: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        count = len(self.pids)
        names = ", ".join(
            name if number == 1 else f"{name} ({number})" for name, number in self.applications
        )
        return f"{count} session{'s' if count != 1 else ''}" + (f": {names}" if names else "")

    def __add__(self, other: Sessions) -> Sessions:
        counted = Counter(dict(self.applications)) + Counter(dict(other.applications))
        return Sessions(self.pids + other.pids, tuple(sorted(counted.items())))


def sessions_on(admin: Connection[Any], database: str) -> Sessions:
    """Return who is connected to a database, apart from this connection."""
    rows = admin.execute(_SESSIONS, [database]).fetchall()
    counted = Counter(name for _, name in rows)
    return Sessions(tuple(pid for pid, _ in rows), tuple(sorted(counted.items())))


def end_sessions(admin: Connection[Any], database: str) -> Sessions:
    """End the sessions on a database, and on no other, and return whose they were.

    Raises:
        DatabaseFailure: the role may not end one of them.
    """
    found = sessions_on(admin, database)
    for pid in found.pids:
        try:
            # That the process is still on this database is asked again: another may have got its number.
            admin.execute(
                "SELECT pg_catalog.pg_terminate_backend(pid, %s) FROM pg_catalog.pg_stat_activity "
                "WHERE pid = %s AND datname = %s",
                [_PATIENCE, pid, database],
            )
        except errors.InsufficientPrivilege:
            role = sql.Identifier(admin.info.user).as_string(admin)
            raise DatabaseFailure(
                f"the role may not end all the sessions on {database} ({found})",
                remedy=f"End them, or: GRANT pg_signal_backend TO {role}",
            ) from None
    return found


class Ousting:
    """Ends the sessions on a database for as long as a block tries to get hold of it.

    Who holds a lock on a database keeps newcomers waiting at its door, but PostgreSQL then gives those inside only 5 seconds to leave.
    Ended before the lock is taken, an application that connects again at once would be inside again.

    Args:
        admin: a connection to another database; the block's own.
        database: the database.
    """

    def __init__(self, admin: Connection[Any], database: str) -> None:
        self.ended = end_sessions(admin, database)  # most applications need no more than this
        self._database, self._helper = database, open_beside(admin, admin.info.dbname)
        self._over = threading.Event()
        self._failure: SeedbedError | None = None
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._over.set()
        self._thread.join()
        self._helper.close()
        if isinstance(error, errors.ObjectInUse):
            if self._failure:
                raise self._failure from None
            raise DatabaseFailure(
                f"{self._database} is connected to again as soon as its sessions are ended ({self.ended})",
                remedy="Stop what connects to it, and try again.",
            ) from None

    def _work(self) -> None:
        try:
            while not self._over.wait(_PAUSE):
                self.ended += end_sessions(self._helper, self._database)
        except SeedbedError as failure:
            self._failure = failure
        except psycopg.Error as error:
            self._failure = translated(error)
