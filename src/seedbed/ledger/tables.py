"""The tables whose rows the ledger knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from seedbed.dataset import TableName
from seedbed.target import Table


@dataclass(frozen=True, slots=True)
class Entry:
    """A table as the ledger knows it.

    Attributes:
        id: seedbed.tables.id.
        identity: the columns that rows.id or rows.pk hold.
        columns: name and type of the columns that rows.row_hash is made of.
        oid: pg_class.oid of the table; None in a ledger that was made before it was kept, until a run may add it.
    """

    id: int
    table: TableName
    identity: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    oid: int | None = None


def entries(connection: Connection[Any]) -> dict[TableName, Entry]:
    """Return the tables the ledger knows."""
    # The number through JSON, for a ledger that was made before the column has none.
    rows = connection.execute(
        "SELECT id, schema, name, identity, columns, (pg_catalog.to_jsonb(e) ->> 'oid')::int8 "
        "FROM seedbed.tables e ORDER BY id"
    ).fetchall()
    return {
        TableName(name, schema): Entry(
            id, TableName(name, schema), tuple(identity), tuple((a, b) for a, b in columns), oid
        )
        for id, schema, name, identity, columns, oid in rows
    }


def without_numbers(known: Mapping[TableName, Entry]) -> dict[TableName, Entry]:
    """Return entries as of a ledger that came along with a dump: here its tables have other numbers."""
    return {name: replace(entry, oid=None) for name, entry in known.items()}


def enter(connection: Connection[Any], table: Table, columns: Sequence[str]) -> Entry:
    """Make the ledger know a table and the columns that are hashed from now on."""
    hashed = tuple((name, table.columns[name].type.name) for name in columns)
    row = connection.execute(
        "INSERT INTO seedbed.tables AS e (schema, name, identity, columns) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (schema, name) DO UPDATE SET identity = excluded.identity, columns = excluded.columns "
        "RETURNING id",
        [table.name.schema, table.name.name, list(table.identity), Jsonb(hashed)],
    ).fetchone()
    assert row is not None
    return Entry(row[0], table.name, table.identity, hashed, table.oid)


def note_tables(connection: Connection[Any], tables: Iterable[Table]) -> None:
    """Write down which tables these are, where the ledger does not know it, so that others of their names are told from them."""
    known = entries(connection)
    new = [
        (known[table.name].id, table.oid)
        for table in tables
        if table.name in known and known[table.name].oid != table.oid
    ]
    if new and _has_numbers(connection):
        connection.execute(
            "UPDATE seedbed.tables e SET oid = n.oid FROM unnest(%s::int[], %s::oid[]) n (id, oid) WHERE e.id = n.id",
            [[number for number, _ in new], [oid for _, oid in new]],
        )


def take_tables(connection: Connection[Any]) -> None:
    """Take the tables that are there for those that were written to: a dump that comes back gives them other numbers."""
    if _has_numbers(connection):
        connection.execute(
            "UPDATE seedbed.tables e SET oid = n.oid FROM (SELECT id, pg_catalog.to_regclass(pg_catalog.format("
            "'%I.%I', schema, name))::oid AS oid FROM seedbed.tables) n WHERE n.id = e.id AND e.oid IS DISTINCT FROM n.oid"
        )


def _has_numbers(connection: Connection[Any]) -> bool:
    """Return whether the ledger has room for the tables' numbers; one that was made before them gets it from its owner."""
    row = connection.execute(_NUMBERS).fetchone()
    there, owned = row if row else (False, False)
    if not there and owned:
        connection.execute("ALTER TABLE seedbed.tables ADD COLUMN oid oid")
    return bool(there or owned)


_NUMBERS = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'oid' AND NOT a.attisdropped),
       pg_catalog.pg_has_role(c.relowner, 'USAGE')
  FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass('seedbed.tables')
"""
