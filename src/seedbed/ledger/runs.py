"""The runs: which profile was applied when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from seedbed.ledger.schema import exists

WRITING = ("apply", "reset")
"""The actions after which the rows are a profile's."""


def active_profile(connection: Connection[Any]) -> str | None:
    """Return the profile that the rows were last made by; None where they were destroyed since."""
    return last_made(connection)[0]


def last_made(connection: Connection[Any]) -> tuple[str, datetime] | tuple[None, None]:
    """Return the profile that the rows were last made by, and when that was; nothing where they were destroyed since."""
    row = connection.execute(
        "SELECT profile, started_at FROM seedbed.runs WHERE action = ANY (%s) ORDER BY id DESC LIMIT 1",
        [[*WRITING, "destroy"]],
    ).fetchone()
    return (row[0], row[1]) if row and row[0] else (None, None)


def kept_as_of(connection: Connection[Any], profile: str) -> datetime | None:
    """Return the moment the rows of a profile were last made for, since the last destroy."""
    row = connection.execute(
        "SELECT as_of FROM seedbed.runs WHERE action = ANY (%s) AND profile = %s AND id > coalesce("
        "(SELECT max(id) FROM seedbed.runs WHERE action = 'destroy'), 0) ORDER BY id DESC LIMIT 1",
        [list(WRITING), profile],
    ).fetchone()
    return row[0] if row else None


def record_run(connection: Connection[Any], values: Mapping[str, Any]) -> tuple[int, str]:
    """Write down a run; return its number and its transaction's."""
    statement = sql.SQL("INSERT INTO seedbed.runs ({}) VALUES ({}) RETURNING id, xid::text").format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    row = connection.execute(statement, list(values.values())).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def last_change(connection: Connection[Any]) -> int:
    """Return the number of the last run that changed something, 0 where there was none."""
    if not exists(connection):
        return 0
    query = "SELECT coalesce(max(id), 0) FROM seedbed.runs WHERE outcome <> 'unchanged'"
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
