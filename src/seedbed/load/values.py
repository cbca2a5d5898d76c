"""Columns of values made fit for the live column they go to, and everything that is wrong with them.

A factory's column may hold anything. What comes out of `fit` is a polars Series that COPY's text format can be made of without
looking at single values again: booleans, numbers, strings, dates, times, moments without a zone, bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from seedbed.load.intervals import interval_texts
from seedbed.load.limits import CHECKS, LIMITS, Fault, fault_at, positions_of
from seedbed.load.literals import TEXTS, json_document, literal
from seedbed.target import Column, Type

JSONS = frozenset({"json", "jsonb"})

FRACTIONS = "numbers with a fraction, but the column holds integers"
NO_INTEGERS = "NaN, infinity or a number beyond 64 bits, but the column holds integers"

Fitted = pl.Series


class Unfit(Exception):
    """A column cannot be turned into the live column's type.

    Attributes:
        problems: what is wrong and at which positions; without positions it is the column as a whole.
        others: the column without the values that are wrong.
    """

    def __init__(self, problem: str, positions: Sequence[int] = ()) -> None:
        super().__init__(problem)
        self.problems: dict[str, Sequence[int]] = {problem: positions}
        self.others: pl.Series | None = None


def fit(series: pl.Series, column: Column) -> tuple[Fitted, list[Fault]]:
    """Return the values as the live column takes them, and the faults found on the way.

    Args:
        series: a column of a factory, in whatever type came natural.
        column: the live column.
    """
    try:
        fitted = _convert(series, column.type)
    except Unfit as unfit:
        remedy = f"the column is {column.type.name}"
        faults = [
            Fault(np.array(where or [0], dtype=np.int64), problem, remedy)
            for problem, where in unfit.problems.items()
        ]
        if unfit.others is None:
            return series, faults
        return unfit.others, faults + _checked(unfit.others, column)
    return fitted, _checked(fitted, column) + _missing(fitted, column)


def _checked(fitted: pl.Series, column: Column) -> list[Fault]:
    return [fault for check in CHECKS for fault in check(fitted, column.type)]


def _missing(fitted: pl.Series, column: Column) -> list[Fault]:
    if column.nullable:
        return []
    return fault_at(fitted.is_null(), f"no value, but {column.name} is NOT NULL")


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
        return interval_texts(series)
    return series


def _objects(series: pl.Series, kind: Type) -> pl.Series:
    values = series.to_list()
    if kind.base == "bytea" and not kind.array:
        return pl.Series(values, dtype=pl.Binary)
    return _mapped(series, lambda value: literal(value, kind))


def _mapped(series: pl.Series, convert: Callable[[object], str | None]) -> pl.Series:
    values: list[str | None] = []
    wrong: dict[str, list[int]] = {}
    for position, value in enumerate(series.to_list()):
        try:
            values.append(None if value is None else _encodable(convert(value)))
        except (TypeError, ValueError) as problem:  # a UnicodeEncodeError is a ValueError
            reason = "it holds a lone surrogate" if isinstance(problem, UnicodeError) else problem
            wrong.setdefault(f"a value cannot be written: {reason}", []).append(position)
            values.append(None)
    fitted = pl.Series(values, dtype=pl.String)
    if wrong:
        unfit = _all_of(wrong)
        unfit.others = fitted
        raise unfit
    return fitted


def _encodable(text: str | None) -> str | None:
    if text is not None and not text.isascii():
        text.encode()  # a lone surrogate
    return text


def _all_of(problems: Mapping[str, Sequence[int]]) -> Unfit:
    unfit = Unfit("")
    unfit.problems = dict(problems)
    return unfit


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
        problems = {
            FRACTIONS: positions_of(whole.cast(dtype) != series),
            NO_INTEGERS: positions_of(whole.is_null() & series.is_not_null()),
        }
        wrong = {problem: where.tolist() for problem, where in problems.items() if len(where)}
        if wrong:
            raise _all_of(wrong)
        return whole
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
    if dtype.is_integer() or getattr(dtype, "scale", None) == 0:
        return series.cast(pl.String)
    raise Unfit(f"{dtype} values, but the column holds text; in a seed file, put them in quotes")


def _bytes(series: pl.Series, kind: Type) -> pl.Series:
    if series.dtype in (pl.Binary, pl.String):
        return series
    raise Unfit(f"{series.dtype} values, but the column holds bytes")


def _temporal(*allowed: type[pl.DataType]) -> Callable[[pl.Series, Type], pl.Series]:
    """Return the conversion to a type of dates or times, which takes columns of some types, and texts."""

    def convert(series: pl.Series, kind: Type) -> pl.Series:
        """Return the column as it is, if its type is one of them."""
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
