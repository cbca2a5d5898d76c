"""Rows to look at: each value as PostgreSQL shows it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import polars as pl

from seedbed.export.zones import with_zones
from seedbed.target import Table


def texts(frame: pl.DataFrame, table: Table) -> dict[str, list[str]]:
    """Return fitted columns as texts; NULL is an empty one."""
    return {column.name: [_text(value) for value in column] for column in with_zones(frame, table)}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime) and value.tzinfo:
        return f"{value.replace(tzinfo=None)}+00"
    return str(value)


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
