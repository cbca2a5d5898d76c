"""Moments that say which zone they are in: a file may be read by a session in any.

The loader's sessions run in UTC, where the zone of a moment need not be written. A file's reader's may not.
"""

from __future__ import annotations

import polars as pl

from seedbed.target import Table, Type

ZONED = frozenset({"timestamptz", "tstzrange", "tstzmultirange"})

_END = r"""(["',)\]}]|$)"""
_DAY = rf"(\d{{4,}}-\d\d-\d\d){_END}"
_TIME = rf"(\d{{4,}}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?){_END}"


def with_offsets(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return fitted columns with UTC's offset in the text of every moment that has a zone."""
    return frame.with_columns(
        _with_offset(column, table.columns[column.name].type) for column in frame
    )


def with_zones(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return fitted columns, or lists, with moments that have a zone as such."""
    return frame.with_columns(
        _with_zone(column, table.columns[column.name].type) for column in frame
    )


def _with_zone(column: pl.Series, kind: Type) -> pl.Series:
    if kind.base == "timestamptz" and isinstance(column.dtype, pl.List):
        return column.list.eval(_in_utc(pl.element(), column.dtype.inner))
    if kind.base == "timestamptz" and column.dtype in (pl.Date, pl.Datetime):
        return column.to_frame().select(_in_utc(pl.col(column.name), column.dtype)).to_series()
    return _with_offset(column, kind)


def _in_utc(moments: pl.Expr, dtype: object) -> pl.Expr:
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return moments.dt.convert_time_zone("UTC")
    if dtype in (pl.Date, pl.Datetime):
        return moments.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return moments


def _with_offset(column: pl.Series, kind: Type) -> pl.Series:
    if kind.base == "timetz" and column.dtype == pl.Time:
        return column.dt.to_string("%H:%M:%S%.6f+00")
    if kind.base not in ZONED:
        return column
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.to_string("%Y-%m-%d %H:%M:%S%.6f+00")
    if column.dtype != pl.String:
        return column
    return column.str.replace_all(_DAY, "${1} 00:00${2}").str.replace_all(_TIME, "${1}+00${2}")
