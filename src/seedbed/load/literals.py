"""Single Python values as PostgreSQL's input text, for columns that no vectorised path covers."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

import polars as pl
import psycopg
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer

from seedbed.load.intervals import interval_texts
from seedbed.target import Type

TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext", "char"})
"""The types that take any text. What else they are given would be written in one of several ways."""

NO_TEXTS = (bool, float, datetime, date, time, timedelta)


def json_document(value: Any) -> str:
    """Return a value as a JSON document; NaN and infinities are refused with a ValueError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_json_value)


def literal(value: Any, kind: Type) -> str:
    """Return a value as PostgreSQL's input text for a type.

    Args:
        value: anything but None: lists for arrays, Enum members, dicts, UUIDs, addresses, psycopg's Range and Multirange ...
        kind: the live column's type.

    Raises:
        TypeError: nothing knows how to write such a value.
    """
    if kind.array:
        if not isinstance(value, list | tuple | str):
            raise TypeError(f"{type(value).__name__} is not a list, but the column is an array")
        return value if isinstance(value, str) else _array(value, kind)
    return _scalar(value, kind)


def _array(values: list[Any] | tuple[Any, ...], kind: Type) -> str:
    return "{" + ",".join(_element(value, kind) for value in values) + "}"


def _element(value: Any, kind: Type) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple) and kind.base not in ("json", "jsonb"):
        return _array(value, kind)
    text = _scalar(value, kind).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _scalar(value: Any, kind: Type) -> str:
    if kind.base in ("json", "jsonb"):
        return value if isinstance(value, str) else json_document(value)
    if isinstance(value, Enum):
        return _member(value, kind)
    if kind.base in TEXTS and isinstance(value, NO_TEXTS):
        raise TypeError(f"it is a {type(value).__name__}; in a seed file, put it in quotes")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(interval_texts(pl.Series([value]))[0])
    if isinstance(value, dict | list):
        raise TypeError(f"it is a {type(value).__name__}")
    return _dumped(value)


def _member(value: Enum, kind: Type) -> str:
    """Return the label of an Enum member: its value, or its name, which is what SQLAlchemy stores."""
    text = str(value.value)
    return value.name if kind.labels and text not in kind.labels else text


def _dumped(value: Any) -> str:
    try:
        data = _transformer().get_dumper(value, PyFormat.TEXT).dump(value)
    except psycopg.Error:
        raise TypeError(f"nothing knows how to write a {type(value).__name__}") from None
    return bytes(data or b"").decode()


@cache
def _transformer() -> abc.Transformer:
    return Transformer()


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "__str__") and not isinstance(value, bytes):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no place in JSON")
