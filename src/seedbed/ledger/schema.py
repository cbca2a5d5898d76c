"""The tables of the ledger, and how they are made."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

SCHEMA = "seedbed"
TABLES = ("stamp", "runs", "tables", "rows")
"""The ledger's own; anything else in the schema is somebody else's."""
LOCK = 0x5EEDBED
"""The key of the advisory lock that makes runs on a database take turns."""

DDL = """
CREATE SCHEMA IF NOT EXISTS seedbed;
COMMENT ON SCHEMA seedbed IS 'What seedbed wrote into this database. Deleting it makes seedbed forget its rows.';
CREATE TABLE IF NOT EXISTS seedbed.stamp (
    one bool PRIMARY KEY DEFAULT true CHECK (one),
    environment text NOT NULL,
    system_identifier text NOT NULL,
    database_oid oid NOT NULL,
    stamped_at timestamptz NOT NULL DEFAULT now(),
    stamped_by text NOT NULL DEFAULT session_user,
    born bool NOT NULL DEFAULT false);
CREATE TABLE IF NOT EXISTS seedbed.runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL,
    outcome text NOT NULL,
    profile text,
    environment text,
    version int,
    seed text,
    as_of timestamp,
    scale float8,
    minimal bool,
    counts jsonb NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seconds float8 NOT NULL,
    who text NOT NULL DEFAULT session_user,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id());
CREATE TABLE IF NOT EXISTS seedbed.tables (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema text NOT NULL,
    name text NOT NULL,
    identity text[] NOT NULL,
    columns jsonb NOT NULL,
    oid oid,
    UNIQUE (schema, name));
CREATE TABLE IF NOT EXISTS seedbed.rows (
    table_id int NOT NULL,
    key bigint NOT NULL,
    name text,
    id bigint,
    pk text[],
    digest bigint NOT NULL,
    row_hash bigint NOT NULL,
    PRIMARY KEY (table_id, key));
COMMENT ON COLUMN seedbed.tables.columns IS 'name and type of the columns that row_hash is made of';
COMMENT ON COLUMN seedbed.rows.digest IS 'what the profile said of the row when it was last written';
COMMENT ON COLUMN seedbed.rows.row_hash IS 'what the database held right after'
"""


def exists(connection: Connection[Any]) -> bool:
    """Return whether the database has a ledger."""
    row = connection.execute("SELECT pg_catalog.to_regclass('seedbed.rows') IS NOT NULL").fetchone()
    return bool(row and row[0])


def ensure(connection: Connection[Any]) -> None:
    """Create the ledger where there is none."""
    if not exists(connection):
        for statement in DDL.split(";\n"):
            connection.execute(statement)
