"""Datasets and databases made by hand, for tests of the half of seedbed that knows PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import psycopg

from seedbed.apply import apply
from seedbed.dataset import Dataset, Keys, Reference, TableName
from seedbed.options import Options
from seedbed.plan import Plan, plan
from seedbed.source import Source
from tests import canary

AS_OF = datetime(2026, 3, 1, 12)


@dataclass(frozen=True)
class GivenRows:
    """Rows of a table from values that are already there (see `seedbed.dataset.TableRows`)."""

    table: TableName
    keys: Keys
    columns: Mapping[str, pl.Series]
    references: Mapping[str, Reference] = field(default_factory=dict)
    natural_key: tuple[str, ...] = ()
    insert_only: frozenset[str] = frozenset()
    labels: Sequence[str] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The plain columns."""
        return tuple(self.columns)

    def column(self, name: str) -> pl.Series:
        """Return the values of a plain column."""
        return self.columns[name]

    def label(self, position: int) -> str:
        """Return a row's label, or its key where labels were not given."""
        return self.labels[position] if self.labels else f"{self.table}/{self.keys[position]}"

    def named(self) -> Mapping[int, str]:
        """Return position to label for the rows that have one."""
        return dict(enumerate(self.labels))

    def origin(self, position: int) -> str:
        """Return where the row was written down."""
        return self.label(position)


def rows(
    name: str,
    labels: Sequence[str],
    columns: Mapping[str, Any] | None = None,
    *,
    schema: str = "",
    refs: Mapping[str, Any] | None = None,
    key: Sequence[str] = (),
    once: Sequence[str] = (),
) -> GivenRows:
    """Return rows of a table; `refs` maps a reference to (table, positions) or (table, positions, columns)."""
    table = TableName(name, schema)
    series = {n: v if isinstance(v, pl.Series) else _series(v) for n, v in (columns or {}).items()}
    references = {}
    for reference, (parent, positions, *local) in (refs or {}).items():
        parent = parent if isinstance(parent, TableName) else TableName(parent)
        where = np.array([-1 if p is None else p for p in positions], dtype=np.int64)
        references[reference] = Reference(reference, parent, where, *local)
    keys = np.array([row_key(f"{name}/{label}") for label in labels], dtype=np.int64)
    return GivenRows(table, keys, series, references, tuple(key), frozenset(once), tuple(labels))


def _series(values: Sequence[Any]) -> pl.Series:
    odd = (dict, list, tuple, set)
    try:
        if any(isinstance(value, odd) for value in values):
            raise TypeError
        return pl.Series(list(values), strict=True)
    except TypeError:
        return objects(values)


def objects(values: Sequence[Any]) -> pl.Series:
    """Return values as they are, as a factory's row-wise declarations give them."""
    return pl.Series(np.fromiter(values, dtype=object, count=len(values)), dtype=pl.Object)


def row_key(path: str) -> int:
    """Return a stable 64-bit key for a label path."""
    return int.from_bytes(hashlib.blake2b(path.encode(), digest_size=8).digest(), signed=True)


def source(*tables: GivenRows, profile: str = "testing", **more: Any) -> Source:
    """Return a source of these tables."""

    def evaluate(as_of: datetime) -> Dataset:
        by_name = {table.table: table for table in tables}
        return Dataset(profile, ("testing",), as_of, 1.0, "s", False, by_name)

    more.setdefault("as_of", AS_OF)
    return Source(profile, ("testing",), evaluate, seed="s", **more)


def applied(url: str, *tables: GivenRows, **options: Any) -> Plan:
    """Apply these tables to a testing database."""
    return apply(source(*tables), url, Options(environment="testing", **options))


def planned(url: str, *tables: GivenRows, **options: Any) -> Plan:
    """Plan these tables."""
    return plan(source(*tables), url, Options(environment="testing", **options))


def counts(done: Plan) -> dict[str, dict[str, int]]:
    """Return the counts that are not 0, by table."""
    return {
        name: {what: count for what, count in table.counts.items() if count}
        for name, table in done.tables.items()
    }


def execute(url: str, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Run SQL and commit; return the rows if there are any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement, arguments or None)
        if not cursor.description:
            return []
        names = [column.name for column in cursor.description]
        return [canary.without_canary(row, names) for row in cursor.fetchall()]


def prepare(url: str, ddl: str) -> None:
    """Run DDL in a database and stamp it for tests, whatever it holds; each row it has or gets holds the canary, too."""
    from seedbed import guard

    with psycopg.connect(url) as connection:
        connection.execute(ddl)
        connection.execute(canary.HIDE)
        guard.stamp(connection, "testing", confirm=connection.info.dbname)


def traces(url: str, *tables: str) -> dict[str, Any]:
    """Return everything by which a write would show: tuples with their places and transactions, and sequences."""
    found: dict[str, Any] = {}
    for table in tables:
        found[table] = execute(url, f"SELECT ctid, xmin, t::text FROM {table} t ORDER BY 1")
    found["sequences"] = execute(
        url,
        "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname <> 'seedbed' ORDER BY 1",
    )
    return found


def ledger(url: str) -> list[tuple[Any, ...]]:
    """Return the ledger's rows."""
    return execute(url, "SELECT r.* FROM seedbed.rows r ORDER BY table_id, key")
