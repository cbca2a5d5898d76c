"""Bringing a database back to what it was when a snapshot was made."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from seedbed import guard
from seedbed.arguments import check, what_is_said
from seedbed.backup.restoring import finish
from seedbed.backup.rule import made_first, require_decision, require_origin
from seedbed.databases import drafts
from seedbed.databases.beside import leave, open_beside
from seedbed.databases.marks import Mark
from seedbed.databases.properties import Properties
from seedbed.databases.sessions import Sessions
from seedbed.databases.swap import Swapped, ready, swap
from seedbed.environment import Verdict
from seedbed.errors import Finding
from seedbed.interruption import too_late
from seedbed.project import Project
from seedbed.settings import Said
from seedbed.snapshot.kept import Snapshot, at_work, find
from seedbed.spelling import told_in_python
from seedbed.url import url_text
from seedbed.wishes import backup_choice

if TYPE_CHECKING:
    import sqlalchemy


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


@told_in_python
def restore(
    url: str | sqlalchemy.URL,
    name: str,
    *,
    confirm: str | None,
    backup: bool | str | Path | None = None,
    origin: str | None = None,
    environment: str | Said | None = None,
    wait: bool = True,
    project: Project | str | Path | None = None,
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
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        Refused: the guard says no, the name was not repeated, or nobody has said whether to make a backup.
        InvalidInput: there is no such snapshot of this database.
        DatabaseFailure: it could not be restored; the database is as it was.
    """
    started = time.monotonic()
    check(confirm=confirm, backup=backup, origin=origin, environment=environment, wait=wait)
    said, patterns = what_is_said(project, environment)
    choice = backup_choice(backup)
    with at_work(url_text(url), wait=wait) as (connection, admin):
        verdict = guard.permit(
            connection, "snapshot restore", confirm=confirm, said=said, patterns=patterns
        )
        database = verdict.site.database
        found = find(admin, database, name)
        require_origin(found.environment, verdict, origin, f"the snapshot {name}")
        require_decision(choice, verdict, "snapshot restore")
        old, _ = ready(admin, database)
        made = made_first(url_text(url), choice, said)
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
