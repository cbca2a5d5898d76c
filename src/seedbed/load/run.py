"""A run's first half, the same for plan and apply: everything up to the first write.

Read the target and the ledger, bind the dataset, check every value, compare. All findings of a kind are collected before any of
them is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from psycopg import Connection

from seedbed import ledger, target
from seedbed.dataset import Dataset, Keys, TableName
from seedbed.errors import DatabaseFailure, Finding, InvalidInput
from seedbed.ledger import EDITED, MISSING, Entry, Known
from seedbed.load import schema
from seedbed.load.binding import Binding, bind, chosen, parents
from seedbed.load.checking import Checks
from seedbed.load.circles import Route, route
from seedbed.load.comparing import compare, is_empty
from seedbed.load.order import parents_first
from seedbed.load.privileges import lacking
from seedbed.load.work import Positions, Work, Works
from seedbed.source import Source
from seedbed.target import Table, Target

AHEAD = 200_000
"""From how many rows on a first run writes tables while later ones are still being computed.

Below, nothing is gained, and checking every value before the first write keeps sequences where they are when one is wrong.
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a profile a run is about.

    Attributes:
        only, skip: names of tables; nothing means all, and none.
        create: whether missing tables may be created.
        writing: whether the run will write, and needs the privileges.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    create: bool = True
    writing: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """A table of the ledger that the profile has no rows of: all of its rows leave."""

    table: Table
    entry: Entry
    known: Known

    @property
    def gone(self) -> Positions:
        """Rows as we left them."""
        return np.flatnonzero((self.known.states != MISSING) & (self.known.states != EDITED))

    @property
    def gone_edited(self) -> Positions:
        """Rows somebody edited."""
        return np.flatnonzero(self.known.states == EDITED)

    @property
    def forget(self) -> Positions:
        """Rows somebody deleted."""
        return np.flatnonzero(self.known.states == MISSING)


@dataclass(slots=True)
class Run:
    """Everything that is known before the first write.

    Attributes:
        works: the dataset's tables, parents first, by live name.
        leaving: tables that left the profile.
        created: tables made for this run.
        lost: tables of the ledger that the database no longer has.
        names: by live name, what the dataset calls a table.
    """

    dataset: Dataset
    target: Target
    works: Works
    route: Route
    entries: dict[TableName, Entry]
    leaving: list[Leaving] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    lost: list[Entry] = field(default_factory=list)
    names: dict[TableName, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    checks: Checks | None = None

    @property
    def size(self) -> int:
        """The number of rows this run is about."""
        return sum(work.size for work in self.written)

    @property
    def fresh(self) -> bool:
        """Whether nothing of the profile can be in the database yet, so that there is nothing to compare."""
        return not self.leaving and all(
            not len(work.known.keys) and (work.empty or not work.binding.natural_key)
            for work in self.written
        )

    def ready(self, work: Work) -> None:
        """Wait for a table's values.

        Raises:
            InvalidInput: they cannot be written, or those of another table; then all the findings of all tables are waited for.
        """
        assert self.checks is not None
        if self.checks.of(work):
            self.ready_all()

    def ready_all(self) -> None:
        """Wait for the values of all tables.

        Raises:
            InvalidInput: some cannot be written.
        """
        assert self.checks is not None
        name = self.dataset.profile
        _raise(f"the profile {name} has values the database cannot hold", self.checks.all())

    @property
    def touched(self) -> list[Work | Leaving]:
        """The tables this run writes or empties."""
        return [*self.written, *self.leaving]

    @property
    def written(self) -> list[Work]:
        """The tables this run writes, parents first."""
        return [work for work in self.works.values() if work.binding.written]

    def name(self, table: TableName) -> str:
        """Return a table's name as the profile's author knows it."""
        return self.names.get(table, self.target.shown(table))


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
    moment = source.as_of or kept or datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    dataset = source.evaluate(moment)
    created = _ensure_schema(connection, source, scope)
    entries = ledger.entries(connection) if has_ledger else {}
    live = target.read(connection, [*dataset.tables, *entries])
    written, findings = chosen(dataset, scope.only, scope.skip)
    bindings, more = bind(dataset, live, written)
    _raise(f"the profile {dataset.profile} does not fit the database", findings + more)
    run = _run(dataset, live, bindings, entries, created)
    leaving = [] if scope.only else _left_tables(run, scope)
    _check_privileges(connection, run, leaving, writing=scope.writing)

    def checking(work: Work) -> None:
        told(run.name(work.table.name), "checking", 0, work.size)

    with Checks(run.works, run.written, checking) as run.checks:
        _look(connection, run, leaving)
        _compare(connection, run, ahead=scope.writing)
        _note(run)
        yield run


def _compare(connection: Connection[Any], run: Run, *, ahead: bool) -> None:
    lost = [f for work in run.written for f in run.works.lost_references(work)]
    _raise("rows refer to rows that are not there", lost)
    if ahead and run.fresh and run.size >= AHEAD:
        for work in run.written:
            work.create = np.arange(work.size)
        return
    run.ready_all()
    findings = [f for work in run.written for f in compare(connection, run.works, work)]
    _raise("the database cannot be brought to what the profile says", findings)


def _raise(message: str, findings: list[Finding]) -> None:
    if findings:
        raise InvalidInput(message, findings=findings)


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


def _look(connection: Connection[Any], run: Run, leaving: list[tuple[Table, Entry]]) -> None:
    """Read the ledger, and the live rows it speaks of."""
    findings = []
    for name, work in run.works.items():
        entry = run.entries.get(name)
        if entry and entry.identity != work.table.identity:
            findings.append(_other_identity(entry, work.table))
            continue
        known = ledger.known_rows(connection, entry, work.table) if entry else ledger.NONE_KNOWN
        work.locate(known, entry)
        work.empty = not len(known.keys) and is_empty(connection, work.table)
    for table, entry in leaving:
        if entry.identity != table.identity:
            findings.append(_other_identity(entry, table))
        else:
            run.leaving.append(Leaving(table, entry, ledger.known_rows(connection, entry, table)))
    _raise("the ledger does not fit the database", findings)


def _other_identity(entry: Entry, table: Table) -> Finding:
    return Finding(
        str(table.name),
        f"its rows were written with the identity ({', '.join(entry.identity)}), now it is ({', '.join(table.identity)})",
        "put the old key back, or make seedbed forget the table: delete it from seedbed.tables and its rows (table_id "
        f"{entry.id}) from seedbed.rows",
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


def keys_to_prune(each: Work | Leaving, *, edited: bool) -> Keys:
    """Return the ledger keys of the rows that leave the database; those somebody edited only where that was asked for."""
    places = np.concatenate([each.gone, each.gone_edited]) if edited else each.gone
    keys: Keys = each.known.keys[places]
    return keys
