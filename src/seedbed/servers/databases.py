"""Which databases the development server holds."""

from __future__ import annotations

from pathlib import Path

import psycopg

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
