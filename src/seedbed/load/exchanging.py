"""Rows of ours that want each other's unique values: in one run that works only where the values may be NULL for a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import Connection, sql

from seedbed.errors import Finding
from seedbed.load.arrays import fetch_arrays
from seedbed.load.run import Run
from seedbed.load.staging import on_identity, staged
from seedbed.load.updating import (
    differing,
    differing_in,
    holding,
    stage_columns,
    to_update,
    unique_keys,
)
from seedbed.load.work import Positions, Work, Works
from seedbed.target import UniqueKey


def exchanged(connection: Connection[Any], run: Run, *, overwrite: bool) -> list[Finding]:
    """Return the circles of rows that an apply would fail on when it writes, each at one of its rows.

    Args:
        overwrite: whether rows that somebody edited are brought back.
    """
    return [
        finding
        for work in run.written
        for finding in _in_table(connection, run.works, work, to_update(work, overwrite))
    ]


def _in_table(
    connection: Connection[Any], works: Works, work: Work, rows: Positions
) -> list[Finding]:
    names = differing(work, rows)
    return [
        Finding(
            work.binding.place(circle[0]),
            f"wants the unique key {key.name} ({', '.join(key.parts or key.columns)}) of another row that is to give it up, in a "
            f"circle of {len(circle)} rows",
            "values that cannot be NULL for a moment cannot be exchanged in one run: apply a value that no row has first",
        )
        for key in unique_keys(work, names)
        if not any(work.table.columns[name].nullable for name in key.made_of & set(names))
        for circle in _circles(_wanted(connection, works, work, rows, names, key))
    ]


def _wanted(
    connection: Connection[Any],
    works: Works,
    work: Work,
    rows: Positions,
    names: tuple[str, ...],
    key: UniqueKey,
) -> Mapping[int, int]:
    """Return which row's unique values each row wants; both are updated."""
    ours = tuple(name for name in names if name in key.made_of)
    rows = differing_in(work, rows, ours)
    held = sql.SQL(", ").join(
        sql.SQL("o.{}").format(sql.Identifier(name)) for name in work.table.identity
    )
    with staged(connection, stage_columns(works, work, rows, ours)) as stage:
        query = sql.SQL(
            "SELECT array_agg(s.position), array_agg(p.position) FROM {stage} s JOIN {live} t ON {same} "
            "CROSS JOIN LATERAL (SELECT {held} {holding}) h JOIN {stage} p ON {holder}"
        ).format(
            stage=stage,
            live=work.table.live,
            same=on_identity(work.table),
            held=held,
            holding=holding(work, ours, key),
            holder=on_identity(work.table, "h", "p"),
        )
        wanting, holders = fetch_arrays(connection, query)
    return {} if wanting is None else dict(zip(wanting.tolist(), holders.tolist(), strict=True))


def _circles(wanted: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield the circles in which rows want each other's values."""
    seen: set[int] = set()
    for start in sorted(wanted):
        way: list[int] = []
        at: int | None = start
        while at is not None and at not in seen:
            seen.add(at)
            way.append(at)
            at = wanted.get(at)
        if at in way:
            yield way[way.index(at) :]
