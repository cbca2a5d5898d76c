"""What a live column's type allows, checked on fitted columns: a fault names every position that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed.target import Column, Type

SEQUENCE_BITS = 53
SEQUENCE = (
    "where it is a Sequence's: below other rows, in a segment and in hand-picked rows those are numbers of 53 bits; take a bigint "
    "column, fields.unique(low=1, high={}) or fields.derived(col('@index'))"
)
"""What to do about a number too large that may be one of those (docs/decisions/0002)."""

LIMITS = {"int2": 2**15, "int4": 2**31, "int8": 2**63, "oid": 2**32}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a column's values, and at which positions."""

    positions: npt.NDArray[np.int64]
    problem: str
    remedy: str = ""


def _check_integer(series: pl.Series, kind: Type) -> list[Fault]:
    limit = LIMITS.get(kind.base)
    if limit is None or kind.array:
        return []
    if series.dtype == pl.String:
        numbers = series.str.strip_chars().cast(pl.Int64, strict=False)
        wrong = numbers.is_null() & series.is_not_null()
        problems = fault_at(wrong, "not an integer")
        series = numbers
    else:
        problems = []
    low = 0 if kind.base == "oid" else -limit
    if series.dtype.is_integer() and len(series) and series.null_count() < len(series):
        least, most = series.min(), series.max()
        if int(least) < low or int(most) >= limit:  # type: ignore[arg-type]
            wrong, problem = (series < low) | (series > limit - 1), f"out of range for {kind.name}"
            counted = int(least) >= low and int(most) < 2**SEQUENCE_BITS  # type: ignore[arg-type]
            remedy = SEQUENCE.format(limit - 1) if counted else ""
            problems += fault_at(wrong, problem, remedy)
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
        return fault_at(number.is_null() & series.is_not_null(), "not a number") + fault_at(
            (number.abs() > limit) & ~number.is_nan(), f"out of range for {kind.name}"
        )
    if series.dtype.is_float():
        too_large = (series.round(max(scale, 0)).abs() >= limit) & ~series.is_nan()
    elif precision - scale > 38:  # more than any of polars' numbers has
        return []
    else:
        # A limit beyond the column's own type cannot be compared with it.
        exact = series.cast(pl.Int128) if series.dtype.is_integer() else series
        too_large = (exact >= limit) | (exact <= -limit)
    return fault_at(too_large, f"out of range for {kind.name}")


def _check_text(series: pl.Series, kind: Type) -> list[Fault]:
    if series.dtype != pl.String:
        return []
    faults = fault_at(
        series.str.contains("\0", literal=True), "a NUL character, which no text may hold"
    )
    if kind.base in ("varchar", "bpchar") and not kind.array and kind.modifier > 4:
        limit = kind.modifier - 4
        # Blanks beyond the limit are cut silently, as the SQL standard has it.
        longest = series.str.strip_chars_end(" ").str.len_chars()
        faults += fault_at(longest > limit, f"longer than the {limit} characters of {kind.name}")
    if kind.base == "jsonb":
        faults += fault_at(
            series.str.contains(r"(^|[^\\])(\\\\)*\\u0000"), r"\u0000, which jsonb cannot hold"
        )
    return faults


def _check_enum(series: pl.Series, kind: Type) -> list[Fault]:
    if kind.kind != "e" or kind.array or series.dtype != pl.String:
        return []
    wrong = ~series.is_in(list(kind.labels)) & series.is_not_null()
    return fault_at(
        wrong, f"not one of the labels of {kind.name}", f"known: {', '.join(kind.labels)}"
    )


def told_apart(series: pl.Series, column: Column) -> bool:
    """Tell whether values that differ here are different to the database, too: '1.0' and '1.00' are not, as numbers."""
    kind, dtype = column.type, series.dtype
    if kind.array or not column.exact:
        return False
    if dtype == pl.String:
        return kind.kind == "e" or (kind.kind == "b" and kind.base in ("text", "varchar"))
    if dtype.is_integer() or dtype in (pl.Boolean, pl.Binary, pl.Date):
        return True
    return isinstance(dtype, pl.Datetime | pl.Time) and kind.modifier < 0


def unknown_characters(series: pl.Series, codec: str) -> list[Fault]:
    """Return the texts that a database's encoding cannot hold.

    Args:
        codec: what Python calls the encoding; empty where it holds every character, or none is known.
    """
    if not codec or series.dtype != pl.String:
        return []
    suspects = positions_of(series.str.contains(r"[^\x00-\x7F]"))
    wrong = [at for at in suspects.tolist() if not _holds(series[at], codec)]
    problem = "a character that the database's encoding cannot hold"
    return [Fault(np.array(wrong, dtype=np.int64), problem)] if wrong else []


def _holds(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


CHECKS: Sequence[Callable[[pl.Series, Type], list[Fault]]] = (
    _check_integer,
    _check_number,
    _check_text,
    _check_enum,
)


def fault_at(wrong: pl.Series, problem: str, remedy: str = "") -> list[Fault]:
    """Return a fault at the positions where a mask holds, or none."""
    positions = positions_of(wrong)
    return [Fault(positions, problem, remedy)] if len(positions) else []


def positions_of(mask: pl.Series) -> npt.NDArray[np.int64]:
    """Return where a mask holds; NULL counts as not."""
    return mask.fill_null(False).arg_true().to_numpy().astype(np.int64)
