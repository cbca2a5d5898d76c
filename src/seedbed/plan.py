"""The difference between a profile and a database, table by table; finding it out writes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import Connection

from seedbed import guard, ledger
from seedbed.errors import Finding
from seedbed.ledger import NOTHING
from seedbed.load.failures import translated
from seedbed.load.pruning import Owned, doom, holders, what_holds
from seedbed.load.run import Leaving, Run, Scope, keys_to_prune, prepared
from seedbed.load.session import connect, transaction
from seedbed.load.work import Positions, Work
from seedbed.settings import Said
from seedbed.source import Source

Edits = Literal["refuse", "keep", "overwrite"]

EDIT_POLICIES, ADOPT = "--keep-edits / --overwrite-edits", "--adopt"
"""The options that decide what becomes of edited rows, and of rows that seedbed did not write."""

SHOWN = 20
"""How many rows of a table an error lists."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller of plan or apply may choose.

    Attributes:
        environment: what the operator says the database is for; None where nothing was said.
        confirm: the database's name, where a write has to be confirmed.
        edits: what to do about rows that somebody else changed since.
        adopt: take over rows with our natural key that seedbed did not write.
        only, skip: names of tables to write, and not to.
        create: whether to create the tables in a database that has none of them.
        detail: the plan holds the single rows and fields.
        wait: wait for another run's lock.
    """

    environment: str | Said | None = None
    confirm: str | None = None
    edits: Edits = "refuse"
    adopt: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    create: bool = True
    detail: bool = False
    wait: bool = True

    @property
    def said(self) -> Said | None:
        """What the operator says the database is for, and where."""
        if isinstance(self.environment, str):
            return Said(self.environment, "--environment")
        return self.environment

    def scope(self, *, writing: bool) -> Scope:
        """Return which part of the profile is meant."""
        return Scope(self.only, self.skip, self.create, writing)


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One row of a detailed plan.

    Attributes:
        action: create, update, adopt, edited or prune.
        row: the row's label path; of a row to prune, its name or its identity in the database.
        fields: the columns in which the database differs from the profile.
    """

    action: str
    row: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How many rows of a table need what.

    Attributes:
        edited: rows somebody changed since; they are in no other count, whatever is done about them.
        rows: the single rows, where detail was asked for.
    """

    table: str
    create: int = 0
    update: int = 0
    unchanged: int = 0
    adopt: int = 0
    edited: int = 0
    prune: int = 0
    rows: tuple[RowPlan, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The six counts by name."""
        names = ("create", "update", "unchanged", "adopt", "edited", "prune")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a profile changes, or has changed.

    Attributes:
        environment: what the database is taken for.
        seconds: how long finding out took, or doing it.
        created: the tables made because the database had none of them.
        changed: whether the database changes.
        tables: by name, parents first.
        obstacles: why `apply` would refuse: rows of others that depend on rows to prune.
        refusals: why `apply` would refuse until it is told what to do: rows edited since, or to adopt; the remedy is the option.
        notes: what is worth knowing and no error.
    """

    profile: str
    environment: str
    as_of: datetime
    scale: float
    seed: str
    minimal: bool
    seconds: float
    tables: Mapping[str, TablePlan]
    changed: bool = False
    created: tuple[str, ...] = ()
    obstacles: tuple[Finding, ...] = ()
    refusals: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def plan(source: Source, url: str, options: Options = Options()) -> Plan:
    """Return the difference between a profile and a database.

    Everything that is done on the way, creating missing tables included, is rolled back.

    Args:
        source: the profile.
        url: the database.
        options: see `Options`; `edits`, `adopt` and `wait` change nothing here but `changed`.

    Raises:
        InvalidInput: the profile does not fit the database.
        DatabaseFailure: the server said no.
    """
    started = time.monotonic()
    with connect(url) as connection, told_as_ours(), transaction(connection, keep=False):
        verdict = guard.explain(connection, environments=source.environments, said=options.said)
        with prepared(connection, source, options.scope(writing=False)) as run:
            obstacles = find_obstacles(connection, run, options)
            return summary(
                connection, source, run, options, verdict.environment, started, obstacles
            )


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Turn what psycopg raises in a block into our errors."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from None


def find_obstacles(connection: Connection[Any], run: Run, options: Options) -> list[Finding]:
    """Return what keeps rows from being pruned, apart from rows of ours that this run changes anyway."""
    if not ledger.exists(connection):
        return []
    doomed = {}
    for each in run.touched:
        keys = keys_to_prune(each, edited=options.edits == "overwrite")
        if len(keys) and each.entry:
            doomed[each.table.name] = doom(connection, each.table, each.entry, keys)
    kept = {
        w.table.name: w.edited_keys if options.edits == "keep" else NOTHING for w in run.written
    }
    ours = {
        work.table.name: Owned(work.table, work.entry, kept[work.table.name])
        for work in run.written
        if work.entry
    }
    held = what_holds(connection, doomed, ours) if doomed else []
    findings = []
    for one in held:
        remedy = "delete them, or let the profile keep its rows"
        work = run.works.get(one.by)
        if work and len(kept.get(one.by, ())):
            keys = holders(connection, doomed[one.table], one, work.table, kept[one.by])
            if len(keys):
                rows = ", ".join(work.shown(key) for key in keys.tolist()[:SHOWN])
                remedy = f"edited and kept: {rows}; --overwrite-edits lets go, or let the profile keep what they refer to"
        findings.append(Finding(str(one.table), str(one), remedy))
    return findings


def summary(
    connection: Connection[Any],
    source: Source,
    run: Run,
    options: Options,
    environment: str,
    started: float,
    obstacles: list[Finding],
) -> Plan:
    """Put a run's findings into numbers."""
    tables = {}
    for work in run.works.values():
        name = run.name(work.table.name)
        rows = _details(connection, work) if options.detail and work.binding.written else ()
        tables[name] = _table_plan(name, work, rows)
    for each in run.leaving:
        name = run.name(each.table.name)
        rows = tuple(_leaving_rows(connection, each)) if options.detail else ()
        plan_ = TablePlan(name, edited=len(each.gone_edited), prune=len(each.gone), rows=rows)
        if plan_.edited or plan_.prune:
            tables[name] = plan_
    changed = bool(run.created) or any(_changes(one, options) for one in tables.values())
    return Plan(
        profile=source.profile,
        environment=str(environment),
        as_of=run.dataset.as_of,
        scale=source.scale,
        seed=source.seed,
        minimal=source.minimal,
        seconds=time.monotonic() - started,
        tables=tables,
        changed=changed,
        created=tuple(run.created),
        obstacles=tuple(obstacles),
        refusals=tuple(undecided(run, options)),
        notes=tuple(run.notes),
    )


def _changes(table: TablePlan, options: Options) -> bool:
    overwritten = table.edited if options.edits == "overwrite" else 0
    return bool(table.create or table.update or table.adopt or table.prune or overwritten)


def _table_plan(name: str, work: Work, rows: tuple[RowPlan, ...]) -> TablePlan:
    if not work.binding.written:
        return TablePlan(name)
    parts = [len(part) for part in (work.create, work.update, work.adopt, work.edited)]
    create, update, adopt, edited = parts
    return TablePlan(
        name,
        create=create,
        update=update,
        unchanged=work.size - sum(parts),
        adopt=adopt,
        edited=edited + len(work.gone_edited),
        prune=len(work.gone),
        rows=rows,
    )


def _details(connection: Connection[Any], work: Work) -> tuple[RowPlan, ...]:
    found: list[RowPlan] = []
    for action in ("create", "update", "adopt", "edited"):
        positions: Positions = getattr(work, action)
        for position in positions.tolist():
            found.append(
                RowPlan(action, work.binding.rows.label(position), fields_of(work, position))
            )
    return (*found, *_leaving_rows(connection, work))


def fields_of(work: Work, position: int) -> tuple[str, ...]:
    """Return the columns in which a row differs from the database."""
    flags = work.changes.get(position, "")
    return tuple(
        name for name, flag in zip(work.binding.compared, flags, strict=False) if flag == "t"
    )


def _leaving_rows(connection: Connection[Any], each: Work | Leaving) -> list[RowPlan]:
    places = {"prune": each.gone, "edited": each.gone_edited}
    named = ledger.names(connection, each.entry) if each.entry else {}
    return [
        RowPlan(action, named.get(int(each.known.keys[place])) or each.known.identity(place))
        for action, several in places.items()
        for place in several.tolist()
    ]


def undecided(run: Run, options: Options) -> list[Finding]:
    """Return what apply has not been told to decide, in numbers; the remedies are the options that decide it."""
    found = []
    edited = sum(len(work.edited) for work in run.written)
    edited += sum(len(each.gone_edited) for each in run.touched)
    if edited and options.edits == "refuse":
        found.append(Finding("", f"{_rows(edited)} edited", EDIT_POLICIES))
    adopt = sum(len(work.adopt) for work in run.written)
    if adopt and not options.adopt:
        found.append(Finding("", f"{_rows(adopt)} that seedbed did not write", ADOPT))
    return found


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def refused(run: Run, options: Options) -> list[Finding]:
    """Return the rows for which apply has not been told what to do; of many, the first."""
    findings = []
    for each in run.touched:
        name = run.name(each.table.name)
        if options.edits == "refuse":
            gone = [f"{name} {each.known.identity(place)}" for place in each.gone_edited[:SHOWN]]
            problem = "edited since, and no longer in the profile"
            findings += [Finding(where, problem) for where in gone]
            findings += _more(name, problem, len(each.gone_edited))
        if isinstance(each, Work):
            findings += _refused_rows(each, name, options)
    return findings


def _refused_rows(work: Work, name: str, options: Options) -> list[Finding]:
    label = work.binding.rows.label
    findings = []
    if options.edits == "refuse":
        for at in work.edited[:SHOWN].tolist():
            problem = f"edited since: {', '.join(fields_of(work, at))}"
            findings.append(Finding(f"{name} {label(at)}", problem))
        findings += _more(name, "edited since", len(work.edited))
    if not options.adopt:
        key = ", ".join(work.binding.natural_key)
        problem = f"a row with its natural key ({key}) is there, and seedbed did not write it"
        findings += [Finding(f"{name} {label(at)}", problem) for at in work.adopt[:SHOWN].tolist()]
        findings += _more(name, problem, len(work.adopt))
    return findings


def _more(name: str, problem: str, count: int) -> list[Finding]:
    return [Finding(f"{name}, {count - SHOWN} more rows", problem)] if count > SHOWN else []
