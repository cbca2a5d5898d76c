"""The project's tables, created where a database has none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection, sql

from seedbed.errors import DatabaseFailure, Finding, InvalidInput
from seedbed.load.failures import translated
from seedbed.servers.extensions import missing_extensions

if TYPE_CHECKING:
    import sqlalchemy


def missing(connection: Connection[Any], metadata: sqlalchemy.MetaData) -> bool:
    """Return whether a database has none of the metadata's tables."""
    names = [
        sql.Identifier(*filter(None, (table.schema, table.name))).as_string()
        for table in metadata.tables.values()
    ]
    row = connection.execute(
        "SELECT bool_or(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) name", [names]
    ).fetchone()
    return bool(names) and not (row and row[0])


def require_extensions(connection: Connection[Any], names: Sequence[str]) -> None:
    """Check that a server offers the extensions a project needs.

    Raises:
        InvalidInput: it lacks some; all of them are named.
    """
    lacking = missing_extensions(connection, names) if names else []
    if lacking:
        version = connection.info.parameter_status("server_version")
        raise InvalidInput(
            f"this server (PostgreSQL {version}) does not offer what the project needs",
            findings=[Finding(name, "is not in pg_available_extensions") for name in lacking],
            remedy="Install it on the server, or take another one with --database-url; the embedded server comes without "
            "pgcrypto, ICU and TLS.",
        )


def create(
    connection: Connection[Any],
    metadata: sqlalchemy.MetaData,
    extensions: Sequence[str],
    *,
    allowed: bool,
) -> list[str]:
    """Create the extensions and the metadata's tables, inside the caller's transaction, and return their names.

    SQLAlchemy compiles the statements and fires the tables' DDL events; they run on our connection, so that a failure later
    on takes the tables away again.

    Raises:
        InvalidInput: the tables are missing and may not be created.
    """
    if not allowed:
        raise InvalidInput(
            "none of the project's tables exist in this database",
            remedy="Create the schema first, or leave out --no-create.",
        )
    from sqlalchemy import create_mock_engine

    def run(statement: Any, *_: Any, **__: Any) -> None:
        text = (
            str(statement.compile(dialect=engine.dialect))
            if hasattr(statement, "compile")
            else str(statement)
        )
        # An empty argument list makes psycopg turn %% into %, as it does below SQLAlchemy.
        connection.execute(text, ())

    engine = create_mock_engine("postgresql+psycopg://", run)
    try:
        for name in extensions:
            connection.execute(
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
            )
        for schema in sorted({table.schema for table in metadata.tables.values() if table.schema}):
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))
            )
        metadata.create_all(engine, checkfirst=False)
    except psycopg.Error as error:
        raise DatabaseFailure(
            f"the schema cannot be created: {translated(error).message}"
        ) from None
    return [table.fullname for table in metadata.sorted_tables]
