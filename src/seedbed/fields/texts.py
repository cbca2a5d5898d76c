"""Fields that spell texts after a template: pattern, and unique, which counts where there is none."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed import streams
from seedbed.errors import InvalidInput
from seedbed.fields.base import Cells, Field, draws
from seedbed.fields.draws import span

Letters = npt.NDArray[np.uint8]
_ALPHABETS = {
    "#": string.digits.encode(),
    "?": string.ascii_uppercase.encode(),
    "^": b"0123456789ABCDEF",
}


def _parse(template: str) -> list[bytes]:
    """Return a pattern as a list of alphabets, one per byte; a literal is one of one byte."""
    places: list[bytes] = []
    escaped = False
    for char in template:
        if char == "\\" and not escaped:
            escaped = True
        elif char in _ALPHABETS and not escaped:
            places.append(_ALPHABETS[char])
        else:
            places.extend(bytes([byte]) for byte in _encoded(char, template))
            escaped = False
    return places


def _encoded(char: str, template: str) -> bytes:
    try:
        return char.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(f"The template {template!r} holds a lone surrogate.") from None


def _drawn(cells: Cells, alphabets: Sequence[bytes], start: int = 0) -> list[Letters]:
    """Return, per place, the drawn letters of all rows; draws are taken from a counter on."""
    letters: list[Letters] = []
    for place in range(0, len(alphabets), 8):  # a draw serves eight places of eight bits
        words = draws(cells, start + place).astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)
        for at, alphabet in enumerate(alphabets[place : place + 8]):
            letters.append(_spread(alphabet)[words[:, at]])
    return letters


@functools.cache
def _spread(alphabet: bytes) -> Letters:
    """Return the letter of each byte, in shares as equal as 256 allows."""
    letters = np.frombuffer(alphabet, dtype=np.uint8)
    spread: Letters = letters[np.arange(256) * len(alphabet) >> 8]
    return spread


def _spell(alphabets: Sequence[bytes], letters: Sequence[Letters], height: int) -> pl.Series:
    """Return texts: per place of more than one letter, `letters` has those of all rows."""
    if not alphabets:
        return pl.Series([""], dtype=pl.String).new_from_index(0, height)
    codes = np.empty((height, len(alphabets)), dtype=np.uint8)
    drawn = iter(letters)
    for place, alphabet in enumerate(alphabets):
        codes[:, place] = next(drawn) if len(alphabet) > 1 else alphabet[0]
    return pl.Series(codes).arr.to_list().cast(pl.Binary).cast(pl.String)


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
        letters = _drawn(cells, [a for a in self.alphabets if len(a) > 1])
        return _spell(self.alphabets, letters, len(cells.keys))


ROOM = 2**62
"""How many different numbers `unique` deals in."""


class unique(Field):  # noqa: N801
    """A value that no other row of the factory has: an integer, or a text after a template (see `pattern`).

    The factory's ordinary rows at the top are numbered, and their values are a keyed permutation of the numbers: unique up to the
    last value there is. All other rows (below parents, hand-picked ones, a batch with a name of its own) take the value from their
    key; that they differ is checked when the table is put together, before anything is written.
    In a test, what `create()` makes at the top is numbered on from the profile's rows.

    Args:
        template: a text template, or None for integers.
        low, high: the integers' bounds, both included.

    >>> badge = unique("B-####")
    >>> number = unique(low=100_000, high=999_999)
    """

    def __init__(self, template: str | None = None, *, low: int = 0, high: int = ROOM) -> None:
        super().__init__()
        self.alphabets = _parse(template) if template is not None else None
        self.low = low
        if self.alphabets is None:
            self.capacity = span(f"unique(low={low}, high={high})", low, high)
        else:
            self.capacity = math.prod(map(len, self.alphabets))

    def values(self, cells: Cells) -> pl.Series:
        """Return an Int64 or a String per row, all different."""
        if self.alphabets is None:
            return pl.Series(
                self._numbers(cells, min(self.capacity, ROOM)).view(np.int64) + self.low
            )
        chosen = [alphabet for alphabet in self.alphabets if len(alphabet) > 1]
        free, size = len(chosen), 1
        while free and size * len(chosen[free - 1]) <= ROOM:
            free -= 1
            size *= len(chosen[free])
        numbers = self._numbers(cells, size)
        # Places beyond the room are drawn: the others tell the texts apart.
        letters = [*_drawn(cells, chosen[:free], start=1), *_counted(numbers, chosen[free:])]
        return _spell(self.alphabets, letters, len(cells.keys))

    def _numbers(self, cells: Cells, size: int) -> streams.Words:
        numbers = cells.numbers(size)
        top = int(numbers.max(initial=-1)) + 1 if cells.enumerated else len(cells.keys)
        if top > size:
            raise InvalidInput(
                f"{cells.where}: {top} rows need different values, and unique() has room for {size}.",
                remedy="Widen its range or template.",
            )
        if cells.enumerated:
            return streams.permute(cells.numbering, numbers.astype(np.uint64), size)
        return draws(cells) % np.uint64(size)


def _counted(numbers: streams.Words, alphabets: Sequence[bytes]) -> list[Letters]:
    """Return numbers as letters: digits of a number system whose places have alphabets of their own."""
    letters: list[Letters] = []
    for alphabet in reversed(alphabets):
        size = np.uint64(len(alphabet))
        letters.append(np.frombuffer(alphabet, dtype=np.uint8)[numbers % size])
        numbers = numbers // size
    return letters[::-1]
