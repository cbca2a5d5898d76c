"""What seedbed knows about a database, and what became of its rows since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import namedtuple_row

from seedbed import guard, ledger, target
from seedbed.environment import Patterns, Site, Stamp
from seedbed.ledger import EDITED, MISSING
from seedbed.load.destroying import misfit
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, transaction
from seedbed.settings import Said

SHOWN = 10
"""How many of the latest runs a status holds."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, as the ledger wrote it down.

    Attributes:
        action: apply, reset, destroy or forget.
        outcome: changed, unchanged, or, of a destroy, ``kept some``.
        counts: by table, the plan's counts.
        seconds: how long it took.
        who: the role.
    """

    number: int
    action: str
    outcome: str
    profile: str | None
    environment: str | None
    as_of: datetime | None
    scale: float | None
    seed: str | None
    minimal: bool | None
    counts: Mapping[str, Mapping[str, int]]
    started_at: datetime
    seconds: float
    who: str


@dataclass(frozen=True, slots=True)
class TableStatus:
    """The rows of ours in one table.

    Attributes:
        rows: how many we own.
        edited: how many of them somebody changed since.
        missing: how many of them somebody deleted.
        named: how many are hand-picked.
        problem: why they cannot be looked for where the ledger says; then all of them count as missing.
    """

    table: str
    rows: int
    edited: int = 0
    missing: int = 0
    named: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What seedbed knows about a database.

    Attributes:
        database: its name.
        environment: what it is taken for.
        stamp: what is written in it about that, or None.
        profile: the profile its rows were last made by; None where none of ours are in it.
        runs: the latest runs, newest first.
        tables: by name.
    """

    database: str
    environment: str
    stamp: Stamp | None
    profile: str | None
    runs: tuple[RunRecord, ...]
    tables: Mapping[str, TableStatus]

    @property
    def drifted(self) -> bool:
        """Whether somebody edited or deleted rows of ours, or their tables are not the same."""
        tables = self.tables.values()
        return any(table.edited or table.missing or table.problem for table in tables)


def status(url: str, *, said: Said | None = None, patterns: Patterns | None = None) -> Status:
    """Return what seedbed knows about a database; writes nothing.

    Args:
        url: the database.
        said: what the operator says it is for.
        patterns: what the project says of names; the project of the current folder by default.
    """
    with connect(url) as connection, translating_errors(), transaction(connection, keep=False):
        verdict = guard.assess(connection, guard.Case(said=said, patterns=patterns))
        there = ledger.exists(connection)
        runs = _runs(connection) if there else ()
        return Status(
            database=verdict.site.database,
            environment=str(verdict.environment),
            stamp=verdict.site.stamp,
            profile=ledger.active_profile(connection) if there else None,
            runs=runs,
            tables=_tables(connection, verdict.site) if there else {},
        )


def _runs(connection: Connection[Any]) -> tuple[RunRecord, ...]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows = cursor.execute(
            "SELECT id AS number, action, outcome, profile, environment, as_of, scale, seed, minimal, counts, "
            "started_at, seconds, who FROM seedbed.runs ORDER BY id DESC LIMIT %s",
            [SHOWN],
        ).fetchall()
    return tuple(RunRecord(**row._asdict()) for row in rows)


def _tables(connection: Connection[Any], site: Site) -> dict[str, TableStatus]:
    entries = ledger.entries(connection)
    entries = ledger.without_numbers(entries) if site.copied else entries
    live = target.read(connection, entries)
    places = ledger.places_of(connection, entries.values())
    found = {}
    for name, entry in entries.items():
        short = live.shown(name)
        table = live.tables.get(name)
        named = len(ledger.names(connection, entry))
        wrong = misfit(connection, entry, table, places)
        if table is None or wrong:
            count = ledger.count(connection, entry)
            problem = f"{wrong.problem} ({wrong.remedy})" if wrong else ""
            found[short] = TableStatus(short, count, missing=count, named=named, problem=problem)
            continue
        states = ledger.known_rows(connection, entry, table).states
        edited, missing = int((states == EDITED).sum()), int((states == MISSING).sum())
        found[short] = TableStatus(short, len(states), edited, missing, named)
    return found
