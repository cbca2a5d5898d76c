"""Rows that get another key while others refer to them by the old one.

Where the foreign key does not pass the change on (ON UPDATE CASCADE), neither side can be updated first. Such a row is made anew
under its new key, our rows that refer to it follow, and the old row is pruned like one that left the profile.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from psycopg import Connection, sql

from seedbed.errors import Finding
from seedbed.ledger import fetch_arrays
from seedbed.load.staging import INT8, old_identity, on_identity, staged
from seedbed.load.updating import differing_in
from seedbed.load.work import Positions, Work, Works
from seedbed.target import ForeignKey


def move(connection: Connection[Any], works: Works, work: Work) -> list[Finding]:
    """Turn updates that a foreign key does not allow into a new row and one to prune; return those that this cannot help."""
    findings: list[Finding] = []
    moved: set[int] = set()
    for key in work.table.referrers:
        if key.on_update == "c" or not set(key.parent_columns) & set(work.binding.compared):
            continue
        if key.table == work.table.name and key.on_update == "a" and work.here.all():
            continue  # one statement changes both ends
        rows = differing_in(work, work.update, key.parent_columns)
        if not len(rows):
            continue
        for position in _referred_to(connection, work, key, rows).tolist():
            problem = _obstacle(works, work, key, position)
            if problem:
                findings.append(_finding(work, key, position, problem))
            else:
                moved.add(position)
    if moved and not findings:
        work.move(sorted(moved))
    return findings


def _referred_to(
    connection: Connection[Any], work: Work, key: ForeignKey, rows: Positions
) -> Positions:
    """Return which of some rows others refer to now."""
    columns = {"position": (INT8, pl.Series(rows)), **old_identity(work, rows)}
    refers = [
        sql.SQL("c.{} = t.{}").format(sql.Identifier(own), sql.Identifier(theirs))
        for own, theirs in zip(key.columns, key.parent_columns, strict=True)
    ]
    with staged(connection, columns) as stage:
        query = sql.SQL(
            "SELECT array_agg(s.position) FROM {} s JOIN {} t ON {} WHERE EXISTS (SELECT FROM {} c WHERE {})"
        ).format(
            stage,
            work.table.qualified,
            on_identity(work.table),
            sql.Identifier(key.table.schema, key.table.name),
            sql.SQL(" AND ").join(refers),
        )
        found: Positions | None = fetch_arrays(connection, query)[0]
    return rows[:0] if found is None else found


def _obstacle(works: Works, work: Work, key: ForeignKey, position: int) -> str:
    """Return why a row cannot be there under its old and its new key for a while, or nothing."""
    order = list(works)
    if key.table in works and order.index(key.table) <= order.index(work.table.name):
        return "the tables refer to each other"
    if not set(key.parent_columns) <= set(work.table.identity):
        return f"({', '.join(key.parent_columns)}) is not its primary key"
    flags = dict(zip(work.binding.compared, work.changes[position], strict=True))
    for unique in work.table.keys:
        shared = not any(flags.get(name) == "t" for name in unique.columns)
        strict = not any(work.table.columns[name].nullable for name in unique.columns)
        filled = all(name in work.binding.managed for name in unique.columns)
        if unique.columns and shared and strict and filled:
            return f"{unique.name} ({', '.join(unique.columns)}) lets no second row beside it"
    return ""


def _finding(work: Work, key: ForeignKey, position: int, problem: str) -> Finding:
    columns = ", ".join(key.parent_columns)
    return Finding(
        f"{work.binding.place(position)}: {work.table.name}.{columns}",
        f"changes, and rows of {key.table} ({', '.join(key.columns)}) refer to it; {problem}",
        f"make the foreign key {key.name} ON UPDATE CASCADE, or keep the value",
    )
