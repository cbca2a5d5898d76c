"""Rows that a recipe passes around, and links to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed import streams
from seedbed.batch import values
from seedbed.errors import InvalidInput
from seedbed.fields.base import Cells, evaluate, frame, roots

if TYPE_CHECKING:
    from seedbed.batch.batch import Batch
    from seedbed.factory import Factory

Index = npt.NDArray[np.int64]
"""Positions of rows."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Some rows of one or more batches: what a recipe passes around.

    Attributes:
        parts: batches, each with the positions of the rows meant.
        none_of: the factory of the rows, where there are none to tell by.
    """

    parts: tuple[tuple[Batch, Index], ...]
    none_of: type[Factory[Any]] | None = None

    def __len__(self) -> int:
        return sum(len(rows) for _, rows in self.parts)

    def __add__(self, other: Selection) -> Selection:
        return Selection(self.parts + other.parts, self.none_of or other.none_of)

    def __getitem__(self, rows: slice | int) -> Selection:
        """Return a slice of the rows, in their order, or a single one."""
        return self.take(np.atleast_1d(np.arange(len(self))[rows]))

    def compact(self) -> Selection:
        """Return the same rows with neighbouring parts of one batch joined."""
        parts: list[tuple[Batch, Index]] = []
        for batch, rows in self.parts:
            if parts and parts[-1][0] is batch:
                parts[-1] = (batch, np.concatenate([parts[-1][1], rows]))
            else:
                parts.append((batch, rows))
        return Selection(tuple(parts), self.none_of)

    @property
    def factory(self) -> type[Factory[Any]]:
        """The factory of the rows."""
        if self.parts:
            return self.parts[0][0].factory
        if self.none_of is None:
            raise InvalidInput("An empty selection has no factory.")
        return self.none_of

    @property
    def keys(self) -> streams.Words:
        """The rows' keys."""
        return np.concatenate(
            [batch.keys[rows] for batch, rows in self.parts] or [np.empty(0, dtype=np.uint64)]
        )

    def column(self, name: str) -> pl.Series:
        """Return a column of the rows; a dotted name leads over parents."""
        return values.concatenate(
            [values.gather(batch.column(name), rows) for batch, rows in self.parts]
        )

    def where(self, *conditions: pl.Expr, **equals: Any) -> Selection:
        """Return the rows for which all conditions hold.

        Args:
            conditions: polars expressions over the rows' columns, such as ``col("amount") > 10``.
            equals: columns and the value each must have.
        """
        parts = []
        for batch, rows in self.parts:
            kept = np.ones(len(rows), dtype=bool)
            cells = batch.cells("where()", rows)
            for condition in conditions:
                result = evaluate(
                    condition, frame(cells, roots(condition)), cells.where, pl.Boolean
                )
                kept &= result.fill_null(False).to_numpy()
            for name, value in equals.items():
                kept &= _equal(cells, name, value)
            parts.append((batch, rows[kept]))
        return Selection(tuple(parts), self.none_of)

    def take(self, positions: Index) -> Selection:
        """Return the rows at some positions of the selection."""
        parts, start = [], 0
        for batch, rows in self.parts:
            inside = positions[(positions >= start) & (positions < start + len(rows))]
            parts.append((batch, rows[inside - start]))
            start += len(rows)
        return Selection(tuple(parts))


def _equal(cells: Cells, name: str, value: Any) -> npt.NDArray[np.bool_]:
    """Tell which rows have a value in a column; None is a value."""
    column = cells.column(name)
    if column.dtype == pl.Object:  # members of an enum, dicts: polars cannot compare them
        return np.array([found == value for found in column.to_list()], dtype=bool)
    wanted = pl.lit(values.series_of([value])).first()
    test = pl.col(name).eq_missing(wanted)
    return evaluate(test, column.alias(name).to_frame(), cells.where).to_numpy()


@dataclass(frozen=True, eq=False)
class Link:
    """An attribute that is another row: for each row the position of its parent in a selection, -1 for none."""

    target: Selection
    rows: Index

    @classmethod
    def join(cls, length: int, parts: Sequence[tuple[Index, Link]]) -> Link:
        """Return one link put together from several, each with the positions that it fills."""
        rows, start = np.full(length, -1, dtype=np.int64), 0
        target = Selection(())
        for where, link in parts:
            rows[where] = np.where(link.rows >= 0, link.rows + start, -1)
            start += len(link.target)
            target = target + link.target
        return cls(target, rows)

    def then(self, name: str) -> Link:
        """Return the rows that an attribute of the linked rows refers to; none where there is no linked row."""
        return self._onward(lambda batch: batch.link(name))

    def above(self) -> Link:
        """Return the rows that contain the linked rows."""
        return self._onward(lambda batch: batch.container)

    def _onward(self, step: Callable[[Batch], Link | None]) -> Link:
        parts, start = [], 0
        for batch, rows in self.target.parts:
            link = step(batch)
            if link is not None:
                place = np.arange(start, start + len(rows))
                parts.append((place, Link(link.target, link.rows[rows])))
            start += len(rows)
        further = Link.join(start, parts)
        if not start:
            return Link(further.target, np.full(len(self.rows), -1, dtype=np.int64))
        return Link(further.target, np.where(self.rows >= 0, further.rows[self.rows], -1))
