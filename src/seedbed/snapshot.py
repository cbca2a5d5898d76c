"""Snapshots: a copy of a database beside it, on the same server, to go back to in no time.

    from seedbed import snapshot

    snapshot.save("postgresql://localhost/payroll_dev", "before-the-demo")
    snapshot.restore("postgresql://localhost/payroll_dev", "before-the-demo", confirm="payroll_dev")

A snapshot is a database nobody can connect to; its comment says what it is of and how it is called, and by that alone it is known.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import Connection, errors, sql

from seedbed import guard
from seedbed.backup.restoring import finish
from seedbed.backup.rule import made_first, require_decision, require_origin
from seedbed.databases import drafts
from seedbed.databases.beside import alone, beside, leave, open_beside
from seedbed.databases.marks import Mark, marked
from seedbed.databases.properties import Properties
from seedbed.databases.sessions import Ousting, Sessions, sessions_on
from seedbed.databases.swap import Swapped, ready, swap
from seedbed.environment import Verdict
from seedbed.errors import Finding, InvalidInput, Locked, nearest
from seedbed.interruption import interruptible, too_late
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, take_lock, transaction, trust_the_catalogue
from seedbed.settings import Said, read_settings

if TYPE_CHECKING:
    from seedbed.options import BackupChoice


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


@dataclass(frozen=True, slots=True)
class Returned:
    """What `restore` did.

    Attributes:
        snapshot: the one that was restored; it stays.
        environment: what the database is for, as before.
        ended: the sessions on the database that were ended.
        notes: what the database could not be given of its former properties.
        backup: the backup that was made first, if one was.
        seconds: how long it took until the database was back; dropping what was there before comes after that.
        left: the database that was there before, where it could not be dropped, and why.
    """

    snapshot: Snapshot
    environment: str
    ended: Sessions
    notes: tuple[str, ...]
    backup: Path | None
    seconds: float
    left: tuple[Finding, ...] = ()


def save(
    url: str,
    name: str,
    *,
    end_sessions: bool = False,
    environment: str | Said | None = None,
    wait: bool = True,
) -> Snapshot:
    """Copy a database, as it is now, beside itself.

    Args:
        url: the database.
        name: what to call the copy; free for each database.
        end_sessions: end the sessions on it, for PostgreSQL copies only what nobody is connected to.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.

    Raises:
        InvalidInput: there is a snapshot of that name.
        Locked: others are connected; they are named.
        DatabaseFailure: it could not be copied.
    """
    if not name.strip():
        raise InvalidInput("a snapshot needs a name")
    said = read_settings().operator_says(environment)
    with _at_work(url, wait=wait) as (connection, admin):
        verdict = guard.explain(connection, guard.Case(said=said))
        old, _ = ready(admin, verdict.site.database, end=end_sessions)
        if any(mark.name == name for mark in _marks(admin, old.name)):
            raise InvalidInput(
                f"there is a snapshot {name} of {old.name} already",
                remedy=f"Take another name, or: seedbed snapshot drop {name} --confirm {old.name}",
            )
        leave(connection, admin)
        ended = _copy(admin, old, name, str(verdict.environment), end=end_sessions)
        return replace(_found(admin, old.name, name), ended=ended)


def restore(
    url: str,
    name: str,
    *,
    confirm: str | None,
    backup: BackupChoice = None,
    origin: str | None = None,
    environment: str | Said | None = None,
    wait: bool = True,
) -> Returned:
    """Bring a database back to what it was when a snapshot was saved; sessions on it are ended.

    Args:
        url: the database.
        name: the snapshot's.
        confirm: the database's name.
        backup: whether a backup is made first; has to be said, unless seedbed created the database.
        origin: the environment the snapshot is of, where the database is for another one by now.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.

    Raises:
        Refused: the guard says no, the name was not repeated, or nobody has said whether to make a backup.
        InvalidInput: there is no such snapshot of this database.
        DatabaseFailure: it could not be restored; the database is as it was.
    """
    started = time.monotonic()
    said = read_settings().operator_says(environment)
    with _at_work(url, wait=wait) as (connection, admin):
        verdict = guard.permit(connection, "snapshot restore", confirm=confirm, said=said)
        database = verdict.site.database
        found = _found(admin, database, name)
        require_origin(found.environment, verdict, origin, f"the snapshot {name}")
        require_decision(backup, verdict, "snapshot restore")
        old, _ = ready(admin, database)
        made = made_first(url, backup, said)
        going = drafts.draft_name()
        swapped = _swapped_in(
            connection,
            admin,
            verdict,
            found,
            Mark("going", database, going, worker=admin.info.backend_pid),
            old,
        )
        seconds = time.monotonic() - started
        _, left = drafts.drop_each(admin, [going])
    return Returned(
        found,
        str(verdict.environment),
        swapped.ended,
        swapped.notes,
        made.path if made else None,
        seconds,
        tuple(left),
    )


def saved(url: str) -> list[Snapshot]:
    """Return the snapshots of a database, the oldest first.

    Args:
        url: the database.
    """
    with connect(url) as connection:
        trust_the_catalogue(connection)
        database = connection.info.dbname
        return [_snapshot(connection, mark) for mark in _marks(connection, database)]


def drop(
    url: str,
    name: str,
    *,
    confirm: str | None,
    environment: str | Said | None = None,
    wait: bool = True,
) -> Snapshot:
    """Remove a snapshot for good; the database it is of stays as it is.

    No backup is offered: a snapshot is a copy itself, and one that nobody, `pg_dump` included, can connect to.

    Args:
        url: the database it is of.
        name: the snapshot's.
        confirm: the name of the database it is of.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.

    Raises:
        Refused: the guard says no, or the name was not repeated.
        InvalidInput: there is no such snapshot of this database.
        DatabaseFailure: the role may not drop it.
    """
    said = read_settings().operator_says(environment)
    with _at_work(url, wait=wait) as (connection, admin):
        verdict = guard.permit(connection, "snapshot drop", confirm=confirm, said=said)
        found = _found(admin, verdict.site.database, name)
        alone(admin, found.of)
        drafts.drop(admin, found.database)
        return found


@contextmanager
def _at_work(url: str, *, wait: bool) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
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


def _copy(
    admin: Connection[Any], old: Properties, name: str, environment: str, *, end: bool
) -> Sessions:
    """Copy a database under a private name, close the copy to everybody, and then make it known."""
    draft = drafts.draft_name()
    mark = Mark("saving", of=old.name, database=draft)
    with drafts.dropped_unless_renamed(admin, draft):
        ended = _copied(admin, old, mark, end=end)
        final = drafts.free_name(admin, old.name, f"_snapshot_{name}")
        known = Mark(
            "snapshot", old.name, final, environment=environment, name=name, comment=old.comment
        )
        shut = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false")
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with admin.transaction():
            admin.execute(shut.format(sql.Identifier(draft)))
            admin.execute(rename.format(sql.Identifier(draft), sql.Identifier(final)))
            admin.execute(known.statement())
        too_late()
    return ended


def _copied(admin: Connection[Any], old: Properties, mark: Mark, *, end: bool) -> Sessions:
    if end:
        with Ousting(admin, old.name) as ousting:
            drafts.copy_of(admin, old.name, old, mark)
        return ousting.ended
    there = sessions_on(admin, old.name)
    if not there.pids:
        with suppress(errors.ObjectInUse):  # somebody has come in the meantime
            drafts.copy_of(admin, old.name, old, mark)
            return there
    raise Locked(
        f"a database can be copied only while nobody is connected to it, and {old.name} has {sessions_on(admin, old.name)}",
        remedy="Disconnect them, or --end-sessions does.",
    )


def _swapped_in(
    connection: Connection[Any],
    admin: Connection[Any],
    verdict: Verdict,
    found: Snapshot,
    going: Mark,
    old: Properties,
) -> Swapped:
    draft = drafts.draft_name()
    with drafts.dropped_unless_renamed(admin, draft):
        drafts.copy_of(admin, found.database, old, Mark("restoring", old.name, draft))
        finish(open_beside(connection, draft), admin, verdict, None)
        leave(connection, admin)
        swapped = swap(admin, old, draft, going)
        too_late()
    return swapped


def _marks(connection: Connection[Any], database: str) -> list[Mark]:
    return [mark for mark in marked(connection, database) if mark.kind == "snapshot"]


def _found(connection: Connection[Any], database: str, name: str) -> Snapshot:
    marks = _marks(connection, database)
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
