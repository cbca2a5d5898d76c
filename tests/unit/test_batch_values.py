"""Python values as columns: the natural type where all have one, and nothing lost where they have not."""

from __future__ import annotations

import enum
import math
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.batch.values import concatenate, gather, merge, objects, series_of


class Plain(enum.Enum):
    ONE = 1


class Text(str, enum.Enum):  # noqa: UP042  # what people had before StrEnum
    A = "a"


class Number(enum.IntEnum):
    TWO = 2


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are the same, NaN being itself; 1 and 1.0 are, in a column of numbers."""
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
    | st.dates()
    | st.times()
    | st.times(timezones=st.just(UTC))
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
    | st.uuids()
    | st.lists(st.integers() | st.none())
    | st.dictionaries(st.text(), st.integers())
    | st.just(Plain.ONE)
)
KINDS = [
    st.integers(), st.decimals(), st.decimals(allow_nan=False, allow_infinity=False), st.text(), st.timedeltas(), st.times(),
    st.datetimes(), st.dates(), st.binary(), st.booleans(), st.floats(), st.just(Plain.ONE),
    st.integers() | st.decimals(allow_nan=False, allow_infinity=False), st.datetimes() | st.datetimes(timezones=st.just(UTC)),
]  # fmt: skip


def comparable(value: Any) -> bool:
    """Tell whether a value equals itself."""
    return not (isinstance(value, Decimal) and value.is_nan())


class TestSeriesOf:
    @given(st.lists(SCALARS.filter(comparable), max_size=6))
    def test_no_value_is_lost(self, values: list[Any]) -> None:
        """However mixed they are."""
        back = series_of(values).to_list()
        assert len(back) == len(values)
        assert all(_kept(a, b) for a, b in zip(values, back, strict=True))

    @given(st.data(), st.sampled_from(KINDS))
    def test_no_value_of_one_kind_is_lost(
        self, data: st.DataObject, kind: st.SearchStrategy[Any]
    ) -> None:
        """Nor its zone, nor a digit."""
        values = data.draw(st.lists((kind | st.none()).filter(comparable), max_size=8))
        back = series_of(values).to_list()
        assert all(_kept(a, b) for a, b in zip(values, back, strict=True))

    @pytest.mark.parametrize(
        ("values", "dtype"),
        [
            ([True, None], pl.Boolean),
            ([1, None, -(2**63)], pl.Int64),
            ([1, 2.5], pl.Float64),
            (["x", "\x00", None], pl.String),
            ([b"\x00"], pl.Binary),
            ([date(2026, 1, 1)], pl.Date),
            ([time(1, 2, 3)], pl.Time),
            ([datetime(1, 1, 1), datetime(9999, 12, 31)], pl.Datetime("us")),
            ([timedelta(days=-1)], pl.Duration("us")),
            ([Decimal("1.50"), 2], pl.Decimal(38, 2)),
            ([Decimal("1E+3"), Decimal("0.1")], pl.Decimal(38, 1)),
            ([None, None], pl.Null),
            ([], pl.Null),
            ([np.int32(1), np.int64(2)], pl.Int64),
            ([np.datetime64("2026-01-01")], pl.Date),
            ([Text.A, "b"], pl.String),
            ([Number.TWO, 3], pl.Int64),
            ([Plain.ONE, None], pl.Object),
            ([2**63, 1], pl.Object),
            (["\ud800"], pl.Object),
            ([Decimal("NaN")], pl.Object),
            ([Decimal("1e36"), Decimal("0.00000001")], pl.Object),
            ([Decimal("1e-40")], pl.Object),
            ([time(1, tzinfo=UTC)], pl.Object),
            ([datetime(2026, 1, 1, tzinfo=UTC)], pl.Object),
            ([timedelta.max], pl.Object),
            ([True, 1], pl.Object),
            ([1, "1"], pl.Object),
            ([uuid.UUID(int=1)], pl.Object),
            ([{"a": 1}], pl.Object),
            ([[1], [2]], pl.Object),
        ],
        ids=str,
    )
    def test_the_type_is_the_natural_one(self, values: list[Any], dtype: Any) -> None:
        """And Object where there is none that holds them all as they are."""
        assert series_of(values).dtype == dtype


def _kept(before: Any, after: Any) -> bool:
    if (
        isinstance(before, float | int)
        and isinstance(after, float)
        and not isinstance(before, bool)
    ):
        return same(float(before), after)
    return same(before, after)


class TestConcatenate:
    @given(st.lists(st.lists(SCALARS.filter(comparable), max_size=3), max_size=4))
    def test_parts_come_one_after_the_other(self, parts: list[list[Any]]) -> None:
        """Their values stay what they were in their part."""
        columns = [series_of(part) for part in parts]
        back = concatenate(columns).to_list()
        expected = [value for column in columns for value in column.to_list()]
        assert len(back) == len(expected)
        assert all(_close(a, b) for a, b in zip(expected, back, strict=True))

    @pytest.mark.parametrize(
        ("first", "second", "dtype"),
        [
            (["x"], [1], pl.Object),
            (["x"], [datetime(2026, 1, 1)], pl.Object),
            ([True], [1], pl.Object),
            ([Decimal("0.1")], [1.5], pl.Float64),
            ([Decimal("0.1")], [1], pl.Decimal(38, 1)),
            ([1], [1.5], pl.Float64),
            ([1], [None], pl.Int64),
            ([date(2026, 1, 1)], [datetime(2026, 1, 1)], pl.Datetime("us")),
        ],
        ids=str,
    )
    def test_types_go_together_where_nothing_is_lost(
        self, first: list[Any], second: list[Any], dtype: Any
    ) -> None:
        """A text would swallow numbers; numbers stay numbers, to compute with."""
        assert concatenate([series_of(first), series_of(second)]).dtype == dtype


def _close(before: Any, after: Any) -> bool:
    if (
        isinstance(before, date)
        and isinstance(after, datetime)
        and not isinstance(before, datetime)
    ):
        return datetime(before.year, before.month, before.day) == after
    if isinstance(before, Decimal) and isinstance(after, float):
        return float(before) == after
    return _kept(before, after)


class TestPlaces:
    @given(
        st.lists(SCALARS.filter(comparable), min_size=1, max_size=5),
        st.lists(st.integers(-1, 4), max_size=9),
    )
    def test_gathering_takes_values_by_position(self, values: list[Any], rows: list[int]) -> None:
        """-1 is NULL."""
        rows = [row for row in rows if row < len(values)]
        column = series_of(values)
        kept = column.to_list()
        taken = gather(column, np.array(rows, dtype=np.int64)).to_list()
        assert all(same(None if r < 0 else kept[r], t) for r, t in zip(rows, taken, strict=True))

    @given(st.permutations(range(6)), st.integers(0, 6))
    def test_merging_puts_parts_in_their_places(self, order: list[int], cut: int) -> None:
        """NULL where no part has a value."""
        first, second = (
            np.array(order[:cut], dtype=np.int64),
            np.array(order[cut:5], dtype=np.int64),
        )
        parts = [
            (first, series_of([f"a{i}" for i in first])),
            (second, series_of([f"b{i}" for i in second])),
        ]
        expected: list[str | None] = [None] * 6
        for where, name in ((first, "a"), (second, "b")):
            for at in where:
                expected[at] = f"{name}{at}"
        assert merge(6, parts).to_list() == expected

    def test_gathering_from_nothing_gives_nothing(self) -> None:
        """In the column's type."""
        column = pl.Series([], dtype=pl.Int64)
        assert gather(column, np.array([-1, -1])).to_list() == [None, None]
        assert gather(objects([]), np.array([-1])).to_list() == [None]
