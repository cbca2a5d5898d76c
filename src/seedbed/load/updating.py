"""Updates of rows that are there, in an order that no unique key minds.

PostgreSQL checks a unique key row by row, so that one UPDATE fails with 23505 where a row takes a value that another one gives up
in the same statement. Where unique columns change, rows are therefore updated in waves: those first whose new values nobody holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from psycopg import Connection, errors, sql

from seedbed.load.circles import Route
from seedbed.load.digest import row_hash
from seedbed.load.failures import Blurred, located
from seedbed.load.staging import (
    INT8,
    new_identity,
    old_identity,
    on_identity,
    staged,
    taken,
    values,
)
from seedbed.load.work import Positions, Work, Works
from seedbed.target import UniqueKey

TellRows = Callable[[Work, str, int], None]
"""Is told the table, what is being done and how many rows it was done to."""


WIDE = 800
"""How many columns are staged at once: a table cannot have more than 1,600 (SQLSTATE 54011), and a stage has some of its own."""

UNNAMED = (errors.IntegrityError, errors.DataError, errors.RaiseException)
"""What an UPDATE of many rows fails with without saying which."""


class Overtaken(Exception):
    """The application changed a row between our look and our write; a new attempt will see it."""


def update(
    connection: Connection[Any],
    works: Works,
    work: Work,
    rows: Positions,
    names: tuple[str, ...],
    told: TellRows,
) -> None:
    """Bring some columns of those rows that differ in them to what the profile says.

    UPDATE, not an upsert: INSERT ... ON CONFLICT fires BEFORE INSERT triggers, draws from the sequences of columns we do not manage
    and wants their NOT NULL columns, all for rows that are known to exist.
    """
    rows = differing_in(work, rows, names)
    if not len(rows):
        return
    for part in _parts(work, names):
        _update_part(connection, works, work, differing_in(work, rows, part), part)
    for position in rows.tolist():
        work.hashes.pop(position, None)  # a second update meets the row as this one leaves it
    for key in work.table.referrers:  # what a foreign key passes on is no edit of the child's
        if key.on_update in "cnd" and set(key.parent_columns) & set(names) and key.table in works:
            works[key.table].hashes.clear()
    told(work, "updating", len(rows))


def _parts(work: Work, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return columns in parts that a stage has room for; those by which rows are found come last."""
    if len(names) <= WIDE:
        return [names]
    ordered = sorted(names, key=lambda name: name in work.table.identity)
    return [tuple(ordered[start : start + WIDE]) for start in range(0, len(ordered), WIDE)]


def _update_part(
    connection: Connection[Any], works: Works, work: Work, rows: Positions, names: tuple[str, ...]
) -> None:
    columns = stage_columns(works, work, rows, names)
    with located(work, rows, names), staged(connection, columns) as stage:
        keys = unique_keys(work, names)
        try:
            if len(rows) > 1:
                _lock_in_order(connection, work, stage)
            done = _in_waves(connection, work, stage, names, keys) if keys else 0
            done += connection.execute(statement(work, stage, names)).rowcount
        except UNNAMED as error:
            if len(rows) == 1 or isinstance(error, errors.UniqueViolation):
                raise
            raise Blurred(error, work, names) from None
    if done != len(rows):
        raise Overtaken(f"{work.table.name}: {len(rows) - done} rows changed in the meantime")


def _lock_in_order(connection: Connection[Any], work: Work, stage: sql.Identifier) -> None:
    """Lock rows by ascending key: UPDATE takes them as it finds them, and 40P01 would follow where the application goes by key."""
    order = sql.SQL(", ").join(sql.Identifier("t", name) for name in work.table.identity)
    connection.execute(
        sql.SQL(
            "SELECT count(*) FROM (SELECT FROM {} t JOIN {} s ON {} ORDER BY {} FOR NO KEY UPDATE OF t) locked"
        ).format(work.table.live, stage, on_identity(work.table), order)
    )


def stage_columns(
    works: Works, work: Work, rows: Positions, names: tuple[str, ...]
) -> dict[str, tuple[sql.Composable, pl.Series]]:
    """Return the columns of a stage to update rows from."""
    return {
        "position": (INT8, pl.Series(rows)),
        **old_identity(work, rows),
        **values(works, work, names, rows),
        "hash": (INT8, pl.Series([work.hashes.get(int(at)) for at in rows], dtype=pl.Int64)),
    }


def to_update(work: Work, overwrite: bool) -> Positions:
    """Return the rows of a table to update.

    Args:
        overwrite: whether rows that somebody edited are brought back.
    """
    adopted = work.adopt[[int(at) in work.changes for at in work.adopt]]
    parts = [work.update, adopted, *([work.edited] if overwrite else [])]
    return np.sort(np.concatenate(parts))


def differing_in(work: Work, rows: Positions, names: Sequence[str]) -> Positions:
    """Return which of some rows differ in at least one of some columns."""
    flags = [at for at, name in enumerate(work.binding.compared) if name in names]
    changed = [any(work.changes[position][at] == "t" for at in flags) for position in rows.tolist()]
    found: Positions = rows[np.array(changed, dtype=bool)]
    return found


def differing(work: Work, rows: Positions) -> tuple[str, ...]:
    """Return the columns in which at least one of some rows differs."""
    patterns = {work.changes[int(position)] for position in rows}
    return tuple(
        name
        for at, name in enumerate(work.binding.compared)
        if any(pattern[at] == "t" for pattern in patterns)
    )


def unique_keys(work: Work, names: Sequence[str]) -> list[UniqueKey]:
    """Return the unique keys, checked row by row, that some columns are part of."""
    return [
        key
        for key in work.table.keys
        if (key.parts or not key.weakness) and key.made_of & set(names)
    ]


def freed_first(work: Work, rows: Positions) -> tuple[str, ...]:
    """Return the columns to update before new rows are written, which may want the unique values that these rows give up.

    Only these: the others may refer to rows that are not there yet.
    """
    if not len(rows) or not len(work.create):
        return ()
    names = differing(work, rows)
    ours = {name for key in unique_keys(work, names) for name in key.made_of}
    return tuple(name for name in names if name in ours)


def fill(connection: Connection[Any], works: Works, work: Work, route: Route) -> None:
    """Set the references that had to be left NULL while the rows they name were still to come."""
    for name in route.emptied(work.table.name):
        if name not in work.binding.managed:
            continue
        series = works.value(work, name)
        rows = work.create[taken(series, work.create).is_not_null().to_numpy()]
        if not len(rows):
            continue
        columns = {**new_identity(works, work, rows), **values(works, work, (name,), rows)}
        with located(work, rows, (name,)), staged(connection, columns) as stage:
            connection.execute(
                sql.SQL("UPDATE {} t SET {} FROM {} s WHERE {}").format(
                    work.table.live, _assignments((name,)), stage, on_identity(work.table)
                )
            )


def _in_waves(
    connection: Connection[Any],
    work: Work,
    stage: sql.Identifier,
    names: tuple[str, ...],
    keys: list[UniqueKey],
) -> int:
    """Update the rows whose new values are free, until none is left or all wait for each other."""
    free = sql.SQL("").join(_free(work, names, key) for key in keys)
    wave = sql.SQL(
        "WITH moved AS ({} RETURNING s.position) DELETE FROM {} d USING moved m WHERE d.position = m.position"
    ).format(statement(work, stage, names) + free, stage)
    done, broken = 0, False
    while True:
        rows = connection.execute(wave).rowcount
        done += rows
        if not rows and not broken:
            broken = _let_go(connection, work, stage, names, keys)
            if not broken:
                return done
        elif not rows:
            return done


def statement(work: Work, stage: sql.Identifier, names: tuple[str, ...]) -> sql.Composed:
    """Return the UPDATE of some columns from a stage, of rows that are as they were when they were compared."""
    live = row_hash(work.table, work.binding.compared, "t") if work.hashes else sql.SQL("NULL")
    return sql.SQL("UPDATE {} t SET {} FROM {} s WHERE {} AND coalesce({} = s.hash, true)").format(
        work.table.live, _assignments(names), stage, on_identity(work.table), live
    )


def _assignments(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = s.{}").format(sql.Identifier(name), sql.Identifier(f"v{number}"))
        for number, name in enumerate(names, 1)
    )


def _free(work: Work, names: tuple[str, ...], key: UniqueKey) -> sql.Composed:
    """Return the SQL that no other live row holds the values a row is to have in a unique key."""
    return sql.SQL(" AND NOT EXISTS (SELECT {})").format(holding(work, names, key))


def holding(work: Work, names: tuple[str, ...], key: UniqueKey) -> sql.Composed:
    """Return the SQL that finds the other live row `o` which holds the values that row `t` is to have in a unique key.

    It begins at FROM; `s` is the row's stage.
    """
    wanted = {
        name: sql.Identifier("s", f"v{names.index(name) + 1}")
        if name in names
        else sql.Identifier("t", name)
        for name in work.table.columns
        if name in key.made_of
    }
    itself = sql.SQL(" AND ").join(
        sql.SQL("o.{n} = t.{n}").format(n=sql.Identifier(name)) for name in work.table.identity
    )
    if key.parts:
        return _holding_expressions(work, wanted, key, itself)
    same = [sql.SQL("o.{} = {}").format(sql.Identifier(n), wanted[n]) for n in key.columns]
    return sql.SQL("FROM {} o WHERE {} AND NOT ({})").format(
        work.table.live, sql.SQL(" AND ").join(same), itself
    )


def _holding_expressions(
    work: Work, wanted: Mapping[str, sql.Identifier], key: UniqueKey, itself: sql.Composed
) -> sql.Composed:
    """Return the same for an index on expressions or of some rows: both rows are seen through them."""
    parts = [
        sql.SQL("{} AS {}").format(sql.SQL(part), sql.Identifier(f"@{number}"))
        for number, part in enumerate(key.parts)
    ]
    same = [
        sql.SQL("o.{n} = n.{n}").format(n=sql.Identifier(f"@{number}"))
        for number in range(len(key.parts))
    ]
    return sql.SQL(
        "FROM (SELECT {parts} FROM (SELECT {wanted}) r WHERE {where}) n, "
        "(SELECT {identity}, {parts} FROM {live} r WHERE {where}) o WHERE {same} AND NOT ({itself})"
    ).format(
        parts=sql.SQL(", ").join(parts),
        wanted=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(name))
            for name, value in wanted.items()
        ),
        where=sql.SQL(key.where or "true"),
        identity=sql.SQL(", ").join(map(sql.Identifier, work.table.identity)),
        live=work.table.live,
        same=sql.SQL(" AND ").join(same),
        itself=itself,
    )


def _let_go(
    connection: Connection[Any],
    work: Work,
    stage: sql.Identifier,
    names: tuple[str, ...],
    keys: list[UniqueKey],
) -> bool:
    """Break a circle of rows that exchange values: set nullable unique columns to NULL for a moment."""
    columns = [
        name
        for name in names
        if any(name in key.made_of for key in keys) and work.table.columns[name].nullable
    ]
    if not columns:
        return False
    nothing = sql.SQL(", ").join(sql.SQL("{} = NULL").format(sql.Identifier(n)) for n in columns)
    live = row_hash(work.table, work.binding.compared, "t")
    connection.execute(
        sql.SQL(
            "WITH emptied AS (UPDATE {} t SET {} FROM {} s WHERE {} AND coalesce({} = s.hash, true) RETURNING s.position) "
            "UPDATE {} d SET hash = NULL FROM emptied e WHERE d.position = e.position"
        ).format(work.table.live, nothing, stage, on_identity(work.table), live, stage)
    )
    return True
