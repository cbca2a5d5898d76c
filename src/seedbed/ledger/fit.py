"""Whether the ledger still speaks of the tables that are there: of the same ones, and of their rows by the same key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from psycopg import Connection

from seedbed.errors import Drift, Finding, so_many_rows
from seedbed.ledger.rows import MISSING, Known
from seedbed.ledger.tables import Entry
from seedbed.target import Table

LEAVE = "seedbed forget {} leaves its rows alone"
"""A way out of all that does not fit."""


def other_key(entry: Entry, table: Table) -> Finding | None:
    """Return what is wrong where a table has another primary key than the one the ledger holds: it would lead to others' rows."""
    if entry.identity == table.identity:
        return None
    now = f"now it is ({', '.join(table.identity)})" if table.identity else "now it has none"
    return Finding(
        str(table.name),
        f"its rows were written with the identity ({', '.join(entry.identity)}), {now}",
        f"put the old key back; {LEAVE.format(table.name)}",
    )


def other_table(
    entry: Entry, table: Table, known: Known, places: Mapping[int, str]
) -> Finding | None:
    """Return what is wrong where another table of the same name has rows at our keys: nobody knows whose they are.

    Args:
        known: the ledger's rows, with a look at this table.
        places: see `places_of`.
    """
    rows = int((known.states != MISSING).sum())
    if not replaced(entry, table) or not rows:
        return None
    problem = "is not the table that seedbed wrote to"
    if entry.id in places:
        problem += f", which is {places[entry.id]} now"
    return Finding(
        str(table.name),
        f"{problem}; {so_many_rows(rows)} in it have keys of seedbed's",
        f"apply --adopt takes them over; {LEAVE.format(table.name)}",
    )


def other_name(entry: Entry, places: Mapping[int, str]) -> Finding | None:
    """Return what is wrong where there is no table of a name any more, but the one that seedbed wrote to, elsewhere."""
    if entry.id not in places:
        return None
    name = str(entry.table)
    problem = f"the table that seedbed wrote to is {places[entry.id]} now"
    return Finding(name, problem, f"give it its name back; {LEAVE.format(name)}")


def replaced(entry: Entry, table: Table) -> bool:
    """Return whether a table is another one than seedbed wrote to; one that an old ledger has no number of is not."""
    return entry.oid is not None and entry.oid != table.oid


def refuse_misfits(findings: Iterable[Finding | None]) -> None:
    """Go on only where nothing is wrong.

    Raises:
        Drift: something is; all of it is listed.
    """
    wrong = [finding for finding in findings if finding]
    if wrong:
        raise Drift("the ledger does not fit the database", findings=wrong)


def places_of(connection: Connection[Any], entries: Collection[Entry]) -> dict[int, str]:
    """Return, by entry, what the tables are called that seedbed wrote to, where these are still there."""
    numbers = {entry.oid: entry.id for entry in entries if entry.oid is not None}
    rows = connection.execute(
        "SELECT c.oid::int8, c.oid::regclass::text FROM pg_catalog.pg_class c "
        "WHERE c.oid = ANY (%s::oid[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
        [list(numbers)],
    ).fetchall()
    return {numbers[oid]: name for oid, name in rows}
