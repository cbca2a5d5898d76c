"""Temporary tables that hold a part of the profile's rows next to the live ones, for as long as the transaction lasts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
from psycopg import Connection, sql

from seedbed.load.copying import copy_in
from seedbed.load.work import Positions, Work, Works
from seedbed.target import Table

COUNTER = itertools.count(1)
INT8 = sql.SQL("bigint")


def stage(
    connection: Connection[Any], columns: Mapping[str, tuple[sql.Composable, pl.Series]]
) -> sql.Identifier:
    """Make a temporary table of some columns and fill it.

    Args:
        columns: by name, the SQL of the type and the values.
    """
    short = f"seedbed_stage_{next(COUNTER)}"
    name = sql.Identifier("pg_temp", short)
    definitions = [
        sql.SQL("{} {}").format(sql.Identifier(n), kind) for n, (kind, _) in columns.items()
    ]
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(
            sql.Identifier(short), sql.SQL(", ").join(definitions)
        )
    )
    frame = pl.DataFrame([values.alias(column) for column, (_, values) in columns.items()])
    copy_in(connection, name, list(columns), len(frame), frame.slice)
    return name


@contextmanager
def staged(
    connection: Connection[Any], columns: Mapping[str, tuple[sql.Composable, pl.Series]]
) -> Iterator[sql.Identifier]:
    """Give a stage for the length of a block; a failure rolls the transaction back and the stage with it."""
    name = stage(connection, columns)
    yield name
    connection.execute(sql.SQL("DROP TABLE {}").format(name))


def type_of(table: Table, column: str) -> sql.Composable:
    """Return the SQL of a column's type and collation, as the catalogue wrote them."""
    found = table.columns[column]
    collate = f" COLLATE {found.collation}" if found.collation else ""
    return sql.SQL(found.type.name + collate)


def taken(series: pl.Series, positions: Positions) -> pl.Series:
    """Return the values at some positions; all of them without a copy."""
    return series if len(positions) == len(series) else series.gather(pl.Series(positions))


def old_identity(work: Work, positions: Positions) -> dict[str, tuple[sql.Composable, pl.Series]]:
    """Return stage columns k1, k2, ...: where the live rows are."""
    return {
        f"k{number}": (type_of(work.table, name), taken(work.at[name], positions))
        for number, name in enumerate(work.table.identity, 1)
    }


def new_identity(
    works: Works, work: Work, rows: Positions
) -> dict[str, tuple[sql.Composable, pl.Series]]:
    """Return stage columns k1, k2, ...: where rows are once they are written."""
    return {
        f"k{number}": (type_of(work.table, name), taken(works.value(work, name), rows))
        for number, name in enumerate(work.table.identity, 1)
    }


def values(
    works: Works, work: Work, names: tuple[str, ...], positions: Positions
) -> dict[str, tuple[sql.Composable, pl.Series]]:
    """Return stage columns v1, v2, ...: what the profile says."""
    return {
        f"v{number}": (type_of(work.table, name), taken(works.value(work, name), positions))
        for number, name in enumerate(names, 1)
    }


def on_identity(table: Table, live: str = "t", ours: str = "s") -> sql.Composable:
    """Return the SQL that joins a live row with its stage row."""
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(live, name), sql.Identifier(ours, f"k{number}"))
        for number, name in enumerate(table.identity, 1)
    )
