"""Rows as files: one SQL script for psql, or a CSV, JSON Lines or Parquet file per table."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from polars import selectors

from seedbed.dataset import Dataset
from seedbed.export.json_lines import write_json_lines
from seedbed.export.rows import Exported
from seedbed.export.script import write_script
from seedbed.export.zones import with_offsets, with_zones
from seedbed.target import Table


def write(dataset: Dataset, rows: Exported, kind: str, folder: Path) -> list[Path]:
    """Write a dataset's rows into a folder: all of its files, or, when something fails, none.

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
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".seedbed-export-", dir=folder) as aside:
        drafts = _write(dataset, rows, kind, Path(aside))
        return [draft.replace(folder / draft.name) for draft in drafts]


def _write(dataset: Dataset, rows: Exported, kind: str, folder: Path) -> list[Path]:
    if kind == "sql":
        return [write_script(dataset, rows, folder / f"{dataset.profile}.sql")]
    files = []
    for name in rows.tables:
        file = folder / f"{str(name).replace('/', '%2F')}.{kind}"
        with _systems_errors(file):
            WRITERS[kind](rows, rows.works[name].table, file)
        files.append(file)
    return files


@contextmanager
def _systems_errors(file: Path) -> Iterator[None]:
    """Raise what the system said, such as that the disk is full, as an OSError; polars only quotes it."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        quoted = re.search(r"\(os error (\d+)\)", str(error))
        if quoted is None:
            raise
        number = int(quoted[1])
        raise OSError(number, os.strerror(number), file.name) from None


def _write_csv(rows: Exported, table: Table, file: Path) -> None:
    frame = with_offsets(rows.frame(table.name), table)
    binary = (pl.lit("\\x") + selectors.binary().bin.encode("hex")).name.keep()
    frame.with_columns(binary).write_csv(
        file, datetime_format="%Y-%m-%d %H:%M:%S%.6f", time_format="%H:%M:%S%.6f"
    )


def _write_jsonl(rows: Exported, table: Table, file: Path) -> None:
    write_json_lines(rows.frame(table.name), table, file)


def _write_parquet(rows: Exported, table: Table, file: Path) -> None:
    with_zones(rows.frame(table.name, native=True), table).write_parquet(file)


WRITERS: dict[str, Callable[[Exported, Table, Path], None]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
}
