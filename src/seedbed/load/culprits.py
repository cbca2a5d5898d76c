"""Which row of an UPDATE the server did not take: it does not say, so it is asked again, in halves, and everything rolled back."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
from psycopg import Connection, sql

from seedbed.errors import SeedbedError
from seedbed.load.failures import Blurred, explained
from seedbed.load.session import transaction
from seedbed.load.staging import staged
from seedbed.load.updating import differing_in, stage_columns, statement
from seedbed.load.work import Positions, Works


def find_culprit(connection: Connection[Any], works: Works, failure: Blurred) -> SeedbedError:
    """Return the error to raise for an UPDATE: with the row, where repeating it in halves shows which."""
    work, names, nobody = failure.work, failure.names, np.empty(0, dtype=np.int64)
    rows = differing_in(work, np.array(sorted(work.changes), dtype=np.int64), names)
    try:
        with (
            transaction(connection, keep=True),
            staged(connection, stage_columns(works, work, rows, names)) as stage,
        ):
            rows = _halved(connection, statement(work, stage, names), rows, failure.error)
    except psycopg.Error:
        rows = nobody
    return explained(work, rows, names, failure.error)


def _halved(
    connection: Connection[Any], update: sql.Composed, rows: Positions, error: psycopg.Error
) -> Positions:
    """Return the first row that the error is about, or no row if none is by itself."""
    part = update + sql.SQL(" AND s.position BETWEEN %s AND %s")
    while len(rows) > 1:
        half = rows[: len(rows) // 2]
        refused = _fails(connection, part, half, error)
        rows = half if refused else rows[len(half) :]
    return rows if _fails(connection, part, rows, error) else rows[:0]


def _fails(
    connection: Connection[Any], part: sql.Composed, rows: Positions, error: psycopg.Error
) -> bool:
    try:
        with connection.transaction():
            connection.execute(part, [int(rows[0]), int(rows[-1])])
    except psycopg.DatabaseError as found:
        # Another error than the one to be explained may come of rows that are not there in this transaction.
        return (found.sqlstate, found.diag.constraint_name) == (
            error.sqlstate,
            error.diag.constraint_name,
        )
    return False
