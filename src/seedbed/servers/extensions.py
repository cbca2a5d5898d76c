"""Extensions a project needs and a server may lack: the embedded one comes without pgcrypto, for example."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg


def missing_extensions(connection: psycopg.Connection, names: Sequence[str]) -> list[str]:
    """Return those of the named extensions that ``CREATE EXTENSION`` would not find on this server, in order."""
    query = "SELECT name FROM pg_available_extensions WHERE name = ANY(%s)"
    available = {name for (name,) in connection.execute(query, [list(names)])}
    return [name for name in names if name not in available]
