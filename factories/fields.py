"""Fields of our own: what payroll rows hold and no general declaration knows. Each is a `seedbed.fields.Field` with `values`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed import streams
from seedbed.fields import Cells, Field, choice, derived, scaled

Positions = npt.NDArray[np.int64]

XRPL_DIGITS = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
"""The digits of base 58 in the order that the XRP Ledger gives them."""


class xrpl_address(Field):  # noqa: N801  # a declaration reads like a function
    """A valid XRPL classic address that nobody has the key to: 20 drawn bytes behind version byte 0, as base58check.

    >>> wallet_address = xrpl_address()
    """

    def values(self, cells: Cells) -> pl.Series:
        """Return a String per row."""
        payloads = (b"\0" + drawn[:20] for drawn in _drawn_bytes(cells, words=3))
        return pl.Series([_address(payload) for payload in payloads], dtype=pl.String)


def _address(payload: bytes) -> str:
    """Return base58check: the bytes and four of their checksum as one number, each zero byte in front as a digit 0."""
    whole = payload + sha256(sha256(payload).digest()).digest()[:4]
    zeros = len(whole) - len(whole.lstrip(b"\0"))
    number, digits = int.from_bytes(whole, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = XRPL_DIGITS[digit] + digits
    return XRPL_DIGITS[0] * zeros + digits


class digest(Field):  # noqa: N801
    """A transaction hash, channel id or key as the ledger writes it: 64 upper-case hexadecimal digits behind a prefix.

    >>> tx_hash = digest()
    >>> public_key = digest("ED")
    """

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self.prefix = prefix

    def values(self, cells: Cells) -> pl.Series:
        """Return a String per row."""
        digits = b"".join(_drawn_bytes(cells, words=4)).hex().upper()
        prefix = self.prefix
        return pl.Series(
            [prefix + digits[at : at + 64] for at in range(0, len(digits), 64)], dtype=pl.String
        )


def _drawn_bytes(cells: Cells, words: int) -> list[bytes]:
    """Return 8 bytes per word and row, the same on machines of either byte order."""
    columns = [streams.draw(cells.stream, cells.keys, counter) for counter in range(words)]
    packed = np.column_stack(columns).astype("<u8").tobytes()
    return [packed[at : at + 8 * words] for at in range(0, len(packed), 8 * words)]


class ip_address(Field):  # noqa: N801
    """An address out of the ranges reserved for documentation, one in five of version 6.

    >>> ip = ip_address()
    """

    def values(self, cells: Cells) -> pl.Series:
        """Return a String per row: PostgreSQL reads it as inet."""
        networks = choice({"192.0.2.": 3, "198.51.100.": 3, "203.0.113.": 2, "2001:db8::": 2})
        hosts = pl.Series(1 + streams.below(streams.draw(cells.stream, cells.keys, 1), 250))
        return pl.select(pl.concat_str([networks.values(cells), hosts.cast(pl.String)])).to_series()


class exact(derived):  # noqa: N801
    """A decimal number out of an expression that counts units of its last place, so that nothing is ever rounded.

    >>> from seedbed.fields import col
    >>> total_amount = exact(col("hundredths_of_hours") * col("cents_per_hour"), places=4)
    """

    def __init__(self, expression: pl.Expr, *, places: int) -> None:
        super().__init__(expression)
        self.places = places

    def values(self, cells: Cells) -> pl.Series:
        """Return a Decimal per row, NULL where the expression gives none."""
        return scaled(super().values(cells).cast(pl.Int64), self.places)


def units(column: str, places: int) -> pl.Expr:
    """Return a decimal column as whole units of its last place: 12.50 with 2 places is 1250.

    >>> str(units("hourly_rate", 2).meta.root_names())
    "['hourly_rate']"
    """
    return (pl.col(column) * 10**places).cast(pl.Int64)


class by(Field):  # noqa: N801
    """A different field for each value of another column; NULL where there is none for it.

    >>> from seedbed.fields import pattern
    >>> phone = by("country", {"France": pattern("+33 6 39 98 ## ##"), "Ghana": pattern("+44 7700 900###")})
    """

    def __init__(self, column: str, fields: Mapping[Any, Field]) -> None:
        super().__init__()
        self.column, self.fields = column, fields

    def values(self, cells: Cells) -> pl.Series:
        """Return a value per row."""
        column = cells.column(self.column)
        parts = []
        for value in column.unique(maintain_order=True).drop_nulls().to_list():
            places = np.flatnonzero((column == value).fill_null(False).to_numpy())
            if value in self.fields:
                parts.append((places, self.fields[value].values(Some(cells, places))))
        return spread(len(column), parts)


class phrase(Field):  # noqa: N801
    """One of some texts, with the row's columns in braces filled in as a person would write them.

    A money amount gets two places, a time ``3 March, 14:05``, a date ``3 March``. A text with an empty column in it is NULL.

    >>> message = phrase("{amount} XAH arrived in your wallet.", "You were paid {amount} XAH.")
    """

    def __init__(self, *templates: str) -> None:
        super().__init__()
        self.templates = templates

    def values(self, cells: Cells) -> pl.Series:
        """Return a String per row."""
        drawn = streams.below(streams.draw(cells.stream, cells.keys), len(self.templates))
        parts = []
        for number, template in enumerate(self.templates):
            places = np.flatnonzero(drawn == number)
            parts.append((places, _filled(template, Some(cells, places))))
        return spread(len(drawn), parts)


def _filled(template: str, cells: Cells) -> pl.Series:
    pieces = re.split(r"\{([\w.@]+)\}", template)
    parts = [
        pl.lit(_written(cells.column(piece))) if place % 2 else pl.lit(piece)
        for place, piece in enumerate(pieces)
    ]
    text = pl.select(pl.concat_str(parts)).to_series()
    return text if len(pieces) > 1 else text.new_from_index(0, len(cells.keys))


def _written(column: pl.Series) -> pl.Series:
    """Return values as a person would write them."""
    if isinstance(column.dtype, pl.Decimal):
        return column.round(2).cast(pl.Decimal(38, 2)).cast(pl.String)
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.strftime("%-d %B, %H:%M")
    return column.dt.strftime("%-d %B") if column.dtype == pl.Date else column.cast(pl.String)


class document(Field):  # noqa: N801
    """A JSON document with the row's columns as members; NULL where all of them are.

    Columns hold JSON text, which is what the database takes; `build()` gives a dict, which is what a model takes.

    >>> profile_data = document(language="language", timezone="zone")
    """

    def __init__(self, **members: str) -> None:
        super().__init__()
        self.members = members

    def values(self, cells: Cells) -> pl.Series:
        """Return a String per row."""
        columns = {name: cells.column(source) for name, source in self.members.items()}
        pieces = [
            (pl.lit(f'{", " if place else "{"}"{name}": '), _json(column))
            for place, (name, column) in enumerate(columns.items())
        ]
        text = pl.concat_str([*chain.from_iterable(pieces), pl.lit("}")])
        some = pl.any_horizontal(column.is_not_null() for column in columns.values())
        return pl.select(pl.when(some).then(text)).to_series()

    def evaluate(self, instance: Any, step: Any, extra: dict[str, Any]) -> Any:
        """Return the document as a dict: what factory_boy calls in `build()`."""
        text = super().evaluate(instance, step, extra)
        return None if text is None else json.loads(text)


def _json(column: pl.Series) -> pl.Expr:
    values = pl.lit(column)
    if column.dtype == pl.String:
        escaped = values.str.replace_many(["\\", '"'], ["\\\\", '\\"'])
        values = pl.concat_str([pl.lit('"'), escaped, pl.lit('"')])
    return values.cast(pl.String).fill_null("null")


class Some:
    """Some of a field's cells (see `seedbed.fields.Cells`)."""

    def __init__(self, cells: Cells, places: Positions) -> None:
        self.cells, self.places, self.where = cells, places, cells.where
        self.keys, self.ordinals = cells.keys[places], cells.ordinals[places]
        self.enumerated, self.as_of, self.stream = cells.enumerated, cells.as_of, cells.stream

    def column(self, name: str) -> pl.Series:
        """Return another column of the same rows."""
        return self.cells.column(name).gather(self.places)


def spread(height: int, parts: Sequence[tuple[Positions, pl.Series]]) -> pl.Series:
    """Return one column of values given for some positions each, NULL elsewhere."""
    if not parts:
        return pl.Series([None] * height)
    positions = np.concatenate([places for places, _ in parts])
    values = pl.concat([part.alias("value") for _, part in parts])
    order = np.full(height, -1, dtype=np.int64)
    order[positions] = np.arange(len(positions))
    missing = pl.Series(order < 0)
    return values.gather(pl.Series(order).set(missing, None))


def choices(words: Mapping[str, Sequence[str]]) -> Mapping[str, Field]:
    """Return, per value of another column, a choice of words: what `by` takes.

    >>> sorted(choices({"Kenya": ["Amina"], "France": ["Léa"]}))
    ['France', 'Kenya']
    """
    return {value: choice(some) for value, some in words.items()}
