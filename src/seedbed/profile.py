"""Profiles: which rows an environment has. A recipe names them; evaluating it is pure and opens no connection."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seedbed import streams
from seedbed.batch import Seed, World
from seedbed.batch.assembly import assemble
from seedbed.dataset import Dataset
from seedbed.errors import Finding, InvalidInput
from seedbed.factory import DEFAULT_SEED, Context, using
from seedbed.recipe import Rows

Recipe = Callable[[Rows], None]
Seeds = Mapping[str, Mapping[str, Seed]]
"""Hand-picked rows by table and label."""


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


def _check_reference(dataset: Dataset) -> None:
    made_up = dataset.generated()
    if made_up:
        raise InvalidInput(
            f"the profile {dataset.profile!r} is production_safe, so it may hold nothing but rows picked by hand",
            findings=[Finding(table, f"{count} rows made up") for table, count in made_up.items()],
            remedy="Name them in the seed files (rows.named), or leave production_safe out.",
        )
