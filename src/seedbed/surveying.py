"""What a server says of itself and of the database connected to; asking it writes nothing."""

from __future__ import annotations

import ipaddress
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from seedbed import ledger
from seedbed.environment import Site
from seedbed.load.session import trust_the_catalogue

_BOOKKEEPING = (
    "alembic_version",
    "ar_internal_metadata",
    "databasechangelog",
    "databasechangeloglock",
    "django_migrations",
    "flyway_schema_history",
    "schema_migrations",
)
"""Tables in which migration tools keep their own notes: rows in them are nobody's data."""

_SHOWN = 5
"""How many of the tables with rows a refusal names."""

_SITE = """
SELECT d.datname, d.oid, pg_catalog.pg_is_in_recovery()
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""

_CANDIDATES = """
SELECT n.nspname, c.relname,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND NOT pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND c.relpersistence <> 't' AND pg_catalog.pg_relation_size(c.oid) > 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND NOT (n.nspname = %(ours)s AND c.relname = ANY (%(ledger)s))
  AND lower(c.relname) <> ALL (%(bookkeeping)s)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e'
                  AND e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid)
ORDER BY 1, 2
"""
"""Tables, partitions and materialized views that take space, and whether this role would see all of their rows."""


_LARGE_OBJECTS = "SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)"


def survey(connection: Connection[Any], *, look_inside: bool = True) -> Site:
    """Return the server and database a connection leads to, as the server itself describes them.

    Args:
        connection: an open one; its search_path is made safe for the rest of the transaction.
        look_inside: whether to look for rows where there is no stamp.
    """
    trust_the_catalogue(connection)
    row = connection.execute(_SITE).fetchone()
    assert row is not None
    database, oid, standby = row
    written = ledger.read_stamp(connection)
    return Site(
        database=database,
        database_oid=oid,
        system_identifier=_system_identifier(connection),
        host=connection.info.host,
        address=connection.info.hostaddr,
        local=_is_local(connection.info),
        standby=standby,
        occupied=_occupied(connection) if look_inside and written is None else (),
        stamp=written,
    )


def _system_identifier(connection: Connection[Any]) -> str:
    """Return the number of the server's data directory, or nothing where the role may not ask for it."""
    query = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"
    try:
        with connection.transaction():
            row = connection.execute(query).fetchone()
    except errors.InsufficientPrivilege:  # 42501; the savepoint keeps the transaction usable
        return ""
    return str(row[0]) if row else ""


def _is_local(info: psycopg.ConnectionInfo) -> bool:
    """Say whether a connection goes through a socket, or to a loopback address under no other machine's name."""
    if info.host.startswith(("/", "@")):
        return True
    own = info.host.lower() in ("localhost", "localhost.") or info.host == info.hostaddr
    return _is_loopback(info.hostaddr) and (own or _is_loopback(info.host))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _occupied(connection: Connection[Any]) -> tuple[str, ...]:
    """Return the first few tables that hold rows, or whose rows this role might not see."""
    parameters = {
        "ours": ledger.SCHEMA,
        "ledger": list(ledger.TABLES),
        "bookkeeping": list(_BOOKKEEPING),
    }
    found: list[str] = []
    for schema, name, visible in connection.execute(_CANDIDATES, parameters).fetchall():
        if not visible or _has_rows(connection, schema, name):
            found.append(name if schema == "public" else f"{schema}.{name}")
        if len(found) == _SHOWN:
            return tuple(found)
    if connection.execute(_LARGE_OBJECTS).fetchone() == (True,):
        found.append("large objects")
    return tuple(found)


def _has_rows(connection: Connection[Any], schema: str, name: str) -> bool:
    table = sql.Identifier(schema, name)
    row = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(table)
    ).fetchone()
    return row == (True,)
