"""Measuring: a command's wall clock and peak memory, and COPY of rows that are already formatted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Engine, create_engine

from seedbed.servers import Server

BLOCK = 1 << 16
"""Bytes per write to COPY: what psql sends at a time."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a process took: wall-clock seconds from start to exit, and peak resident MiB."""

    seconds: float
    peak: float


def run(command: Sequence[str]) -> Ran:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; its own words are shown.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{' '.join(command)}\n{said.decode()}")
    return Ran(seconds, usage.ru_maxrss / 1024)


def seedbed(*arguments: str) -> Ran:
    """Run the seedbed command of this environment."""
    return run([sys.executable, "-m", "seedbed", *arguments])


@contextmanager
def database(server: Server, name: str) -> Iterator[str]:
    """Make an empty database for the length of a block."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield server.url(name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def engine_of(url: str) -> Engine:
    """Return a SQLAlchemy engine on a database."""
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))


def create_schema(url: str) -> list[str]:
    """Create the payroll tables, indexes and triggers; return the tables, parents first."""
    from factories.models import Base

    engine = engine_of(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return [table.name for table in Base.metadata.sorted_tables]


def copy_out(url: str, tables: Sequence[str], folder: Path) -> int:
    """Write each table to a file in COPY's text format; return the number of rows."""
    rows = 0
    with psycopg.connect(url) as connection:
        for table in tables:
            command = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with (folder / table).open("wb") as file, connection.cursor() as cursor:
                with cursor.copy(command) as copy:
                    for block in copy:
                        file.write(block)
                rows += cursor.rowcount
    return rows


def copy_in(url: str, tables: Sequence[str], folder: Path) -> float:
    """Load the files as psql's \\copy would, in one transaction on one connection; return the seconds."""
    started = time.perf_counter()
    with psycopg.connect(url) as connection:
        for table in tables:
            command = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            with (
                (folder / table).open("rb") as file,
                connection.cursor() as cursor,
                cursor.copy(command) as copy,
            ):
                while block := file.read(BLOCK):
                    copy.write(block)
    return time.perf_counter() - started
