"""A dataset's rows complete: fitted to the project's tables, primary keys numbered, references resolved to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from sqlalchemy import MetaData

from seedbed.dataset import Dataset, TableName
from seedbed.errors import Finding, InvalidInput
from seedbed.export.schema import target_of
from seedbed.load.binding import bind, chosen, parents
from seedbed.load.examining import examine
from seedbed.load.order import parents_first
from seedbed.load.work import Work, Works
from seedbed.target import INTEGERS, Table, Target


@dataclass(frozen=True, slots=True)
class Exported:
    """The tables of a dataset, parents first, ready to be written somewhere.

    Attributes:
        groups: the tables in the order to load them; more than one in a group refer to each other in a circle.
    """

    works: Works
    groups: tuple[tuple[TableName, ...], ...]

    @property
    def tables(self) -> list[TableName]:
        """The tables' names, parents first."""
        return [name for group in self.groups for name in group]

    def frame(self, name: TableName, *, native: bool = False) -> pl.DataFrame:
        """Return a table's rows in the order of the dataset, with the columns in the table's order.

        Args:
            name: the table.
            native: keep lists as lists; otherwise every value is as PostgreSQL reads it.
        """
        work = self.works[name]
        given = {*work.binding.managed, *work.ids}
        columns = [
            self._column(work, column, native).alias(column)
            for column in work.table.columns
            if column in given
        ]
        return pl.DataFrame(columns)

    def _column(self, work: Work, column: str, native: bool) -> pl.Series:
        if native and column in work.binding.plain:
            series = work.binding.rows.column(column)
            if isinstance(series.dtype, pl.List):
                return series
        return self.works.value(work, column)


def numbered(
    dataset: Dataset,
    tables: MetaData | Target,
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> Exported:
    """Return a dataset's tables with primary keys of their own.

    Integer keys are numbered from 1 in the order of the dataset, as an empty database numbers them.

    Args:
        dataset: the rows.
        tables: those they go to: a metadata's, or a live database's, see `target_at`.
        only: only these tables.
        skip: not these tables.

    Raises:
        InvalidInput: a row does not fit its table; all findings at once.
    """
    kept, findings = chosen(dataset, only, skip)
    target = tables if isinstance(tables, Target) else target_of(tables)
    bindings, misfits = bind(dataset, target, dataset.tables)
    findings += misfits
    if findings:
        raise InvalidInput("the profile does not fit the project's tables", findings=findings)
    works = Works({binding.table.name: Work(binding) for binding in bindings.values()})
    for work in works.values():
        findings += _number(work)
    for work in works.values():
        findings += examine(works, work)
    if findings:
        raise InvalidInput("the profile has values that do not fit", findings=findings)
    shown = [bindings[name].table.name for name in dataset.tables if name in kept]
    return Exported(works, tuple(parents_first(shown, parents(bindings))))


def _number(work: Work) -> list[Finding]:
    """Give the identity columns that no factory fills values of their own."""
    findings = []
    for column in work.table.identity:
        if column in work.binding.managed:
            continue
        kind = work.table.columns[column].type
        if kind.base in INTEGERS and not kind.array:
            work.ids[column] = pl.Series(np.arange(1, work.size + 1))
        elif kind.base == "uuid":
            work.ids[column] = _uuids(work)
        else:
            where = f"{work.table.name}.{column}"
            problem = f"a primary key of type {kind.name}, and the factory gives it no value"
            findings.append(Finding(where, problem, "only integers and UUIDs are made up"))
    return findings


def _uuids(work: Work) -> pl.Series:
    """Return a UUID per row that hangs on nothing but its table and key."""
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"seedbed:{work.table.name}")
    return pl.Series([str(uuid.uuid5(space, str(key))) for key in work.binding.rows.keys])


def serial_column(table: Table) -> str | None:
    """Return the identity column that a sequence fills, None where there is none."""
    return next((name for name in table.identity if table.columns[name].sequence), None)
