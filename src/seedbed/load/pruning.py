"""Deleting rows of ours, children first, and never one that somebody else's row depends on.

The rows to delete stand in temporary tables, one a table. A row that anything outside of them refers to, by whatever foreign key and
whatever its ON DELETE says, is not free to go: a cascade would delete, and SET NULL change, a row that nobody listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import polars as pl
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.dataset import Keys, TableName
from seedbed.errors import DatabaseFailure, so_many_rows
from seedbed.ledger import Entry
from seedbed.load.arrays import fetch_arrays
from seedbed.load.order import parents_first
from seedbed.load.staging import COUNTER, INT8, on_identity, staged, type_of
from seedbed.load.updating import Overtaken
from seedbed.target import ForeignKey, Table


@dataclass(frozen=True, slots=True)
class Doomed:
    """Rows to delete of one table: a temporary table of key, k1, k2, ..."""

    table: Table
    entry: Entry
    name: str

    @property
    def stage(self) -> sql.Identifier:
        """The rows to delete."""
        return sql.Identifier("pg_temp", self.name)

    @property
    def aside(self) -> sql.Identifier:
        """The rows that turned out to be held by others."""
        return sql.Identifier("pg_temp", f"{self.name}_held")


@dataclass(frozen=True, slots=True)
class Owned:
    """A table's rows of ours.

    Attributes:
        kept: the ledger keys of those that stay as they are, whatever the profile says.
    """

    table: Table
    entry: Entry
    kept: Keys

    @property
    def none_but_kept(self) -> sql.Composed:
        """The SQL that row `c` of the table is none of these, or one of the kept ones."""
        return sql.SQL(
            "NOT EXISTS (SELECT FROM seedbed.rows r WHERE r.table_id = {} AND r.key <> ALL ({}) AND {})"
        ).format(self.entry.id, sql.Literal(self.kept.tolist()), ledger.same_row(self.table, "c"))


@dataclass(frozen=True, slots=True)
class Held:
    """Rows that cannot be deleted, for rows of another table refer to them."""

    table: TableName
    by: TableName
    key: ForeignKey
    rows: int

    def __str__(self) -> str:
        return f"{so_many_rows(self.rows)} of {self.table}: referred to by rows of {self.by} ({', '.join(self.key.columns)})"


def doom(connection: Connection[Any], table: Table, entry: Entry, keys: Keys | None) -> Doomed:
    """Stage rows of the ledger for deletion; all rows of the table where no keys are given."""
    short = f"seedbed_doomed_{next(COUNTER)}"
    if table.serial:
        identity: list[sql.Composable] = [sql.SQL("r.id AS k1")]
    else:
        identity = [
            sql.SQL("r.pk[{}]::{} AS {}").format(n, type_of(table, name), sql.Identifier(f"k{n}"))
            for n, name in enumerate(table.identity, 1)
        ]
    statement = sql.SQL(
        "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT r.key, {} FROM seedbed.rows r{} WHERE r.table_id = {}"
    )
    parts = (sql.Identifier(short), sql.SQL(", ").join(identity))
    if keys is None:
        connection.execute(statement.format(*parts, sql.SQL(""), sql.Literal(entry.id)))
        return Doomed(table, entry, short)
    with staged(connection, {"key": (INT8, pl.Series(keys))}) as wanted:
        join = sql.SQL(" JOIN {} w ON w.key = r.key").format(wanted)
        connection.execute(statement.format(*parts, join, sql.Literal(entry.id)))
    return Doomed(table, entry, short)


def delete_free(
    connection: Connection[Any], doomed: Mapping[TableName, Doomed]
) -> tuple[dict[TableName, int], list[Held]]:
    """Delete the rows that nothing else depends on, and forget them; the others stay staged.

    Returns:
        How many rows of each table were deleted, and what holds the rest.
    """
    hold_still(connection, doomed)
    held = _set_aside(connection, doomed)
    deleted: dict[TableName, int] = {}
    tables = {name: one.table for name, one in doomed.items()}
    parents = {name: [key.parent for key in table.foreign_keys] for name, table in tables.items()}
    for group in reversed(parents_first(tables, parents)):
        deleted |= _delete(connection, [doomed[name] for name in group])
    for name, one in doomed.items():
        if held.get(name):
            _put_back(connection, one)
    return deleted, [each for several in held.values() for each in several]


def hold_still(connection: Connection[Any], doomed: Mapping[TableName, Doomed]) -> None:
    """Let nobody refer to the rows any more: who was about to is waited for, and seen by the next look."""
    for one in doomed.values():
        connection.execute(
            sql.SQL(
                "SELECT count(*) FROM (SELECT FROM {} t JOIN {} d ON {} FOR UPDATE OF t) locked"
            ).format(one.table.live, one.stage, on_identity(one.table, "t", "d"))
        )


def hold_unedited(connection: Connection[Any], doomed: Mapping[TableName, Doomed]) -> None:
    """Let nobody change the rows any more, and see that nobody has since they were compared.

    Raises:
        Overtaken: somebody has; a new attempt will see it.
    """
    hold_still(connection, doomed)
    for one in doomed.values():
        query = sql.SQL(
            "SELECT count(*) FROM {} d JOIN seedbed.rows r ON r.table_id = {} AND r.key = d.key JOIN {} t ON {} WHERE {} = {}"
        ).format(
            one.stage,
            one.entry.id,
            one.table.live,
            on_identity(one.table, "t", "d"),
            ledger.state(one.entry, one.table),
            ledger.EDITED,
        )
        row = connection.execute(query).fetchone()
        if row and row[0]:
            raise Overtaken(f"{one.table.name}: {row[0]} rows changed in the meantime")


def release(connection: Connection[Any], doomed: Mapping[TableName, Doomed]) -> None:
    """Make rows that are still to be deleted let go of unique values that other rows may want, where these can be NULL."""
    for one in doomed.values():
        columns = {
            name
            for key in one.table.keys
            for name in key.columns
            if one.table.columns[name].nullable
        }
        if columns:
            connection.execute(
                sql.SQL("UPDATE {} t SET {} FROM {} d WHERE {}").format(
                    one.table.live,
                    sql.SQL(", ").join(
                        sql.SQL("{} = NULL").format(sql.Identifier(name))
                        for name in sorted(columns)
                    ),
                    one.stage,
                    on_identity(one.table, "t", "d"),
                )
            )


def what_holds(
    connection: Connection[Any],
    doomed: Mapping[TableName, Doomed],
    ours: Mapping[TableName, Owned],
    emptied: frozenset[TableName] = frozenset(),
) -> list[Held]:
    """Return what keeps rows from being deleted, without deleting any.

    Args:
        ours: tables whose rows, where they are ours, do not count: the run that is planned changes or deletes them.
        emptied: tables none of whose rows count: all of them are deleted.
    """
    held = _set_aside(connection, doomed, ours, emptied)
    for name, one in doomed.items():
        if held.get(name):
            _put_back(connection, one)
    return [each for several in held.values() for each in several]


def holders(connection: Connection[Any], one: Doomed, held: Held, child: Table, kept: Keys) -> Keys:
    """Return which of some ledger rows of a table hold rows that are to be deleted."""
    query = sql.SQL(
        "SELECT array_agg(DISTINCT r.key) FROM seedbed.rows r JOIN seedbed.tables e ON e.id = r.table_id "
        "JOIN {child} c ON {ours} JOIN {parent} t ON {refers} JOIN {stage} d ON {doomed} "
        "WHERE e.schema = {schema} AND e.name = {name} AND r.key = ANY ({kept})"
    ).format(
        child=child.live,
        ours=ledger.same_row(child, "c"),
        parent=one.table.live,
        refers=held.key.refers,
        stage=one.stage,
        doomed=on_identity(one.table, "t", "d"),
        schema=child.name.schema,
        name=child.name.name,
        kept=sql.Literal(kept.tolist()),
    )
    found = fetch_arrays(connection, query)[0]
    return ledger.NOTHING if found is None else found


def _set_aside(
    connection: Connection[Any],
    doomed: Mapping[TableName, Doomed],
    ours: Mapping[TableName, Owned] = MappingProxyType({}),
    emptied: frozenset[TableName] = frozenset(),
) -> dict[TableName, list[Held]]:
    """Move rows that are referred to from outside to a second stage, until none is left that is."""
    found: dict[TableName, list[Held]] = {}
    for one in doomed.values():
        connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DROP").format(
                sql.Identifier(f"{one.name}_held"), one.stage
            )
        )
    moved = True
    while moved:
        moved = False
        for name, key, mover in _referrers(doomed, ours, emptied):
            rows = connection.execute(mover).rowcount
            if rows:
                found.setdefault(name, []).append(Held(name, key.table, key, rows))
                moved = True
    return found


def _referrers(
    doomed: Mapping[TableName, Doomed],
    ours: Mapping[TableName, Owned],
    emptied: frozenset[TableName],
) -> Iterator[tuple[TableName, ForeignKey, sql.Composed]]:
    """Yield, of each table, the foreign keys that lead to it, with the statement that moves aside what they hold."""
    for name, one in doomed.items():
        for key in one.table.referrers:
            if key.table in emptied:
                continue
            yield name, key, _mover(one, key, doomed.get(key.table), ours.get(key.table))


def _mover(one: Doomed, key: ForeignKey, child: Doomed | None, ours: Owned | None) -> sql.Composed:
    """Return the statement that moves aside the rows which a row that stays refers to by a foreign key."""
    stays: sql.Composable = sql.SQL("")
    if child is not None:
        stays = sql.SQL(" AND NOT EXISTS (SELECT FROM {} x WHERE {})").format(
            child.stage, on_identity(child.table, "c", "x")
        )
    if ours is not None:
        stays += sql.SQL(" AND ") + ours.none_but_kept
    return sql.SQL(
        "WITH held AS (DELETE FROM {stage} d USING {table} t WHERE {same} AND EXISTS "
        "(SELECT FROM {child} c WHERE {refers}{stays}) RETURNING d.*) INSERT INTO {aside} SELECT * FROM held"
    ).format(
        stage=one.stage,
        table=one.table.live,
        same=on_identity(one.table, "t", "d"),
        child=key.child,
        refers=key.refers,
        stays=stays,
        aside=one.aside,
    )


def _delete(connection: Connection[Any], group: Sequence[Doomed]) -> dict[TableName, int]:
    """Delete the rows of a table, or of tables that refer to each other, in one statement, and forget them."""
    parts, counts = [], []
    for number, one in enumerate(group):
        label = sql.Identifier(f"d{number}")
        parts.append(
            sql.SQL("{} AS (DELETE FROM {} t USING {} d WHERE {} RETURNING 1)").format(
                label, one.table.live, one.stage, on_identity(one.table, "t", "d")
            )
        )
        counts.append(sql.SQL("(SELECT count(*) FROM {})").format(label))
    row = connection.execute(
        sql.SQL("WITH {} SELECT {}").format(sql.SQL(", ").join(parts), sql.SQL(", ").join(counts))
    ).fetchone()
    for one in group:
        _refuse_leftovers(connection, one)
        connection.execute(
            sql.SQL(
                "DELETE FROM seedbed.rows r USING {} d WHERE r.table_id = {} AND r.key = d.key"
            ).format(one.stage, one.entry.id)
        )
        connection.execute(sql.SQL("TRUNCATE {}").format(one.stage))
    return {one.table.name: count for one, count in zip(group, row or (), strict=True)}


def _refuse_leftovers(connection: Connection[Any], one: Doomed) -> None:
    query = sql.SQL("SELECT count(*) FROM {} t JOIN {} d ON {}").format(
        one.table.live, one.stage, on_identity(one.table, "t", "d")
    )
    row = connection.execute(query).fetchone()
    if row and row[0]:
        raise DatabaseFailure(
            f"{one.table.name}: a trigger kept {row[0]} rows from being deleted",
            remedy="Disable the trigger or delete these rows yourself.",
        )


def _put_back(connection: Connection[Any], one: Doomed) -> None:
    connection.execute(
        sql.SQL(
            "WITH kept AS (DELETE FROM {} RETURNING *) INSERT INTO {} SELECT * FROM kept"
        ).format(one.aside, one.stage)
    )
