"""The databases that were kept when restores put others in their places: saved where that is asked for, and dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from seedbed import guard
from seedbed.backup.rule import made_first, require_decision
from seedbed.databases.beside import alone, beside
from seedbed.databases.drafts import drop_each
from seedbed.databases.marks import marked
from seedbed.databases.sessions import Sessions, sessions_on
from seedbed.environment import Patterns, Verdict
from seedbed.errors import DatabaseFailure, Finding
from seedbed.interruption import interruptible
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, take_lock, transaction
from seedbed.servers.reached import reached
from seedbed.settings import Said

if TYPE_CHECKING:
    from seedbed.options import BackupChoice


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What a caller of `restore` or `drop_kept` may choose.

    Attributes:
        confirm: the database's name.
        origin: the environment the backup is of, where it is not the database's own.
        drop_old: drop the database that is replaced, and those kept from earlier restores.
        backup: whether a backup is made first; has to be said with `drop_old`, unless seedbed created the database.
        owners: whether objects keep their owners and grants; else all belong to the role that restores.
        said: what the operator says the database is for.
        wait: wait for another run's lock.
        patterns: what the project says of names; None: the project of the current folder does.
    """

    confirm: str | None
    origin: str | None = None
    drop_old: bool = False
    backup: BackupChoice = None
    owners: bool = True
    said: Said | None = None
    wait: bool = True
    patterns: Patterns | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """What `drop_kept` did.

    Attributes:
        names: the databases that are gone.
        backups: those that were made of them before.
        ended: the sessions on them that were ended.
    """

    names: tuple[str, ...]
    backups: tuple[Path, ...]
    ended: Sessions


def drop_kept(url: str, options: RestoreOptions) -> Dropped:
    """Drop the databases that were kept when others took their places, with the sessions on them.

    Args:
        url: the database that is there in their stead.
        options: see `RestoreOptions`; `confirm` names that database, and a backup is one of each that is dropped.

    Raises:
        Refused: the guard says no, the name was not repeated, or nobody has said whether to make a backup first.
        Locked: another run is at work.
        DatabaseFailure: not all of them could be dropped; it names those that were.
    """
    with (
        interruptible(),
        connect(url) as connection,
        translating_errors(),
        transaction(connection, keep=True),
    ):
        take_lock(connection, wait=options.wait)
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        verdict = guard.permit(
            connection,
            "restore",
            confirm=options.confirm,
            said=options.said,
            patterns=options.patterns,
        )
        require_decision(options.backup, verdict, "restore with --drop-old")
        with beside(connection) as admin:
            alone(admin, verdict.site.database)
            return _drop(admin, verdict, options)


def kept_ones(admin: Connection[Any], database: str) -> list[str]:
    """Return the names of the databases kept when others took a database's place, the oldest first."""
    return [mark.database for mark in marked(admin, database) if mark.kind == "replaced"]


def kept_first(admin: Connection[Any], verdict: Verdict, options: RestoreOptions) -> list[Path]:
    """Make the backups that were asked for of the databases that are kept.

    A backup of the database in their stead would hold nothing of what is dropped.
    """
    server, made = reached(admin), []
    for name in kept_ones(admin, verdict.site.database):
        url = make_conninfo(**server.everything(name))
        saved = made_first(url, options.backup, Said(str(verdict.environment), "the guard"))
        made += [saved.path] if saved else []
    return made


def _drop(admin: Connection[Any], verdict: Verdict, options: RestoreOptions) -> Dropped:
    made = kept_first(admin, verdict, options)
    names, ended = kept_ones(admin, verdict.site.database), Sessions()
    for name in names:
        ended += sessions_on(admin, name)
    gone, left = drop_each(admin, names)
    if left:
        raise _unfinished(gone, left)
    return Dropped(tuple(gone), tuple(made), ended)


def _unfinished(gone: Sequence[str], left: Sequence[Finding]) -> DatabaseFailure:
    done = f"; gone are {', '.join(gone)}" if gone else ""
    return DatabaseFailure(
        f"not all of the databases that were kept could be dropped{done}", findings=left
    )
