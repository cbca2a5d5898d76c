"""The stamp of a database that seedbed has just created, by its URL."""

from __future__ import annotations

from seedbed import guard
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, transaction


def stamp_at_birth(url: str, environment: str) -> None:
    """Write into a database that seedbed has just created what it is for, and that seedbed created it.

    Args:
        url: the database.
        environment: such as ``development``.

    Raises:
        SeedbedError: one of its kinds: no such environment, no such server.
    """
    with connect(url) as connection, translating_errors(), transaction(connection, keep=True):
        guard.stamp_at_birth(connection, environment)
        connection.commit()
