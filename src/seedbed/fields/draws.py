"""Fields that draw: choice, integer, decimal, moment, pattern, unique, faker."""

from __future__ import annotations

import functools
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
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
        if isinstance(values, Mapping):
            weights = list(values.values())
        self.options = list(values)
        if not self.options:
            raise InvalidInput("choice() was given no values to choose from.")
        shares = np.ones(len(self.options)) if weights is None else np.asarray(weights, dtype=float)
        if len(shares) != len(self.options) or (shares < 0).any() or not shares.sum():
            raise InvalidInput(
                f"choice() has {len(self.options)} values and {len(shares)} weights; it needs one weight of at least 0"
                " per value, and one above 0."
            )
        self.limits = np.cumsum(shares) / shares.sum()

    def values(self, cells: Cells) -> pl.Series:
        """Return a value per row."""
        from seedbed.batch.values import objects, series_of

        picks = np.searchsorted(self.limits, streams.fractions(draws(cells)), side="right")
        picks = np.minimum(picks, len(self.options) - 1)
        pool = series_of(self.options)
        if pool.dtype == pl.Object:
            return objects([self.options[pick] for pick in picks])
        return pool.gather(picks)


def _bound(cells: Cells, value: Bound) -> npt.NDArray[np.int64]:
    """Return a bound as int64 per row: a number, a column or an expression over columns."""
    if isinstance(value, int):
        return np.full(len(cells.keys), value, dtype=np.int64)
    expression = expression_of(value)
    result = evaluate(expression, frame(cells, roots(expression)), cells.where)
    return result.cast(pl.Int64).to_numpy()


class integer(Field):  # noqa: N801
    """A whole number from low to high, both included. Bounds may be columns or expressions.

    >>> rooms = integer(1, 6)
    """

    def __init__(self, low: Bound, high: Bound) -> None:
        super().__init__()
        if isinstance(low, int) and isinstance(high, int) and low > high:
            raise InvalidInput(f"integer({low}, {high}): the lower bound is above the upper one.")
        self.low, self.high = low, high

    def values(self, cells: Cells) -> pl.Series:
        """Return an Int64 per row."""
        words = draws(cells)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return pl.Series(self.low + streams.below(words, self.high - self.low + 1))
        low, high = _bound(cells, self.low), _bound(cells, self.high)
        span = np.maximum(0, high - low) + 1
        return pl.Series(low + (words % span.astype(np.uint64)).astype(np.int64))


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
        self.places = places
        self.low, self.high = (int(Decimal(bound).scaleb(places)) for bound in (low, high))
        if self.low > self.high:
            raise InvalidInput(f"decimal({low}, {high}): the lower bound is above the upper one.")

    def values(self, cells: Cells) -> pl.Series:
        """Return a Decimal per row."""
        units = self.low + streams.below(draws(cells), self.high - self.low + 1)
        return scaled(pl.Series(units), self.places)


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
        self.start, self.end, self.step = start, end, step

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

    def _edge(self, cells: Cells, edge: Edge) -> pl.Series:
        if isinstance(edge, timedelta):
            return pl.Series([cells.as_of + edge], dtype=pl.Datetime("us")).new_from_index(
                0, len(cells.keys)
            )
        expression = expression_of(edge)
        times = evaluate(expression, frame(cells, roots(expression)), cells.where)
        return times.cast(pl.Datetime("us"))


_ALPHABETS = {"#": string.digits, "?": string.ascii_uppercase, "^": "0123456789ABCDEF"}


def _parse(template: str) -> list[str]:
    """Return a pattern as a list of alphabets, one per character; a literal is an alphabet of one."""
    cells, escaped = [], False
    for char in template:
        if char == "\\" and not escaped:
            escaped = True
            continue
        cells.append(char if escaped else _ALPHABETS.get(char, char))
        escaped = False
    return cells


def _spell(alphabets: list[str], digits: npt.NDArray[np.integer[Any]]) -> pl.Series:
    """Return texts: `digits` holds, per row and drawn place, an index into that place's alphabet."""
    if all(char.isascii() for alphabet in alphabets for char in alphabet):
        codes = np.empty((len(digits), len(alphabets)), dtype=np.uint8)
        drawn = 0
        for place, alphabet in enumerate(alphabets):
            letters = np.frombuffer(alphabet.encode(), dtype=np.uint8)
            if len(alphabet) == 1:
                codes[:, place] = letters[0]
            else:
                codes[:, place] = letters[digits[:, drawn]]
                drawn += 1
        text, width = codes.tobytes().decode("ascii"), len(alphabets)
        return pl.Series(
            [text[at : at + width] for at in range(0, len(text), width)], dtype=pl.String
        )
    places = [p for p, alphabet in enumerate(alphabets) if len(alphabet) > 1]
    rows = []
    for row in digits:
        letters_of_row = [alphabet[0] for alphabet in alphabets]
        for place, digit in zip(places, row, strict=True):
            letters_of_row[place] = alphabets[place][digit]
        rows.append("".join(letters_of_row))
    return pl.Series(rows, dtype=pl.String)


class pattern(Field):  # noqa: N801
    r"""Text after a template: ``#`` is a digit, ``?`` a capital letter, ``^`` a capital hexadecimal digit; ``\`` escapes.

    >>> badge = pattern("EMP-####-??")
    >>> tx_hash = pattern("^" * 64)
    """

    def __init__(self, template: str) -> None:
        super().__init__()
        self.alphabets = _parse(template)

    def values(self, cells: Cells) -> pl.Series:
        """Return a String per row."""
        sizes = [len(alphabet) for alphabet in self.alphabets if len(alphabet) > 1]
        digits = np.empty((len(cells.keys), len(sizes)), dtype=np.uint8)
        words, left = cells.keys, 0
        for place, size in enumerate(sizes):
            if not left:  # a draw serves sixteen places of four bits, or eight of eight
                words, left = draws(cells, place), 8
            if size == 16:
                digits[:, place] = (words & np.uint64(15)).astype(np.uint8)
            else:
                digits[:, place] = (
                    (words & np.uint64(255)) * np.uint64(size) >> np.uint64(8)
                ).astype(np.uint8)
            words, left = words >> np.uint64(8), left - 1
        return _spell(self.alphabets, digits)


class unique(Field):  # noqa: N801
    """A value that no other row of the factory has: an integer, or a text after a template (see `pattern`).

    Rows at the top are numbered, and their values are a keyed permutation of the numbers: unique up to the last value there is.
    Rows below parents and hand-picked ones take the value from their key; that they differ is checked, and a range
    too small for them is an error that names its capacity, before anything is written.

    Args:
        template: a text template, or None for integers.
        low, high: the integers' bounds, both included.

    >>> badge = unique("B-####")
    >>> number = unique(low=100_000, high=999_999)
    """

    def __init__(self, template: str | None = None, *, low: int = 0, high: int = 2**62) -> None:
        super().__init__()
        self.alphabets = _parse(template) if template is not None else None
        self.low = low
        if self.alphabets is None:
            self.capacity = high - low + 1
        else:
            self.capacity = functools.reduce(lambda n, a: n * len(a), self.alphabets, 1)

    def values(self, cells: Cells) -> pl.Series:
        """Return an Int64 or a String per row, all different."""
        size = min(self.capacity, 2**62)
        if cells.enumerated:
            self._check(cells, int(cells.ordinals.max(initial=-1)) + 1, size)
            numbers = streams.permute(cells.stream, cells.ordinals.astype(np.uint64), size)
        else:
            numbers = draws(cells) % np.uint64(size)
            if len(np.unique(numbers)) < len(numbers):
                self._check(cells, len(numbers) ** 2, size)
        if self.alphabets is None:
            return pl.Series(numbers.astype(np.int64) + self.low)
        return _spell(self.alphabets, self._digits(numbers))

    def _check(self, cells: Cells, needed: int, size: int) -> None:
        if needed > size:
            raise InvalidInput(
                f"{cells.where}: {len(cells.keys)} rows need different values, and unique() has room for {size}.",
                remedy="Widen its range or template; rows below parents need about the square of their number.",
            )

    def _digits(self, numbers: streams.Words) -> npt.NDArray[np.int64]:
        assert self.alphabets is not None
        columns = []
        for alphabet in reversed([a for a in self.alphabets if len(a) > 1]):
            size = np.uint64(len(alphabet))
            columns.append((numbers % size).astype(np.int64))
            numbers = numbers // size
        return np.column_stack(columns[::-1]) if columns else np.empty((len(numbers), 0), np.int64)


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
        source = _faker(self.locale)
        try:
            provide = getattr(source, self.provider)
        except AttributeError:
            raise InvalidInput(f"{cells.where}: Faker has no provider {self.provider!r}.") from None

        def make(seed: np.uint64) -> Any:
            source.seed_instance(int(seed))
            return provide(**self.arguments)

        return make
