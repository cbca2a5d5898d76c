"""Seeded rows as objects: the ledger knows which they are."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import inspect as inspected
from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from seedbed.errors import InvalidInput
from seedbed.factory import Factory, Record
from seedbed.pytest_plugin.records import reflected

T = TypeVar("T")

_MOST_PARAMETERS = 65535
"""What a statement may have: PostgreSQL's protocol counts them in two bytes."""

_LEDGER = """
SELECT r.name, r.id, r.pk, t.identity FROM seedbed.rows r JOIN seedbed.tables t ON t.id = r.table_id
WHERE t.schema = (SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = to_regclass(:name)) AND t.name = :table
  AND (CAST(:label AS text) IS NULL OR r.name = :label) ORDER BY r.id, r.pk
"""


def load(session: Session, factory: type[Factory[T]], label: str | None = None) -> list[T]:
    """Return seeded rows: the one of a label, or all of the factory's table."""
    found = _entries(session, factory, label)
    if not found:
        return []
    model = factory._meta.model
    bare = model is Record
    table = reflected(session, factory.path()) if bare else inspected(model).local_table
    columns = [table.c[name] for name in found[0].identity]
    keys = [[entry.id] if entry.pk is None else entry.pk for entry in found]
    typed = [tuple(_value(c, v) for c, v in zip(columns, key, strict=True)) for key in keys]
    most = _MOST_PARAMETERS // len(columns)
    rows: list[T] = []
    for start in range(0, len(typed), most):
        some = tuple_(*columns).in_(typed[start : start + most])
        query = select(table if bare else model).where(some).order_by(*columns)
        if bare:
            found_here: list[Any] = [dict(row) for row in session.execute(query).mappings()]
            rows += [Record.of(factory.path(), row) for row in found_here]  # type: ignore[misc]
        else:
            rows += session.scalars(query)
    return rows


def labels(session: Session, factory: type[Factory[Any]]) -> list[str]:
    """Return the labels of a factory's hand-picked rows."""
    return [entry.name for entry in _entries(session, factory, None) if entry.name]


def _entries(session: Session, factory: type[Factory[Any]], label: str | None) -> list[Any]:
    name = factory.path()
    table = name.rpartition(".")[2]
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
    arguments = {"name": quoted, "table": table, "label": label}
    return list(session.execute(text(_LEDGER), arguments).all())


def _value(column: Any, value: Any) -> Any:
    """Return an identity's value as the column's Python type: the ledger keeps texts where it is no single integer."""
    kind = column.type.python_type
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{column} cannot be looked up by the ledger's text") from None
