"""What keyed streams promise for every input: bijections, ranges, and that little moves when little changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedbed import streams

words = st.integers(0, 2**64 - 1)
texts = st.text(st.characters(exclude_categories=()), max_size=8)


def keys(count: int, start: int = 0) -> streams.Words:
    return streams.child_keys(streams.ROOT, "row", np.arange(start, start + count))


@given(st.lists(words, unique=True, max_size=50))
def test_mix_is_a_bijection(values: list[int]) -> None:
    """Different words stay different."""
    assert len(set(streams.mix(np.array(values, dtype=np.uint64)).tolist())) == len(values)


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
@example(["ab", "c"], ["a", "bc"])
@example(["\ud800"], ["?"])
def test_different_parts_have_different_keys(first: list[str], second: list[str]) -> None:
    """Where one text ends and the next begins matters; lone surrogates have keys too."""
    assert (streams.text_key(*first) == streams.text_key(*second)) == (first == second)


@given(words, st.integers(1, 2**63), st.integers(0, 5))
@example(0, 2**32, 0)
@example(0, 2**63, 0)
def test_below_stays_below(stream: int, bound: int, counter: int) -> None:
    """For every bound there is."""
    values = streams.below(streams.draw(np.uint64(stream), keys(100), counter), bound)
    assert values.min() >= 0
    assert int(values.max()) < bound


@pytest.mark.parametrize("bound", [0, -1, 2**63 + 1])
def test_below_refuses_a_bound_that_is_none(bound: int) -> None:
    """Nothing is below 0, and int64 ends before 2**63."""
    with pytest.raises(ValueError, match="bound must be between"):
        streams.below(keys(1), bound)


@given(words, st.integers(1, 3000))
@example(0, 1)
@example(0, 2)
@example(0, 1024)
@example(0, 1025)
def test_a_permutation_of_everything_is_everything(stream: int, size: int) -> None:
    """Each value below the size, once."""
    values = streams.permute(np.uint64(stream), np.arange(size, dtype=np.uint64), size)
    assert sorted(values.tolist()) == list(range(size))


@given(
    words, st.integers(2**20, 2**62), st.lists(st.integers(0, 2**20 - 1), unique=True, max_size=40)
)
def test_a_permutation_of_some_keeps_them_apart(stream: int, size: int, some: list[int]) -> None:
    """Whatever the size, and whichever others are asked for."""
    values = streams.permute(np.uint64(stream), np.array(some, dtype=np.uint64), size)
    assert len(set(values.tolist())) == len(some)
    assert all(value < size for value in values.tolist())
    for ordinal, value in zip(some, values.tolist(), strict=True):
        alone = streams.permute(np.uint64(stream), np.array([ordinal], dtype=np.uint64), size)
        assert alone.tolist() == [value]


def test_a_permutation_refuses_an_ordinal_beyond_its_size() -> None:
    """It would have to give a value twice."""
    with pytest.raises(ValueError, match="not below the size 3"):
        streams.permute(np.uint64(1), np.array([3], dtype=np.uint64), 3)


@given(words, words, st.integers(0, 3))
def test_a_draw_depends_on_stream_row_and_counter_alone(
    stream: int, row: int, counter: int
) -> None:
    """Not on its neighbours in the array."""
    alone = streams.draw(np.uint64(stream), np.array([row], dtype=np.uint64), counter)
    among = streams.draw(np.uint64(stream), np.array([5, row, 7], dtype=np.uint64), counter)
    assert alone[0] == among[1]


@given(st.integers(2, 80), st.integers(0, 10**6))
def test_a_new_member_takes_its_share_of_the_ring_and_nothing_else_moves(
    size: int, start: int
) -> None:
    """About 1/n of the draws move, all of them to the new member."""
    members, draws = keys(size + 1, start), streams.mix(np.arange(4000, dtype=np.uint64))
    before = members[:-1][streams.Ring.of(members[:-1]).pick(draws)]
    after = members[streams.Ring.of(members).pick(draws)]
    moved = before != after
    assert (after[moved] == members[-1]).all()
    assert 0.3 / (size + 1) < moved.mean() < 2.2 / (size + 1)


@given(st.integers(1, 30), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_a_ring_knows_no_order(size: int, start: int, shuffled: object) -> None:
    """The pool's order does not matter."""
    members, draws = keys(size, start), streams.mix(np.arange(500, dtype=np.uint64))
    other = members.copy()
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    first = members[streams.Ring.of(members).pick(draws)]
    assert (first == other[streams.Ring.of(other).pick(draws)]).all()


@given(st.lists(st.tuples(words, st.integers(0, 2)), max_size=24))
def test_distinct_owners_differ_in_a_family_and_the_first_come_first(
    chosen: list[tuple[int, int]],
) -> None:
    """What nobody of the family has before is had as by a plain pick; later draws change nothing."""
    ring = streams.Ring.of(keys(24))
    draws = np.array([draw for draw, _ in chosen], dtype=np.uint64)
    families = np.array([family for _, family in chosen], dtype=np.int64)
    found, plain = ring.distinct(draws, families).tolist(), ring.pick(draws).tolist()
    had: set[tuple[int, int]] = set()
    for family, owner, wanted in zip(families.tolist(), found, plain, strict=True):
        assert (family, owner) not in had
        assert owner == wanted or (family, wanted) in had
        had.add((family, owner))
    assert ring.distinct(draws[:-1], families[:-1]).tolist() == found[:-1]


def test_shares_follow_the_weights() -> None:
    """A member of twice the weight is drawn about twice as often; one of weight 0 never."""
    weights = np.array([1.0, 2.0, 0.0, 4.0] * 10)
    ring = streams.Ring.of(keys(40), weights)
    owners = ring.pick(streams.mix(np.arange(100_000, dtype=np.uint64)))
    shares = np.bincount(owners, minlength=40).reshape(10, 4).sum(axis=0) / 100_000
    assert shares == pytest.approx(weights[:4] / 7, abs=0.03)
    assert shares[2] == 0


def test_fractions_are_spread_evenly() -> None:
    """Twenty bins of 100,000 draws each hold about a twentieth; neighbours in a row of keys are not alike."""
    values = streams.fractions(streams.draw(streams.stream_key("s", "F", "f"), keys(100_000)))
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    assert ((counts - 5000) ** 2 / 5000).sum() < 60  # chi-squared, 19 degrees of freedom
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.02


def test_streams_of_two_fields_are_independent() -> None:
    """The same rows, another field."""
    first, second = (
        streams.fractions(streams.draw(streams.stream_key("s", "F", name), keys(100_000)))
        for name in ("a", "b")
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


@pytest.mark.parametrize(
    "other", [("t", "F", "f", 1), ("s", "G", "f", 1), ("s", "F", "g", 1), ("s", "F", "f", 2)]
)
def test_everything_in_a_streams_name_counts(other: tuple[str, str, str, int]) -> None:
    """Seed, factory, field and the generator's version."""
    assert streams.stream_key("s", "F", "f") != streams.stream_key(*other)
