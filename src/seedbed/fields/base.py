"""What a field is, what it sees of its surroundings, and how a single row evaluates one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
from factory.declarations import BaseDeclaration

from seedbed import streams
from seedbed.errors import InvalidInput


class Cells(Protocol):
    """The cells that a field fills: one column of some rows of a batch, or of the one row that `build()` makes.

    Attributes:
        where: ``EmployeeFactory.full_name``, for messages.
        keys: the rows' keys.
        ordinals: int64, the rows' numbers among their siblings.
        enumerated: whether the rows are all at the top, so that ordinals alone tell them apart.
        as_of: the moment the data is made for, naive UTC.
    """

    where: str
    keys: streams.Words
    ordinals: npt.NDArray[np.int64]
    enumerated: bool
    as_of: datetime

    @property
    def stream(self) -> np.uint64:
        """The key of this field's stream."""

    @property
    def numbering(self) -> np.uint64:
        """The key of the stream in which numbers are given away (see `numbers`)."""

    def numbers(self, size: int) -> npt.NDArray[np.int64]:
        """Return the rows' numbers among all that are made at the top, below ``size`` as long as there is room."""

    def column(self, name: str) -> pl.Series:
        """Return another column of the same rows; ``organization.country`` reads a parent's."""

    def children(self, factory: str, via: str, names: Sequence[str]) -> pl.DataFrame:
        """Return columns of all rows of a factory that refer to these rows, and ``@parent``: the row's position here."""

    def family(self, over: str, names: Sequence[str]) -> pl.DataFrame:
        """Return columns of all rows that share a parent with these, with ``@parent`` and ``@here`` (the position, or -1)."""


class Field(BaseDeclaration):
    """A factory_boy declaration that fills whole columns from keyed streams.

    A field of your own is a subclass with a `values` method:

    >>> class Parity(Field):
    ...     def values(self, cells):
    ...         return cells.column("number") % 2
    """

    def values(self, cells: Cells) -> pl.Series:
        """Return one value per row; `cells` says which rows."""
        raise NotImplementedError

    def evaluate(self, instance: Any, step: Any, extra: dict[str, Any]) -> Any:
        """Return the value for one row: what factory_boy calls in `build()` and inside other declarations."""
        if not hasattr(step, "cells"):
            raise InvalidInput(
                f"{type(self).__name__}() is used in a factory that is not a seedbed.Factory.",
                remedy="Derive the factory from seedbed.Factory: only its rows have keys to draw by.",
            )
        column = self.values(step.cells(instance))
        step.keep(column)
        return column.to_list()[0]


def draws(cells: Cells, counter: int = 0) -> streams.Words:
    """Return one draw per cell."""
    return streams.draw(cells.stream, cells.keys, counter)


def frame(cells: Cells, names: Sequence[str]) -> pl.DataFrame:
    """Return columns as a frame that expressions over those names can be evaluated in."""
    height = len(cells.keys)
    if not names:
        return pl.DataFrame({"@row": np.arange(height)})
    return pl.DataFrame([cells.column(name).alias(name) for name in names])


def roots(*expressions: pl.Expr) -> list[str]:
    """Return the columns that expressions read, in the order in which they are met."""
    return list(dict.fromkeys(name for e in expressions for name in e.meta.root_names()))


def evaluate(expression: pl.Expr, table: pl.DataFrame, where: str, dtype: Any = None) -> pl.Series:
    """Return an expression's values over a frame, one per row; a constant is repeated.

    Args:
        expression: over the frame's columns.
        table: the frame.
        where: the cells that are computed, for messages.
        dtype: the type that the values are needed in.
    """
    with reported(where):
        result = table.select(expression.alias("@value")).to_series()
        if dtype is not None:
            result = result.cast(dtype)
    if len(result) == table.height:
        return result
    if len(result) == 1:
        return result.new_from_index(0, table.height)
    raise InvalidInput(
        f"{where}: the expression gives {len(result)} values for {table.height} rows.",
        remedy="It must give one value per row, or a single one for all.",
    )


@contextlib.contextmanager
def reported(where: str) -> Iterator[None]:
    """Turn what polars says of an expression into an error that names the cells."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).split("\n\n")[0].splitlines()[0]
        raise InvalidInput(f"{where}: the expression cannot be evaluated: {reason}") from error


def expression_of(value: pl.Expr | str) -> pl.Expr:
    """Return a column's name as an expression; an expression as it is."""
    if isinstance(value, str):
        return pl.col(value)
    if not isinstance(value, pl.Expr):
        raise InvalidInput(
            f"{value!r} is neither a column's name nor an expression.",
            remedy="For a constant write polars.lit(...).",
        )
    return value
