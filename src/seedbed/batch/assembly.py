"""From batches to tables: the batches of a table one after the other, and links as references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seedbed.batch import values
from seedbed.batch.batch import Batch
from seedbed.batch.links import factory_of, refers
from seedbed.batch.row import Row
from seedbed.batch.row_wise import raised
from seedbed.batch.shape import Shape, shape_of, table_name
from seedbed.dataset import Keys, Reference, TableName
from seedbed.errors import InvalidInput
from seedbed.fields import unique

if TYPE_CHECKING:
    from seedbed.batch.world import World


def assemble(world: World) -> dict[TableName, AssembledRows]:
    """Return the tables of a finished evaluation, in the order in which they were first met."""
    world.finish()
    gathered: dict[TableName, list[Batch]] = {}
    for batch in world.batches:
        gathered.setdefault(table_name(batch.factory), []).append(batch)
    places: dict[Batch, tuple[AssembledRows, int]] = {}
    tables = {}
    for name, batches in gathered.items():
        linked = set().union(*(batch.links for batch in batches))
        shapes = [shape_of(batch, linked) for batch in batches]
        tables[name] = rows = AssembledRows(name, batches, shapes, places)
        places.update((b, (rows, start)) for b, start in zip(batches, rows.starts, strict=True))
    return tables


@dataclass(eq=False)
class AssembledRows:
    """The rows of one table, out of one or more batches (see `seedbed.dataset.TableRows`).

    Attributes:
        batches, shapes: the batches, and what each of them writes.
        places: of every batch of the evaluation the table that it went to, and the position of its first row there.
        starts: the positions of the batches' first rows.
    """

    table: TableName
    batches: list[Batch]
    shapes: list[Shape]
    places: Mapping[Batch, tuple[AssembledRows, int]]
    starts: list[int] = field(init=False)
    keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        sizes = [len(batch) for batch in self.batches]
        self.starts = [0, *np.cumsum(sizes[:-1]).tolist()]
        keys = [batch.keys for batch in self.batches]
        self.keys = np.concatenate(keys).view(np.int64)
        self._check_keys()
        self._check_columns()
        first = self.shapes[0]
        self.column_names = tuple(first.columns.values())
        self.natural_key, self.insert_only = first.key, first.insert_only
        self._references: dict[str, Reference] | None = None

    @property
    def references(self) -> Mapping[str, Reference]:
        """The references by name."""
        if self._references is None:
            self._references = {n: self._reference(n) for n in self.shapes[0].references}
        return self._references

    def column(self, name: str) -> pl.Series:
        """Return the values of a plain column."""
        parts, claims = [], []
        for batch, shape in zip(self.batches, self.shapes, strict=True):
            attribute = next(a for a, column in shape.columns.items() if column == name)
            parts.append(_processed(batch, attribute, shape.processors.get(attribute)))
            declared = batch.declarations[attribute].declaration
            claims.append(np.full(len(batch), isinstance(declared, unique)))
        column = values.concatenate(parts).alias(name)
        if any(claim.any() for claim in claims) and not (
            len(claims) == 1 and self.batches[0].enumerated
        ):
            self._check_distinct(column, pl.Series(np.concatenate(claims)))
        return column

    def label(self, position: int) -> str:
        """Return a row's label path."""
        batch, row = self._place(position)
        return batch.label(row)

    def named(self) -> Mapping[int, str]:
        """Return position to label for the hand-picked rows."""
        return {
            start + row: label
            for start, batch in zip(self.starts, self.batches, strict=True)
            for row, label in enumerate(batch.labels)
        }

    def origin(self, position: int) -> str:
        """Return where a row is written down: file and line, or the factory's name."""
        batch, row = self._place(position)
        return batch.origins[row] if batch.origins else batch.factory.__name__

    def _place(self, position: int) -> tuple[Batch, int]:
        at = int(np.searchsorted(self.starts, position, side="right")) - 1
        return self.batches[at], position - self.starts[at]

    def _reference(self, name: str) -> Reference:
        rows, columns = [], self.shapes[0].references[name]
        target: AssembledRows | None = None
        for batch in self.batches:
            link = batch.link(name) if batch.is_link(name) else None
            if link is None or not len(link.target):
                rows.append(np.full(len(batch), -1, dtype=np.int64))
                continue
            places = []
            for parent, positions in link.target.parts:
                found, start = self.places[parent]
                if target is not None and found is not target:
                    raise InvalidInput(
                        f"{batch.factory.__name__}.{name} refers to rows of {target.table} and of {found.table}.",
                        remedy="A foreign key leads to one table: declare a reference for each.",
                    )
                target = found
                places.append(positions + start)
            everywhere = np.concatenate(places)
            rows.append(np.where(link.rows >= 0, everywhere[link.rows], -1))
        table = target.table if target is not None else self._declared(name)
        return Reference(name, table, np.concatenate(rows), columns)

    def _declared(self, name: str) -> TableName:
        """Return the table that a reference would lead to, where no row has one."""
        for factory in (batch.factory for batch in self.batches):
            own = factory._meta.pre_declarations
            if name in own and refers(own[name].declaration, own):
                return table_name(factory_of(own[name].declaration, own))
        return self.table

    def _check_distinct(self, column: pl.Series, claimed: pl.Series) -> None:
        """Refuse a value of `unique` that another row has, too: keys and people give values that may meet."""
        if column.dtype == pl.Object:
            return
        twice = column.is_duplicated() & column.is_not_null() & claimed
        if not twice.any():
            return
        rows = (column == column.filter(twice)[0]).arg_true()
        raise InvalidInput(
            f"{self.table}.{column.name}: {self.label(rows[0])} and {self.label(rows[1])} have the same value,"
            " and it is declared unique().",
            remedy="Widen its range or template: hand-picked rows and rows below parents need room for about the square of"
            " their number.",
        )

    def _check_columns(self) -> None:
        for batch, shape in zip(self.batches, self.shapes, strict=True):
            differing = shape.written ^ self.shapes[0].written
            if differing:
                raise InvalidInput(
                    f"{batch.factory.__name__} and {self.batches[0].factory.__name__} both write to {self.table}, but"
                    f" only one of them sets {', '.join(sorted(differing))}.",
                    remedy="Declare the same columns in both, None where there is nothing.",
                )

    def _check_keys(self) -> None:
        unique, counts = np.unique(self.keys, return_counts=True)
        if len(unique) == len(self.keys):
            return
        twice = np.flatnonzero(self.keys == unique[counts > 1][0]).tolist()
        makers = dict.fromkeys(self._place(at)[0].factory.__name__ for at in twice)
        of = f", of {' and '.join(makers)}" if len(makers) > 1 else ""
        raise InvalidInput(
            f"{self.table}: two rows have the path {self.label(twice[0])}{of}.",
            remedy="Two many() or each() calls make rows of one table in one place: give one of them a segment=.",
        )


def _processed(batch: Batch, attribute: str, process: Any) -> pl.Series:
    """Return an attribute's values as the driver takes them: what the model's type makes of them."""
    column = batch.column(attribute)
    if column.dtype != pl.Object and process is None:
        return column
    made = []
    for position, value in enumerate(column.to_list()):
        if isinstance(value, Row):
            raise InvalidInput(
                f"{batch.factory.__name__}.{attribute} gives a row, {value!r}, where a value is to be written.",
                remedy="Lead to it with follow() or SelfAttribute, or pick() it: then it is a reference.",
            )
        try:
            made.append(value if process is None else process(value))
        except Exception as error:
            raise raised(batch, position, attribute, error) from error
    return values.series_of(made)
