"""What a SQLAlchemy model's column types make of values before the driver sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Processor = Callable[[Any], Any]


def processor_of(kind: Any) -> Processor | None:
    """Return what a column's type makes of a value; None where the driver takes values as they are.

    Only enums and types of a project's own make anything of a value that the loader does not do itself.
    """
    from sqlalchemy import ARRAY, Enum, TypeDecorator
    from sqlalchemy.dialects.postgresql.base import PGDialect

    item = kind.item_type if isinstance(kind, ARRAY) else kind
    if not isinstance(item, Enum | TypeDecorator):
        return None
    dialect = PGDialect()  # no driver's: what it gives are plain values
    # The type that this dialect has in its place: Interval, where there is none, would be a moment after 1970.
    process: Processor | None = kind.dialect_impl(dialect).bind_processor(dialect)
    if process is None or not (isinstance(kind, Enum) and kind.enum_class):
        return process
    return _by_value(kind, process)


def _by_value(kind: Any, process: Processor) -> Processor:
    """Let a StrEnum's or IntEnum's value, which columns hold instead of the member, stand for its member."""
    spelt = issubclass(kind.enum_class, str | int)
    members = {member.value: member for member in kind.enum_class} if spelt else {}
    return lambda value: process(members.get(value, value))
