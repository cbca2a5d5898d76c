"""What a recipe names rows with: hand-picked ones, new ones at the top, new ones below others."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from seedbed import streams
from seedbed.batch import Batch, Selection, World
from seedbed.errors import InvalidInput
from seedbed.factory import Factory
from seedbed.fields import Field, integer
from seedbed.fields.base import evaluate, frame, roots

Count = int | Field | pl.Expr
"""How many rows to make: a number, a field that draws one for each parent, or an expression over the parent's columns."""


def between(low: int, high: int) -> integer:
    """Return a count drawn per parent, both bounds included."""
    return integer(low, high)


class Rows:
    """What a recipe makes rows with.

    Attributes:
        as_of: the moment the data is made for, naive UTC.
        scale: the factor by which `scaled` numbers grow.
        minimal: whether only hand-picked rows are wanted; `many` and `each` then make none.
    """

    def __init__(self, world: World, scale: float, minimal: bool) -> None:
        self._world, self.scale, self.minimal = world, scale, minimal
        self.as_of = world.as_of

    def scaled(self, count: int) -> int:
        """Return a count times the scale, at least 1."""
        return max(1, round(count * self.scale))

    def named(self, factory: type[Factory[Any]], *labels: str) -> Selection:
        """Return hand-picked rows by label, in that order; all of the table's without labels."""
        _check_factory(factory, "rows.named()")
        return self._world.named(factory, labels, f"rows.named({factory.__name__})")

    def many(
        self,
        factory: type[Factory[Any]],
        count: int,
        /,
        *,
        segment: str | None = None,
        **fields: Any,
    ) -> Selection:
        """Return new rows at the top.

        Args:
            factory: what makes them.
            count: how many; a larger count later keeps the rows there were.
            segment: what tells their paths from those of other rows of the factory; the table's name by default.
            fields: values, declarations, expressions or rows that replace the factory's own. Several rows are picked from.
        """
        _check_factory(factory, "rows.many()")
        number = _whole(count, f"rows.many({factory.__name__}, {count!r})")
        segment = _segment(factory, segment, f"rows.many({factory.__name__})")
        _check_fields(factory, fields, f"rows.many({factory.__name__})")
        if self.minimal:
            return Selection((), factory)
        numbers = np.arange(number, dtype=np.int64)
        keys = streams.child_keys(streams.ROOT, segment, numbers)
        batch = Batch(self._world, factory, keys, numbers, segment=segment, overrides=fields)
        return self._world.add(batch).all()

    def each(
        self,
        parents: Selection,
        factory: type[Factory[Any]],
        count: Count = 1,
        /,
        *,
        via: str,
        segment: str | None = None,
        when: pl.Expr | None = None,
        **fields: Any,
    ) -> Selection:
        """Return new rows below each of some rows.

        Args:
            parents: the rows above.
            factory: what makes the new ones.
            count: how many below each parent: a number, a field such as ``between(5, 20)``, or an expression over the parent's columns.
            via: the new rows' attribute that refers to the parent.
            segment: what tells their paths from those of other rows of the factory there; the table's name by default.
            when: a condition over the new rows' columns; only rows that meet it are kept, and keep their number.
            fields: as in `many`.
        """
        _check_factory(factory, "rows.each()")
        where = f"rows.each(..., {factory.__name__})"
        _check_parents(parents, where)
        _check_via(factory, via, when, where)
        segment = _segment(factory, segment, where)
        _check_fields(factory, fields, where)
        if self.minimal or not len(parents):
            return Selection((), factory)
        where = f"rows.each(..., {factory.__name__}, {count!r})"
        return self._world.below(
            parents,
            factory,
            _counts(parents, count, f"{segment}#count", where),
            via=via,
            segment=segment,
            overrides=fields,
            when=when,
        )


def _check_factory(factory: Any, where: str) -> None:
    if isinstance(factory, type) and issubclass(factory, Factory):
        if factory._meta.abstract:
            raise InvalidInput(
                f"{where}: {factory.__name__} is abstract and makes no rows.",
                remedy="Give a factory whose Meta has a model or a table.",
            )
        return
    called = factory.__name__ if isinstance(factory, type) else repr(factory)
    raise InvalidInput(
        f"{where}: {called} is not a factory.",
        remedy="Give a class that derives from seedbed.Factory, not its model and not an object.",
    )


def _check_parents(parents: Any, where: str) -> None:
    if not isinstance(parents, Selection):
        called = parents.__name__ if isinstance(parents, type) else repr(parents)
        raise InvalidInput(
            f"{where}: the parents are {called}, which is no rows.",
            remedy="Give what rows.named(), rows.many() or rows.each() returned, and the factory after it.",
        )


def _check_via(factory: type[Factory[Any]], via: Any, when: Any, where: str) -> None:
    if not isinstance(via, str):
        raise InvalidInput(
            f"{where}: via={via!r} is not a text.",
            remedy="Name the attribute by which the new rows refer to their parent.",
        )
    if when is None:
        return
    _check_clash(factory, "when", where)
    if not isinstance(when, pl.Expr):
        raise InvalidInput(
            f"{where}: when={when!r} is not an expression.",
            remedy='Write a condition over columns, such as when=col("hours") > 1.',
        )


def _segment(factory: type[Factory[Any]], segment: Any, where: str) -> str:
    """Return the path segment of new rows: the one that was given, or the table's name."""
    if segment is None:
        return factory.path()
    _check_clash(factory, "segment", where)
    if not isinstance(segment, str) or not segment or {"/", "\n"} & set(segment):
        raise InvalidInput(
            f"{where}: segment={segment!r} cannot be a part of a path.",
            remedy="Give a text of one line without a slash.",
        )
    return segment


def _check_clash(factory: type[Factory[Any]], name: str, where: str) -> None:
    """Refuse an argument that could as well be meant as the value of a field of that name."""
    if name in {*factory._meta.pre_declarations, *factory._meta.parameters}:
        raise InvalidInput(
            f"{where}: {factory.__name__} declares a field {name!r}, and {name}= means something else here.",
            remedy=f"Call the field something else in the factory; Meta.rename says which column it fills, such as"
            f' rename = {{"{name}_": "{name}"}}.',
        )


def _check_fields(factory: type[Factory[Any]], fields: Mapping[str, Any], where: str) -> None:
    """Refuse a count by keyword, where it can only be meant as the number of rows."""
    known = {*factory._meta.pre_declarations, *factory._meta.parameters}
    for name in ("factory", "count", "parents"):
        if name in fields and name not in known:
            raise InvalidInput(
                f"{where}: {factory.__name__} declares no field {name!r} to set.",
                remedy="Parents, factory and count are given by position: rows.each(parents, Factory, 3, via=...).",
            )


def _whole(count: Any, where: str) -> int:
    try:
        number = operator.index(count)
    except TypeError:
        raise InvalidInput(f"{where}: the count is not a whole number.") from None
    if number < 0:
        raise InvalidInput(f"{where}: the count is negative.")
    return number


def _counts(parents: Selection, count: Count, field_: str, where: str) -> Any:
    if not isinstance(count, Field | pl.Expr):
        return np.full(len(parents), _whole(count, where), dtype=np.int64)
    parts = []
    for batch, rows in parents.parts:
        cells = batch.cells(field_, rows)
        expression = count if isinstance(count, pl.Expr) else pl.lit(count.values(cells))
        numbers = evaluate(expression, frame(cells, roots(expression)), cells.where, pl.Int64)
        parts.append(numbers.fill_null(0).to_numpy().clip(min=0))
    return np.concatenate(parts)
