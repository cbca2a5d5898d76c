"""Columns of values made fit for the live column they go to, and everything that is wrong with them.

A factory's column may hold anything. What comes out of `fit` is a polars Series that COPY's text format can be made of without
looking at single values again: booleans, numbers, strings, dates, times, moments without a zone, bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed.load.literals import json_document, literal
from seedbed.target import Column, Type

LIMITS = {"int2": 2**15, "int4": 2**31, "int8": 2**63, "oid": 2**32}
TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext", "char"})
JSONS = frozenset({"json", "jsonb"})

Fitted = pl.Series


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a column's values, and at which positions."""

    positions: npt.NDArray[np.int64]
    problem: str
    remedy: str = ""


class Unfit(Exception):
    """A whole column cannot be turned into the live column's type."""


def fit(series: pl.Series, column: Column) -> tuple[Fitted, list[Fault]]:
    """Return the values as the live column takes them, and the faults found on the way.

    Args:
        series: a column of a factory, in whatever type came natural.
        column: the live column.
    """
    everywhere = np.arange(len(series), dtype=np.int64)
    try:
        fitted = _convert(series, column.type)
    except Unfit as problem:
        return series, [Fault(everywhere[:1], str(problem), f"the column is {column.type.name}")]
    faults = [fault for check in CHECKS for fault in check(fitted, column.type)]
    if not column.nullable and fitted.null_count():
        faults.append(Fault(_where(fitted.is_null()), f"no value, but {column.name} is NOT NULL"))
    return fitted, faults


def _convert(series: pl.Series, kind: Type) -> pl.Series:
    series = _plain(series)
    dtype = series.dtype
    if dtype == pl.Null:
        return series.cast(pl.String)
    if kind.base in JSONS and not kind.array:
        return series if dtype == pl.String else _mapped(series, json_document)
    if dtype == pl.Object or dtype.is_nested():
        if not kind.array and isinstance(dtype, pl.List | pl.Array):
            raise Unfit("a list, but the column is not an array")
        return _array(series) if kind.array and _simple_list(dtype) else _objects(series, kind)
    if kind.array and dtype != pl.String:
        raise Unfit(f"{dtype} values, but the column is an array")
    convert = CONVERSIONS.get(kind.base) if kind.kind == "b" and not kind.array else None
    return convert(series, kind) if convert else _other(series)


def _plain(series: pl.Series) -> pl.Series:
    dtype = series.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            # The session runs in UTC, so the zone-less text of a moment means the same moment.
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return series.cast(pl.Datetime("us"))
    if dtype == pl.Duration:
        micros = series.cast(pl.Duration("us")).cast(pl.Int64)
        days, rest = micros // 86_400_000_000, micros % 86_400_000_000
        frame = pl.select(pl.format("{} days {} microseconds", days, rest))
        return frame.to_series()
    return series


def _objects(series: pl.Series, kind: Type) -> pl.Series:
    values = series.to_list()
    if kind.base == "bytea" and not kind.array:
        return pl.Series(values, dtype=pl.Binary)
    return _mapped(series, lambda value: literal(value, kind))


def _mapped(series: pl.Series, convert: Callable[[object], str | None]) -> pl.Series:
    try:
        values = [None if value is None else convert(value) for value in series.to_list()]
        return pl.Series(values, dtype=pl.String)
    except (
        TypeError,
        ValueError,
    ) as problem:  # UnicodeEncodeError, a lone surrogate, is a ValueError
        reason = "it holds a lone surrogate" if isinstance(problem, UnicodeError) else problem
        raise Unfit(f"a value cannot be written: {reason}") from None


def _simple_list(dtype: pl.DataType) -> bool:
    inner = getattr(dtype, "inner", None)
    return isinstance(dtype, pl.List) and (
        inner == pl.String or (isinstance(inner, pl.DataType) and inner.is_integer())
    )


def _array(series: pl.Series) -> pl.Series:
    """Return array literals for lists of strings or integers, as PostgreSQL reads them."""
    element = pl.element()
    if series.dtype.inner == pl.String:  # type: ignore[attr-defined]
        escaped = element.str.replace_many(["\\", '"'], ["\\\\", '\\"'])
        element = pl.concat_str([pl.lit('"'), escaped, pl.lit('"')])
    inner = series.list.eval(element.cast(pl.String).fill_null("NULL"))
    joined = pl.lit(inner.list.join(","))
    return pl.select(pl.concat_str([pl.lit("{"), joined, pl.lit("}")])).to_series()


def _integer(series: pl.Series, kind: Type) -> pl.Series:
    dtype = series.dtype
    if dtype.is_integer() or dtype == pl.String:
        return series
    if dtype.is_float() or dtype.is_decimal():
        if series.is_null().all():
            return series.cast(pl.Int64)
        whole = series.cast(pl.Int64, strict=False)
        if (whole.cast(dtype) == series).all():
            return whole
        raise Unfit("numbers with a fraction, but the column holds integers")
    raise Unfit(f"{dtype} values, but the column holds integers")


def _number(series: pl.Series, kind: Type) -> pl.Series:
    if series.dtype.is_numeric() or series.dtype == pl.String:
        return series
    raise Unfit(f"{series.dtype} values, but the column holds numbers")


def _boolean(series: pl.Series, kind: Type) -> pl.Series:
    if series.dtype in (pl.Boolean, pl.String):
        return series
    raise Unfit(f"{series.dtype} values, but the column holds true or false")


def _string(series: pl.Series, kind: Type) -> pl.Series:
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if dtype.is_integer() or dtype.is_decimal():
        return series.cast(pl.String)
    raise Unfit(f"{dtype} values, but the column holds text")


def _bytes(series: pl.Series, kind: Type) -> pl.Series:
    if series.dtype in (pl.Binary, pl.String):
        return series
    raise Unfit(f"{series.dtype} values, but the column holds bytes")


def _temporal(*allowed: type[pl.DataType]) -> Callable[[pl.Series, Type], pl.Series]:
    def convert(series: pl.Series, kind: Type) -> pl.Series:
        if series.dtype.base_type() in (*allowed, pl.String):
            return series
        raise Unfit(f"{series.dtype} values, but the column holds {kind.base}")

    return convert


def _other(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Binary:
        raise Unfit("bytes, but the column is not bytea")
    return series


CONVERSIONS: dict[str, Callable[[pl.Series, Type], pl.Series]] = {
    **dict.fromkeys(LIMITS, _integer),
    **dict.fromkeys(("numeric", "float4", "float8"), _number),
    **dict.fromkeys(TEXTS, _string),
    "bool": _boolean,
    "bytea": _bytes,
    "date": _temporal(pl.Date, pl.Datetime),
    "time": _temporal(pl.Time),
    "timetz": _temporal(pl.Time),
    "timestamp": _temporal(pl.Date, pl.Datetime),
    "timestamptz": _temporal(pl.Date, pl.Datetime),
    "interval": _temporal(),
}


def _check_integer(series: pl.Series, kind: Type) -> list[Fault]:
    limit = LIMITS.get(kind.base)
    if limit is None or kind.array:
        return []
    if series.dtype == pl.String:
        numbers = series.str.strip_chars().cast(pl.Int64, strict=False)
        wrong = numbers.is_null() & series.is_not_null()
        problems = _fault(wrong, "not an integer")
        series = numbers
    else:
        problems = []
    low = 0 if kind.base == "oid" else -limit
    if series.dtype.is_integer() and len(series) and series.null_count() < len(series):
        least, most = series.min(), series.max()
        if int(least) < low or int(most) >= limit:  # type: ignore[arg-type]
            problems += _fault(
                (series < low) | (series > limit - 1), f"out of range for {kind.name}"
            )
    return problems


def _check_number(series: pl.Series, kind: Type) -> list[Fault]:
    if kind.base != "numeric" or kind.array or kind.modifier < 4:
        return []
    precision, scale = ((kind.modifier - 4) >> 16) & 0xFFFF, (kind.modifier - 4) & 0x7FF
    scale = scale - 2048 if scale >= 1024 else scale  # PostgreSQL 15 allows negative scales
    limit = 10 ** (precision - scale)
    if series.dtype == pl.String:
        number = series.cast(pl.Float64, strict=False)
        # What rounding makes of a text just below the limit is the server's business.
        return _fault(number.is_null() & series.is_not_null(), "not a number") + _fault(
            number.abs() > limit, f"out of range for {kind.name}"
        )
    if series.dtype.is_float():
        too_large = (series.round(max(scale, 0)).abs() >= limit) & ~series.is_nan()
    elif precision - scale > 38:  # more than any of polars' numbers has
        return []
    else:
        # A limit beyond the column's own type cannot be compared with it.
        exact = series.cast(pl.Int128) if series.dtype.is_integer() else series
        too_large = (exact >= limit) | (exact <= -limit)
    return _fault(too_large, f"out of range for {kind.name}")


def _check_text(series: pl.Series, kind: Type) -> list[Fault]:
    if series.dtype != pl.String:
        return []
    faults = _fault(
        series.str.contains("\0", literal=True), "a NUL character, which no text may hold"
    )
    if kind.base in ("varchar", "bpchar") and not kind.array and kind.modifier > 4:
        limit = kind.modifier - 4
        # Blanks beyond the limit are cut silently, as the SQL standard has it.
        longest = series.str.strip_chars_end(" ").str.len_chars()
        faults += _fault(longest > limit, f"longer than the {limit} characters of {kind.name}")
    if kind.base == "jsonb":
        faults += _fault(
            series.str.contains(r"(^|[^\\])(\\\\)*\\u0000"), r"\u0000, which jsonb cannot hold"
        )
    return faults


def _check_enum(series: pl.Series, kind: Type) -> list[Fault]:
    if kind.kind != "e" or kind.array or series.dtype != pl.String:
        return []
    wrong = ~series.is_in(list(kind.labels)) & series.is_not_null()
    return _fault(
        wrong, f"not one of the labels of {kind.name}", f"known: {', '.join(kind.labels)}"
    )


CHECKS: Sequence[Callable[[pl.Series, Type], list[Fault]]] = (
    _check_integer,
    _check_number,
    _check_text,
    _check_enum,
)


def _fault(wrong: pl.Series, problem: str, remedy: str = "") -> list[Fault]:
    positions = _where(wrong)
    return [Fault(positions, problem, remedy)] if len(positions) else []


def _where(mask: pl.Series) -> npt.NDArray[np.int64]:
    return mask.fill_null(False).arg_true().to_numpy().astype(np.int64)
