"""A run's first half, the same for plan and apply: everything up to the first write.

Read the target and the ledger, bind the dataset, check every value, compare. All findings of a kind are collected before any of
them is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from psycopg import Connection

from seedbed import ledger, target
from seedbed.dataset import Dataset, TableName
from seedbed.errors import DatabaseFailure, Finding, InvalidInput
from seedbed.ledger import Entry, Known
from seedbed.load import emptying, schema
from seedbed.load.binding import Binding, bind, chosen, parents
from seedbed.load.casting import refused_texts
from seedbed.load.checking import Checks
from seedbed.load.circles import route
from seedbed.load.comparing import compare, is_empty
from seedbed.load.examining import lost_references
from seedbed.load.order import parents_first
from seedbed.load.privileges import lacking
from seedbed.load.run import Leaving, Run, Scope, raise_findings
from seedbed.load.work import Work, Works
from seedbed.request import now
from seedbed.source import Source
from seedbed.target import Table, Target

AHEAD = 200_000
"""From how many rows on a first run writes tables while later ones are still being computed.

Below, nothing is gained, and checking every value before the first write keeps sequences where they are when one is wrong.
"""


@contextmanager
def prepared(
    connection: Connection[Any],
    source: Source,
    scope: Scope,
    told: Callable[[str, str, int, int], None] = lambda *_: None,
) -> Iterator[Run]:
    """Read, bind, check and compare, for the length of a block.

    The values are computed in another thread while the server reads the ledger. Where there is nothing to compare with, the block
    begins before they are all there, and asks for each table's (`Run.ready`).

    Args:
        connection: in the run's transaction.
        told: is told a table's name, what is being done, and how many rows of how many.

    Raises:
        InvalidInput: the dataset does not fit the database; all findings of the first kind met.
        DatabaseFailure: the role lacks privileges.
    """
    has_ledger = ledger.exists(connection)
    kept = ledger.kept_as_of(connection, source.profile) if has_ledger else None
    moment = source.as_of or kept or now()
    dataset = source.evaluate(moment)
    created = _ensure_schema(connection, source, scope)
    entries = ledger.entries(connection) if has_ledger else {}
    entries = ledger.without_numbers(entries) if scope.copied else entries
    live = target.read(connection, [*dataset.tables, *entries])
    written, findings = chosen(dataset, scope.only, scope.skip)
    bindings, more = bind(dataset, live, written)
    raise_findings(f"the profile {dataset.profile} does not fit the database", findings + more)
    run = _run(dataset, live, bindings, entries, created)
    leaving = [] if scope.only else _left_tables(run, scope)
    _check_privileges(connection, run, leaving, writing=scope.writing)

    def checking(work: Work) -> None:
        """Tell that a table's values are being checked."""
        told(run.name(work.table.name), "checking", 0, work.size)

    with Checks(run.works, run.written, checking) as run.checks:
        if scope.clean:
            _look_at_contents(connection, run, lock=scope.writing)
        _look(connection, run, leaving, adopt=scope.adopt)
        _compare(connection, run, ahead=scope.writing)
        if has_ledger:
            _note_switch(connection, run)
        _note(run)
        yield run


def _compare(connection: Connection[Any], run: Run, *, ahead: bool) -> None:
    lost = [f for work in run.written for f in lost_references(run.works, work)]
    raise_findings("rows refer to rows that are not there", lost)
    if ahead and run.fresh and run.size >= AHEAD:
        for work in run.written:
            work.create = np.arange(work.size)
        return
    run.ready_all(lambda: refused_texts(connection, run.written))
    findings = [f for work in run.written for f in compare(connection, run.works, work)]
    raise_findings("the database cannot be brought to what the profile says", findings)


def _ensure_schema(connection: Connection[Any], source: Source, scope: Scope) -> list[str]:
    schema.require_extensions(connection, source.extensions)
    if source.metadata is None:
        return []
    metadata = source.metadata()
    if not schema.missing(connection, metadata):
        return []
    return schema.create(connection, metadata, source.extensions, allowed=scope.create)


def _run(
    dataset: Dataset,
    live: Target,
    bindings: dict[TableName, Binding],
    entries: dict[TableName, Entry],
    created: list[str],
) -> Run:
    by_live = {binding.table.name: binding for binding in bindings.values()}
    if len(by_live) < len(bindings):
        names = ", ".join(sorted(map(str, bindings)))
        raise InvalidInput(f"two of the profile's tables are the same one in the database: {names}")
    groups = parents_first(by_live, parents(bindings))
    works = Works({name: Work(by_live[name]) for group in groups for name in group})
    shown = {binding.table.name: str(name) for name, binding in bindings.items()}
    way = route({name: work.table for name, work in works.items()})
    return Run(dataset, live, works, way, entries, created=created, names=shown)


def _left_tables(run: Run, scope: Scope) -> list[tuple[Table, Entry]]:
    found = []
    for name, entry in run.entries.items():
        if name in run.works or {run.name(name), name.name} & set(scope.skip):
            continue
        table = run.target.tables.get(name)
        if table is None:
            run.lost.append(entry)
        else:
            found.append((table, entry))
    return found


def _check_privileges(
    connection: Connection[Any], run: Run, leaving: Iterable[tuple[Table, Entry]], *, writing: bool
) -> None:
    tables = [work.table for work in run.written] + [table for table, _ in leaving]
    findings = lacking(connection, tables, writing=writing)
    if findings:
        raise DatabaseFailure("the role lacks privileges", findings=findings)


def _look_at_contents(connection: Connection[Any], run: Run, *, lock: bool) -> None:
    """Find out whose rows the tables hold that are emptied first."""
    tables = [work.table for work in run.written]
    if lock:
        emptying.lock(connection, tables)
    run.emptied = emptying.contents(connection, tables, run.entries)


def _look(
    connection: Connection[Any], run: Run, leaving: list[tuple[Table, Entry]], *, adopt: bool
) -> None:
    """Read the ledger, and the live rows it speaks of.

    Raises:
        Drift: it speaks of other tables, or of other keys.
    """
    emptied = {one.table.name for one in run.emptied}
    places = ledger.places_of(connection, run.entries.values())
    findings = [ledger.other_name(entry, places) for entry in run.lost]
    for name, work in run.works.items():
        if name in emptied:
            work.locate(ledger.NONE_KNOWN, None)
            work.empty = True
            continue
        entry = run.entries.get(name)
        known = ledger.NONE_KNOWN
        if entry:
            known, finding = _known(connection, entry, work.table, places, adopt=adopt)
            findings.append(finding)
        work.locate(known, entry)
        work.empty = not len(known.keys) and is_empty(connection, work.table)
    for table, entry in leaving:
        known, finding = _known(connection, entry, table, places, adopt=adopt)
        findings.append(finding)
        run.leaving.append(Leaving(table, entry, known))
    ledger.refuse_misfits(findings)


def _known(
    connection: Connection[Any],
    entry: Entry,
    table: Table,
    places: Mapping[int, str],
    *,
    adopt: bool,
) -> tuple[Known, Finding | None]:
    """Return the ledger's rows of a table, or what is wrong where they are not to be looked for in it."""
    finding = ledger.other_key(entry, table)
    if finding:
        return ledger.NONE_KNOWN, finding
    known = ledger.known_rows(connection, entry, table)
    return known, None if adopt else ledger.other_table(entry, table, known, places)


def _note_switch(connection: Connection[Any], run: Run) -> None:
    """Say which profile's rows are pruned, where another one was applied before."""
    profile, at = ledger.last_made(connection)
    pruned = sum(len(each.gone) for each in run.touched)
    if profile is not None and profile != run.dataset.profile and pruned:
        rows = "1 of its rows is" if pruned == 1 else f"{pruned} of its rows are"
        run.notes.append(
            f"the database holds the profile {profile}, applied {at:%Y-%m-%d %H:%M} UTC: {rows} not in {run.dataset.profile} and pruned"
        )


def _note(run: Run) -> None:
    """Say what is not an error and still worth knowing."""
    for work in run.written:
        name = run.name(work.table.name)
        index = work.binding.key_index
        if work.binding.natural_key and (index is None or index.weakness):
            why = (
                f"its unique index cannot be relied on, {index.weakness}"
                if index
                else "it has no unique index"
            )
            key = ", ".join(work.binding.natural_key)
            run.notes.append(f"{name}: natural key ({key}): {why}; the ledger tells the rows apart")
        if len(work.moved):
            rows = "1 row gets" if len(work.moved) == 1 else f"{len(work.moved)} rows get"
            run.notes.append(f"{name}: {rows} another key and, as others refer to it, made anew")
        if work.recreated:
            rows = "1 row was" if work.recreated == 1 else f"{work.recreated} rows were"
            anew = "is made anew" if work.recreated == 1 else "are made anew"
            run.notes.append(f"{name}: {rows} deleted by somebody and {anew}")
