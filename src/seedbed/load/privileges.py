"""What the connected role may not do, found before the run, with the statement that would allow it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import Connection

from seedbed.errors import Finding
from seedbed.target import Table

ORDER = ("SELECT", "INSERT", "UPDATE", "DELETE")


def lacking(
    connection: Connection[Any], tables: Iterable[Table], *, writing: bool
) -> list[Finding]:
    """Return a finding for each privilege that reading or writing these tables takes and the role has not."""
    needed = ORDER if writing else ORDER[:1]
    tables = list(tables)
    role = _one(connection, "SELECT quote_ident(current_user)")
    findings = []
    for table in tables:
        gaps = [name for name in needed if name not in table.privileges]
        if gaps:
            grant = f"GRANT {', '.join(gaps)} ON {table.qualified.as_string()} TO {role}"
            findings.append(Finding(str(table.name), f"no {', '.join(gaps)} privilege", grant))
    if writing:
        findings += _sequences(connection, tables, role)
        findings += _ledger(connection, role)
    return findings


def _sequences(connection: Connection[Any], tables: list[Table], role: str) -> list[Finding]:
    columns = [column for table in tables for column in table.columns.values()]
    wanted = [column.sequence for column in columns if column.sequence]
    rows = connection.execute(
        "SELECT s::regclass::text FROM unnest(%s::oid[]) s "
        "WHERE NOT has_sequence_privilege(s, 'USAGE') AND NOT has_sequence_privilege(s, 'UPDATE')",
        [wanted],
    ).fetchall()
    return [
        Finding(
            name, "no USAGE privilege", f"GRANT USAGE, SELECT, UPDATE ON SEQUENCE {name} TO {role}"
        )
        for (name,) in rows
    ]


def _ledger(connection: Connection[Any], role: str) -> list[Finding]:
    row = connection.execute(
        "SELECT quote_ident(d.datname), has_database_privilege(d.oid, 'TEMPORARY'), "
        "CASE WHEN to_regnamespace('seedbed') IS NULL THEN has_database_privilege(d.oid, 'CREATE') END, "
        "CASE WHEN to_regnamespace('seedbed') IS NOT NULL THEN has_schema_privilege('seedbed', 'USAGE') AND ("
        "SELECT coalesce(bool_and(has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')), true) FROM pg_class "
        "WHERE relnamespace = to_regnamespace('seedbed') AND relkind = 'r') END "
        "FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
    ).fetchone()
    assert row is not None
    database, temporary, may_create, may_write = row
    findings = []
    if not temporary:
        grant = f"GRANT TEMPORARY ON DATABASE {database} TO {role}"
        findings.append(Finding(database, "no TEMPORARY privilege", grant))
    if may_create is False:
        grant = f"GRANT CREATE ON DATABASE {database} TO {role}"
        findings.append(Finding(database, "no privilege to create the schema seedbed", grant))
    if may_write is False:
        grant = f"GRANT ALL ON SCHEMA seedbed TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA seedbed TO {role}"
        findings.append(Finding("seedbed", "no privilege to write the ledger", grant))
    return findings


def _one(connection: Connection[Any], query: LiteralString) -> str:
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else ""
