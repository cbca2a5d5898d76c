"""Fields that draw a value: choice, integer, decimal, moment, faker."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from seedbed import streams
from seedbed.errors import InvalidInput
from seedbed.fields.base import Cells, Field, draws, evaluate, expression_of, frame, roots

Bound = int | str | pl.Expr


class choice(Field):  # noqa: N801  # a declaration reads like a function, as in factory_boy's own fuzzy module
    """One of some values.

    Args:
        values: the values, or a mapping of value to weight.
        weights: relative weights, one per value; equal shares without.

    >>> status = choice({"active": 8, "closed": 2})
    """

    def __init__(
        self, values: Sequence[Any] | Mapping[Any, float], weights: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        if isinstance(values, set | frozenset):
            raise InvalidInput(
                "choice() was given a set, whose order changes from process to process.",
                remedy="Give a list or a tuple.",
            )
        if isinstance(values, Mapping):
            weights = list(values.values())
        self.options = list(values)
        if not self.options:
            raise InvalidInput("choice() was given no values to choose from.")
        shares = np.ones(len(self.options)) if weights is None else np.asarray(weights, dtype=float)
        usable = np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0
        if len(shares) != len(self.options) or not usable:
            raise InvalidInput(
                f"choice() has {len(self.options)} values and {len(shares)} weights; it needs one weight of at least 0"
                " per value, and one above 0."
            )
        self.limits = np.cumsum(shares) / shares.sum()

    def values(self, cells: Cells) -> pl.Series:
        """Return a value per row."""
        from seedbed.batch.values import objects

        picks = np.searchsorted(self.limits, streams.fractions(draws(cells)), side="right")
        picks = np.minimum(picks, len(self.options) - 1)
        if self.pool.dtype == pl.Object:
            return objects([self.options[pick] for pick in picks.tolist()])
        return self.pool.gather(picks)

    @functools.cached_property
    def pool(self) -> pl.Series:
        """The values as a column."""
        from seedbed.batch.values import series_of

        return series_of(self.options)


def _bound(cells: Cells, value: Bound) -> pl.Series:
    """Return a bound as Int64 per row: a number, a column or an expression over columns."""
    expression = pl.lit(value) if isinstance(value, int) else expression_of(value)
    return evaluate(expression, frame(cells, roots(expression)), cells.where, pl.Int64)


def span(name: str, low: int, high: int) -> int:
    """Return how many whole numbers there are between two, both included."""
    if low > high:
        raise InvalidInput(f"{name}: the lower bound is above the upper one.")
    if low < -(2**63) or high >= 2**63 or high - low >= 2**63:
        raise InvalidInput(f"{name}: there are more than 2**63 values, or one beyond 64 bits.")
    return high - low + 1


class integer(Field):  # noqa: N801
    """A whole number from low to high, both included. Bounds may be columns or expressions.

    Where a bound is missing, so is the value; an upper bound below the lower one counts as the lower one.

    >>> rooms = integer(1, 6)
    """

    def __init__(self, low: Bound, high: Bound) -> None:
        super().__init__()
        self.low, self.high = (b if isinstance(b, int) else expression_of(b) for b in (low, high))
        if isinstance(low, int) and isinstance(high, int):
            span(f"integer({low}, {high})", low, high)

    def values(self, cells: Cells) -> pl.Series:
        """Return an Int64 per row."""
        words = draws(cells)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return pl.Series(self.low + streams.below(words, self.high - self.low + 1))
        low, high = _bound(cells, self.low), _bound(cells, self.high)
        missing = low.is_null() | high.is_null()
        first, last = low.fill_null(0).to_numpy(), high.fill_null(0).to_numpy()
        with np.errstate(over="ignore"):  # a difference of 64 bits is right without its sign
            span = np.where(last > first, (last - first).view(np.uint64), np.uint64(0))
            numbers = first + (words % np.maximum(span + np.uint64(1), np.uint64(1))).view(np.int64)
        return pl.Series(numbers).set(missing, None)


class decimal(Field):  # noqa: N801
    """An exact decimal number from low to high, both included, in steps of one unit of the last place.

    Args:
        low, high: the bounds; text, int or Decimal (a float would not be exact).
        places: digits behind the point.

    >>> hourly_rate = decimal("8.50", "42.00", places=2)
    """

    def __init__(
        self, low: int | str | Decimal, high: int | str | Decimal, places: int = 2
    ) -> None:
        super().__init__()
        name = f"decimal({low!r}, {high!r}, places={places})"
        try:
            first, last = (Decimal(bound).scaleb(places) for bound in (low, high))
        except ArithmeticError:
            first = last = Decimal("NaN")
        if not (first.is_finite() and last.is_finite()):
            raise InvalidInput(f"{name}: a bound is not a number.")
        if isinstance(low, float) or isinstance(high, float):
            raise InvalidInput(
                f"{name}: a float is not exact.", remedy="Write the bound as text, in quotes."
            )
        self.places, self.low = places, math.ceil(first)
        self.span = span(name, self.low, math.floor(last))

    def values(self, cells: Cells) -> pl.Series:
        """Return a Decimal per row."""
        return scaled(pl.Series(self.low + streams.below(draws(cells), self.span)), self.places)


def scaled(units: pl.Series, places: int) -> pl.Series:
    """Return whole units of the last place as Decimals: 1250 with 2 places is 12.50."""
    whole = units.cast(pl.Decimal(38, 0))
    return whole.to_frame("u").select(pl.col("u") * pl.lit(Decimal(1).scaleb(-places))).to_series()


Edge = timedelta | str | pl.Expr


class moment(Field):  # noqa: N801
    """A point in time between two others, as naive UTC.

    Args:
        start, end: a timedelta relative to `as_of`, or a column or expression that gives a time.
            Without `end` it is `start` itself. An end before its start counts as the start.
        step: the granularity; values are whole steps from the start.

    >>> created_at = moment(timedelta(days=-30), timedelta(0))
    >>> approved_at = moment("created_at", "closed_at", step=timedelta(minutes=1))
    """

    def __init__(
        self, start: Edge, end: Edge | None = None, *, step: timedelta = timedelta(seconds=1)
    ) -> None:
        super().__init__()
        self.start, self.end = (
            e if e is None or isinstance(e, timedelta) else expression_of(e) for e in (start, end)
        )
        self.step = step
        if step <= timedelta(0):
            raise InvalidInput(f"moment(step={step!r}): the step must be longer than nothing.")

    def values(self, cells: Cells) -> pl.Series:
        """Return a Datetime('us') per row; NULL where the start or the end is."""
        start = self._edge(cells, self.start)
        if self.end is None:
            return start
        end = self._edge(cells, self.end)
        step = self.step // timedelta(microseconds=1)
        low, high = start.cast(pl.Int64), end.cast(pl.Int64)
        steps = ((high - low).fill_null(0).to_numpy() // step).clip(min=0)
        offsets = streams.fractions(draws(cells)) * (steps + 1)
        moved = low + pl.Series(np.minimum(offsets.astype(np.int64), steps) * step)
        return moved.set(end.is_null(), None).cast(pl.Datetime("us"))

    def _edge(self, cells: Cells, edge: Any) -> pl.Series:
        if isinstance(edge, pl.Expr):
            return evaluate(edge, frame(cells, roots(edge)), cells.where, pl.Datetime("us"))
        try:
            time = cells.as_of + edge
        except OverflowError:
            raise InvalidInput(f"{cells.where}: {edge} from as_of is no date any more.") from None
        return pl.Series([time], dtype=pl.Datetime("us")).new_from_index(0, len(cells.keys))


@functools.cache
def _faker(locale: str | None) -> Any:
    from faker import Faker  # its providers take 50 ms to load

    return Faker(locale) if locale else Faker()


class faker(Field):  # noqa: N801
    """A Faker value, drawn from a pool of values made once, so that a million rows cost a pool's worth of Faker calls.

    Args:
        provider: the Faker provider's name, such as ``"company"``.
        locale: a Faker locale, such as ``"de_DE"``.
        pool: how many different values there are at the most; member i of the pool never changes with the size of the others' use.
        arguments: what the provider takes.

    >>> full_name = faker("name", locale="en_GB")
    """

    def __init__(
        self, provider: str, *, locale: str | None = None, pool: int = 2000, **arguments: Any
    ) -> None:
        super().__init__()
        self.provider, self.locale, self.pool, self.arguments = provider, locale, pool, arguments

    def values(self, cells: Cells) -> pl.Series:
        """Return a value per row, in the type that the provider gives."""
        from seedbed.batch.values import objects, series_of

        members, places = np.unique(streams.below(draws(cells), self.pool), return_inverse=True)
        make = self._maker(cells)
        made = [make(seed) for seed in streams.mix(members.astype(np.uint64) ^ cells.stream)]
        pool = series_of(made)
        if pool.dtype == pl.Object:
            return objects([made[place] for place in places])
        return pool.gather(places)

    def _maker(self, cells: Cells) -> Callable[[np.uint64], Any]:
        """Return what makes a member of the pool from its seed."""
        source = _faker(self.locale)
        try:
            provide = getattr(source, self.provider)
        except AttributeError:
            raise InvalidInput(f"{cells.where}: Faker has no provider {self.provider!r}.") from None

        def make(seed: np.uint64) -> Any:
            """Return the value that the provider gives after this seed."""
            source.seed_instance(int(seed))
            return provide(**self.arguments)

        return make
