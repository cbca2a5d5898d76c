"""Rows as files: one SQL script for psql, or a CSV, JSON Lines or Parquet file per table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import polars as pl
from psycopg import sql

from seedbed.dataset import Dataset, TableName
from seedbed.errors import InvalidInput
from seedbed.export.rows import Exported, serial_column
from seedbed.load.copying import CHUNK, copy_text
from seedbed.load.order import parents_first
from seedbed.target import Table, qualified

JSONS = ("json", "jsonb")


def write(dataset: Dataset, rows: Exported, kind: str, folder: Path) -> list[Path]:
    """Write a dataset's rows into a folder.

    Args:
        dataset: where the rows come from.
        rows: the same, numbered.
        kind: ``sql`` (one script), ``csv``, ``jsonl`` or ``parquet`` (a file per table).
        folder: is made if it is missing; files of the same names are replaced.

    Returns:
        The files written.

    Raises:
        InvalidInput: the tables refer to each other in a circle that a script cannot load.
    """
    if kind == "sql":
        order = _loadable(rows)
        folder.mkdir(parents=True, exist_ok=True)
        return [_write_script(dataset, rows, order, folder / f"{dataset.profile}.sql")]
    folder.mkdir(parents=True, exist_ok=True)
    writer = WRITERS[kind]
    files = []
    for name in rows.tables:
        file = folder / f"{name}.{kind}"
        writer(rows.frame(name, native=kind != "csv"), rows.works[name].table, file)
        files.append(file)
    return files


def _loadable(rows: Exported) -> list[TableName]:
    """Return the tables in an order that psql can load them in, constraints deferred where they can be."""
    tables = {name: rows.works[name].table for name in rows.tables}
    binding = {
        name: [key.parent for key in table.foreign_keys if not key.deferrable]
        for name, table in tables.items()
    }
    groups = parents_first(tables, binding)
    for group in groups:
        if len(group) > 1:
            circle = " -> ".join(str(name) for name in (*group, group[0]))
            raise InvalidInput(
                f"tables refer to each other in a circle: {circle}",
                remedy="A script cannot load them: make one foreign key DEFERRABLE, export as csv, or apply instead.",
            )
    return [name for group in groups for name in group]


def _write_script(dataset: Dataset, rows: Exported, order: list[TableName], file: Path) -> Path:
    with file.open("wb") as script:
        script.write(_head(dataset).encode())
        for name in order:
            table = rows.works[name].table
            for block in _copy_block(table, rows.frame(name)):
                script.write(block)
            script.write(_set_sequence(table).encode())
        script.write(b"COMMIT;\n")
    return file


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


def _copy_block(table: Table, frame: pl.DataFrame) -> Iterator[bytes]:
    columns = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    head = sql.SQL("COPY {} ({}) FROM stdin;\n").format(qualified(table.name), columns)
    yield head.as_string().encode()
    for start in range(0, len(frame), CHUNK):
        yield copy_text(frame.slice(start, CHUNK))
    yield b"\\.\n\n"


def _set_sequence(table: Table) -> str:
    column = serial_column(table)
    if column is None:
        return ""
    name = qualified(table.name)
    statement = sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), max({})) AS {} FROM {};\n\n")
    return statement.format(
        sql.Literal(name.as_string()),
        sql.Literal(column),
        sql.Identifier(column),
        sql.Identifier(table.name.name),
        name,
    ).as_string()


def _write_csv(frame: pl.DataFrame, _table: Table, file: Path) -> None:
    binary = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    frame = frame.with_columns("\\x" + pl.col(binary).bin.encode("hex")) if binary else frame
    frame.write_csv(file, datetime_format="%Y-%m-%d %H:%M:%S%.6f")


def _write_jsonl(frame: pl.DataFrame, table: Table, file: Path) -> None:
    documents = [n for n in frame.columns if table.columns[n].type.base in JSONS]
    with file.open("wb") as stream:
        for row in frame.iter_rows(named=True):
            for name in documents:
                row[name] = None if row[name] is None else json.loads(row[name])
            _write_line(row, stream)


def _write_line(row: dict[str, object], stream: BinaryIO) -> None:
    stream.write(json.dumps(row, ensure_ascii=False, default=_json).encode())
    stream.write(b"\n")


def _json(value: object) -> object:
    if isinstance(value, Decimal):
        number = float(value)  # whose shortest text is the value's own, up to 15 digits
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _write_parquet(frame: pl.DataFrame, _table: Table, file: Path) -> None:
    frame.write_parquet(file)


WRITERS: dict[str, Callable[[pl.DataFrame, Table, Path], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}
