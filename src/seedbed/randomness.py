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
from factory.declarations import (
    ContainerAttribute,
    Dict,
    LazyAttribute,
    LazyAttributeSequence,
    LazyFunction,
    List,
    SelfAttribute,
    Sequence,
    SubFactory,
)

Reseed = Callable[[int], None]

_GENERATORS: tuple[Any, ...] = (random, factory.random.randgen, faker.generator.random)
_QUIET = (
    LazyFunction,
    LazyAttribute,
    Sequence,
    LazyAttributeSequence,
    ContainerAttribute,
    SelfAttribute,
)


def draws_nothing(declaration: Any) -> bool:
    """Tell whether a declaration itself never draws; seeding three Mersenne Twisters takes 20 µs."""
    return isinstance(declaration, SelfAttribute) or type(declaration) in (Dict, List, SubFactory)


def may_draw_nothing(declaration: Any) -> bool:
    """Tell whether a declaration is a function of the user's, of which most draw nothing."""
    return type(declaration) in _QUIET


def state() -> list[Any]:
    """Return the generators' states; as long as nobody draws, they are equal."""
    return [generator.getstate() for generator in _GENERATORS]


@contextlib.contextmanager
def keyed() -> Iterator[Reseed]:
    """Give a function that seeds the generators with a draw; at the end they are as they were."""
    before: list[Any] = []

    def reseed(word: int) -> None:
        """Seed the generators; the first time, their states are kept."""
        if not before:
            before.extend(state())
        for generator in _GENERATORS:
            generator.seed(word)

    try:
        yield reseed
    finally:
        for generator, kept in zip(_GENERATORS, before, strict=False):
            generator.setstate(kept)
