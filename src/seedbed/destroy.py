"""Deleting exactly the rows seedbed wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, errors, sql
from psycopg.types.json import Jsonb

from seedbed import guard, ledger
from seedbed.dataset import TableName
from seedbed.environment import Patterns
from seedbed.errors import Drift, Finding, Unconfirmed
from seedbed.interruption import interruptible
from seedbed.ledger import Entry
from seedbed.load.committing import commit
from seedbed.load.destroying import choose
from seedbed.load.failures import translated
from seedbed.load.pruning import Held, delete_free
from seedbed.load.recording import forget
from seedbed.load.retrying import AGAIN, persistently
from seedbed.load.session import Limits, connect, locked, take_lock, transaction
from seedbed.options import BackupChoice, Edits
from seedbed.settings import Said


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What `destroy` did.

    Attributes:
        database: the database's name.
        tables: by table, how many rows were deleted.
        seconds: how long it took.
        backup: the backup that was made first, if one was.
        kept: by table, how many rows stay that somebody edited; they are no longer seedbed's.
    """

    database: str
    tables: Mapping[str, int]
    seconds: float
    backup: Path | None = None
    kept: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DestroyOptions:
    """What a caller of `destroy` may choose.

    Attributes:
        confirm: the database's name.
        backup: whether a backup is made first; has to be said where there are rows of ours.
        said: what the operator says the database is for.
        wait: wait for another run's lock.
        limits: how long to wait for other locks, for a statement and for the server.
        patterns: what the project says of names; None: the project of the current folder does.
        edits: what to do about rows that somebody else changed since.
    """

    confirm: str | None = None
    backup: BackupChoice = None
    said: Said | None = None
    wait: bool = True
    limits: Limits = field(default_factory=Limits)
    patterns: Patterns | None = None
    edits: Edits = "refuse"


@dataclass(frozen=True, slots=True)
class _Done:
    """One attempt: by table how many rows were deleted, and how many stay; the rows that others depend on."""

    database: str
    tables: Mapping[str, int]
    kept: Mapping[str, int]
    held: list[Held]


def destroy(url: str, options: DestroyOptions) -> Destroyed:
    """Delete exactly the rows seedbed wrote to a database and still owns, children first.

    Rows that other rows depend on are kept, with their own parents, stay in the ledger, and are listed in the error. The stamp and the
    record of runs stay.

    Args:
        url: the database.
        options: see `DestroyOptions`.

    Raises:
        Refused: the name was not repeated, the guard says no, or nobody has said whether to make a backup.
        Drift: some rows are not as seedbed left them, and nobody has said what becomes of them; or others depend on some of ours,
            which had to be kept, and all others are deleted.
    """
    started = time.monotonic()
    with interruptible():
        backup = _backed_up(url, options) if options.backup else None
        done = persistently(lambda: _attempt(url, options, started))
    if done.held:
        raise Drift(
            f"{sum(done.tables.values())} rows deleted, but others depend on some of ours, which were kept",
            findings=[Finding(str(one.table), str(one)) for one in done.held],
            remedy="Delete the rows that refer to them and destroy again.",
        )
    return Destroyed(done.database, done.tables, time.monotonic() - started, backup, done.kept)


def _attempt(url: str, options: DestroyOptions, started: float) -> _Done:
    with _admitted(url, options) as connection:
        take_lock(connection, wait=options.wait)
        name = _admit(connection, options)
        if not ledger.exists(connection):
            return _Done(name, {}, {}, [])
        done = _delete(connection, name, options)
        commit(connection, url, _record(connection, done, time.monotonic() - started))
    return done


@contextmanager
def _admitted(url: str, options: DestroyOptions) -> Iterator[Connection[Any]]:
    with connect(url, options.limits) as connection:
        try:
            with transaction(connection, keep=True, limits=options.limits):
                yield connection
        except errors.LockNotAvailable:
            raise locked(connection) from None
        except AGAIN:
            raise
        except psycopg.Error as error:
            raise translated(error) from None


def _backed_up(url: str, options: DestroyOptions) -> Path | None:
    from seedbed.backup import made_first  # programs to run, which few runs need

    with _admitted(url, options) as connection:
        _admit(connection, options)
        if ledger.exists(connection):
            choose(
                connection, options.edits
            )  # what would refuse the run does so before a backup is made
    made = made_first(url, options.backup, options.said)
    return made.path if made else None


def _admit(connection: Connection[Any], options: DestroyOptions) -> str:
    """Ask everything that has to be asked first; return the database's name."""
    row = connection.execute("SELECT pg_catalog.current_database()").fetchone()
    name = row[0] if row else ""
    if options.confirm != name:
        raise Unconfirmed(
            f"deleting seedbed's rows takes the name of the database, {name}, said once more",
            remedy=f"If you mean it: --confirm {name}",
        )
    verdict = guard.permit(
        connection,
        "destroy",
        confirm=options.confirm,
        said=options.said,
        patterns=options.patterns,
    )
    if ledger.exists(connection) and ledger.entries(connection):
        from seedbed.backup import require_decision  # as above

        require_decision(options.backup, verdict, "destroy")
    return str(name)


def _delete(connection: Connection[Any], database: str, options: DestroyOptions) -> _Done:
    chosen = choose(connection, options.edits)
    done, held = delete_free(connection, chosen.doomed)
    for name, keys in chosen.kept.items():
        forget(connection, chosen.entries[name], keys)
    _forget(connection, chosen.entries, {one.table for one in held})
    shown = chosen.live.shown
    return _Done(
        database,
        {shown(name): count for name, count in done.items()},
        {shown(name): len(keys) for name, keys in chosen.kept.items()},
        held,
    )


def _forget(
    connection: Connection[Any],
    entries: Mapping[TableName, Entry],
    kept: set[TableName],
) -> None:
    """Clear the ledger of tables none of whose rows we still own."""
    gone = [entry.id for name, entry in entries.items() if name not in kept]
    for table in ("rows", "tables"):
        column = "table_id" if table == "rows" else "id"
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE {} = ANY (%s)").format(
                sql.Identifier("seedbed", table), sql.Identifier(column)
            ),
            [gone],
        )


def _record(connection: Connection[Any], done: _Done, seconds: float) -> tuple[int, str]:
    some = "changed" if any(done.tables.values()) else "unchanged"
    values = {
        "action": "destroy",
        "outcome": "kept some" if done.held else some,
        "counts": Jsonb({name: {"prune": count} for name, count in done.tables.items()}),
        "seconds": seconds,
    }
    return ledger.record_run(connection, values)
