"""Python values as columns."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

_DTYPES: dict[frozenset[type], pl.DataType] = {
    frozenset({bool}): pl.Boolean(),
    frozenset({int}): pl.Int64(),
    frozenset({float}): pl.Float64(),
    frozenset({int, float}): pl.Float64(),
    frozenset({str}): pl.String(),
    frozenset({bytes}): pl.Binary(),
    frozenset({date}): pl.Date(),
    frozenset({time}): pl.Time(),
    frozenset({timedelta}): pl.Duration("us"),
    frozenset({datetime}): pl.Datetime("us"),
}

_DIGITS = 38
"""How many digits a polars Decimal holds."""


def series_of(values: Sequence[Any]) -> pl.Series:
    """Return Python values as a Series: of the natural type where all have one, else of Object.

    Dicts and lists stay Python objects: whether they are JSON or arrays is for the live column's type to say.
    """
    values = [_plain(value) for value in values]
    kinds = frozenset(type(value) for value in values if value is not None)
    if not kinds:
        return pl.Series(values, dtype=pl.Null)
    if kinds <= {Decimal, int} and Decimal in kinds:
        return _decimals(values)
    dtype = _DTYPES.get(kinds)
    zoned = kinds <= {datetime, time} and any(v is not None and v.tzinfo for v in values)
    if dtype is None or zoned:  # polars would drop a time's zone
        return objects(values)
    try:
        return pl.Series(values, dtype=dtype)
    except (OverflowError, UnicodeEncodeError, TypeError, pl.exceptions.PolarsError):
        # Too large for int64, a lone surrogate: the check against the target will name the row.
        return objects(values)


def objects(values: Sequence[Any]) -> pl.Series:
    """Return Python values as a Series of Object, each as it is."""
    first = next((value for value in values if value is not None), None)
    if isinstance(
        first, enum.Enum
    ):  # polars would take a list that begins with a member for its members' values
        return pl.Series(["", *values], dtype=pl.Object).slice(1)
    return pl.Series(values, dtype=pl.Object)


def _plain(value: Any) -> Any:
    """Return numpy scalars and str-enum members as the Python values that they stand for."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, enum.Enum) and isinstance(value, str | int):
        return value.value
    return value


def _decimals(values: Sequence[Any]) -> pl.Series:
    exact = [None if value is None else Decimal(value) for value in values]
    given = [value for value in exact if value is not None]
    if not all(value.is_finite() for value in given):
        return objects(values)
    places = max(0, *(-int(value.as_tuple().exponent) for value in given))
    whole = max(value.adjusted() + 1 for value in given)
    if max(whole, 0) + places > _DIGITS:  # polars would make NULL of what does not fit
        return objects(values)
    return pl.Series(exact, dtype=pl.Decimal(_DIGITS, places))


def concatenate(parts: Sequence[pl.Series]) -> pl.Series:
    """Return columns one after the other, in the type that holds them all, or as Objects where there is none."""
    full = [part for part in parts if len(part)]
    if len(full) <= 1:
        return full[0] if full else parts[0] if parts else pl.Series(dtype=pl.Null)
    if all(part.dtype == full[0].dtype for part in full) and full[0].dtype != pl.Object:
        return pl.concat(full)
    if all(_goes_with(part, full) for part in full):
        try:
            return pl.concat([part.alias("c").to_frame() for part in full], how="vertical_relaxed")[
                "c"
            ]
        except pl.exceptions.PolarsError:
            pass
    return series_of([value for part in full for value in part.to_list()])


def _goes_with(part: pl.Series, others: Sequence[pl.Series]) -> bool:
    """Tell whether a column's values stay what they are in the type that holds the others too; text would swallow numbers."""
    dtype = part.dtype
    if dtype == pl.Null or dtype == pl.Object:
        return dtype == pl.Null
    typed = [other.dtype for other in others if other.dtype != pl.Null]
    if dtype.is_numeric():
        return all(other.is_numeric() for other in typed)
    if dtype in (pl.Date, pl.Datetime):
        return all(other in (pl.Date, pl.Datetime) for other in typed)
    return all(other == dtype for other in typed)


def merge(
    length: int, parts: Sequence[tuple[np.ndarray[Any, np.dtype[np.int64]], pl.Series]]
) -> pl.Series:
    """Return a column put together from parts, each with the positions that its values go to; NULL elsewhere."""
    positions = np.concatenate([where for where, _ in parts] or [np.empty(0, dtype=np.int64)])
    values = concatenate([part for _, part in parts])
    places: list[int | None] | np.ndarray[Any, np.dtype[np.int64]]
    if len(positions) == length:
        places = np.empty(length, dtype=np.int64)
        places[positions] = np.arange(length)
        return gather(values, places)
    places = np.full(length, -1, dtype=np.int64)
    places[positions] = np.arange(len(positions))
    return gather(values, places)


def gather(values: pl.Series, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pl.Series:
    """Return the values at positions; -1 gives NULL."""
    missing = rows < 0
    if values.dtype == pl.Object:
        items = values.to_list()
        return objects([None if row < 0 else items[row] for row in rows])
    if not missing.any():
        return values.gather(rows)
    if not len(values):
        return values.clear(len(rows))
    return values.gather(pl.Series(rows).set(pl.Series(missing), None))
