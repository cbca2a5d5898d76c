"""Python's and factory_boy's random generators, seeded per cell while row-wise declarations run, and put back after.

``random``, ``factory.fuzzy`` and Faker draw from generators shared by the whole process. A declaration that uses them gets the
same values for the same cell nonetheless, and leaves the generators of the code around it as they were.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import factory.random
import faker.generator
from factory.declarations import ContainerAttribute, Dict, List, SelfAttribute, Sequence

Reseed = Callable[[Any, int], None]

_GENERATORS: tuple[Any, ...] = (random, factory.random.randgen, faker.generator.random)
_DETERMINISTIC = (SelfAttribute, ContainerAttribute)


@contextlib.contextmanager
def keyed() -> Iterator[Reseed]:
    """Give a function that seeds the generators for a declaration with a draw; restore them at the end."""
    states: list[Any] = []

    def reseed(declaration: Any, word: int) -> None:
        if isinstance(declaration, _DETERMINISTIC) or type(declaration) in (Sequence, Dict, List):
            return  # seeding three Mersenne Twisters takes 20 µs; these draw nothing themselves
        if not states:
            states.extend(generator.getstate() for generator in _GENERATORS)
        for generator in _GENERATORS:
            generator.seed(word)

    try:
        yield reseed
    finally:
        for generator, state in zip(_GENERATORS, states, strict=False):
            generator.setstate(state)
