"""The project's tables, created where a database has none of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import Connection, sql

from seedbed.errors import DatabaseFailure, Finding, InvalidInput
from seedbed.load.binding import CUT, too_long
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
        InvalidInput: the tables are missing and may not be created, or have names that PostgreSQL would cut.
    """
    if not allowed:
        raise InvalidInput(
            "none of the project's tables exist in this database",
            remedy="Create the schema first, or leave out --no-create.",
        )
    _refuse_long_names(metadata)
    engine = executing(connection)
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
    return [table.fullname for table in in_order(metadata)]


def in_order(metadata: sqlalchemy.MetaData) -> list[sqlalchemy.Table]:
    """Return a metadata's tables, parents first; unlike `sorted_tables`, without a warning where they run in circles."""
    from sqlalchemy.schema import sort_tables_and_constraints

    tables = sorted(metadata.tables.values(), key=lambda table: table.key)
    ordered = sort_tables_and_constraints(tables)  # type: ignore[no-untyped-call]
    return [table for table, _ in ordered if table is not None]


def executing(connection: Connection[Any], *, leave_out: Sequence[str] = ()) -> Any:
    """Return what SQLAlchemy takes for an engine, whose DDL runs on a connection of ours, in its transaction.

    Args:
        leave_out: names of SQLAlchemy's classes of statements that are not to run.
    """
    from sqlalchemy import create_mock_engine

    def run(statement: Any, *_: Any, **__: Any) -> None:
        """Compile a statement and execute it on our connection."""
        if type(statement).__name__ in leave_out:
            return
        text = (
            str(statement.compile(dialect=engine.dialect))
            if hasattr(statement, "compile")
            else str(statement)
        )
        # An empty argument list makes psycopg turn %% into %, as it does below SQLAlchemy.
        connection.execute(text, ())

    engine = create_mock_engine("postgresql+psycopg://", run)
    return engine


def _refuse_long_names(metadata: sqlalchemy.MetaData) -> None:
    findings = [
        Finding(f"{table.fullname}: {kind} {name}", f"{len(name.encode())} bytes", CUT)
        for table in in_order(metadata)
        for kind, name in _names(table)
        if too_long(name)
    ]
    if findings:
        raise InvalidInput("the project's tables have names that are too long", findings=findings)


def _names(table: sqlalchemy.Table) -> Iterator[tuple[str, str]]:
    """Yield what a table's creation names, each with the kind of thing it is."""
    yield "table", table.name
    yield "schema", table.schema or ""
    for column in table.columns:
        yield "column", column.name
        yield "type", getattr(column.type, "name", None) or ""
    for constraint in table.constraints:
        yield "constraint", str(constraint.name or "")
    for index in table.indexes:
        yield "index", str(index.name or "")
