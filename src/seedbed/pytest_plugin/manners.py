"""What tests teach a connection or an engine that the next test uses, too, and how it is forgotten."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Cursor, ServerCursor
from psycopg._preparing import PrepareManager
from psycopg.adapt import AdaptersMap
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from sqlalchemy import Engine


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
    connection._prepared = PrepareManager()
    connection.row_factory = tuple_row
    connection.cursor_factory, connection.server_cursor_factory = Cursor, ServerCursor


def habits(engine: Engine) -> tuple[object, ...]:
    """Return what tells an engine that a test has left something on from one that is as it was made."""
    heard: Any = engine.pool.dispatch
    return (
        vars(engine).get("_has_events"),
        vars(engine.dialect).get("_has_events"),
        id(engine.pool),
        tuple(len(getattr(heard, name)) for name in heard._event_names),
        engine.get_execution_options(),
        engine.echo,
        engine.logging_name,
    )
