"""Which databases the development server holds."""

from __future__ import annotations

import psycopg

from seedbed.servers.development import url


def databases(prefix: str = "") -> list[str]:
    """Return the databases of the running development server whose names begin in a certain way.

    Raises:
        InvalidInput: the server is not running.
    """
    query = (
        "SELECT datname FROM pg_catalog.pg_database "
        "WHERE NOT datistemplate AND datname <> 'postgres' AND starts_with(datname::text, %s) ORDER BY 1"
    )
    with psycopg.connect(url("postgres"), autocommit=True) as connection:
        return [name for (name,) in connection.execute(query, [prefix]).fetchall()]
