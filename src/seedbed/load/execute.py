"""A run's second half: the writes, in an order that no foreign key and no unique key minds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.dataset import TableName
from seedbed.errors import Drift, Finding
from seedbed.load import emptying, recording, updating, writing
from seedbed.load.failures import located_among
from seedbed.load.pruning import Doomed, delete_free, doom, hold_unedited, release
from seedbed.load.run import Run
from seedbed.load.work import Positions, Work

TellProgress = Callable[[str, str, int, int], None]
"""Is told a table's name, what is being done, and how many rows of how many."""


def carry_out(
    connection: Connection[Any], run: Run, told: TellProgress, *, overwrite: bool
) -> None:
    """Write a run: prune what is free, empty, create, update, prune the rest, measure, and tell the ledger.

    Args:
        overwrite: whether rows that somebody edited are brought back.
    """
    _defer(connection, run)
    doomed = doom_leaving(connection, run, edited=overwrite)
    report = _Report(run, told)
    if not overwrite:
        hold_unedited(connection, doomed)
    if doomed:  # now, for it frees unique values that new rows may want
        deleted, held = delete_free(connection, doomed)
        report.pruned(deleted)
        if held:
            release(connection, doomed)
    if run.emptied:
        emptying.empty(connection, run.emptied)
        report.emptied()
    for work in run.written:
        writing.draw_identities(connection, work)
    _create(connection, run, report, overwrite=overwrite)
    for work in run.written:
        rows = updating.to_update(work, overwrite)
        early = updating.freed_first(work, rows)
        names = tuple(name for name in updating.differing(work, rows) if name not in early)
        updating.update(connection, run.works, work, rows, names, report)
    if doomed:
        _prune_rest(connection, run, doomed, report)
    with located_among(run.written):
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _tell_ledger(connection, run, overwrite=overwrite)


class _Report:
    """Adds up rows per table and phase for a progress callback."""

    def __init__(self, run: Run, told: TellProgress) -> None:
        self.run, self.told = run, told
        self.done: dict[tuple[str, str], int] = {}

    def __call__(self, work: Work, phase: str, rows: int) -> None:
        name = self.run.name(work.table.name)
        self.done[name, phase] = self.done.get((name, phase), 0) + rows
        total = len(work.create) if phase == "writing" else rows
        self.told(name, phase, self.done[name, phase], total)

    def pruned(self, deleted: Mapping[TableName, int]) -> None:
        """Tell of deleted rows."""
        for table, rows in deleted.items():
            if rows:
                self.told(self.run.name(table), "pruning", rows, rows)

    def emptied(self) -> None:
        """Tell of emptied tables."""
        for one in self.run.emptied:
            if one.rows:
                self.told(self.run.name(one.table.name), "emptying", one.rows, one.rows)


def _defer(connection: Connection[Any], run: Run) -> None:
    names = [sql.Identifier(key.table.schema, key.name) for key in run.route.deferred]
    if names:
        connection.execute(sql.SQL("SET CONSTRAINTS {} DEFERRED").format(sql.SQL(", ").join(names)))


def doom_leaving(connection: Connection[Any], run: Run, *, edited: bool) -> dict[TableName, Doomed]:
    """Stage the rows that left the profile for deletion, by table.

    Args:
        edited: also those that somebody edited.
    """
    found = {}
    for each in run.touched:
        places = np.concatenate([each.gone, each.gone_edited]) if edited else each.gone
        if len(places) and each.entry:
            keys = each.known.keys[places]
            found[each.table.name] = doom(connection, each.table, each.entry, keys)
    return found


def _create(connection: Connection[Any], run: Run, report: _Report, *, overwrite: bool) -> None:
    for group in run.route.groups:
        works = [run.works[name] for name in group if run.works[name].binding.written]
        for work in works:
            run.ready(work)
            rows = updating.to_update(work, overwrite)
            names = updating.freed_first(work, rows)
            updating.update(connection, run.works, work, rows, names, report)
        if len(works) > 1:
            writing.insert_together(connection, run.works, works, report)
        elif works:
            writing.insert(connection, run.works, works[0], run.route, report)
    for work in run.written:
        updating.fill(connection, run.works, work, run.route)


def _prune_rest(
    connection: Connection[Any], run: Run, doomed: dict[TableName, Doomed], report: _Report
) -> None:
    deleted, held = delete_free(connection, doomed)
    report.pruned(deleted)
    if held:
        raise Drift(
            "rows that left the profile cannot be deleted, for others depend on them",
            findings=[Finding(run.name(one.table), str(one)) for one in held],
        )


def _tell_ledger(connection: Connection[Any], run: Run, *, overwrite: bool) -> None:
    for work in run.written:
        parts = [work.create, work.update, work.adopt, work.refresh]
        rows = np.sort(np.concatenate([*parts, *([work.edited] if overwrite else [])]))
        if len(rows) or len(work.forget) or len(work.renamed):
            recording.record(connection, run.works, work, rows)
    for leaving in run.leaving:
        recording.forget(connection, leaving.entry, leaving.known.keys[leaving.forget])
    for entry in run.lost:
        recording.forget_table(connection, entry)
    ledger.note_tables(connection, [each.table for each in run.touched])
    if _triggers_fired(run):
        for entry in ledger.entries(connection).values():
            table = run.target.tables.get(entry.table)
            if table:
                edited = ledger.NOTHING if overwrite else _edited_keys(run, entry.table)
                recording.remeasure(connection, table, entry, edited)


def _triggers_fired(run: Run) -> bool:
    fired = any(
        ("INSERT" in work.table.triggers and len(work.create))
        or (
            "UPDATE" in work.table.triggers
            and (len(work.update) or len(work.edited) or len(work.adopt))
        )
        or ("DELETE" in work.table.triggers and (len(work.gone) or len(work.gone_edited)))
        for work in run.written
    )
    fired = fired or any("DELETE" in one.table.triggers for one in run.emptied if one.rows)
    return fired or any("DELETE" in leaving.table.triggers for leaving in run.leaving)


def _edited_keys(run: Run, table: TableName) -> Positions:
    work = run.works.get(table)
    if work is None:
        return ledger.NOTHING
    keys: Positions = work.known.keys[work.known.states == ledger.EDITED]
    return keys
