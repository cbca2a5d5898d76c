"""Servers from binaries: made, started, reached, stopped."""

from __future__ import annotations

import psycopg


def test_a_database_is_empty_and_writable(database: str) -> None:
    """The fixtures give a database that psycopg reaches by its URL."""
    with psycopg.connect(database) as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        assert connection.execute(tables).fetchone() == (0,)
        connection.execute("CREATE TABLE one (id int)")
