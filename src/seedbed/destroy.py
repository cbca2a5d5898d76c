"""Deleting exactly the rows seedbed wrote."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from seedbed import guard, ledger, target
from seedbed.dataset import TableName
from seedbed.errors import DatabaseFailure, Drift, Finding, Refused
from seedbed.interruption import interruptible
from seedbed.ledger import Entry
from seedbed.load.failures import translated
from seedbed.load.privileges import lacking
from seedbed.load.pruning import Held, delete_free, doom
from seedbed.load.session import connect, take_lock, transaction


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What `destroy` did.

    Attributes:
        database: the database's name.
        tables: by table, how many rows were deleted.
        seconds: how long it took.
    """

    database: str
    tables: Mapping[str, int]
    seconds: float


def destroy(url: str, *, confirm: str | None, wait: bool = True) -> Destroyed:
    """Delete exactly the rows seedbed wrote to a database and still owns, children first.

    Rows that other rows depend on are kept, with their own parents, stay in the ledger, and are listed in the error. The stamp and the
    record of runs stay.

    Args:
        url: the database.
        confirm: the database's name.
        wait: wait for another run's lock.

    Raises:
        Refused: the name was not repeated, or the database is not what its stamp says.
        Drift: some rows had to be kept; the others are deleted.
    """
    started = time.monotonic()
    with interruptible(), connect(url) as connection:
        try:
            with transaction(connection, keep=True):
                take_lock(connection, wait=wait)
                _admit(connection, confirm)
                done, held = _delete(connection)
                seconds = time.monotonic() - started
                _record(connection, done, held, seconds)
                connection.commit()
        except psycopg.Error as error:
            raise translated(error) from None
        database = connection.info.dbname
    if held:
        raise Drift(
            f"{sum(done.values())} rows deleted, but others depend on some of ours, which were kept",
            findings=[Finding(str(one.table), str(one)) for one in held],
            remedy="Delete the rows that refer to them and destroy again.",
        )
    return Destroyed(database, done, seconds)


def _admit(connection: Connection[Any], confirm: str | None) -> None:
    row = connection.execute("SELECT current_database()").fetchone()
    name = row[0] if row else ""
    if confirm != name:
        raise Refused(
            f"deleting seedbed's rows takes the name of the database, {name}, said once more",
            remedy=f"If you mean it: --confirm {name}",
        )
    verdict = guard.explain(connection)
    if verdict.site.stamp and verdict.refusal:
        raise Refused(f"refused: {verdict.refusal}", remedy=verdict.remedy)


def _delete(connection: Connection[Any]) -> tuple[dict[str, int], list[Held]]:
    entries = ledger.entries(connection) if ledger.exists(connection) else {}
    live = target.read(connection, entries)
    there = {name: entry for name, entry in entries.items() if name in live.tables}
    findings = lacking(connection, [live.tables[name] for name in there], writing=True)
    if findings:
        raise DatabaseFailure("the role lacks privileges", findings=findings)
    doomed = {
        name: doom(connection, live.tables[name], entry, None) for name, entry in there.items()
    }
    if not entries:
        return {}, []
    done, held = delete_free(connection, doomed)
    _forget(connection, entries, {one.table for one in held})
    return {live.shown(name): count for name, count in done.items()}, held


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


def _record(
    connection: Connection[Any], done: Mapping[str, int], held: list[Held], seconds: float
) -> None:
    if ledger.exists(connection):
        values = {
            "action": "destroy",
            "outcome": "kept some" if held else "changed" if any(done.values()) else "unchanged",
            "counts": Jsonb({name: {"prune": count} for name, count in done.items()}),
            "seconds": seconds,
        }
        ledger.record_run(connection, values)
