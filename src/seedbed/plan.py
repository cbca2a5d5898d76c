"""The difference between a profile and a database, table by table; finding it out writes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from seedbed import guard, ledger
from seedbed.decisions import fields_of, find_obstacles, undecided
from seedbed.errors import Finding, so_many_rows
from seedbed.load.exchanging import exchanged
from seedbed.load.failures import translating_errors
from seedbed.load.preparing import prepared
from seedbed.load.run import Leaving, Run
from seedbed.load.session import connect, transaction
from seedbed.load.work import Positions, Work
from seedbed.options import Options
from seedbed.saved import Saved, Seen, look
from seedbed.source import Source


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
class Contents:
    """Whose rows a table holds that is to be emptied or dropped.

    Attributes:
        ours: rows that seedbed wrote, as it left them.
        edited: rows that seedbed wrote and somebody changed since.
        others: rows that seedbed did not write.
    """

    ours: int
    edited: int
    others: int

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.ours + self.edited + self.others

    @property
    def counts(self) -> dict[str, int]:
        """The three counts by name."""
        return {"ours": self.ours, "edited": self.edited, "others": self.others}

    def __str__(self) -> str:
        parts = [f"{self.ours} of seedbed"] if self.ours or not self.rows else []
        parts += [f"{self.edited} of seedbed edited since"] if self.edited else []
        parts += [f"{self.others} that seedbed did not write"] if self.others else []
        return f"{so_many_rows(self.rows)}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a profile changes, or has changed.

    Attributes:
        environment: what the database is taken for.
        seconds: how long finding out took, or doing it.
        created: the tables made because the database had none of them.
        emptied: the rows that go first where tables are emptied, by table; those that hold none are left out.
        changed: whether the database changes.
        tables: by name, parents first.
        obstacles: why `apply` would refuse: rows of others that depend on rows to prune.
        refusals: why `apply` would refuse until it is told what to do: rows edited since, or to adopt; the remedy is the option.
        notes: what is worth knowing and no error.
        dropped: the rows that went with the tables that a reset dropped, by table.
        backup: the backup that was made first, if one was.
        seen: fingerprints of what was looked at; None of what was done.
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
    emptied: Mapping[str, Contents] = field(default_factory=dict)
    dropped: Mapping[str, Contents] = field(default_factory=dict)
    backup: Path | None = None
    seen: Seen | None = None

    @property
    def differs(self) -> bool:
        """Whether `apply` would change something, or refuse because of what it met in the tables."""
        return self.changed or bool(self.obstacles or self.refusals)


def plan(source: Source, url: str, options: Options = Options()) -> Plan:  # noqa: B008 - frozen
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
    with (
        connect(url, options.limits) as connection,
        translating_errors(),
        transaction(connection, keep=False, limits=options.limits),
    ):
        verdict = guard.assess(connection, case_of(source, options))
        scope = replace(options.scope(writing=False), copied=verdict.site.copied)
        with prepared(connection, source, scope) as run:
            obstacles = [
                *find_obstacles(connection, run, options),
                *exchanged(connection, run, overwrite=options.edits == "overwrite"),
            ]
            found = summary(
                connection, source, run, options, environment=verdict.environment, started=started
            )
            refused = [f"apply would be refused: {verdict.refusal}"] if verdict.refusal else []
            return replace(
                found,
                obstacles=tuple(obstacles),
                seen=look(connection, run, verdict.site),
                notes=(*refused, *found.notes),
            )


def save(found: Plan, options: Options, file: Path) -> None:
    """Write a plan to a file that `Options.saved` holds a run to.

    Args:
        found: a plan, not what was done.
        options: what it was made with.
        file: is replaced.
    """
    assert found.seen is not None
    Saved(
        profile=found.profile,
        as_of=found.as_of.isoformat(),
        scale=found.scale,
        seed=found.seed,
        minimal=found.minimal,
        only=options.only,
        skip=options.skip,
        clean=options.clean,
        seen=found.seen,
        tables={name: table.counts for name, table in found.tables.items()},
    ).write(file)


def case_of(source: Source, options: Options) -> guard.Case:
    """Return what the guard has to judge before a profile is written."""
    return guard.Case(
        profile=source.profile,
        environments=source.environments,
        production_safe=source.production_safe,
        said=options.said,
        confirm=options.confirm,
        patterns=source.patterns,
    )


def summary(
    connection: Connection[Any],
    source: Source,
    run: Run,
    options: Options,
    *,
    environment: str,
    started: float,
) -> Plan:
    """Put a run's findings into numbers.

    Args:
        connection: in the run's transaction, for single rows where they are asked for.
        source: what the rows come from.
        run: compared, and maybe carried out.
        options: what the caller chose.
        environment: what the database is taken for.
        started: when the run began, by `time.monotonic`.
    """
    tables = _tables(connection, run, detail=options.detail)
    emptied = {
        run.name(one.table.name): Contents(one.ours, one.edited, one.others)
        for one in run.emptied
        if one.rows
    }
    changed = any(_changes(one, options) for one in tables.values())
    return Plan(
        profile=source.profile,
        environment=str(environment),
        as_of=run.dataset.as_of,
        scale=source.scale,
        seed=source.seed,
        minimal=source.minimal,
        seconds=time.monotonic() - started,
        tables=tables,
        changed=changed or bool(run.created or emptied),
        created=tuple(run.created),
        refusals=tuple(undecided(run, options)),
        notes=tuple(run.notes),
        emptied=emptied,
    )


def _tables(connection: Connection[Any], run: Run, *, detail: bool) -> dict[str, TablePlan]:
    """Return the plans of the profile's tables, and of those that left it where rows are to go."""
    tables = {}
    for work in run.works.values():
        name = run.name(work.table.name)
        rows = _details(connection, work) if detail and work.binding.written else ()
        tables[name] = _table_plan(name, work, rows)
    for each in run.leaving:
        if len(each.gone) or len(each.gone_edited):
            name = run.name(each.table.name)
            rows = tuple(_leaving_rows(connection, each)) if detail else ()
            tables[name] = TablePlan(
                name, edited=len(each.gone_edited), prune=len(each.gone), rows=rows
            )
    return tables


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


def _leaving_rows(connection: Connection[Any], each: Work | Leaving) -> list[RowPlan]:
    places = {"prune": each.gone, "edited": each.gone_edited}
    named = ledger.names(connection, each.entry) if each.entry else {}
    return [
        RowPlan(action, named.get(int(each.known.keys[place])) or each.known.identity(place))
        for action, several in places.items()
        for place in several.tolist()
    ]
