"""Rows as JSON: a line per row, each value as JSON has it, or as the text that PostgreSQL shows.

What one type's values are does not depend on the value: every numeric is a text, for JSON's readers make inexact numbers of the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import polars as pl
from psycopg.adapt import Transformer
from psycopg.postgres import types
from psycopg.pq import Format

from seedbed.export.zones import with_zones
from seedbed.load.copying import CHUNK
from seedbed.target import INTEGERS, Table, Type

TRUE = ("true", "t", "yes", "y", "on", "1")
"""The texts that PostgreSQL takes for true, but for their beginnings."""


EXACT = Context(prec=150_000, rounding=ROUND_HALF_UP)
"""As many digits as a numeric may have, rounded as PostgreSQL does."""


def write_json_lines(frame: pl.DataFrame, table: Table, file: Path) -> None:
    """Write fitted columns as JSON Lines."""
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for row in json_rows(frame, table):
            stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False))
            stream.write("\n")


def json_rows(frame: pl.DataFrame, table: Table) -> Iterator[dict[str, Any]]:
    """Yield rows of fitted columns as values that JSON has: None, booleans, finite numbers, texts, lists, documents."""
    converters = [_converter(table.columns[name].type) for name in frame.columns]
    for start in range(0, len(frame), CHUNK):
        part = with_zones(frame.slice(start, CHUNK), table)
        columns = [
            [None if value is None else convert(value) for value in series.to_list()]
            for series, convert in zip(part, converters, strict=True)
        ]
        for values in zip(*columns, strict=True):
            yield dict(zip(frame.columns, values, strict=True))


def _converter(kind: Type) -> Callable[[Any], Any]:
    """Return what makes a fitted value, or PostgreSQL's text for one, a value of JSON."""
    convert = _scalar(kind)
    if not kind.array:
        return convert
    load = Transformer().get_loader(types["text"].array_oid, Format.TEXT).load
    return lambda text: _each(load(text.encode()), convert)


def _each(values: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(values, list):
        return [_each(value, convert) for value in values]
    return None if values is None else convert(values)


def _scalar(kind: Type) -> Callable[[Any], Any]:
    if kind.base in ("json", "jsonb"):
        return json.loads
    if kind.base in INTEGERS:
        return int
    if kind.base == "bool":
        return lambda value: value if isinstance(value, bool) else value.strip().lower() in TRUE
    if kind.base in ("float4", "float8"):
        return _float
    if kind.base == "numeric":
        scale = (kind.modifier - 4) & 0x7FF if kind.modifier >= 4 else None
        return lambda value: _numeric(value, scale)
    return _text


def _float(value: Any) -> float | str:
    number = float(value)
    return number if math.isfinite(number) else _name_of(number)


def _name_of(number: float) -> str:
    """Return what PostgreSQL calls a number that is none to JSON."""
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _numeric(value: Any, scale: int | None) -> str:
    number = Decimal(str(value).strip())
    if not number.is_finite():
        return _name_of(float(number))
    if scale is not None and scale < 1024:  # PostgreSQL 15 allows negative ones, which round
        number = number.quantize(Decimal(1).scaleb(-scale), context=EXACT)
    return format(number, "f")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
