"""A batch of hand-picked rows: their values as columns, of which a row need not have each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed import streams
from seedbed.batch.batch import Batch
from seedbed.batch.seed import Seed
from seedbed.batch.selection import Index
from seedbed.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from seedbed.batch.world import World
    from seedbed.factory import Factory


def hand_picked(world: World, factory: type[Factory[Any]], seeds: Sequence[Seed]) -> Batch:
    """Return a batch of hand-picked rows.

    Raises:
        InvalidInput: they have a value that the factory does not declare.
    """
    given = _columns(seeds, world)
    keys = [streams.named_key(factory.path(), seed.label) for seed in seeds]
    traits = set(factory._meta.parameters) - set(factory._meta.pre_declarations)
    batch = Batch(
        world,
        factory,
        np.array(keys, dtype=np.uint64),
        np.zeros(len(seeds), dtype=np.int64),
        overrides={name: False for name in given if name in traits},
        given=given,
        labels=[seed.label for seed in seeds],
        origins=[seed.origin for seed in seeds],
    )
    for name, (positions, _) in given.items():
        if name not in batch.declarations:
            first = seeds[positions[0]]
            raise InvalidInput(
                f"{first.origin_of(name)}: {factory.__name__} does not declare {name!r}.",
                remedy=nearest(name, list(batch.declarations)),
            )
    return batch


def _columns(seeds: Sequence[Seed], world: World) -> Mapping[str, tuple[Index, list[Any]]]:
    """Return the values by column, each column with the positions of the rows that have one."""
    columns: dict[str, tuple[list[int], list[Any]]] = {}
    for position, seed in enumerate(seeds):
        for name, value in seed.resolved(world.as_of).items():
            positions, values = columns.setdefault(name, ([], []))
            positions.append(position)
            values.append(value)
    return {name: (np.array(places), values) for name, (places, values) in columns.items()}
