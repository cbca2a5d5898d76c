"""Rows as one script for psql: COPY with the rows in it, parents first, and what has to follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from psycopg import sql

from seedbed.dataset import Dataset
from seedbed.errors import InvalidInput
from seedbed.export.rows import Exported, serial_column
from seedbed.load.circles import Route, route
from seedbed.load.copying import CHUNK, copy_text
from seedbed.target import Table, qualified

LATER = sql.Identifier("seedbed_later")
"""The temporary table of the references that are filled in when all rows are there."""


def write_script(dataset: Dataset, rows: Exported, file: Path) -> Path:
    """Write all tables into one script that loads them into empty ones, and return the file.

    Raises:
        InvalidInput: tables refer to each other in a circle of foreign keys that are neither nullable nor deferrable.
    """
    way = _way(rows)
    tables = [rows.works[name].table for group in way.groups for name in group]
    with file.open("wb") as script:
        script.write(_head(dataset).encode())
        for table in tables:
            for block in _load(table, rows.frame(table.name), way):
                script.write(block)
        for table in tables:
            for block in _fill(table, rows.frame(table.name), way):
                script.write(block)
        script.write(b"COMMIT;\n")
    return file


def _way(rows: Exported) -> Route:
    """Return the order that psql can load the tables in, and what goes round circles."""
    way = route({name: rows.works[name].table for name in rows.tables})
    for group in way.groups:
        if len(group) > 1:
            circle = " -> ".join(str(name) for name in (*group, group[0]))
            raise InvalidInput(
                f"tables refer to each other in a circle: {circle}",
                remedy="A script cannot load them: make one foreign key DEFERRABLE or nullable, export as csv, "
                "or apply instead.",
            )
    return way


def _head(dataset: Dataset) -> str:
    return (
        f"-- The profile {dataset.profile} as of {dataset.as_of.isoformat()}, scale {dataset.scale:g}. "
        "Load it into empty tables: psql -f\n"
        "\\set ON_ERROR_STOP on\n"
        "BEGIN;\n"
        "SET LOCAL client_encoding TO 'UTF8';\n"
        "SET LOCAL timezone TO 'UTC';\n"
        "SET LOCAL datestyle TO 'ISO';\n"
        "SET CONSTRAINTS ALL DEFERRED;\n\n"
    )


def _load(table: Table, frame: pl.DataFrame, way: Route) -> Iterator[bytes]:
    """Yield a table's rows, without the references that are filled in later."""
    later = [name for name in way.emptied(table.name) if name in frame.columns]
    yield from _copy(table.qualified, frame.with_columns(pl.lit(None).alias(n) for n in later))
    column = serial_column(table)
    if column is not None:
        yield _set_sequence(table, column).encode()


def _fill(table: Table, frame: pl.DataFrame, way: Route) -> Iterator[bytes]:
    """Yield what sets the references that were left out, by way of a temporary table."""
    for name in way.emptied(table.name):
        if name not in frame.columns or frame[name].null_count() == len(frame):
            continue
        part = frame.select(*table.identity, name).filter(pl.col(name).is_not_null())
        columns = sql.SQL(", ").join(map(sql.Identifier, part.columns))
        made = "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA;\n"
        yield sql.SQL(made).format(LATER, columns, table.qualified).as_string().encode()
        yield from _copy(LATER, part)
        same = sql.SQL(" AND ").join(
            sql.SQL("t.{n} = s.{n}").format(n=sql.Identifier(n)) for n in table.identity
        )
        set_ = sql.SQL("UPDATE {} t SET {n} = s.{n} FROM {} s WHERE {};\nDROP TABLE {};\n\n")
        filled = set_.format(table.qualified, LATER, same, LATER, n=sql.Identifier(name))
        yield filled.as_string().encode()


def _copy(table: sql.Composable, frame: pl.DataFrame) -> Iterator[bytes]:
    columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    yield sql.SQL("COPY {} ({}) FROM stdin;\n").format(table, columns).as_string().encode()
    for start in range(0, len(frame), CHUNK):
        yield copy_text(frame.slice(start, CHUNK))
    yield b"\\.\n\n"


def _set_sequence(table: Table, column: str) -> str:
    name = qualified(table.name)
    statement = sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), max({})) AS {} FROM {};\n\n")
    return statement.format(
        sql.Literal(name.as_string()),
        sql.Literal(column),
        sql.Identifier(column),
        sql.Identifier(table.name.name),
        name,
    ).as_string()
