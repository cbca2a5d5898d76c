"""The tables of a project's metadata, seen as if they were live: what a row is fitted to where there is no database."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from seedbed.dataset import TableName
from seedbed.target import Column, ForeignKey, Table, Target, Type, UniqueKey

BASES = {
    "SMALLINT": "int2",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "REAL": "float4",
    "FLOAT": "float8",
    "DOUBLE PRECISION": "float8",
    "CHAR": "bpchar",
    "BOOLEAN": "bool",
    "TIMESTAMP WITHOUT TIME ZONE": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIME WITHOUT TIME ZONE": "time",
    "TIME WITH TIME ZONE": "timetz",
}
"""What PostgreSQL's catalogue calls a type; the others it calls as SQL does."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def target_of(metadata: sa.MetaData) -> Target:
    """Return a metadata's tables as `seedbed.target.read` would return them from a database made of it."""
    tables = [_table(table) for table in metadata.tables.values()]
    by_name = {table.name: table for table in tables}
    return Target(by_name, {name: name for name in by_name})


def _table(table: sa.Table) -> Table:
    identity = tuple(column.name for column in table.primary_key.columns)
    unique = [
        UniqueKey(str(key.name or ""), tuple(column.name for column in key.columns))
        for key in table.constraints
        if isinstance(key, sa.UniqueConstraint)
    ]
    return Table(
        oid=0,
        name=_name(table),
        columns={column.name: _column(column, table) for column in table.columns},
        identity=identity,
        keys=(UniqueKey("", identity, primary=True), *unique),
        foreign_keys=tuple(_foreign_key(key) for key in table.foreign_key_constraints),
    )


def _name(table: sa.Table) -> TableName:
    return TableName(table.name, table.schema or "")


def _column(column: sa.Column[Any], table: sa.Table) -> Column:
    serial = column is table.autoincrement_column and column.server_default is None
    default = column.server_default is not None or column.default is not None
    return Column(
        name=column.name,
        type=_type(column.type),
        nullable=bool(column.nullable),
        default="nextval" if serial else "default" if default else None,
        identity="" if column.identity is None else "a" if column.identity.always else "d",
        generated=column.computed is not None,
        sequence=int(serial or column.identity is not None),
    )


def _type(kind: sa.types.TypeEngine[Any]) -> Type:
    name = kind.compile(dialect=_DIALECT)
    inner = kind.dialect_impl(_DIALECT)
    if isinstance(inner, sa.ARRAY):
        element = _type(inner.item_type)
        return Type(name, element.base, element.kind, array=True, labels=element.labels)
    if isinstance(inner, sa.Enum) and inner.native_enum:
        return Type(name, name, "e", labels=tuple(inner.enums))
    base = re.sub(r"\(.*?\)", "", name).strip()
    numbers = [int(number) for number in re.findall(r"\d+", name.partition("(")[2])]
    return Type(name, BASES.get(base, base.lower()), modifier=_modifier(base, numbers))


def _modifier(base: str, numbers: list[int]) -> int:
    """Return pg_attribute.atttypmod: a length plus 4, or precision and scale packed, plus 4."""
    if base in ("VARCHAR", "CHAR") and numbers:
        return numbers[0] + 4
    if base == "NUMERIC" and numbers:
        return (numbers[0] << 16 | (numbers[1] if len(numbers) > 1 else 0)) + 4
    return -1


def _foreign_key(key: sa.ForeignKeyConstraint) -> ForeignKey:
    return ForeignKey(
        name=str(key.name or ""),
        table=_name(key.table),
        columns=tuple(key.column_keys),
        parent=_name(key.referred_table),
        parent_columns=tuple(element.column.name for element in key.elements),
        deferrable=bool(key.deferrable),
    )
