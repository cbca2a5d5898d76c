"""New rows: their identities drawn, the rows copied in."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import polars as pl
from psycopg import Connection, sql

from seedbed.errors import DatabaseFailure
from seedbed.load.arrays import fetch_arrays
from seedbed.load.circles import Route
from seedbed.load.copying import copy_in
from seedbed.load.failures import located, located_among
from seedbed.load.staging import INT8, staged, taken, values
from seedbed.load.updating import TellRows
from seedbed.load.work import Work, Works
from seedbed.target import Column, Table


def draw_identities(connection: Connection[Any], work: Work) -> None:
    """Let the database make the identities of new rows, as an INSERT that leaves them out would."""
    wanted = len(work.create)
    unmanaged = [n for n in work.table.identity if n not in work.binding.managed]
    if not wanted or not unmanaged:
        return
    drawn = {}
    for name in unmanaged:
        column = work.table.columns[name]
        if column.sequence:
            catch_up(connection, work.table, column, wanted)
        drawn[name] = _evaluated(connection, work.table, column, wanted)
    work.settle(work.create, drawn, live=False)


def _evaluated(connection: Connection[Any], table: Table, column: Column, times: int) -> pl.Series:
    if column.sequence and (column.identity or column.default is None):
        expression: sql.Composable = sql.SQL("nextval({}::oid::regclass)").format(column.sequence)
    else:
        expression = sql.SQL(f"({column.default})")
    kind = INT8 if table.serial else sql.SQL("text")
    query = sql.SQL(
        "SELECT array_agg(v) FROM (SELECT {}::{} AS v FROM generate_series(1, {})) d"
    ).format(expression, kind, times)
    return pl.Series(fetch_arrays(connection, query)[0])


def catch_up(connection: Connection[Any], table: Table, column: Column, room: int = 0) -> None:
    """Bring a sequence up to the largest value in its column, never down.

    Explicit values, ours or somebody else's, leave the sequence behind, and the next INSERT would fail with 23505. A value so
    large that nothing fits above it is taken as a marker and left alone.
    """
    function = "max" if column.increment > 0 else "min"
    name = sql.Identifier(column.name)
    query = sql.SQL(
        "SELECT {}({})::bigint, pg_sequence_last_value({}::oid::regclass) FROM {}"
    ).format(sql.SQL(function), name, column.sequence, table.live)
    row = connection.execute(query).fetchone()
    if row is None or row[0] is None:
        return
    farthest, last = row
    limit = {"int2": 2**15, "int4": 2**31}.get(column.type.base, 2**63)
    behind = farthest > (last or 0) if column.increment > 0 else farthest < (last or 0)
    if behind and abs(farthest) + room * abs(column.increment) < limit - 1:
        connection.execute("SELECT setval(%s::oid::regclass, %s)", [column.sequence, farthest])


def insert(
    connection: Connection[Any], works: Works, work: Work, route: Route, told: TellRows
) -> None:
    """COPY a table's new rows into it, in the order of the dataset."""
    if not len(work.create):
        return
    names = written_columns(work)
    empty = route.emptied(work.table.name)
    frame = pl.DataFrame(
        [_inserted(works, work, name, name in empty).alias(name) for name in names]
    )
    with located(work, work.create):
        taken_in = copy_in(
            connection,
            work.table.qualified,
            names,
            len(frame),
            frame.slice,
            lambda rows: told(work, "writing", rows),
        )
    _all(work, taken_in, len(frame))
    for name in names:
        column = work.table.columns[name]
        if column.sequence and name in work.binding.managed:
            catch_up(connection, work.table, column)


def written_columns(work: Work) -> tuple[str, ...]:
    """Return the columns a new row is written with."""
    ours = {*work.binding.managed, *work.table.identity}
    return tuple(name for name in work.table.columns if name in ours)


def _inserted(works: Works, work: Work, name: str, empty: bool) -> pl.Series:
    series = taken(works.value(work, name), work.create)
    return pl.Series([None] * len(series), dtype=series.dtype) if empty else series


def _all(work: Work, done: int, wanted: int) -> None:
    if done != wanted:
        raise DatabaseFailure(
            f"{work.table.name}: {wanted - done} of {wanted} rows were kept out by a trigger",
            remedy="seedbed cannot own a row that a trigger does not let in.",
        )


def insert_together(
    connection: Connection[Any], works: Works, group: Iterable[Work], told: TellRows
) -> None:
    """Insert rows of tables that refer to each other with NOT NULL keys: one statement, checked at its end."""
    group = [work for work in group if len(work.create)]
    if not group:
        return
    with ExitStack() as stages:
        inserts = [
            sql.SQL("{} AS ({})").format(
                sql.Identifier(f"w{number}"), _insert(connection, works, work, stages)
            )
            for number, work in enumerate(group)
        ]
        counts = [
            sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier(f"w{number}"))
            for number in range(len(group))
        ]
        with located_among(group, created=True):
            row = connection.execute(
                sql.SQL("WITH {} SELECT {}").format(
                    sql.SQL(", ").join(inserts), sql.SQL(", ").join(counts)
                )
            ).fetchone()
    for work, done in zip(group, row or (), strict=True):
        _all(work, done, len(work.create))
        told(work, "writing", done)


def _insert(
    connection: Connection[Any], works: Works, work: Work, stages: ExitStack
) -> sql.Composed:
    names = written_columns(work)
    columns = {
        "position": (INT8, pl.Series(work.create)),
        **values(works, work, names, work.create),
    }
    with located(work, work.create, names):
        stage = stages.enter_context(staged(connection, columns))
    return sql.SQL(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} ORDER BY position RETURNING 1"
    ).format(
        work.table.qualified,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Identifier(f"v{n}") for n in range(1, len(names) + 1)),
        stage,
    )
