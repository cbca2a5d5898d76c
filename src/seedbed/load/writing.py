"""The writes: identities drawn, new rows copied in, changed rows updated, the ledger told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.errors import DatabaseFailure
from seedbed.ledger import fetch_arrays
from seedbed.load.circles import Route
from seedbed.load.copying import copy_in
from seedbed.load.digest import row_hash
from seedbed.load.failures import located
from seedbed.load.staging import INT8, new_identity, on_identity, staged, taken, values
from seedbed.load.updating import Overtaken, Told
from seedbed.load.work import Positions, Work, Works
from seedbed.target import Column, Table


def draw_identities(connection: Connection[Any], works: Works, work: Work) -> None:
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
    ).format(sql.SQL(function), name, column.sequence, table.qualified)
    row = connection.execute(query).fetchone()
    if row is None or row[0] is None:
        return
    farthest, last = row
    limit = {"int2": 2**15, "int4": 2**31}.get(column.type.base, 2**63)
    behind = farthest > (last or 0) if column.increment > 0 else farthest < (last or 0)
    if behind and abs(farthest) + room * abs(column.increment) < limit - 1:
        connection.execute("SELECT setval(%s::oid::regclass, %s)", [column.sequence, farthest])


def insert(connection: Connection[Any], works: Works, work: Work, route: Route, told: Told) -> None:
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
    connection: Connection[Any], works: Works, group: Iterable[Work], told: Told
) -> None:
    """Insert rows of tables that refer to each other with NOT NULL keys: one statement, checked at its end."""
    group = [work for work in group if len(work.create)]
    parts, stages = [], []
    for number, work in enumerate(group):
        names = written_columns(work)
        columns = {
            "position": (INT8, pl.Series(work.create)),
            **values(works, work, names, work.create),
        }
        context = staged(connection, columns)
        with located(work, work.create, names):
            stage = context.__enter__()
        stages.append(context)
        parts.append(
            sql.SQL(
                "w{} AS (INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} ORDER BY position RETURNING 1)"
            ).format(
                sql.SQL(str(number)),
                work.table.qualified,
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(sql.Identifier(f"v{n}") for n in range(1, len(names) + 1)),
                stage,
            )
        )
    counts = sql.SQL(", ").join(
        sql.SQL("(SELECT count(*) FROM w{})").format(sql.SQL(str(n))) for n in range(len(group))
    )
    if not group:
        return
    with located(group[0], group[0].create):
        row = connection.execute(
            sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(parts), counts)
        ).fetchone()
    for context, work, done in zip(stages, group, row or (), strict=True):
        context.__exit__(None, None, None)
        _all(work, done, len(work.create))
        told(work, "writing", done)


def record(connection: Connection[Any], works: Works, work: Work, rows: Positions) -> None:
    """Write into the ledger what the profile says of some rows and what the database holds of them now."""
    entry = ledger.enter(connection, work.table, work.binding.compared)
    forget(connection, entry, np.concatenate([work.known.keys[work.forget], work.renamed]))
    if not len(rows):
        return
    columns = {
        "key": (INT8, pl.Series(work.binding.rows.keys[rows])),
        "name": (sql.SQL("text"), _names(work, rows)),
        "digest": (INT8, pl.Series(work.digests[rows])),
        **new_identity(works, work, rows),
    }
    number, pk = ledger.own_identity(work.table)
    clash = sql.SQL(
        " ON CONFLICT (table_id, key) DO UPDATE SET name = excluded.name, id = excluded.id, pk = excluded.pk,"
        " digest = excluded.digest, row_hash = excluded.row_hash"
    )
    with staged(connection, columns) as stage:
        done = connection.execute(
            sql.SQL(
                "INSERT INTO seedbed.rows (table_id, key, name, id, pk, digest, row_hash) "
                "SELECT {}, s.key, s.name, {}, {}, s.digest, {} FROM {} s JOIN {} t ON {} ORDER BY s.key{}"
            ).format(
                entry.id,
                number,
                pk,
                row_hash(work.table, work.binding.compared, "t"),
                stage,
                work.table.qualified,
                on_identity(work.table),
                clash if len(work.known.keys) else sql.SQL(""),
            )
        ).rowcount
    if done != len(rows):
        raise Overtaken(
            f"{work.table.name}: {len(rows) - done} rows are not where they were written"
        )


def _names(work: Work, rows: Positions) -> pl.Series:
    named = work.binding.rows.named()
    if not named:
        return pl.Series([None] * len(rows), dtype=pl.String)
    names: list[str | None] = [None] * work.size
    for position, name in named.items():
        names[position] = name
    return taken(pl.Series(names, dtype=pl.String), rows)


def forget(connection: Connection[Any], entry: ledger.Entry, keys: Positions) -> None:
    """Delete ledger rows whose live rows are gone or go on under another key."""
    if len(keys):
        connection.execute(
            "DELETE FROM seedbed.rows WHERE table_id = %s AND key = ANY (%s)",
            [entry.id, keys.tolist()],
        )


def forget_table(connection: Connection[Any], entry: ledger.Entry) -> None:
    """Delete what the ledger holds of a table that is no longer there."""
    connection.execute("DELETE FROM seedbed.rows WHERE table_id = %s", [entry.id])
    connection.execute("DELETE FROM seedbed.tables WHERE id = %s", [entry.id])


def remeasure(
    connection: Connection[Any], table: Table, entry: ledger.Entry, edited: Positions
) -> None:
    """Note what triggers made of rows of ours that we did not write, so that it is not taken for somebody's edit.

    Only tuples of this very transaction count: what the application changed meanwhile stays an edit.
    """
    names = [name for name, _ in entry.columns]
    if not set(names) <= table.columns.keys():
        return
    connection.execute(
        sql.SQL(
            "UPDATE seedbed.rows r SET row_hash = {hash} FROM {table} t WHERE r.table_id = {id} AND {same} "
            "AND t.xmin = pg_current_xact_id()::xid AND r.row_hash <> {hash} AND r.key <> ALL ({edited})"
        ).format(
            hash=row_hash(table, names, "t"),
            table=table.qualified,
            id=entry.id,
            same=ledger.same_row(table),
            edited=sql.Literal(edited.tolist()),
        )
    )
