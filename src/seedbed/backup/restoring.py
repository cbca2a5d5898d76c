"""Bringing a backup back: into a new database, counted, stamped anew, and only then put in the old one's place.

Until both names change in one transaction the old database is as it was, whatever ends us; afterwards it is kept under another name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from seedbed import guard, ledger
from seedbed.backup.counting import count_tables, differences
from seedbed.backup.kept import RestoreOptions, kept_first, kept_ones
from seedbed.backup.loading import Loader, loader_for
from seedbed.backup.manifest import Manifest, checked
from seedbed.backup.rule import made_first, require_decision, require_origin
from seedbed.databases.beside import beside, leave, open_beside
from seedbed.databases.drafts import (
    draft_name,
    drop_each,
    dropped_unless_renamed,
    empty_like,
    free_name,
)
from seedbed.databases.marks import Mark
from seedbed.databases.sessions import Sessions
from seedbed.databases.swap import Swapped, ready, swap
from seedbed.environment import KNOWN, Environment, Verdict
from seedbed.errors import DatabaseFailure, Finding
from seedbed.interruption import interruptible, too_late
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, take_lock, transaction


@dataclass(frozen=True, slots=True)
class Restored:
    """What `restore` did.

    Attributes:
        database: the name that now leads to the backup's rows.
        environment: what it is for: what the database that was replaced was for.
        manifest: of the backup.
        kept: what the database that was replaced is called now; empty where it was dropped.
        ended: the sessions that were ended.
        notes: what the new database does not have of the old one, and what else there is to say.
        backup: the backup that was made first, if one was.
        backups_of_kept: those that were made of the databases kept from earlier restores, before they were dropped.
        dropped: databases that are gone: kept ones where that was asked for, and what killed runs left.
        left: kept databases that could not be dropped, and why.
        seconds: how long it took.
    """

    database: str
    environment: str
    manifest: Manifest
    kept: str
    ended: Sessions
    notes: tuple[str, ...]
    backup: Path | None
    backups_of_kept: tuple[Path, ...]
    dropped: tuple[str, ...]
    left: tuple[Finding, ...]
    seconds: float


def restore(url: str, dump: Path, options: RestoreOptions) -> Restored:
    """Put a backup in the place of a database.

    Args:
        url: the database; it must exist, and is kept under another name.
        dump: a backup that `seedbed.backup` made, with its manifest beside it.
        options: see `RestoreOptions`.

    Raises:
        Refused: the guard says no, the name was not repeated, the backup has no manifest or is of another environment.
        InvalidInput: the backup is damaged, or no program can read it.
        DatabaseFailure: it could not be restored; the database is as it was.
    """
    started = time.monotonic()
    manifest = checked(dump)
    with (
        interruptible(),
        connect(url) as connection,
        translating_errors(),
        transaction(connection, keep=True),
    ):
        take_lock(connection, wait=options.wait)
        verdict = _admit(connection, manifest, options)
        loader = loader_for(connection, dump, manifest, owners=options.owners)
        made = made_first(url, options.backup, options.said)
        with beside(connection) as admin:
            saved = kept_first(admin, verdict, options) if options.drop_old else []
            swapped, kept, dropped, left = _replace(connection, admin, verdict, loader, options)
    return Restored(
        database=verdict.site.database,
        environment=str(verdict.environment),
        manifest=manifest,
        kept=kept,
        ended=swapped.ended,
        notes=swapped.notes,
        backup=made.path if made else None,
        backups_of_kept=tuple(saved),
        dropped=tuple(dropped),
        left=tuple(left),
        seconds=time.monotonic() - started,
    )


def _admit(connection: Connection[Any], manifest: Manifest, options: RestoreOptions) -> Verdict:
    # While the backup is loaded this transaction, which holds the lock, has nothing to do.
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    verdict = guard.permit(
        connection,
        "restore",
        confirm=options.confirm,
        said=options.said,
        patterns=options.patterns,
    )
    require_origin(manifest.environment, verdict, options.origin, "the backup")
    if options.drop_old:
        require_decision(options.backup, verdict, "restore with --drop-old")
    return verdict


def _replace(
    connection: Connection[Any],
    admin: Connection[Any],
    verdict: Verdict,
    loader: Loader,
    options: RestoreOptions,
) -> tuple[Swapped, str, list[str], list[Finding]]:
    database = verdict.site.database
    (old, gone), draft = ready(admin, database), draft_name()
    with dropped_unless_renamed(admin, draft):
        empty_like(admin, old, Mark("restoring", of=database, database=draft))
        loader.load(connection, draft)
        finish(open_beside(connection, draft), admin, verdict, loader.manifest)
        leave(connection, admin)
        moment = f"{datetime.now(UTC):%Y%m%d_%H%M%S}"
        kept = Mark(
            "replaced",
            of=database,
            database=free_name(admin, database, f"_before_{moment}"),
            environment=str(verdict.environment),
            comment=old.comment,
        )
        swapped = swap(admin, old, draft, kept)
        too_late()
    if not options.drop_old:
        return swapped, kept.database, gone, []
    dropped, left = drop_each(admin, kept_ones(admin, database))
    still = any(each.where == kept.database for each in left)
    return swapped, kept.database if still else "", gone + dropped, left


def finish(
    inside: Connection[Any],
    admin: Connection[Any],
    verdict: Verdict,
    manifest: Manifest | None,
) -> None:
    """Make a draft ready for its place: counted, analysed, and with the stamp of the database it replaces, never its own.

    Args:
        inside: a connection to the draft, in autocommit; it is closed.
        admin: a connection to another database.
        verdict: of the database it replaces.
        manifest: of the backup it was made from; None for a snapshot.

    Raises:
        DatabaseFailure: it does not hold the rows it should.
    """
    with inside:
        inside.execute("SET row_security = off")
        with inside.transaction():
            if manifest is not None:
                wrong = differences(manifest.rows, count_tables(inside))
                if wrong:
                    raise DatabaseFailure("the backup did not come back whole", findings=wrong)
                inside.execute("ANALYZE")
            if ledger.exists(inside):
                if manifest is not None:
                    ledger.take_tables(inside)
                inside.execute("DELETE FROM seedbed.stamp")
            if verdict.environment in KNOWN:
                _stamp(inside, verdict.environment, verdict)
        leave(inside, admin)


def _stamp(inside: Connection[Any], environment: Environment, verdict: Verdict) -> None:
    row = inside.execute(
        "SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
    ).fetchone()
    assert row is not None
    identifier = verdict.site.system_identifier
    ledger.write_stamp(inside, str(environment), identifier, row[0], born=verdict.born)
