"""Keyed random streams: a draw depends on its own place and on nothing else.

There is no generator and no state. A draw is a 64-bit hash of the stream's key (seed, generator version, factory, field), the row's key
and a counter, computed for whole columns at once with SplitMix64's output function (Steele, Lea, Flood: Fast Splittable
Pseudorandom Number Generators, OOPSLA 2014; constants of Stafford's variant 13). Counter-based generation follows Salmon et al.,
Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).

All arrays are numpy uint64 of one value per row unless said otherwise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

VERSION = 1
"""Version of the generator: part of every stream's key, raised only when draws must change."""

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
ROOT = np.uint64(0)
"""The key above all root rows."""


def mix(words: Words | np.uint64) -> Words:
    """Return SplitMix64's finalizer of each word: a bijection whose every output bit depends on every input bit."""
    with np.errstate(over="ignore"):
        z = np.asarray(words, dtype=np.uint64)
        z = (z ^ (z >> _S30)) * _M1
        z = (z ^ (z >> _S27)) * _M2
        return np.asarray(z ^ (z >> _S31))


def text_key(*parts: str) -> np.uint64:
    """Return the 64-bit key of a sequence of texts (BLAKE2b, so that it is the same in every process)."""
    packed = b"".join(len(part).to_bytes(4, "little") + part for part in map(_utf8, parts))
    return np.uint64(int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little"))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def stream_key(seed: str, factory: str, field: str, version: int = VERSION) -> np.uint64:
    """Return the key of the stream that a factory's field draws from."""
    return text_key("stream", seed, str(version), factory, field)


def named_key(factory: str, label: str) -> np.uint64:
    """Return the key of a hand-picked row."""
    return text_key("row", factory, label)


def child_keys(parents: Words | np.uint64, segment: str, index: npt.NDArray[np.int64]) -> Words:
    """Return the keys of rows below parents, one parent and one index per row.

    Args:
        parents: the parents' row keys, or ROOT for rows at the top.
        segment: the path segment, such as ``employees``.
        index: the row's number among its siblings of that segment.
    """
    with np.errstate(over="ignore"):
        base = mix(np.asarray(parents, dtype=np.uint64) ^ text_key("segment", segment))
        return mix(base + (index.astype(np.uint64) + np.uint64(1)) * _GAMMA)


def draw(stream: np.uint64, rows: Words, counter: int = 0) -> Words:
    """Return one draw per row; further counters give further independent draws for the same cell."""
    with np.errstate(over="ignore"):
        return mix((rows ^ stream) + np.uint64(counter + 1) * _GAMMA)


def fractions(words: Words) -> npt.NDArray[np.float64]:
    """Return draws as floats in [0, 1) with 53 random bits."""
    return (words >> _S11).astype(np.float64) * 2.0**-53


def below(words: Words, bound: int) -> npt.NDArray[np.int64]:
    """Return draws as integers in [0, bound), bound at most 2**63.

    Up to 2**32 by multiplying the upper half (Lemire 2019), above by remainder; the bias is under 2**-31 of a value's share.
    """
    if not 0 < bound <= 2**63:
        raise ValueError(f"bound must be between 1 and 2**63, not {bound}")
    if bound <= 2**32:
        with np.errstate(over="ignore"):
            return (((words >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)).astype(np.int64)
    return (words % np.uint64(bound)).astype(np.int64)


def permute(stream: np.uint64, ordinals: Words, size: int) -> Words:
    """Return a keyed permutation of 0..size-1 at the given ordinals: different ordinals, different values.

    A four-round Feistel network over the next power of four, walking the cycle until the value is inside
    (Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002).
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    values = ordinals.astype(np.uint64)
    if len(values) and int(values.max()) >= size:
        raise ValueError(f"an ordinal is not below the size {size}")
    outside = np.ones(len(values), dtype=bool)
    while outside.any():
        values[outside] = _feistel(stream, values[outside], half)
        outside = values >= np.uint64(size)
    return values


def _feistel(stream: np.uint64, values: Words, half: int) -> Words:
    bits, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = values >> bits, values & mask
    for round_ in range(4):
        left, right = right, left ^ (draw(stream, right, round_) & mask)
    return (left << bits) | right


@dataclass(frozen=True, slots=True)
class Ring:
    """A consistent-hash ring (Karger et al. 1997): who owns a draw. One more member among n moves about 1/n of the draws.

    Attributes:
        points: the members' places on the ring, sorted.
        owners: int64, the member at each place.
    """

    points: Words
    owners: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, members: Words, weights: npt.NDArray[np.float64] | None = None, places: int = 48
    ) -> Ring:
        """Return the ring of the members' keys.

        Args:
            members: the keys of the pool's rows.
            weights: relative shares, 1.0 being the ordinary one; a member's number of places is in proportion.
            places: how many places a member of weight 1 has; more make the shares more even.
        """
        counts = np.full(len(members), places, dtype=np.int64)
        if weights is not None:
            counts = np.maximum(0, np.rint(weights * places)).astype(np.int64)
        owners = np.repeat(np.arange(len(members), dtype=np.int64), counts)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        points = child_keys(members[owners], "place", np.arange(len(owners)) - starts)
        order = np.argsort(points, kind="stable")
        return cls(points[order], owners[order])

    def positions(self, draws: Words) -> npt.NDArray[np.int64]:
        """Return the place on the ring at which each draw arrives."""
        return np.searchsorted(self.points, draws).astype(np.int64) % max(1, len(self.points))

    def pick(self, draws: Words) -> npt.NDArray[np.int64]:
        """Return the owner of each draw."""
        return self.owners[self.positions(draws)]

    def distinct(self, draws: Words, families: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the owner of each draw, or the next one on the ring that no earlier draw of its family has.

        Args:
            draws: in the order in which they choose.
            families: the number of each draw's family; none may have more draws than there are owners.
        """
        chosen, taken = [], set()
        for at, family in zip(self.positions(draws).tolist(), families.tolist(), strict=True):
            while (family, owner := int(self.owners[at])) in taken:
                at = (at + 1) % len(self.owners)
            taken.add((family, owner))
            chosen.append(owner)
        return np.array(chosen, dtype=np.int64)
