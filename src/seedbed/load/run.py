"""What a run is about, and everything it knows before its first write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from seedbed.dataset import Dataset, TableName
from seedbed.errors import Finding, InvalidInput
from seedbed.ledger import EDITED, MISSING, SAME, UNKNOWN, Entry, Known
from seedbed.load.checking import Checks
from seedbed.load.circles import Route
from seedbed.load.emptying import Emptied
from seedbed.load.work import Positions, Work, Works
from seedbed.target import Table, Target


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a profile a run is about.

    Attributes:
        only, skip: names of tables; nothing means all, and none.
        create: whether missing tables may be created.
        writing: whether the run will write, and needs the privileges.
        clean: whether the tables are emptied first.
        adopt: whether rows are taken over that seedbed may not have written.
        copied: whether the ledger came along from another database, so that its tables' numbers say nothing here.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    create: bool = True
    writing: bool = False
    clean: bool = False
    adopt: bool = False
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """A table of the ledger that the profile has no rows of: all of its rows leave."""

    table: Table
    entry: Entry
    known: Known

    @property
    def gone(self) -> Positions:
        """Rows as we left them."""
        return np.flatnonzero(self.known.states == SAME)

    @property
    def gone_edited(self) -> Positions:
        """Rows somebody edited, and those of which that cannot be said."""
        return np.flatnonzero(np.isin(self.known.states, (EDITED, UNKNOWN)))

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
        emptied: the tables to be emptied first, and whose rows they hold.
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
    emptied: list[Emptied] = field(default_factory=list)
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

    def ready_all(self, more: Callable[[], list[Finding]] = list) -> None:
        """Wait for the values of all tables.

        Args:
            more: what else is wrong with them, as far as it is not said already.

        Raises:
            InvalidInput: some cannot be written.
        """
        assert self.checks is not None
        findings = self.checks.all()
        said = {finding.where for finding in findings}
        findings += [finding for finding in more() if finding.where not in said]
        raise_findings(
            f"the profile {self.dataset.profile} has values the database cannot hold", findings
        )

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


def raise_findings(message: str, findings: list[Finding]) -> None:
    """Raise an error if there are findings."""
    if findings:
        raise InvalidInput(message, findings=findings)
