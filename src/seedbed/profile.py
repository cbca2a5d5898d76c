"""Profiles: which rows an environment has. A recipe names them; evaluating it is pure and opens no connection."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from seedbed import streams
from seedbed.batch import Batch, Seed, Selection, World
from seedbed.batch.assembly import assemble
from seedbed.dataset import Dataset
from seedbed.errors import InvalidInput
from seedbed.factory import DEFAULT_SEED, Context, Factory, using
from seedbed.fields import Field, integer
from seedbed.fields.base import evaluate, frame, roots

Count = int | Field | pl.Expr
Recipe = Callable[["Rows"], None]
Seeds = Mapping[str, Mapping[str, Seed]]


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
        return self._world.named(factory, labels, f"rows.named({factory.__name__})")

    def many(
        self, factory: type[Factory[Any]], count: int, *, name: str | None = None, **fields: Any
    ) -> Selection:
        """Return new rows at the top.

        Args:
            factory: what makes them.
            count: how many; a larger count later keeps the rows there were.
            name: the path segment that tells them from other rows of the factory; the table's name by default.
            fields: values, declarations, expressions or rows that replace the factory's own. Several rows are picked from.
        """
        number = _whole(count, f"rows.many({factory.__name__}, {count!r})")
        if self.minimal:
            return Selection((), factory)
        segment, numbers = name or factory.path(), np.arange(number, dtype=np.int64)
        keys = streams.child_keys(streams.ROOT, segment, numbers)
        batch = Batch(self._world, factory, keys, numbers, segment=segment, overrides=fields)
        return self._world.add(batch).all()

    def each(
        self,
        parents: Selection,
        factory: type[Factory[Any]],
        count: Count = 1,
        *,
        via: str,
        name: str | None = None,
        when: pl.Expr | None = None,
        **fields: Any,
    ) -> Selection:
        """Return new rows below each of some rows.

        Args:
            parents: the rows above.
            factory: what makes the new ones.
            count: how many below each parent: a number, a field such as ``between(5, 20)``, or an expression over the parent's columns.
            via: the new rows' attribute that refers to the parent.
            name: the path segment that tells them from other rows of the factory there; the table's name by default.
            when: a condition over the new rows' columns; only rows that meet it are kept, and keep their number.
            fields: as in `many`.
        """
        if self.minimal or not len(parents):
            return Selection((), factory)
        segment = name or factory.path()
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


@dataclass(eq=False)
class Profile:
    """The rows of an environment, as a name, the environments it may go to, and recipes.

    Args:
        name: what the command line calls it.
        environments: where it may be applied; its own name by default.
        extends: profiles whose recipes run first.
        description: one line for `seedbed profiles`.
        as_of: a fixed moment (naive UTC), for data that is the same on every day.
        production_safe: whether it holds nothing but reference rows that production may have.
        cast: returns, for people, (who or what, where to see it) pairs to print after it was applied.

    >>> tiny = Profile("tiny", environments=("testing",))
    >>> @tiny.recipe
    ... def rows_of_tiny(rows):
    ...     pass
    >>> len(tiny.evaluate(as_of=datetime(2026, 1, 1)).tables)
    0
    """

    name: str
    environments: Sequence[str] = ()
    extends: Sequence[Profile] = ()
    description: str = ""
    as_of: datetime | None = None
    production_safe: bool = False
    cast: Callable[[Dataset], Sequence[tuple[str, str]]] | None = None
    recipes: list[Recipe] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.environments = tuple(self.environments) or (self.name,)

    def recipe(self, function: Recipe) -> Recipe:
        """Add a recipe; a decorator."""
        self.recipes.append(function)
        return function

    def evaluate(
        self,
        *,
        as_of: datetime,
        scale: float = 1.0,
        seed: str = DEFAULT_SEED,
        minimal: bool = False,
        seeds: Seeds | None = None,
    ) -> Dataset:
        """Return the profile's rows.

        Args:
            as_of: the moment the data is made for, naive UTC.
            scale: the factor for `Rows.scaled` counts, above 0.
            seed: another seed gives other values to the same rows.
            minimal: only the hand-picked rows.
            seeds: the hand-picked rows by table and label.

        Raises:
            InvalidInput: a recipe or a declaration is wrong. What a recipe itself raises goes through unchanged.
        """
        if not (math.isfinite(scale) and scale > 0):
            raise InvalidInput(f"The scale is {scale}; it must be a number above 0.")
        context = Context(seed=seed, as_of=as_of)
        world = World(context, seeds or {})
        rows = Rows(world, scale, minimal)
        with using(context):
            for profile in self._line():
                for recipe in profile.recipes:
                    recipe(rows)
            tables = assemble(world)
        return Dataset(
            profile=self.name,
            environments=tuple(self.environments),
            as_of=as_of,
            scale=scale,
            seed=seed,
            minimal=minimal,
            tables=tables,
            version=streams.VERSION,
            production_safe=self.production_safe,
        )

    def _line(self) -> list[Profile]:
        """Return the profiles whose recipes run, ancestors first, each once."""
        line: dict[int, Profile] = {}
        for parent in self.extends:
            line.update({id(profile): profile for profile in parent._line()})
        line[id(self)] = self
        return list(line.values())
