"""Which databases the development server holds, and one that it holds for a moment only."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from seedbed.servers.development import url


def databases(*, home: Path | None = None) -> list[str]:
    """Return the names of the running development server's databases, in order.

    Raises:
        InvalidInput: the server is not running.
    """
    query = (
        "SELECT datname FROM pg_catalog.pg_database "
        "WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
    )
    with psycopg.connect(url("postgres", home=home), autocommit=True) as connection:
        return [name for (name,) in connection.execute(query).fetchall()]


@contextmanager
def scratch(like: str, *, home: Path | None = None) -> Iterator[str]:
    """Give an empty database to the running development server for the length of a block; yields its URL.

    Args:
        like: a name; the database's own begins with it, so that whoever judges by names judges alike.
        home: the folder of the server's folder; the user's data directory by default.
    """
    number = secrets.randbelow(10**9)  # digits: letters could be read as a word
    name = f"{like}_{number}"
    if len(name.encode()) > 63:  # PostgreSQL would cut it
        name = f"seedbed_{number}"
    with psycopg.connect(url("postgres", home=home), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield url(name, home=home)
        finally:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))
