"""What each field promises for every input: bounds, shares, uniqueness, and that sums agree with a loop in plain Python."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from seedbed.errors import InvalidInput
from seedbed.fields import (
    choice,
    col,
    decimal,
    derived,
    faker,
    integer,
    moment,
    pattern,
    pick,
    rollup,
    running,
    unique,
)
from tests.evaluating import AS_OF, by_label, evaluated, factory_of, picked, rows_of

int64 = st.integers(-(2**63), 2**63 - 1)


def column(count: int, **fields: Any) -> list[Any]:
    """Return the values of field `a` for some rows at the top."""
    thing = factory_of(**fields)
    return [row["a"] for row in rows_of(evaluated(lambda rows: rows.many(thing, count)))]


class TestInteger:
    @given(int64, int64)
    @example(-(2**63), -1)
    @example(5, 5)
    def test_values_lie_between_the_bounds(self, low: int, high: int) -> None:
        """Both included."""
        assume(low <= high and high - low < 2**63)
        assert all(low <= value <= high for value in column(40, a=integer(low, high)))

    def test_every_value_comes_up_about_equally_often(self) -> None:
        """A die."""
        counts = Counter(column(60_000, a=integer(1, 6)))
        assert sorted(counts) == [1, 2, 3, 4, 5, 6]
        assert sum((n - 10_000) ** 2 / 10_000 for n in counts.values()) < 25

    @given(st.lists(st.tuples(st.none() | int64, st.none() | int64), min_size=1, max_size=20))
    @example([(-(2**63), 2**63 - 1)])
    @example([(None, None)])
    def test_bounds_may_be_columns(self, bounds: list[tuple[int | None, int | None]]) -> None:
        """NULL where a bound is; an upper bound below the lower one counts as the lower one."""
        lows, highs = zip(*bounds, strict=True)
        thing = factory_of(
            low=factory.Iterator(lows), high=factory.Iterator(highs), a=integer("low", col("high"))
        )
        for row in rows_of(evaluated(lambda rows: rows.many(thing, len(bounds)))):
            if row["low"] is None or row["high"] is None:
                assert row["a"] is None
            else:
                assert row["low"] <= row["a"] <= max(row["low"], row["high"])

    @pytest.mark.parametrize(
        ("low", "high"),
        [(2, 1), (0, 2**63), (-(2**63) - 1, 0), (-(2**63), 2**63 - 1), (1.5, 3), (None, 3)],
    )
    def test_impossible_bounds_are_refused_when_declared(self, low: Any, high: Any) -> None:
        """Not in the middle of a run."""
        with pytest.raises(InvalidInput):
            integer(low, high)


class TestDecimal:
    @given(
        st.decimals(-(10**9), 10**9, places=4),
        st.decimals(-(10**9), 10**9, places=4),
        st.integers(0, 8),
    )
    def test_values_lie_between_the_bounds_and_have_so_many_places(
        self, low: Decimal, high: Decimal, places: int
    ) -> None:
        """Also where a bound has more places than the values."""
        unit = Decimal(1).scaleb(-places)
        assume(math.ceil(low / unit) <= math.floor(high / unit))
        for value in column(20, a=decimal(low, str(high), places=places)):
            assert low <= value <= high
            assert -value.as_tuple().exponent == places

    def test_a_bound_between_two_steps_is_not_left(self) -> None:
        """The lower one is rounded up, the upper one down."""
        assert set(column(50, a=decimal("8.505", "8.529"))) == {Decimal("8.51"), Decimal("8.52")}

    @pytest.mark.parametrize(
        ("low", "high"),
        [("2", "1"), ("8.501", "8.509"), (0.1, 1), ("x", "1"), (0, 10**30), ("NaN", 1)],
    )
    def test_impossible_bounds_are_refused_when_declared(self, low: Any, high: Any) -> None:
        """A float would not be the number that was written."""
        with pytest.raises(InvalidInput):
            decimal(low, high)


moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))


class TestMoment:
    @given(
        st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
        st.timedeltas(timedelta(0), timedelta(days=9999)),
        st.timedeltas(timedelta(microseconds=1), timedelta(days=99)),
    )
    def test_values_are_whole_steps_between_the_edges(
        self, start: timedelta, length: timedelta, step: timedelta
    ) -> None:
        """Relative to as_of."""
        for value in column(20, a=moment(start, start + length, step=step)):
            assert AS_OF + start <= value <= AS_OF + start + length
            assert (value - AS_OF - start) % step == timedelta(0)

    @given(st.lists(st.tuples(st.none() | moments, st.none() | moments), min_size=1, max_size=20))
    def test_edges_may_be_columns(
        self, edges: list[tuple[datetime | None, datetime | None]]
    ) -> None:
        """NULL where an edge is; an end before its start counts as the start."""
        starts, ends = zip(*edges, strict=True)
        thing = factory_of(
            start=factory.Iterator(starts),
            end=factory.Iterator(ends),
            a=moment("start", "end"),
            b=moment("start"),
        )
        for row in rows_of(evaluated(lambda rows: rows.many(thing, len(edges)))):
            assert row["b"] == row["start"]
            if row["start"] is None or row["end"] is None:
                assert row["a"] is None
            else:
                assert row["start"] <= row["a"] <= max(row["start"], row["end"])

    def test_edges_may_be_dates_and_expressions(self) -> None:
        """A date is its midnight."""
        thing = factory_of(
            day=AS_OF.date(),
            a=moment(col("day"), col("day").cast(pl.Datetime("us")) + pl.duration(hours=1)),
        )
        for row in rows_of(evaluated(lambda rows: rows.many(thing, 20))):
            assert datetime(2026, 3, 1) <= row["a"] <= datetime(2026, 3, 1, 1)

    @pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=-1)])
    def test_a_step_of_nothing_is_refused(self, step: timedelta) -> None:
        """There would be no end to it."""
        with pytest.raises(InvalidInput, match="step"):
            moment(timedelta(0), timedelta(1), step=step)

    def test_a_moment_beyond_the_calendar_is_named(self) -> None:
        """With the field."""
        with pytest.raises(InvalidInput, match=r"ThingFactory\.a: .* no date any more"):
            column(1, a=moment(timedelta(days=-999_999)))


class TestChoice:
    @given(st.dictionaries(st.integers(), st.floats(0, 100), min_size=1, max_size=8))
    def test_only_values_with_a_weight_are_given(self, weights: dict[int, float]) -> None:
        """And nothing else."""
        assume(sum(weights.values()) > 0.001)
        chosen = column(60, a=choice(weights))
        assert all(weights[value] > 0 for value in chosen)

    def test_shares_follow_the_weights(self) -> None:
        """9 to 1, within a percent."""
        counts = Counter(column(50_000, a=choice(["x", "y"], weights=[9, 1])))
        assert counts["y"] / 50_000 == pytest.approx(0.1, abs=0.01)

    @given(
        st.lists(
            st.none() | st.booleans() | int64 | st.text() | st.binary() | st.lists(st.integers()),
            min_size=1,
            max_size=5,
        )
    )
    def test_values_come_back_as_they_are(self, values: list[Any]) -> None:
        """Whatever they are, and however mixed."""
        chosen = column(20, a=choice(values))
        assert all(
            any(value is v or (type(value) is type(v) and value == v) for v in values)
            for value in chosen
        )

    @pytest.mark.parametrize(
        "arguments",
        [
            ([],),
            ([1, 2], [1]),
            ([1], [0]),
            ([1], [-1]),
            ([1], [float("nan")]),
            ({},),
            ({"a", "b"},),
            (frozenset("ab"),),
        ],
        ids=lambda arguments: type(arguments[0]).__name__,
    )
    def test_what_cannot_be_chosen_from_is_refused(self, arguments: tuple[Any, ...]) -> None:
        """A set has no order that another process would agree on."""
        with pytest.raises(InvalidInput, match=r"choice\(\)"):
            choice(*arguments)


LITERAL = st.characters(exclude_characters="#?^\\", exclude_categories=("Cs",))
PIECES = st.lists(
    st.sampled_from(["#", "?", "^", "\\#", "\\?", "\\^", "\\\\"]) | LITERAL, max_size=12
)
MEANING = {"#": "[0-9]", "?": "[A-Z]", "^": "[0-9A-F]"}


def regex(pieces: list[str]) -> re.Pattern[str]:
    return re.compile("".join(MEANING.get(p, re.escape(p[-1])) for p in pieces), re.DOTALL)


class TestPattern:
    @given(PIECES)
    @example([])
    @example(["\x00"])
    @example(["é", "#", "🙂"])
    @example(["^"] * 80)
    def test_texts_match_the_template(self, pieces: list[str]) -> None:
        """Digits, letters, hexadecimal digits, and anything else as it stands."""
        assert all(regex(pieces).fullmatch(text) for text in column(20, a=pattern("".join(pieces))))

    def test_every_letter_comes_up_about_equally_often(self) -> None:
        """In every place."""
        for text in zip(*column(26_000, a=pattern("?" * 9)), strict=True):
            assert all(800 < n < 1200 for n in Counter(text).values())
            assert len(set(text)) == 26

    def test_a_lone_surrogate_is_refused(self) -> None:
        """No database would take it."""
        with pytest.raises(InvalidInput, match="lone surrogate"):
            pattern("x\ud800")


class TestUnique:
    @given(int64, st.integers(1, 300))
    @example(2**63 - 300, 300)
    def test_integers_are_different_up_to_the_last_one(self, low: int, count: int) -> None:
        """As many rows as there are values: each value once."""
        assume(low + count - 1 < 2**63)
        values = column(count, a=unique(low=low, high=low + count - 1))
        assert sorted(values) == list(range(low, low + count))

    @pytest.mark.parametrize("template", ["#", "B-##", "?#", "^^", "x", "^?"])
    def test_texts_are_different_up_to_the_last_one(self, template: str) -> None:
        """Every text there is, once."""
        capacity = math.prod({"#": 10, "?": 26, "^": 16}.get(c, 1) for c in template)
        values = column(capacity, a=unique(template))
        assert len(set(values)) == capacity
        assert all(regex(list(template)).fullmatch(value) for value in values)

    @pytest.mark.parametrize("template", ["#", "B-##", "x"])
    def test_one_row_more_is_refused_with_the_capacity(self, template: str) -> None:
        """Before anything is written."""
        capacity = 10 ** template.count("#")
        with pytest.raises(
            InvalidInput, match=rf"ThingFactory.a: {capacity + 1} rows .* room for {capacity}"
        ):
            column(capacity + 1, a=unique(template))

    @given(PIECES, st.integers(1, 200))
    def test_texts_match_the_template_and_differ(self, pieces: list[str], count: int) -> None:
        """For every template with room."""
        capacity = math.prod({"#": 10, "?": 26, "^": 16}.get(p, 1) for p in pieces)
        assume(capacity >= count)
        values = column(count, a=unique("".join(pieces)))
        assert len(set(values)) == count
        assert all(regex(pieces).fullmatch(value) for value in values)

    def test_a_long_template_varies_in_every_place(self) -> None:
        """A hash does not begin with zeros only because 62 bits are enough to tell rows apart."""
        for letters in zip(*column(200, a=unique("^" * 64)), strict=True):
            assert len(set(letters)) == 16

    def test_rows_below_parents_differ_too(self) -> None:
        """Their values come from their keys."""
        thing, child = factory_of(n=1), factory_of("ChildFactory", thing=None, a=unique("^" * 20))
        dataset = evaluated(lambda rows: rows.each(rows.many(thing, 50), child, 40, via="thing"))
        assert len({row["a"] for row in rows_of(dataset, "child")}) == 2000

    @pytest.mark.parametrize("rows_of_it", ["children", "two batches", "hand-picked", "given"])
    def test_two_rows_with_one_value_are_named(self, rows_of_it: str) -> None:
        """Where keys or people give the values, they are compared."""
        thing = factory_of("PlaceFactory", a=unique("#"))
        parent = factory_of(n=1)
        seeds = picked(
            "place", **{f"p{i}": {"a": "x"} if rows_of_it == "given" else {} for i in range(9)}
        )

        def recipe(rows: Any) -> None:
            if rows_of_it == "children":
                rows.each(rows.many(parent, 3), thing, 3, via="thing")
            elif rows_of_it == "two batches":
                rows.many(thing, 6)
                rows.many(thing, 6, segment="more")
            else:
                rows.named(thing)

        with pytest.raises(InvalidInput, match=r"place\.a: \S+ and \S+ have the same value"):
            by_label(evaluated(recipe, seeds=seeds), "place")


class TestFaker:
    def test_there_are_as_many_values_as_the_pool_holds(self) -> None:
        """At the most."""
        assert len(set(column(500, a=faker("uuid4", pool=20)))) == 20

    def test_a_value_does_not_depend_on_who_else_is_there(self) -> None:
        """A member of the pool is made by its number alone."""
        many = column(50, a=faker("name", locale="fr_FR"))
        assert column(7, a=faker("name", locale="fr_FR")) == many[:7]

    def test_arguments_reach_the_provider(self) -> None:
        """As with factory.Faker."""
        assert set(column(9, a=faker("pystr", min_chars=3, max_chars=3, prefix="p-"))) != set()
        assert all(
            len(value) == 5
            for value in column(9, a=faker("pystr", min_chars=3, max_chars=3, prefix="p-"))
        )

    def test_a_wrong_provider_is_named(self) -> None:
        """With the field."""
        with pytest.raises(InvalidInput, match=r"ThingFactory\.a: Faker has no provider 'nmae'"):
            column(1, a=faker("nmae"))


children = st.lists(st.lists(st.integers(-100, 100), max_size=4), max_size=5)


class TestRollup:
    @given(children, children, st.lists(st.integers(-100, 100), max_size=4))
    def test_aggregates_agree_with_a_loop(
        self, first: list[list[int]], second: list[list[int]], orphans: list[int]
    ) -> None:
        """Over several batches, several parents' batches, hand-picked rows on both sides, and children of nobody."""
        parent = factory_of(
            "ParentFactory",
            number=rollup("ChildFactory", col("x").len(), via="parent"),
            total=rollup("ChildFactory", col("x").sum(), via="parent", default=0),
            largest=rollup("ChildFactory", col("x").max(), via="parent", default=None),
            negative=rollup("ChildFactory", col("x").filter(col("x") < 0).len(), via="parent"),
            numbers=rollup("ChildFactory", col("x").sort(), via="parent", default=[]),
        )
        child = factory_of("ChildFactory", parent=factory.SubFactory(parent), x=0)
        special = factory_of("SpecialFactory", base=child, meta={"table": "child"})
        seeds = {
            **picked("parent", p={}, q={}),
            **picked(
                "child",
                c={"parent": "p", "x": 3},
                d={"parent": None, "x": 5},
                e={"parent": "p", "x": None},
            ),
        }

        def recipe(rows: Any) -> None:
            everyone = rows.many(parent, len(first)) + rows.named(parent)
            for at, xs in enumerate(first):
                rows.each(
                    everyone[at : at + 1],
                    child,
                    len(xs),
                    via="parent",
                    x=factory.Iterator(xs or [0]),
                )
            more = rows.many(parent, len(second), segment="more")
            for at, xs in enumerate(second):
                for x in xs:
                    rows.many(
                        special,
                        1,
                        segment=f"s{at}-{x}-{len(rows._world.batches)}",
                        parent=more[at],
                        x=x,
                    )
            rows.many(child, len(orphans), parent=None, x=factory.Iterator(orphans or [0]))
            rows.named(child)

        found = by_label(evaluated(recipe, seeds=seeds))
        expected: dict[str, list[int | None]] = defaultdict(list)
        for name, row in found.items():
            if name.startswith("child:"):
                expected[f"parent:{row['parent']}"].append(row["x"])
        parents = {name: row for name, row in found.items() if name.startswith("parent:")}
        assert len(parents) == len(first) + len(second) + 2
        for name, row in parents.items():
            xs = [x for x in expected[name] if x is not None]
            assert row["number"] == len(expected[name])
            assert row["total"] == sum(xs)
            assert row["largest"] == max(xs, default=None)
            assert row["negative"] == sum(x < 0 for x in xs)
            assert [x for x in row["numbers"] if x is not None] == sorted(xs)

    def test_decimals_stay_exact(self) -> None:
        """Sums of money."""
        parent = factory_of(
            "ParentFactory", total=rollup("ChildFactory", col("x").sum(), via="parent")
        )
        child = factory_of(
            "ChildFactory", parent=None, x=decimal("0.00000001", "999999999.99999999", places=8)
        )
        dataset = evaluated(lambda rows: rows.each(rows.many(parent, 3), child, 50, via="parent"))
        by_parent = _chunks(rows_of(dataset, "child"), 50)
        sums = [sum((row["x"] for row in chunk), Decimal(0)) for chunk in by_parent]
        assert [row["total"] for row in rows_of(dataset, "parent")] == sums

    def test_an_unknown_factory_is_named(self) -> None:
        """Rather than counting none."""
        parent = factory_of("ParentFactory", n=rollup("ChidlFactory", col("x").len(), via="parent"))
        factory_of("ChildFactory", parent=None, x=0)
        with pytest.raises(
            InvalidInput,
            match=r"ParentFactory\.n: there is no factory 'ChidlFactory'.*\n.*'ChildFactory'",
        ):
            rows_of(evaluated(lambda rows: rows.many(parent, 1)), "parent")

    def test_an_unknown_reference_is_named(self) -> None:
        """The children's attribute."""
        child = factory_of("ChildFactory", parent=None, x=0)
        parent = factory_of(
            "ParentFactory", n=rollup(child.__name__, col("x").len(), via="pparent")
        )
        with pytest.raises(
            InvalidInput, match=r"ChildFactory does not declare 'pparent'.*\n.*'parent'"
        ):
            rows_of(evaluated(lambda rows: rows.many(parent, 1)), "parent")

    def test_an_aggregate_that_makes_no_sense_is_named(self) -> None:
        """With what polars says."""
        child = factory_of("ChildFactory", parent=None, x="text")
        parent = factory_of("ParentFactory", n=rollup("ChildFactory", col("x").sum(), via="parent"))
        with pytest.raises(
            InvalidInput, match=r"ParentFactory\.n: the expression cannot be evaluated"
        ):
            by_label(
                evaluated(lambda rows: rows.each(rows.many(parent, 1), child, 1, via="parent"))
            )


def _chunks(rows: list[Any], size: int) -> list[list[Any]]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def _in_order(row: dict[str, Any]) -> tuple[bool, int, int]:
    return (row["at"] is not None, row["at"] or 0, row["@key"] % 2**64)


entries = st.lists(
    st.tuples(
        st.sampled_from(["p/0", "p/1", None]), st.integers(0, 3) | st.none(), st.integers(-50, 50)
    ),
    max_size=12,
)


class TestRunning:
    @given(entries, entries, entries)
    def test_balances_agree_with_a_loop(
        self, first: list[Any], second: list[Any], named: list[Any]
    ) -> None:
        """Over several batches and hand-picked rows of one family, with ties, NULLs in the order, and rows of no family."""
        parent = factory_of("PFactory", n=1)
        entry = factory_of(
            "EntryFactory",
            p=factory.SubFactory(parent),
            at=0,
            x=0,
            balance=running(col("x").cum_sum(), over="p", order_by="at"),
            number=running(pl.int_range(pl.len()), over="p", order_by=col("at")),
            before=running(col("x").cum_sum().shift(1), over="p", order_by="at"),
        )
        seeds = picked(
            "entry",
            **{f"e{i}": {"p": None, "at": at, "x": x} for i, (_, at, x) in enumerate(named)},
        )

        def recipe(rows: Any) -> None:
            parents = rows.many(parent, 2)
            for batch, wanted in (("a", first), ("b", second)):
                for number, (path, at, x) in enumerate(wanted):
                    above = None if path is None else parents[int(path[-1])]
                    rows.many(entry, 1, segment=f"{batch}{number}", p=above, at=at, x=x)
            rows.named(entry)

        found = by_label(
            evaluated(recipe, seeds=seeds), *(["entry"] if first or second or named else [])
        )
        families: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for label, row in found.items():
            if label.startswith("entry:"):
                families[row["p"] or label].append(row)
        for rows in families.values():
            balance = 0
            for number, row in enumerate(sorted(rows, key=_in_order)):
                assert row["before"] == (balance if number else None)
                balance += row["x"]
                assert (row["balance"], row["number"]) == (balance, number)

    def test_a_window_that_makes_no_sense_is_named(self) -> None:
        """With what polars says."""
        parent = factory_of("PFactory", n=1)
        entry = factory_of(
            "EntryFactory",
            p=None,
            x="text",
            balance=running(col("x").cum_sum(), over="p", order_by="x"),
        )
        with pytest.raises(
            InvalidInput, match=r"EntryFactory\.balance: the expression cannot be evaluated"
        ):
            by_label(evaluated(lambda rows: rows.each(rows.many(parent, 1), entry, 2, via="p")))


class TestDerived:
    @given(
        st.lists(
            st.tuples(st.integers(-99, 99), st.none() | st.integers(-99, 99)),
            min_size=1,
            max_size=12,
        )
    )
    def test_an_expression_agrees_with_a_loop(self, pairs: list[tuple[int, int | None]]) -> None:
        """Over own columns and parents', NULL where one is missing."""
        mine, theirs = zip(*pairs, strict=True)
        parent = factory_of("ParentFactory", y=factory.Iterator(theirs))
        thing = factory_of(
            parent=factory.SubFactory(parent),
            x=factory.Iterator(mine),
            a=derived(col("x") * col("parent.y") + col("@index")),
        )
        rows = rows_of(evaluated(lambda rows: rows.many(thing, len(pairs))))
        for number, (row, (x, y)) in enumerate(zip(rows, pairs, strict=True)):
            assert row["a"] == (None if y is None else x * y + number)

    def test_a_constant_is_repeated(self) -> None:
        """One value for all rows."""
        assert column(3, a=derived(pl.lit(7))) == [7, 7, 7]
        assert column(0, a=derived(pl.lit(7))) == []

    def test_the_virtual_columns_are_there(self) -> None:
        """The moment, the number and the key."""
        rows = column(2, a=derived(pl.struct("@as_of", "@index", "@key")))
        assert [(row["@as_of"], row["@index"]) for row in rows] == [(AS_OF, 0), (AS_OF, 1)]
        assert rows[0]["@key"] != rows[1]["@key"]

    @pytest.mark.parametrize(
        ("expression", "problem"),
        [
            (col("x") + 1, "cannot be evaluated"),
            (col("o").rank(), "cannot be evaluated"),  # polars panics
            (col("x").head(2), "gives 2 values for 3 rows"),
            (col("nothing") + 1, r"ThingFactory.nothing is not declared"),
            (col("x.y"), r"ThingFactory.x is not another row"),
            (col("@x"), r"not one of @as_of, @index and @key"),
        ],
        ids=str,
    )
    def test_an_expression_that_cannot_be_evaluated_is_named(
        self, expression: pl.Expr, problem: str
    ) -> None:
        """With the field."""
        with pytest.raises(InvalidInput, match=problem):
            column(3, x="text", o=factory.LazyFunction(dict), a=derived(expression))


class TestPick:
    @given(st.integers(1, 30), st.integers(0, 60))
    def test_picks_come_from_the_pool(self, pool: int, count: int) -> None:
        """And from nowhere else."""
        parent = factory_of("ParentFactory", n=factory.Sequence(int))
        thing = factory_of(parent=pick(parent), n=factory.SelfAttribute("parent.n"))

        def recipe(rows: Any) -> None:
            rows.many(parent, pool)
            rows.many(thing, count)

        rows = rows_of(evaluated(recipe))
        assert len(rows) == count
        assert all(row["n"] == row["parent"]["n"] < pool for row in rows)

    @given(st.integers(2, 30))
    def test_a_new_parent_takes_its_share_and_moves_no_other(self, pool: int) -> None:
        """About 1/n of the picks, all to the new one."""
        parent = factory_of("ParentFactory", n=1)
        thing = factory_of(parent=pick(parent))

        def recipe(extra: int) -> Any:
            def make(rows: Any) -> None:
                rows.many(parent, pool + extra)
                rows.many(thing, 1000)

            return make

        before, after = (by_label(evaluated(recipe(extra)), "thing") for extra in (0, 1))
        moved = [label for label in before if before[label] != after[label]]
        assert {after[label]["parent"] for label in moved} <= {f"parent/{pool}"}
        assert len(moved) < 3 * 1000 / (pool + 1)

    @given(st.integers(1, 10), st.integers(0, 6), st.booleans())
    def test_distinct_picks_differ_among_siblings(
        self, pool: int, count: int, weighted: bool
    ) -> None:
        """Or the pool is said to be too small."""
        parent, role = factory_of("ParentFactory", n=1), factory_of("RoleFactory", w=integer(1, 3))
        link = factory_of(
            "LinkFactory",
            parent=None,
            role=pick(role, distinct=True, weight="w" if weighted else None),
        )

        def recipe(rows: Any) -> None:
            rows.many(role, pool)
            rows.each(rows.many(parent, 4), link, count, via="parent")

        if count > pool:
            with pytest.raises(
                InvalidInput,
                match=rf"LinkFactory\.role: {count} different rows are needed, and there are {pool}",
            ):
                evaluated(recipe)
            return
        found = by_label(evaluated(recipe), "link").values() if count else []
        pairs = [(row["parent"], row["role"]) for row in found]
        assert len(set(pairs)) == len(pairs) == 4 * count

    @given(st.integers(12, 40), st.integers(1, 4))
    def test_a_new_parent_moves_few_distinct_picks(self, pool: int, count: int) -> None:
        """About 1/n of them: those that go to it, and siblings that had walked on past them."""
        role, parent = factory_of("RoleFactory", n=1), factory_of("ParentFactory", n=1)
        link = factory_of("LinkFactory", parent=None, role=pick(role, distinct=True))

        def recipe(extra: int) -> Any:
            def make(rows: Any) -> None:
                rows.many(role, pool + extra)
                rows.each(rows.many(parent, 200), link, count, via="parent")

            return make

        before, after = (by_label(evaluated(recipe(extra)), "link") for extra in (0, 1))
        moved = [label for label in before if before[label] != after[label]]
        assert len(moved) < 3 * len(before) / (pool + 1)

    def test_a_sibling_left_out_moves_no_distinct_pick(self) -> None:
        """What when= decides by a pick holds for the rows that stay."""
        role = factory_of("RoleFactory", n=factory.Sequence(int))
        parent = factory_of("ParentFactory", n=1)
        link = factory_of("LinkFactory", parent=None, role=pick(role, distinct=True))

        def recipe(**wishes: Any) -> Any:
            def make(rows: Any) -> None:
                rows.many(role, 8)
                rows.each(rows.many(parent, 30), link, 6, via="parent", **wishes)

            return make

        everyone = by_label(evaluated(recipe()), "link")
        few = by_label(evaluated(recipe(when=col("role.n") > 4)), "link")
        assert 0 < len(few) < len(everyone)
        assert few == {label: everyone[label] for label in few}
        assert {row["role"] for row in few.values()} == {"role/5", "role/6", "role/7"}

    def test_weights_may_be_expressions(self) -> None:
        """Over the pool's columns; a weight of NULL is 0."""
        parent = factory_of("ParentFactory", n=factory.Iterator([1, 3, None]))
        thing = factory_of(parent=pick(parent, weight=col("n")))

        def recipe(rows: Any) -> None:
            rows.many(parent, 60)
            rows.many(thing, 20_000)

        counts = Counter(row["parent"]["n"] for row in rows_of(evaluated(recipe)))
        assert counts[None] == 0
        assert counts[3] / counts[1] == pytest.approx(3, rel=0.2)

    def test_a_constant_weight_is_no_weight(self) -> None:
        """It reads no column."""
        parent = factory_of("ParentFactory", n=1)
        thing = factory_of(parent=pick(parent, weight=pl.lit(1.0)))

        def recipe(rows: Any) -> None:
            rows.many(parent, 3)
            rows.many(thing, 5)

        assert len(rows_of(evaluated(recipe))) == 5

    def test_weights_that_are_no_shares_are_refused(self) -> None:
        """A town's inhabitants as weight would take all memory."""
        parent = factory_of("ParentFactory", n=3_000_000)
        thing = factory_of(parent=pick(parent, weight="n"))

        def recipe(rows: Any) -> None:
            rows.many(parent, 3)
            rows.many(thing, 5)

        with pytest.raises(InvalidInput, match=r"the weights of 3 rows add up to 9000000"):
            evaluated(recipe)

    def test_hand_picked_rows_pick_by_themselves(self) -> None:
        """Also with distinct=True: they are nobody's siblings."""
        parent = factory_of("ParentFactory", n=1)
        thing = factory_of(parent=pick(parent, distinct=True))

        def recipe(rows: Any) -> None:
            rows.many(parent, 40)
            rows.named(thing)

        seeds = picked("thing", **{f"t{i}": {} for i in range(20)})
        assert (
            len(
                {
                    row["parent"]
                    for row in by_label(evaluated(recipe, seeds=seeds), "thing").values()
                }
            )
            > 10
        )
