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
from seedbed.errors import Finding, InvalidInput
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


def _check_reference(dataset: Dataset) -> None:
    made_up = dataset.generated()
    if made_up:
        raise InvalidInput(
            f"the profile {dataset.profile!r} is production_safe, so it may hold nothing but rows picked by hand",
            findings=[Finding(table, f"{count} rows made up") for table, count in made_up.items()],
            remedy="Name them in the seed files (rows.named), or leave production_safe out.",
        )


@dataclass(eq=False)
class Profile:
    """The rows of an environment, as a name, the environments it may go to, and recipes.

    Args:
        name: what the command line calls it.
        environments: where it may be applied; its own name by default.
        extends: profiles whose recipes run first.
        description: one line for `seedbed profiles`.
        as_of: a fixed moment (naive UTC), for data that is the same on every day.
        production_safe: whether it may go to production, too; then it may hold nothing but reference rows, picked by hand.
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
        line = self._line()
        if not any(profile.recipes for profile in line):  # it would prune all rows there are
            raise InvalidInput(
                f"The profile {self.name!r} has no recipe.",
                remedy=f"Put @{self.name}.recipe before a function that takes rows, or extend another profile.",
            )
        context = Context(seed=seed, as_of=as_of)
        world = World(context, seeds or {})
        rows = Rows(world, scale, minimal)
        with using(context):
            for profile in line:
                for recipe in profile.recipes:
                    recipe(rows)
            tables = assemble(world)
        dataset = Dataset(
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
        if self.production_safe:
            _check_reference(dataset)
        return dataset

    def _line(self) -> list[Profile]:
        """Return the profiles whose recipes run, ancestors first, each once."""
        line: dict[int, Profile] = {}
        for parent in self.extends:
            line.update({id(profile): profile for profile in parent._line()})
        line[id(self)] = self
        return list(line.values())
