"""The stamp: what a database is for, written into the database itself."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, errors, sql

from seedbed.environment import Stamp
from seedbed.errors import Refused
from seedbed.ledger.schema import ensure
from seedbed.ledger.tables import take_tables

_READ = """
SELECT environment, system_identifier, database_oid, stamped_at, stamped_by,
       coalesce((pg_catalog.to_jsonb(s) ->> 'born')::bool, false) FROM seedbed.stamp s
"""
"""Through JSON, for a ledger that was made before the column has none."""

_BORN = (
    "SELECT FROM pg_catalog.pg_attribute WHERE attname = 'born' AND NOT attisdropped "
    "AND attrelid = 'seedbed.stamp'::pg_catalog.regclass"
)
"""Finds a row where the stamp can say that seedbed created the database."""


def read_stamp(connection: Connection[Any]) -> Stamp | None:
    """Return what is written down of a database, None where nothing is.

    Raises:
        Refused: the role may not read it.
    """
    try:
        absent = connection.execute("SELECT pg_catalog.to_regclass('seedbed.stamp') IS NULL")
        row = None if absent.fetchone() == (True,) else connection.execute(_READ).fetchone()
    except errors.InsufficientPrivilege:  # 42501, from the schema or the table
        role = sql.Identifier(connection.info.user).as_string(connection)
        raise Refused(
            f"refused: role {role} may not read what seedbed wrote down about this database",
            remedy="GRANT USAGE ON SCHEMA seedbed, and SELECT, INSERT, UPDATE and DELETE on its tables, "
            f"TO {role}",
        ) from None
    return None if row is None else Stamp(*row)


def write_stamp(
    connection: Connection[Any],
    environment: str,
    system_identifier: str,
    database_oid: int,
    *,
    born: bool,
) -> None:
    """Write down what a database is for, in the place of what was written before; the ledger is made if there is none.

    Args:
        environment: what it is for.
        system_identifier: of the server, so that a copy elsewhere does not inherit the stamp.
        database_oid: of the database, so that a copy here does not either.
        born: whether seedbed itself created the database.
    """
    ensure(connection)
    # A ledger may be from before the column; only its owner may add it, so only a stamp does.
    if connection.execute(_BORN).fetchone() is None:
        connection.execute("ALTER TABLE seedbed.stamp ADD COLUMN born bool NOT NULL DEFAULT false")
    row = connection.execute("SELECT system_identifier, database_oid FROM seedbed.stamp").fetchone()
    if row not in (None, (system_identifier, database_oid)):
        take_tables(connection)
    connection.execute(
        "INSERT INTO seedbed.stamp (environment, system_identifier, database_oid, born) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (one) DO UPDATE SET (environment, system_identifier, database_oid, born, stamped_at, stamped_by) "
        "= (excluded.environment, excluded.system_identifier, excluded.database_oid, excluded.born, now(), session_user)",
        [environment, system_identifier, database_oid, born],
    )
