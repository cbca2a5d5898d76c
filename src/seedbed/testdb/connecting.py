"""Connections of the plugin's own: the engine's would import what only seeding needs, and a test pays for every import."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import Connection

from seedbed.errors import SeedbedError
from seedbed.url import connection_parameters


def connect(url: str) -> Connection[Any]:
    """Open a connection.

    Raises:
        InvalidInput: the URL is not one.
        DatabaseFailure: the server cannot be reached or does not let us in.
    """
    parameters: dict[str, Any] = {"connect_timeout": "10", **connection_parameters(url)}
    try:
        return psycopg.connect(**parameters)
    except psycopg.Error:
        from seedbed.load import session

        return session.connect(url)  # which knows how to say what is wrong


def failure(error: psycopg.Error) -> SeedbedError:
    """Return what a server said as our error."""
    from seedbed.load.failures import translated

    return translated(error)
