"""What tests teach a connection or an engine that the next test uses, too, and how it is forgotten.

psycopg has no public way to forget all of it: what is used of its connections beside their interface is named here, once, and looked for
before the first test, so that a version without it is told by name. Of SQLAlchemy nothing is needed that could not be missing: where
it cannot be told what a test has left on an engine or a connection, the next test gets a new one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Cursor, ServerCursor
from psycopg.adapt import AdaptersMap
from psycopg.rows import tuple_row

from seedbed.errors import SeedbedError

if TYPE_CHECKING:
    from sqlalchemy import Engine

TESTED = "psycopg 3.2.6 to 3.3, SQLAlchemy 2.0.40 to 2.1"
"""What the plugin's tests pass with."""

_INSIDE = (
    "_adapters",
    "_autocommit",
    "_exec_command",
    "_notice_handlers",
    "_notifies_backlog",
    "_notify_handlers",
    "_num_transactions",
    "_pipeline",
    "_prepared",
)
"""What is used of a connection of psycopg's that is not public."""


def look_at(connection: psycopg.Connection[Any]) -> None:
    """Make sure that a connection can be made to forget.

    Raises:
        SeedbedError: psycopg keeps something elsewhere than it did.
    """
    missing = [name for name in _INSIDE if not hasattr(connection, name)]
    if missing:
        raise SeedbedError(
            f"psycopg {psycopg.__version__} is not as the plugin knows it: a connection has no {', '.join(missing)}",
            remedy=f"Install a version that it was tested with ({TESTED}), or say --seedbed-isolation=clone, which needs none of this.",
        )


@dataclass(frozen=True, slots=True)
class Manners:
    """Adapters and handlers that belong to a connection."""

    adapters: AdaptersMap | None
    notice_handlers: tuple[Any, ...]

    def taught(self, connection: psycopg.Connection[Any]) -> None:
        """Teach them to a connection, beside those it has."""
        if self.adapters:
            connection._adapters = self.adapters
        connection._notice_handlers.extend(self.notice_handlers)

    @classmethod
    def of(cls, connection: psycopg.Connection[Any]) -> Manners:
        """Return a connection's."""
        known = connection._adapters  # the property would make some
        return cls(AdaptersMap(known) if known else None, tuple(connection._notice_handlers))


def as_made(connection: psycopg.Connection[Any], manners: Manners | None = None) -> None:
    """Give a connection the rows, cursors, adapters and handlers that it had when it was made."""
    adapters = manners.adapters if manners else None
    connection._adapters = AdaptersMap(adapters) if adapters else None
    connection._notice_handlers = list(manners.notice_handlers) if manners else []
    connection._notify_handlers, connection._notifies_backlog = [], deque()
    connection._prepared = type(connection._prepared)()
    connection.row_factory = tuple_row
    connection.cursor_factory, connection.server_cursor_factory = Cursor, ServerCursor


def habits(engine: Engine) -> tuple[object, ...]:
    """Return what tells an engine that a test has left something on from one that is as it was made."""
    unknown, heard = object(), engine.pool.dispatch  # what cannot be told is never the same
    return (
        getattr(engine, "_has_events", unknown),
        getattr(engine.dialect, "_has_events", unknown),
        id(engine.pool),
        tuple(len(getattr(heard, name)) for name in _pool_events()),
        engine.get_execution_options(),
        engine.echo,
        engine.logging_name,
    )


@cache
def _pool_events() -> tuple[str, ...]:
    """Return what one can listen to on a pool."""
    from sqlalchemy.pool.events import PoolEvents

    return tuple(name for name in vars(PoolEvents) if name[0] != "_" and name != "dispatch")
