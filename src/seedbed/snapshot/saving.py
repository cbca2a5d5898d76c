"""Making a snapshot, and removing one for good."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import Connection, errors, sql

from seedbed import guard
from seedbed.arguments import check, what_is_said
from seedbed.databases import drafts
from seedbed.databases.beside import alone, leave
from seedbed.databases.marks import Mark
from seedbed.databases.properties import Properties
from seedbed.databases.sessions import Ousting, Sessions, sessions_on
from seedbed.databases.swap import ready
from seedbed.errors import InvalidInput, Locked
from seedbed.interruption import too_late
from seedbed.project import Project
from seedbed.settings import Said
from seedbed.snapshot.kept import Snapshot, at_work, find, marks_of
from seedbed.spelling import told_in_python
from seedbed.url import url_text

if TYPE_CHECKING:
    import sqlalchemy


@told_in_python
def save(
    url: str | sqlalchemy.URL,
    name: str,
    *,
    end_sessions: bool = False,
    environment: str | Said | None = None,
    wait: bool = True,
    project: Project | str | Path | None = None,
) -> Snapshot:
    """Copy a database, as it is now, beside itself.

    Args:
        url: the database.
        name: what to call the copy; free for each database.
        end_sessions: end the sessions on it, for PostgreSQL copies only what nobody is connected to.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        InvalidInput: there is a snapshot of that name.
        Locked: others are connected; they are named.
        DatabaseFailure: it could not be copied.
    """
    if not name.strip():
        raise InvalidInput("a snapshot needs a name")
    check(end_sessions=end_sessions, environment=environment, wait=wait)
    said, patterns = what_is_said(project, environment)
    with at_work(url_text(url), wait=wait) as (connection, admin):
        verdict = guard.assess(connection, guard.Case(said=said, patterns=patterns))
        old, _ = ready(admin, verdict.site.database, end=end_sessions)
        if any(mark.name == name for mark in marks_of(admin, old.name)):
            raise InvalidInput(
                f"there is a snapshot {name} of {old.name} already",
                remedy=f"Take another name, or: seedbed snapshot drop {name} --confirm {old.name}",
            )
        leave(connection, admin)
        ended = _copy(admin, old, name, str(verdict.environment), end=end_sessions)
        return replace(find(admin, old.name, name), ended=ended)


@told_in_python
def drop(
    url: str | sqlalchemy.URL,
    name: str,
    *,
    confirm: str | None,
    environment: str | Said | None = None,
    wait: bool = True,
    project: Project | str | Path | None = None,
) -> Snapshot:
    """Remove a snapshot for good; the database it is of stays as it is.

    No backup is offered: a snapshot is a copy itself, and one that nobody, `pg_dump` included, can connect to.

    Args:
        url: the database it is of.
        name: the snapshot's.
        confirm: the name of the database it is of.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        Refused: the guard says no, or the name was not repeated.
        InvalidInput: there is no such snapshot of this database.
        DatabaseFailure: the role may not drop it.
    """
    check(confirm=confirm, environment=environment, wait=wait)
    said, patterns = what_is_said(project, environment)
    with at_work(url_text(url), wait=wait) as (connection, admin):
        verdict = guard.permit(
            connection, "snapshot drop", confirm=confirm, said=said, patterns=patterns
        )
        found = find(admin, verdict.site.database, name)
        alone(admin, found.of)
        drafts.drop(admin, found.database)
        return found


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
