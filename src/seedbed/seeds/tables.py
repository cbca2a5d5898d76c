"""What a seed file may say: the attributes of a table's factories, the type of each, and what refers to which table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seedbed.batch.links import factory_of, refers
from seedbed.factory import Factory

if TYPE_CHECKING:
    from sqlalchemy import MetaData


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a factory, as a seed file may set it.

    Attributes:
        kind: the Python type that the model's column takes, None where nobody knows.
        refers_to: the table whose labels it takes, empty for a plain value.
        allowed: the only values there are, empty where any will do.
        items: the Python type of an array's elements, None where nobody knows.
    """

    kind: type | None = None
    refers_to: str = ""
    nullable: bool = True
    allowed: tuple[Any, ...] = ()
    items: type | None = None

    @property
    def takes_text(self) -> bool:
        """Whether it takes texts only: a plain one, a label, a word, or a list of them."""
        words = bool(self.allowed) and all(isinstance(word, str) for word in self.allowed)
        return bool(self.refers_to) or words or str in (self.kind, self.items)


def tables_of(
    factories: Sequence[type[Factory[Any]]], metadata: MetaData | None = None
) -> dict[str, dict[str, Attribute]]:
    """Return the attributes of each table that the factories write to.

    Args:
        factories: the project's.
        metadata: what describes the tables of those that have no model; None where nothing does.
    """
    tables: dict[str, dict[str, Attribute]] = {}
    for factory in factories:
        known = tables.setdefault(factory.path(), {})
        for name in factory._meta.pre_declarations:
            known.setdefault(name, _attribute(factory, name, metadata))
        for name in factory._meta.parameters:
            known.setdefault(name, Attribute(bool, nullable=False))  # a trait
    return tables


def _attribute(factory: type[Factory[Any]], name: str, metadata: MetaData | None) -> Attribute:
    declarations = factory._meta.pre_declarations
    declaration = declarations[name].declaration
    if refers(declaration, declarations):
        return Attribute(str, refers_to=factory_of(declaration, declarations).path())
    mapped = _column(factory, name, metadata)
    if mapped is None:
        return Attribute()
    return Attribute(
        _python_type(mapped.type),
        nullable=bool(mapped.nullable),
        allowed=_allowed(mapped),
        items=_python_type(getattr(mapped.type, "item_type", None)),
    )


def _python_type(kind: Any) -> type | None:
    try:
        found: type | None = getattr(kind, "python_type", None)
    except NotImplementedError:  # a PostgreSQL type without a Python one
        return None
    return found


def _allowed(column: Any) -> tuple[Any, ...]:
    """Return a column's words: those of its enum, its ``info["vocabulary"]``, or the list in a check constraint.

    A constraint that was written as SQL text is PostgreSQL's to read.
    """
    from sqlalchemy import CheckConstraint
    from sqlalchemy.sql.operators import in_op

    words = getattr(column.type, "enums", None) or column.info.get("vocabulary")
    if words:
        return tuple(words)
    for constraint in column.table.constraints:
        said: Any = constraint.sqltext if isinstance(constraint, CheckConstraint) else None
        if getattr(said, "operator", None) is in_op and said.left is column:
            return tuple(getattr(said.right, "value", ()))
    return ()


def _column(factory: type[Factory[Any]], name: str, metadata: MetaData | None) -> Any:
    attribute = factory._meta.rename.get(name, name)
    if factory._meta.table:
        table = None if metadata is None else metadata.tables.get(factory.path())
        return None if table is None else table.columns.get(attribute)
    from sqlalchemy import inspect

    columns = inspect(factory._meta.model).column_attrs
    return columns[attribute].columns[0] if attribute in columns else None


def mismatch(attribute: Attribute, value: Any) -> str:
    """Return why a value does not fit an attribute, or an empty text."""
    kind = attribute.kind
    if value is None:
        return "" if attribute.nullable else "must not be empty"
    if attribute.allowed and value not in attribute.allowed:
        return f"is {_shown(value)}, not one of {', '.join(map(str, attribute.allowed))}"
    if kind is None or _fits(kind, value):
        return ""
    return f"is {_shown(value)}, not {_NAMES[kind]}"


def _fits(kind: type, value: Any) -> bool:
    if kind not in _NAMES:
        return True  # PostgreSQL's to read
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, _ALSO.get(kind, kind))


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    bool: "true or false",
    str: "text",
    datetime: "a time, such as 2026-03-01 09:30:00 or as_of - 2h",
    date: "a date, such as 2026-03-01 or as_of - 30d",
    time: "a time of day, such as 09:30",
}
_ALSO: dict[type, Any] = {
    Decimal: int | Decimal | float,
    float: int | Decimal | float,
    datetime: date,
    time: str,
}
"""What YAML writes for a type, where it is not that type itself."""
