"""Rows of factories that are bound to a table by name: the table is as the database has it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKeyConstraint, MetaData, Table, inspect
from sqlalchemy.exc import NoSuchTableError, SAWarning
from sqlalchemy.orm import InstanceState, Session

from seedbed.errors import InvalidInput, nearest
from seedbed.factory import Factory, Record

if TYPE_CHECKING:
    from sqlalchemy import Column

_TABLES = "seedbed.tables"
"""Where a session keeps the tables that were looked at."""


def reflected(session: Session, path: str) -> Table:
    """Return a table, looked at once in a session's life.

    Args:
        session: the test's.
        path: the table's name, with its schema where it has to be said.

    Raises:
        InvalidInput: there is none.
    """
    schema, _, name = path.rpartition(".")
    known = session.info.setdefault(_TABLES, MetaData())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types it does not know: psycopg takes them
        try:
            return Table(name, known, schema=schema or None, autoload_with=session.connection())
        except NoSuchTableError:
            names = inspect(session.connection()).get_table_names(schema=schema or None)
            raise InvalidInput(f"there is no table {path!r}: {nearest(name, names)}") from None


def insert(session: Session, factory: type[Factory[Any]], attributes: dict[str, Any]) -> Record:
    """Write a row and return it, with what the database has filled in and the attributes that are no columns.

    Args:
        session: the test's.
        factory: the row's.
        attributes: what the factory has made; one that is another row fills the columns of its foreign key.

    Raises:
        InvalidInput: an attribute is no column, or no foreign key leads where it says.
    """
    session.flush()  # rows that this one refers to
    table = reflected(session, factory.path())
    values: dict[str, Any] = {}
    for name, value in attributes.items():
        if name not in factory._meta.ignored:
            values.update(_filled(session, table, name, value))
    statement = table.insert().values(values) if values else table.insert()
    row = session.execute(statement.returning(*table.c)).mappings().one()
    return Record.of(factory.path(), {**attributes, **row})


def _filled(session: Session, table: Table, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns that an attribute fills, with their values."""
    parent = _table_of(session, value)
    if parent is not None:
        for here, there in _foreign_key(session, table, name, parent):
            yield here.name, _key_of(value, there, f"{table}.{name}")
        return
    column = table.c.get(name)
    if column is None and value is None:
        column = table.c.get(f"{name}_id")  # no other row
    if column is None and isinstance(value, Record):
        raise _absent(f"{table}.{name}")
    if column is None:
        hint = nearest(name, list(table.c.keys()))
        raise InvalidInput(
            f"{table}.{name}: the table has no such column; {hint}",
            remedy="What is not to be written goes under ignored in the factory's Meta.",
        )
    yield column.name, _label(value, column) if isinstance(value, Enum) else value


def _table_of(session: Session, value: Any) -> Table | None:
    """Return the table that a value is a row of, None where it is no row."""
    if isinstance(value, Record):
        return reflected(session, value._of) if value._of else None
    state = inspect(value, raiseerr=False)
    if not isinstance(state, InstanceState):
        return None
    return reflected(session, str(state.mapper.local_table))


def _foreign_key(
    session: Session, table: Table, name: str, parent: Table
) -> list[tuple[Column[Any], Column[Any]]]:
    """Return the columns that refer to another row, each with the one whose value it takes.

    Of several foreign keys the one whose column is called as the attribute is, with or without ``_id``, as it is when a profile is applied.
    """
    usual = session.connection().dialect.default_schema_name

    def same(other: Table) -> bool:
        return (other.schema or usual, other.name) == (parent.schema or usual, parent.name)

    keys = sorted(
        (key for key in table.foreign_key_constraints if same(key.referred_table)),
        key=lambda key: tuple(key.column_keys),
    )
    names = (name, f"{name}_id")
    named = [key for key in keys if len(key.column_keys) == 1 and key.column_keys[0] in names]
    candidates = named or [key for key in keys if key.column_keys[-1] in names] or keys
    if len(candidates) == 1 or named:
        return _pairs(candidates[0])
    problem = (
        f"{len(candidates)} foreign keys lead to {parent}: "
        + ", ".join("(" + ", ".join(key.column_keys) + ")" for key in candidates)
        if candidates
        else f"no foreign key leads to {parent}"
    )
    remedy = (
        f"Call it {' or '.join(key.column_keys[-1] for key in candidates)}, or without the _id."
        if candidates
        else "Give the column itself a value in the factory: factory.SelfAttribute('row.id'), with the row under class Params."
    )
    raise InvalidInput(f"{table}.{name}: {problem}", remedy=remedy)


def _pairs(key: ForeignKeyConstraint) -> list[tuple[Column[Any], Column[Any]]]:
    return [(element.parent, element.column) for element in key.elements]


def _key_of(row: Any, column: Column[Any], where: str) -> Any:
    if isinstance(row, Record):
        value = row.get(column.name)
    else:
        mapper = inspect(row).mapper
        value = getattr(row, mapper.get_property_by_column(mapper.local_table.c[column.name]).key)
    if value is None:
        raise _absent(where)
    return value


def _absent(where: str) -> InvalidInput:
    return InvalidInput(
        f"{where}: the row it refers to is not in the database", remedy="create() it."
    )


def _label(value: Enum, column: Column[Any]) -> Any:
    """Return what the database calls an Enum's member: its value, or its name, which is what SQLAlchemy stores."""
    labels = getattr(column.type, "enums", None)
    return (
        value.name if labels and value.name in labels and value.value not in labels else value.value
    )
