"""Who is connected to a database, and ending their sessions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import Connection, errors, sql

from seedbed.databases.beside import open_beside
from seedbed.errors import DatabaseFailure, Finding, SeedbedError
from seedbed.load.failures import translated

_SESSIONS = """
SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type, 'unknown') FROM pg_catalog.pg_stat_activity
WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid()
  AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'parallel worker') ORDER BY pid
"""
"""The server itself sends autovacuum away where it is in the way. Of other people's sessions a role sees the names at least."""
_OUT_OF_REACH = """
SELECT s.pid, coalesce(nullif(s.application_name, ''), s.usename, s.backend_type, 'unknown'), coalesce(r.rolsuper, true)
FROM pg_catalog.pg_stat_activity s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.usesysid,
     pg_catalog.pg_roles me
WHERE s.datname = %s AND me.rolname = current_user AND NOT me.rolsuper
  AND coalesce(s.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker')
  AND (coalesce(r.rolsuper, true)
       OR NOT (pg_catalog.pg_has_role(r.oid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))
ORDER BY s.pid
"""
"""Sessions this role may not end, and whether they are a superuser's, which pg_signal_backend does not help against."""
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


def require_right_to_end(admin: Connection[Any], database: str) -> None:
    """Make sure that the role may end the sessions that are on a database now, before anything is done.

    Raises:
        DatabaseFailure: it may not end them all; those are named.
    """
    found = admin.execute(_OUT_OF_REACH, [database]).fetchall()
    if found:
        raise _may_not_end(admin, database, found)


def _may_not_end(
    admin: Connection[Any], database: str, found: Sequence[tuple[int, str, bool]]
) -> DatabaseFailure:
    role = sql.Identifier(admin.info.user).as_string(admin)
    grant = f"End it, or: GRANT pg_signal_backend TO {role}"
    return DatabaseFailure(
        f"the role {role} may not end all the sessions on {database}",
        findings=[
            Finding(
                f"process {pid}, {name}",
                "a superuser's" if superusers else "another role's",
                "only a superuser may end it" if superusers else grant,
            )
            for pid, name, superusers in found
        ],
    )


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
            out_of_reach = admin.execute(_OUT_OF_REACH, [database]).fetchall()
            raise _may_not_end(admin, database, out_of_reach) from None
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
        self.ended = Sessions()
        self._admin, self._database = admin, database
        self._over = threading.Event()
        self._failure: SeedbedError | None = None
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._helper = open_beside(self._admin, self._admin.info.dbname)
        try:
            # Most applications need no more than this. Not over the block's connection: within its transaction
            # pg_stat_activity would stay as it was at the first look.
            self.ended = end_sessions(self._helper, self._database)
            self._thread.start()
        except BaseException:
            self._helper.close()
            raise
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
