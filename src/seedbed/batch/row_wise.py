"""factory_boy's own declarations over a batch: one row after the other, as `build()` would evaluate them."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from factory.declarations import SKIP

from seedbed import randomness, streams
from seedbed.batch import values
from seedbed.batch.batch import Batch
from seedbed.batch.row import Row, RowStep
from seedbed.batch.selection import Index
from seedbed.errors import InvalidInput, SeedbedError


def row_wise(
    batch: Batch, rows: Index | None, name: str, declaration: Any, context: Mapping[str, Any]
) -> pl.Series:
    """Return a declaration's values for some rows of a batch (None: all of them)."""
    from seedbed.factory import using

    positions = range(len(batch)) if rows is None else rows.tolist()
    with using(batch.world.context):  # a column may be asked for long after the recipe ran
        return values.series_of(_Line(batch, name, declaration, context).of(positions))


class _Line:
    """The evaluation of one declaration, row by row."""

    def __init__(
        self, batch: Batch, name: str, declaration: Any, context: Mapping[str, Any]
    ) -> None:
        self.batch, self.name = batch, name
        self.declaration, self.context = declaration, context
        self.words = streams.draw(batch.cells(name).stream, batch.keys).tolist()
        self.sequence = batch.sequence.tolist()

    def of(self, positions: Sequence[int]) -> list[Any]:
        """Return the values of some rows."""
        with randomness.keyed() as reseed:
            if positions and not self.context and randomness.may_draw_nothing(self.declaration):
                found = self._undrawn(positions, reseed)
                if found is not None:
                    return found
            results = []
            for position in positions:
                reseed(self.words[position])
                results.append(self._value(position))
            return results

    def _undrawn(self, positions: Sequence[int], reseed: randomness.Reseed) -> list[Any] | None:
        """Return the values, or None where somebody drew: seeding for each row costs ten times what most functions do."""
        reseed(self.words[positions[0]])
        untouched = randomness.state()
        results: list[Any] = []
        try:
            for position in positions:
                results.append(self._value(position))
                if len(results) == 1 and randomness.state() != untouched:
                    return None
        except SeedbedError:
            if randomness.state() == untouched:
                raise
            return None
        return results if randomness.state() == untouched else None

    def _value(self, position: int) -> Any:
        from seedbed.factory import building

        row = Row(self.batch, position)
        step = RowStep(row, self.name, self.sequence[position])
        try:
            with building(step):
                value = self.declaration.evaluate_pre(
                    instance=row, step=step, overrides=dict(self.context)
                )
        except SeedbedError:
            raise
        except Exception as error:
            raise raised(self.batch, position, self.name, error) from error
        return None if value is SKIP else value


def raised(batch: Batch, position: int, name: str, error: Exception) -> InvalidInput:
    """Return what to say when a user's function raised for a row."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return InvalidInput(
        f"{batch.factory.__name__}.{name} raised {type(error).__name__} for row {batch.label(position)}: {error}"
        f" ({Path(frame.filename).name}, line {frame.lineno}).",
        remedy="Mend the declaration; nothing was written.",
    )
