"""The tables whose rows the ledger knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """

    id: int
    table: TableName
    identity: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]


def entries(connection: Connection[Any]) -> dict[TableName, Entry]:
    """Return the tables the ledger knows."""
    rows = connection.execute(
        "SELECT id, schema, name, identity, columns FROM seedbed.tables ORDER BY id"
    ).fetchall()
    return {
        TableName(name, schema): Entry(
            id, TableName(name, schema), tuple(identity), tuple((a, b) for a, b in columns)
        )
        for id, schema, name, identity, columns in rows
    }


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
    return Entry(row[0], table.name, table.identity, hashed)
