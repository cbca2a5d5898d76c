"""What an UPDATE passes on: a key of ours that rows of others refer to with ON UPDATE CASCADE would change these rows as well."""

from __future__ import annotations

from typing import Any

import polars as pl
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.errors import Finding, so_many_rows
from seedbed.load.run import Run
from seedbed.load.staging import INT8, old_identity, on_identity, staged
from seedbed.load.updating import differing_in, to_update
from seedbed.load.work import Positions, Work
from seedbed.target import ForeignKey


def passed_on(
    connection: Connection[Any], run: Run, *, overwrite: bool, lock: bool
) -> list[Finding]:
    """Return the rows that are not in the plan and would be changed with rows that are.

    Args:
        overwrite: whether rows that somebody edited are brought back.
        lock: let nobody begin to refer to these rows after the look; who was about to is waited for.
    """
    findings = []
    for work in run.written:
        for key in work.table.referrers:
            rows = differing_in(work, to_update(work, overwrite), key.parent_columns)
            if key.on_update == "c" and len(rows):
                child = run.works.get(key.table)
                findings += _reached(connection, work, key, rows, child, lock=lock)
    return findings


def _reached(
    connection: Connection[Any],
    work: Work,
    key: ForeignKey,
    rows: Positions,
    child: Work | None,
    *,
    lock: bool,
) -> list[Finding]:
    columns = {"position": (INT8, pl.Series(rows)), **old_identity(work, rows)}
    with staged(connection, columns) as stage:
        join = sql.SQL("FROM {} s JOIN {} t ON {}").format(
            stage, work.table.live, on_identity(work.table)
        )
        if lock:
            connection.execute(
                sql.SQL("SELECT count(*) FROM (SELECT {} FOR UPDATE OF t) locked").format(join)
            )
        query = sql.SQL("SELECT count(*) {} JOIN {} c ON {}{}").format(
            join,
            key.child,
            key.refers,
            _not_ours(child),
        )
        row = connection.execute(query).fetchone()
    count = row[0] if row else 0
    if not count:
        return []
    problem = f"{so_many_rows(count)} of {key.table} ({', '.join(key.columns)}) would be changed with it (ON UPDATE CASCADE)"
    where = f"{work.table.name} ({', '.join(key.parent_columns)})"
    return [Finding(where, problem, "keep the value, or change these rows yourself")]


def _not_ours(child: Work | None) -> sql.Composable:
    if child is None or child.entry is None or not child.binding.written:
        return sql.SQL("")
    return sql.SQL(
        " WHERE NOT EXISTS (SELECT FROM seedbed.rows r WHERE r.table_id = {} AND {})"
    ).format(child.entry.id, ledger.same_row(child.table, "c"))
