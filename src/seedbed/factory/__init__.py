"""`Factory`: a factory_boy factory whose rows have keys; it builds single objects, and profiles make columns of it."""

from seedbed.factory.building import (
    KeyedBuilder,
    building,
    first_sequence,
    first_values,
    keyed_sequence,
)
from seedbed.factory.context import DEFAULT_SEED, Context, current_context, using
from seedbed.factory.factory import Factory, Record, every_factory

__all__ = [
    "DEFAULT_SEED",
    "Context",
    "Factory",
    "KeyedBuilder",
    "Record",
    "building",
    "current_context",
    "every_factory",
    "first_sequence",
    "first_values",
    "keyed_sequence",
    "using",
]
