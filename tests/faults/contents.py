"""What a database holds: to the byte, and by what it means."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import psycopg
from psycopg import Connection, sql

TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
GENERATED = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary AND (a.atthasdef OR a.attidentity <> '')
"""
REFERENCES = """
SELECT a.attname, n.nspname, p.relname FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace n ON n.oid = p.relnamespace
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
WHERE k.conrelid = %s::regclass AND k.contype = 'f' AND cardinality(k.conkey) = 1 AND (b.atthasdef OR b.attidentity <> '')
"""
OURS = """
SELECT t.schema, t.name, coalesce(r.id::text, r.pk[1]), r.key FROM seedbed.rows r JOIN seedbed.tables t ON t.id = r.table_id
"""
LEDGER = """
SELECT 'row', t.schema, t.name, r.key, r.name, r.digest FROM seedbed.rows r JOIN seedbed.tables t ON t.id = r.table_id
"""
RUNS = """
SELECT 'run', action, profile, environment, version, seed, as_of::text, scale, minimal, counts FROM seedbed.runs
WHERE outcome <> 'unchanged'
"""


def bytes_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table with its place and the transaction that wrote it, the stamp's apart."""
    with psycopg.connect(url) as connection:
        return {
            f"{schema}.{name}": connection.execute(
                sql.SQL("SELECT ctid::text, xmin::text, t::text FROM {} t ORDER BY ctid").format(
                    sql.Identifier(schema, name)
                )
            ).fetchall()
            for schema, name in connection.execute(TABLES).fetchall()
            if (schema, name) != ("seedbed", "stamp")
        }


def meaning_of(url: str) -> str:
    """Return a hash over all rows of all tables and the ledger, in which it does not matter which ids a sequence gave.

    Rows of ours go by their key in place of a generated id, and so do references to them: a run that was rolled back has used up
    some of a sequence. Left out are also the times, and the records of runs that had nothing to do.
    """
    with psycopg.connect(url) as connection:
        tables = connection.execute(TABLES).fetchall()
        names = {(f"{s}.{n}", at): f"key {key}" for s, n, at, key in _rows(connection, OURS)}
        found = [*_rows(connection, LEDGER), *_rows(connection, RUNS)]
        for schema, name in tables:
            if schema != "seedbed":
                found += _named(connection, f"{schema}.{name}", names)
        lines = sorted(json.dumps(row, default=str, sort_keys=True) for row in found)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rows(connection: Connection[Any], query: str) -> list[tuple[Any, ...]]:
    if not connection.execute("SELECT to_regclass('seedbed.rows')").fetchone()[0]:  # type: ignore[index]
        return []
    return connection.execute(query).fetchall()


def _named(connection: Connection[Any], table: str, names: dict[tuple[str, str], str]) -> list[Any]:
    """Return a table's rows with generated ids, and references to such, replaced."""
    replaced = {column: table for (column,) in connection.execute(GENERATED, [table])}
    for column, schema, parent in connection.execute(REFERENCES, [table]):
        replaced[column] = f"{schema}.{parent}"
    query = sql.SQL("SELECT to_jsonb(t) FROM {} t").format(sql.Identifier(*table.split(".")))
    found = []
    for (row,) in connection.execute(query):
        for column, parent in replaced.items():
            row[column] = names.get((parent, str(row[column])), row[column])
        found.append(["row of", table, row])
    return found
