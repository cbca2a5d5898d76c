"""Trying a whole run again where others got in its way: serialization failures and deadlocks, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import errors

from seedbed.errors import DatabaseFailure
from seedbed.load.failures import translated
from seedbed.load.updating import Overtaken

ATTEMPTS = 3
AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, Overtaken)
"""What another attempt may not meet again."""

Done = TypeVar("Done")


def persistently(attempt: Callable[[], Done]) -> Done:
    """Do something that is a transaction of its own, up to `ATTEMPTS` times.

    Raises:
        DatabaseFailure: others got in the way each time.
    """
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except AGAIN as failure:
            if number == ATTEMPTS:
                raise DatabaseFailure(
                    f"gave up after {ATTEMPTS} attempts: {_why(failure)}",
                    remedy="Something else writes to the same rows; try again when it is done.",
                ) from None
    raise AssertionError("unreachable")


def _why(failure: Exception) -> str:
    return translated(failure).message if isinstance(failure, psycopg.Error) else str(failure)
