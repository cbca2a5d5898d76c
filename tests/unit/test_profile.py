"""Profiles and recipes: which rows they make, how rows are chosen from, and what is said when a recipe cannot be followed."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import factory
import polars as pl
import pytest

from seedbed import Factory, Profile
from seedbed.batch import Seed
from seedbed.errors import InvalidInput
from seedbed.fields import choice, col, derived, follow, integer, pick, rollup, running, unique
from seedbed.recipe import between
from tests.evaluating import AS_OF, by_label, evaluated, factory_of, picked, rows_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.StrEnum):
    LOW = "low"
    HIGH = "high"


def parent() -> type[Factory[Any]]:
    return factory_of("ParentFactory", n=factory.Sequence(int), kind=choice(["a", "b"]))


def child(**more: Any) -> type[Factory[Any]]:
    return factory_of("ChildFactory", parent=None, x=integer(0, 9), **more)


class TestCounts:
    """How many rows there are."""

    @pytest.mark.parametrize("count", [0, 1, 7])
    def test_many_makes_so_many(self, count: int) -> None:
        """None too."""
        assert len(rows_of(evaluated(lambda rows: rows.many(parent(), count)), "parent")) == count

    @pytest.mark.parametrize("count", [-1, 1.5, "3", None])
    @pytest.mark.parametrize("verb", ["many", "each"])
    def test_a_count_that_is_none_is_refused(self, verb: str, count: Any) -> None:
        """With the call it stands in."""

        def recipe(rows: Any) -> None:
            if verb == "many":
                rows.many(parent(), count)
            else:
                rows.each(rows.many(parent(), 2), child(), count, via="parent")

        with pytest.raises(InvalidInput, match=rf"rows\.{verb}\(.*Factory, .*\): the count is"):
            evaluated(recipe)

    @pytest.mark.parametrize(
        ("count", "expected"),
        [
            (2, [2, 2, 2, 2]),
            (col("n"), [0, 1, 2, 3]),
            (col("n") - 2, [0, 0, 0, 1]),
            (pl.when(col("n") > 1).then(col("n")), [0, 0, 2, 3]),
            (pl.lit(1), [1, 1, 1, 1]),
        ],
        ids=str,
    )
    def test_each_makes_so_many_below_each_parent(self, count: Any, expected: list[int]) -> None:
        """A number, or an expression over the parent's columns; NULL and less than nothing are none."""
        dataset = evaluated(
            lambda rows: rows.each(rows.many(parent(), 4), child(), count, via="parent")
        )
        found = [row["parent"] for row in by_label(dataset, "child").values()]
        assert [found.count(f"parent/{i}") for i in range(4)] == expected

    def test_a_count_may_be_drawn_per_parent(self) -> None:
        """Both bounds come up, nothing beyond them."""
        dataset = evaluated(
            lambda rows: rows.each(rows.many(parent(), 99), child(), between(1, 3), via="parent")
        )
        found = [row["parent"] for row in by_label(dataset, "child").values()]
        assert {found.count(f"parent/{i}") for i in range(99)} == {1, 2, 3}

    def test_rows_that_do_not_meet_the_condition_are_left_out_and_the_others_keep_their_numbers(
        self,
    ) -> None:
        """`when=` chooses among the rows there would have been."""
        counted = evaluated(
            lambda rows: rows.each(rows.many(parent(), 9), child(), 5, via="parent")
        )
        some = evaluated(
            lambda rows: rows.each(
                rows.many(parent(), 9), child(), 5, via="parent", when=col("x") > 4
            )
        )
        everything = by_label(counted, "child")
        assert by_label(some, "child") == {k: row for k, row in everything.items() if row["x"] > 4}

    def test_a_condition_over_rows_made_for_it_leaves_none_of_them_behind(self) -> None:
        """What SubFactory makes below a candidate goes with it."""
        coach = factory_of("CoachFactory", level=integer(0, 1))
        trained = child(coach=factory.SubFactory(coach))
        dataset = evaluated(
            lambda rows: rows.each(
                rows.many(parent(), 9), trained, 5, via="parent", when=col("coach.level") == 1
            )
        )
        assert [row["level"] for row in rows_of(dataset, "coach")] == [1] * len(
            rows_of(dataset, "child")
        )

    def test_scaled_counts_grow_and_never_vanish(self) -> None:
        """At least one."""
        seen: list[int] = []
        for scale in (0.001, 0.5, 1, 3):
            evaluated(lambda rows: seen.append(rows.scaled(10)), scale=scale)
        assert seen == [1, 5, 10, 30]

    @pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
    def test_a_scale_that_is_none_is_refused(self, scale: float) -> None:
        """It must be a number above 0."""
        with pytest.raises(InvalidInput, match="The scale is"):
            evaluated(scale=scale)

    def test_minimal_makes_no_rows_but_named_ones(self) -> None:
        """Also where a recipe goes on with the rows that are not there."""

        def recipe(rows: Any) -> None:
            parents = rows.many(parent(), 5)
            assert rows.minimal
            friends = factory_of("FriendFactory", parent=None, other=pick(parents))
            rows.each(parents.where(kind="a")[:2], friends, 3, via="parent")
            rows.many(child(), 3, parent=parents + rows.named(parent()))

        assert list(by_label(evaluated(recipe, seeds=picked("parent", p={}), minimal=True))) == [
            "parent:p"
        ]


class TestArguments:
    """What the verbs of a recipe take, and what they say to anything else."""

    def test_every_field_can_be_set_by_its_name(self) -> None:
        """Also one that is called like an argument given by position, or like one of another verb."""
        names = ("name", "count", "factory", "parents", "self", "via", "when")
        thing = factory_of("SampleFactory", **dict.fromkeys(names, ""))

        def recipe(rows: Any) -> None:
            rows.many(thing, 1, **{name: name for name in names})
            rows.each(rows.many(parent(), 1), child(name=""), 1, via="parent", name="Ann", x=2)

        dataset = evaluated(recipe)
        assert rows_of(dataset, "sample") == [{name: name for name in names}]
        assert [(row["name"], row["x"]) for row in rows_of(dataset, "child")] == [("Ann", 2)]

    @pytest.mark.parametrize(
        ("recipe", "problem"),
        [
            (
                lambda rows: rows.many(child(segment=""), 1, segment="a"),
                r"ChildFactory declares a field 'segment', .*\n.*rename = \{\"segment_\": \"segment\"\}",
            ),
            (
                lambda rows: rows.each(
                    rows.many(parent(), 1), child(when=1), via="parent", when=col("x") > 1
                ),
                r"ChildFactory declares a field 'when', and when= means something else here",
            ),
            (lambda rows: rows.many(3, 4), r"rows\.many\(\): 3 is not a factory"),
            (lambda rows: rows.many(Model, 4), r"rows\.many\(\): Model is not a factory"),
            (lambda rows: rows.many(Factory, 4), r"rows\.many\(\): Factory is abstract"),
            (lambda rows: rows.named("users"), r"rows\.named\(\): 'users' is not a factory"),
            (
                lambda rows: rows.each(parent(), child(), 2, via="parent"),
                r"the parents are ParentFactory, which is no rows",
            ),
            (
                lambda rows: rows.each(rows.many(parent(), 1), "child", 2, via="parent"),
                r"rows\.each\(\): 'child' is not a factory",
            ),
            (lambda rows: rows.many(parent(), 1, segment=3), r"segment=3 cannot be a part"),
            (lambda rows: rows.many(parent(), 1, segment=""), r"segment='' cannot be a part"),
            (lambda rows: rows.many(parent(), 1, segment="a/b"), r"segment='a/b' cannot be"),
            (
                lambda rows: rows.each(rows.many(parent(), 1), child(), via=parent()),
                r"via=.*is not a text",
            ),
            (
                lambda rows: rows.each(rows.many(parent(), 1), child(), via="parent", when=True),
                r"when=True is not an expression",
            ),
            (
                lambda rows: rows.each(rows.many(parent(), 1), child(), via="parent", count=3),
                r"ChildFactory declares no field 'count' to set.*\n.*by position",
            ),
        ],
    )
    def test_an_argument_of_another_kind_is_refused(self, recipe: Any, problem: str) -> None:
        """With what was expected in its place, also where no row would be made."""
        with pytest.raises(InvalidInput, match=problem):
            evaluated(recipe)
        with pytest.raises(InvalidInput):
            evaluated(recipe, minimal=True)


class Model:
    """What a factory makes, taken for the factory."""


class TestSelections:
    """Rows that a recipe passes around."""

    @staticmethod
    def chosen(choose: Callable[[Any, Any], Any]) -> list[Any]:
        found: list[Any] = []

        def recipe(rows: Any) -> None:
            first = rows.many(parent(), 4)
            second = rows.many(parent(), 2, segment="more", n=factory.Iterator([10, 11]))
            found.extend(choose(first, second).column("n").to_list())

        evaluated(recipe)
        return found

    @pytest.mark.parametrize(
        ("choose", "expected"),
        [
            (lambda a, b: a + b, [0, 1, 2, 3, 10, 11]),
            (lambda a, b: (a + b)[2:5], [2, 3, 10]),
            (lambda a, b: (a + b)[::2], [0, 2, 10]),
            (lambda a, b: (a + b)[-1], [11]),
            (lambda a, b: a[1], [1]),
            (lambda a, b: (a + b).where(col("n") > 2, col("n") < 11), [3, 10]),
            (lambda a, b: (a + b).where(n=10), [10]),
            (lambda a, b: a.where(n=99), []),
            (lambda a, b: a[:0], []),
            (lambda a, b: (a + b).where(pl.lit(True))[3:4], [3]),
            (lambda a, b: (a[:1] + a[1:3] + b).compact(), [0, 1, 2, 10, 11]),
        ],
    )
    def test_rows_are_chosen_in_their_order(self, choose: Any, expected: list[int]) -> None:
        """Sums, slices, single rows, conditions."""
        assert self.chosen(choose) == expected

    def test_none_is_a_value_to_choose_by(self) -> None:
        """where(closed_at=None) are the rows that have none."""
        thing = factory_of(a=factory.Iterator([None, 1, None]))
        sizes: list[int] = []
        evaluated(lambda rows: sizes.append(len(rows.many(thing, 3).where(a=None))))
        assert sizes == [2]

    @pytest.mark.parametrize(
        ("values", "wanted"),
        [
            ([Colour.RED, Colour.BLUE], Colour.RED),
            ([Level.LOW, Level.HIGH], Level.LOW),
            ([Level.LOW, Level.HIGH], "low"),
            ([{"a": 1}, {"a": 2}], {"a": 1}),
            ([[1], [2]], [1]),
            ([1.5, None], 1.5),
            ([Decimal("1.50"), Decimal("2")], Decimal("1.5")),
            ([AS_OF, None], AS_OF),
            ([True, False], True),
            ([b"x", b"y"], b"x"),
            ([10**30, 7], 10**30),
            ([1, "1"], 1),
        ],
        ids=str,
    )
    def test_any_value_may_be_chosen_by(self, values: list[Any], wanted: Any) -> None:
        """Members of enums, dicts, huge numbers."""
        thing = factory_of(a=factory.Iterator(values))
        sizes: list[int] = []
        evaluated(lambda rows: sizes.append(len(rows.many(thing, 6).where(a=wanted))))
        assert sizes == [3]

    def test_a_value_of_another_kind_is_said(self) -> None:
        """Rather than finding none."""
        with pytest.raises(
            InvalidInput, match=r"ParentFactory\.where\(\): the expression cannot be evaluated"
        ):
            evaluated(lambda rows: rows.many(parent(), 2).where(n="x"))

    def test_choosing_by_another_row_says_how(self) -> None:
        """Name one of its columns."""
        thing = factory_of(parent=pick(parent()))

        def recipe(rows: Any) -> None:
            rows.many(parent(), 2)
            rows.many(thing, 2).where(parent="x")

        with pytest.raises(InvalidInput, match=r"ThingFactory\.parent is another row, not a value"):
            evaluated(recipe)

    def test_a_column_may_lead_over_parents(self) -> None:
        """With dots between them."""

        def recipe(rows: Any) -> None:
            grown = rows.each(rows.many(parent(), 2), child(), 2, via="parent")
            assert grown.column("parent.n").to_list() == [0, 0, 1, 1]
            assert len(grown.where(col("parent.n") == 1)) == 2

        evaluated(recipe)

    def test_several_rows_given_for_a_reference_are_picked_from(self) -> None:
        """One is the parent of all."""

        def recipe(rows: Any) -> None:
            parents = rows.many(parent(), 9)
            rows.many(child(), 30, parent=parents[:3])
            rows.many(child(), 2, segment="others", parent=parents[4])

        found = by_label(evaluated(recipe), "child")
        assert {row["parent"] for k, row in found.items() if "others" in k} == {"parent/4"}
        assert {row["parent"] for k, row in found.items() if "others" not in k} == {
            f"parent/{i}" for i in range(3)
        }


class TestProfiles:
    """Names, environments, and whose recipes run."""

    def test_recipes_of_extended_profiles_run_first_and_once(self) -> None:
        """Whichever way they are reached."""
        ran: list[str] = []
        base, left, right, top = (Profile(name) for name in ("base", "left", "right", "top"))
        left.extends, right.extends, top.extends = [base], [base], [left, right]
        for profile in (top, right, left, base):
            profile.recipe(lambda rows, name=profile.name: ran.append(name))
        top.evaluate(as_of=AS_OF)
        assert ran == ["base", "left", "right", "top"]

    def test_a_profile_without_a_recipe_is_a_mistake(self) -> None:
        """A forgotten decorator would have all rows pruned."""
        forgotten = Profile("small", extends=[Profile("base")])
        with pytest.raises(InvalidInput, match=r"The profile 'small' has no recipe\.\n.*@small"):
            forgotten.evaluate(as_of=AS_OF)

    def test_a_profile_goes_to_the_environment_of_its_name(self) -> None:
        """Unless it says where."""
        assert Profile("staging").environments == ("staging",)
        assert Profile("demo", environments=["demo", "staging"]).environments == ("demo", "staging")

    def test_a_dataset_says_what_it_was_made_with(self) -> None:
        """Profile, moment, scale, seed."""
        profile = Profile("p", production_safe=True)
        profile.recipe(lambda rows: None)
        dataset = profile.evaluate(as_of=AS_OF, scale=2, seed="s", minimal=True)
        assert (dataset.profile, dataset.as_of, dataset.scale, dataset.seed) == ("p", AS_OF, 2, "s")
        assert dataset.minimal
        assert dataset.production_safe

    def test_one_that_may_go_to_production_has_only_rows_picked_by_hand(self) -> None:
        """production_safe means reference rows only: all tables with other rows are named."""
        profile = Profile("p", production_safe=True)

        @profile.recipe
        def reference(rows: Any) -> None:
            rows.named(parent())

        seeds = picked("parent", ada={})
        assert profile.evaluate(as_of=AS_OF, seeds=seeds).production_safe

        @profile.recipe
        def crowd(rows: Any) -> None:
            rows.each(rows.many(parent(), 2), child(), 3, via="parent")

        with pytest.raises(InvalidInput, match="'p' is production_safe") as caught:
            profile.evaluate(as_of=AS_OF, seeds=seeds)
        assert [str(each) for each in caught.value.findings] == [
            "parent: 2 rows made up",
            "child: 6 rows made up",
        ]

    def test_tables_come_in_the_order_in_which_they_were_met(self) -> None:
        """Rows that a SubFactory makes after those that call for them."""

        def recipe(rows: Any) -> None:
            rows.many(child(), 1, parent=factory.SubFactory(parent()))
            rows.many(factory_of(a=1), 1)

        assert [str(name) for name in evaluated(recipe).tables] == ["child", "thing", "parent"]


class TestLabels:
    """Where a row hangs, for people."""

    def test_a_path_leads_over_the_parents(self) -> None:
        """Named rows by their label, others by their number."""

        def recipe(rows: Any) -> None:
            grown = rows.each(rows.named(parent()), child(), 2, via="parent", segment="kids")
            rows.each(grown[1:], factory_of("ToyFactory", owner=None), 1, via="owner")
            rows.many(child(), 1, segment="stray", parent=factory.SubFactory(parent()))

        assert list(by_label(evaluated(recipe, seeds=picked("parent", ada={})))) == [
            "parent:ada",
            "parent:stray/0/parent/0",
            "child:ada/kids/0",
            "child:ada/kids/1",
            "child:stray/0",
            "toy:ada/kids/1/toy/0",
        ]

    def test_a_row_knows_where_it_was_written_down(self) -> None:
        """File and line, or its factory."""
        seeds = {"parent": {"ada": Seed("ada", {}, "seeds/parent.yaml:3")}}

        def recipe(rows: Any) -> None:
            rows.many(parent(), 0)
            rows.named(parent())
            rows.many(parent(), 2, segment="more")

        (rows,) = evaluated(recipe, seeds=seeds).tables.values()
        assert [rows.origin(i) for i in range(3)] == [
            "seeds/parent.yaml:3",
            "ParentFactory",
            "ParentFactory",
        ]
        assert rows.named() == {0: "ada"}


def circular(rows: Any) -> None:
    rows.many(
        factory_of(
            a=factory.LazyAttribute(lambda o: o.b),
            b=derived(col("c")),
            c=factory.SelfAttribute("a"),
        ),
        2,
    )


def circular_over_parents(rows: Any) -> None:
    above = factory_of("ParentFactory", n=rollup("ChildFactory", col("x").sum(), via="parent"))
    below = factory_of("ChildFactory", parent=None, x=derived(col("parent.n") + 1))
    rows.each(rows.many(above, 2), below, 1, via="parent")


def raising(rows: Any) -> None:
    rows.many(
        factory_of(n=factory.Sequence(int), a=factory.LazyAttribute(lambda o: 6 // (2 - o.n))), 4
    )


def raising_transform(rows: Any) -> None:
    rows.many(factory_of(a=factory.Transformer("x", transform=int)), 1)


def empty_pool(rows: Any) -> None:
    rows.many(factory_of(parent=pick(parent())), 2)


def empty_choice_of_rows(rows: Any) -> None:
    rows.many(child(), 2, parent=rows.many(parent(), 3).where(n=99))


def weightless(rows: Any) -> None:
    rows.many(factory_of(parent=pick(rows.many(parent(), 2), weight=col("n") * 0)), 2)


def two_of_one_path(rows: Any) -> None:
    rows.many(parent(), 2)
    rows.many(parent(), 5)


def two_factories_of_one_path(rows: Any) -> None:
    rows.many(parent(), 2)
    rows.many(type("OtherFactory", (parent(),), {}), 1)


def two_children_of_one_path(rows: Any) -> None:
    parents = rows.many(parent(), 3)
    rows.each(parents, child(), 1, via="parent")
    rows.each(parents[2:], child(), 1, via="parent")


def different_columns(rows: Any) -> None:
    rows.many(factory_of(a=1), 1)
    rows.many(factory_of(b=1, a=2), 1, segment="more")


def two_tables(rows: Any) -> None:
    rows.many(child(), 1, parent=rows.many(parent(), 1))
    rows.many(child(), 1, segment="more", parent=rows.many(factory_of("OtherFactory", a=1), 1))


def rollup_too_early(rows: Any) -> None:
    above = factory_of("ParentFactory", n=rollup("ChildFactory", col("x").sum(), via="parent"))
    rows.each(rows.many(above, 2).where(n=0), child(), 1, via="parent")


def pick_too_early(rows: Any) -> None:
    rows.many(parent(), 2)
    rows.many(factory_of(parent=pick(rows._world.batches[0].factory)), 2).column("parent.n")
    rows.many(rows._world.batches[0].factory, 2, segment="more")


def made_too_late(rows: Any) -> None:
    town, trip = factory_of("TownFactory", n=1), factory_of("TripFactory", fan=None)
    rows.many(town, 2)
    fans = rows.many(factory_of("FanFactory", likes=pick(town), home=factory.SubFactory(town)), 2)
    rows.each(fans.where(col("likes.n") == 1), trip, via="fan")


def related_too_late(rows: Any) -> None:
    rows.many(child(), 1, parent=pick(rows.many(parent(), 1))).column("parent.n")
    town = factory_of("TownFactory", mayor=None)
    rows.many(town, 1)
    rows.many(factory_of("FanFactory", likes=pick(town)), 2).column("likes.mayor.n")
    rows.many(factory_of("KingFactory", towns=factory.RelatedFactory(town, "mayor")), 1)


def running_over_candidates(rows: Any) -> None:
    below = child(sum=running(col("x").cum_sum(), over="parent", order_by="@index"))
    rows.each(rows.many(parent(), 2), below, 3, via="parent", when=col("sum") > 3)


def part_of_a_pick(rows: Any) -> None:
    rows.many(factory_of(parent=pick(rows.many(parent(), 2))), 2, parent__kind="a")


def part_of_nothing(rows: Any) -> None:
    rows.many(parent(), 2, nothing__kind="a")


def row_where_a_value_is_written(rows: Any) -> None:
    rows.many(
        factory_of(
            parent=factory.SubFactory(parent()), a=factory.LazyAttribute(lambda o: o.parent)
        ),
        1,
    )


def value_where_a_row_is(rows: Any) -> None:
    rows.many(
        factory_of(parent=factory.Maybe("flag", factory.SubFactory(parent()), 7), flag=False), 1
    )


def endless(rows: Any) -> None:
    rows.many(EndlessFactory, 1)


class EndlessFactory(Factory):
    class Meta:
        table = "endless"

    parent = factory.SubFactory("tests.unit.test_profile.EndlessFactory")


def pick_without_a_module(rows: Any) -> None:
    rows.many(factory_of(parent=None), 1, parent=pick("ParentFactory"))


def missing_factory(rows: Any) -> None:
    rows.many(factory_of(parent=factory.SubFactory("tests.unit.test_profile.NoFactory")), 1)


def unknown_label(rows: Any) -> None:
    rows.named(parent(), "ad")


def unknown_label_given(rows: Any) -> None:
    rows.named(factory_of("ChildFactory", parent=factory.SubFactory(parent())), "lost")


def follow_of_a_value(rows: Any) -> None:
    rows.many(factory_of(n=1, parent=follow("n.parent")), 1)


def ended_iterator(rows: Any) -> None:
    rows.many(factory_of(a=factory.Iterator([1, 2], cycle=False)), 4)


def empty_iterator(rows: Any) -> None:
    rows.many(factory_of(a=factory.Iterator([])), 1)


def too_small_unique(rows: Any) -> None:
    rows.many(factory_of(a=unique("B-#")), 11)


SAYS = {
    circular: r"The definition is circular: ThingFactory\.a needs ThingFactory\.b needs ThingFactory\.c needs ThingFactory\.a",
    circular_over_parents: r"circular: ParentFactory\.n needs ChildFactory\.x needs ParentFactory\.n",
    raising: r"ThingFactory\.a raised ZeroDivisionError for row thing/2: .*\(test_profile\.py, line \d+\)",
    raising_transform: r"ThingFactory\.a raised ValueError for row thing/0: invalid literal",
    empty_pool: r"ThingFactory\.parent: there are no rows to pick from",
    empty_choice_of_rows: r"ChildFactory\.parent: there are no rows to pick from",
    weightless: r"ThingFactory\.parent: every row to pick from has the weight 0",
    two_of_one_path: r"parent: two rows have the path parent/0.*\n.*segment=",
    two_factories_of_one_path: r"parent: two rows have the path parent/0, of ParentFactory and OtherFactory",
    two_children_of_one_path: r"child: two rows have the path parent/2/child/0",
    different_columns: r"ThingFactory and ThingFactory both write to thing, but only one of them sets b",
    two_tables: r"ChildFactory\.parent refers to rows of parent and of other",
    rollup_too_early: r"ChildFactory: more rows are made after ParentFactory\.n has already looked at all of them",
    pick_too_early: r"ParentFactory: more rows are made after ThingFactory\.parent has already looked",
    made_too_late: r"TownFactory: more rows are made by FanFactory\.home after FanFactory\.likes has already",
    related_too_late: r"TownFactory: more rows are made by KingFactory\.towns after FanFactory\.likes",
    running_over_candidates: r"ChildFactory\.sum looks at its siblings, which when= is about to choose",
    part_of_a_pick: r"ThingFactory: parent__kind cannot be set: a profile picks that row",
    part_of_nothing: r"ParentFactory: .*nothing__kind",
    row_where_a_value_is_written: r"ThingFactory\.a gives a row, <ParentFactory thing/0/parent/0>, where a value is to be written",
    value_where_a_row_is: r"ThingFactory\.parent is another row and cannot be 7",
    endless: r"EndlessFactory\.parent makes rows below rows without end",
    pick_without_a_module: r"pick\('ParentFactory'\) does not say where .*\n.*pick\('factories\.ParentFactory'\)",
    missing_factory: r"SubFactory\('tests\.unit\.test_profile\.NoFactory'\) names no factory",
    unknown_label: r"rows\.named\(ParentFactory\): there is no row 'ad' in seeds/parent\.yaml.*\n.*did you mean 'ada'",
    unknown_label_given: r"ChildFactory\.parent: there is no row 'adda' in seeds/parent\.yaml.*\n.*did you mean 'ada'",
    follow_of_a_value: r"ThingFactory\.n is not another row.*\n.*did you mean 'parent'|ThingFactory\.n is not another row",
    ended_iterator: r"ThingFactory\.a: the Iterator ends after 2 values, and thing/3 needs another",
    empty_iterator: r"ThingFactory\.a: the Iterator ends after 0 values",
    too_small_unique: r"ThingFactory\.a: 11 rows need different values, and unique\(\) has room for 10",
}


@pytest.mark.parametrize("recipe", SAYS, ids=lambda recipe: recipe.__name__)
def test_what_cannot_be_done_is_said_with_its_names(recipe: Any) -> None:
    """One sentence, the cells it is about, and what to do; never a traceback of ours."""
    seeds = picked("parent", ada={}) | picked("child", lost={"parent": "adda"})
    with pytest.raises(InvalidInput, match=SAYS[recipe]) as failure:
        by_label(evaluated(recipe, seeds=seeds))
    assert failure.value.exit_code == 2


def test_a_seed_with_an_undeclared_column_is_named() -> None:
    """With its file and line, also where the seeds did not come from files that were checked."""
    seeds = {"parent": {"ada": Seed("ada", {"nn": 1}, "seeds/parent.yaml:3", {"nn": 4})}}
    with pytest.raises(
        InvalidInput, match=r"seeds/parent\.yaml:4: ParentFactory does not declare 'nn'"
    ):
        evaluated(lambda rows: rows.named(parent()), seeds=seeds)


def test_a_missing_label_is_missed_in_the_file_that_was_read() -> None:
    """Whatever its suffix, and wherever the folder is."""
    seeds = {"parent": {"ada": Seed("ada", {}, "rows/parent.yml:3")}}
    with pytest.raises(InvalidInput, match=r"there is no row 'ad' in rows/parent\.yml"):
        evaluated(unknown_label, seeds=seeds)


def test_a_recipe_knows_its_moment() -> None:
    """And reads no clock for it."""
    seen: list[datetime] = []
    evaluated(lambda rows: seen.append(rows.as_of))
    assert seen == [AS_OF]
