"""factory_boy's declarations keep their meaning: a batch of N rows equals N objects built one by one, field by field."""

from __future__ import annotations

import enum
import random
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import factory
import pytest
from factory import fuzzy

from seedbed import Factory
from seedbed.errors import InvalidInput
from seedbed.fields import choice, col, decimal, integer, moment, pattern, rollup, unique
from seedbed.fields import faker as faker_field
from tests.evaluating import built, by_label, evaluated, factory_of, picked, rows_of

N = 12


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.StrEnum):
    SMALL = "s"
    LARGE = "l"


def countries() -> type[Factory[Any]]:
    return factory_of("CountryFactory", code=choice(["DE", "FR", "GB"]), rate=decimal(1, 9))


def draw(_: object = None) -> int:
    """Return a number from the generator that everybody shares."""
    return random.randint(0, 10**9)


def money() -> type:
    class MoneyFactory(factory.DictFactory):
        amount = fuzzy.FuzzyDecimal(1, 10)
        number = factory.Sequence(lambda n: n)

    return MoneyFactory


Declarations = dict[str, Any]

CASES: dict[str, Callable[[], Declarations]] = {
    "Sequence": lambda: {"a": factory.Sequence(lambda n: f"user{n}"), "b": factory.Sequence(int)},
    "Sequence that draws": lambda: {"a": factory.Sequence(lambda n: (n, draw()))},
    "LazyAttribute": lambda: {"a": choice("xyz"), "b": factory.LazyAttribute(lambda o: o.a * 2)},
    "LazyAttribute before what it reads": lambda: {
        "b": factory.LazyAttribute(lambda o: o.a + o.c),
        "a": factory.Sequence(int),
        "c": factory.LazyAttribute(lambda o: o.a * 2),
    },
    "LazyAttribute that draws": lambda: {"a": factory.LazyAttribute(draw)},
    "LazyAttribute that draws now and then": lambda: {
        "n": factory.Sequence(int),
        "a": factory.LazyAttribute(lambda o: draw() if o.n % 5 == 4 else -1),
    },
    "LazyAttribute that draws around another": lambda: {
        "a": factory.LazyAttribute(lambda o: (draw(), o.b, draw())),
        "b": factory.LazyAttribute(lambda o: (draw(), o.c)),
        "c": fuzzy.FuzzyText(),
    },
    "LazyFunction": lambda: {"a": factory.LazyFunction(list), "b": factory.LazyFunction(draw)},
    "LazyAttributeSequence": lambda: {
        "a": choice("xyz"),
        "b": factory.LazyAttributeSequence(lambda o, n: f"{o.a}{n}"),
    },
    "SelfAttribute": lambda: {"b": factory.SelfAttribute("a"), "a": integer(1, 99)},
    "SelfAttribute with a default": lambda: {"a": factory.SelfAttribute("nothing", default="x")},
    "SelfAttribute into a dict's method": lambda: {
        "a": factory.LazyFunction(lambda: Decimal("1.5")),
        "b": factory.SelfAttribute("a.real"),
    },
    "SelfAttribute over a SubFactory": lambda: {
        "country": factory.SubFactory(countries()),
        "code": factory.SelfAttribute("country.code"),
    },
    "SelfAttribute over no row": lambda: {
        "country": factory.Maybe("flag", factory.SubFactory(countries()), None),
        "flag": choice([True, False]),
        "code": factory.SelfAttribute("country.code", default="none"),
    },
    "SelfAttribute of the parent": lambda: {
        "n": integer(1, 99),
        "country": factory.SubFactory(countries(), code=factory.SelfAttribute("..n")),
    },
    "SelfAttribute to the parent's row": lambda: {
        "country": factory.SubFactory(countries()),
        "city": factory.SubFactory(
            factory_of("CityFactory", country=None), country=factory.SelfAttribute("..country")
        ),
    },
    "SelfAttribute to a row": lambda: {
        "city": factory.SubFactory(
            factory_of("CityFactory", country=factory.SubFactory(countries()))
        ),
        "country": factory.SelfAttribute("city.country"),
    },
    "SubFactory": lambda: {"country": factory.SubFactory(countries(), rate=3)},
    "SubFactory with a Sequence": lambda: {
        "home": factory.SubFactory(factory_of("PlaceFactory", n=factory.Sequence(int))),
        "work": factory.SubFactory(factory_of("PlaceFactory", n=factory.Sequence(int))),
    },
    "SubFactory with an Iterator": lambda: {
        "country": factory.SubFactory(factory_of("CountryFactory", code=factory.Iterator("abc")))
    },
    "SubFactory in a SubFactory": lambda: {
        "city": factory.SubFactory(
            factory_of("CityFactory", country=factory.SubFactory(countries())),
            country__rate=factory.SelfAttribute("...n"),
        ),
        "n": integer(1, 9),
    },
    "rows that are compared and read as dicts": lambda: {
        "home": factory.SubFactory(countries()),
        "work": factory.Maybe(
            "mobile", factory.SubFactory(countries()), factory.SelfAttribute("home")
        ),
        "mobile": choice([True, False]),
        "same": factory.LazyAttribute(lambda o: (o.home == o.work, o.home["code"], bool(o.work))),
    },
    "SubFactory of a DictFactory": lambda: {"price": factory.SubFactory(money())},
    "SubFactory of a foreign factory": lambda: {
        "day": factory.SubFactory(
            type(
                "Day",
                (factory.Factory,),
                {"Meta": type("Meta", (), {"model": date}), "year": 2026, "month": 3, "day": 7},
            )
        )
    },
    "Iterator": lambda: {"a": factory.Iterator(["x", None, "y"])},
    "Iterator with a getter": lambda: {
        "a": factory.Iterator([(1, "x"), (2, "y")], getter=lambda pair: pair[1])
    },
    "Iterator over a generator": lambda: {"a": factory.Iterator(n * n for n in range(5))},
    "Iterator that ends in time": lambda: {"a": factory.Iterator(range(N), cycle=False)},
    "Iterator in a Dict": lambda: {"a": factory.Dict({"b": factory.Iterator("xyz")})},
    "Maybe": lambda: {
        "flag": choice([True, False, None]),
        "a": factory.Maybe("flag", yes_declaration=factory.Faker("name"), no_declaration="none"),
    },
    "Maybe of mixed types": lambda: {
        "flag": factory.Iterator([True, False]),
        "a": factory.Maybe("flag", "text", 7),
        "b": factory.Maybe("flag", integer(1, 5), choice("xy")),
    },
    "Maybe decided by a draw": lambda: {
        "a": factory.Maybe(factory.LazyFunction(lambda: draw() % 2), factory.LazyFunction(draw), 0)
    },
    "Maybe of Maybe": lambda: {
        "n": integer(0, 3),
        "even": factory.LazyAttribute(lambda o: o.n % 2 == 0),
        "a": factory.Maybe("n", factory.Maybe("even", "even", fuzzy.FuzzyInteger(1, 99)), "zero"),
    },
    "Maybe with SubFactory branches": lambda: {
        "flag": choice([True, False]),
        "country": factory.Maybe(
            "flag", factory.SubFactory(countries(), code="XX"), factory.SubFactory(countries())
        ),
    },
    "Maybe decided by a row": lambda: {
        "flag": choice([True, False]),
        "country": factory.Maybe("flag", factory.SubFactory(countries()), None),
        "a": factory.Maybe("country", "somewhere", "nowhere"),
    },
    "Dict": lambda: {
        "n": integer(1, 99),
        "a": factory.Dict(
            {
                "theme": choice(["dark", "light"]),
                "up": factory.SelfAttribute("..n"),
                "seq": factory.Sequence(int),
                "deeper": factory.Dict(
                    {"x": factory.Faker("word"), "up": factory.SelfAttribute("...n")}
                ),
                "drawn": factory.LazyFunction(draw),
                "free": unique("##########"),
            }
        ),
    },
    "List": lambda: {
        "a": factory.List([1, integer(1, 99), factory.Sequence(int), factory.LazyFunction(draw)])
    },
    "Transformer": lambda: {
        "a": factory.Transformer("x", transform=str.upper),
        "b": factory.Transformer(factory.Faker("word"), transform=str.upper),
        "c": factory.Transformer(pattern("??"), transform=str.lower),
    },
    "ContainerAttribute": lambda: {
        "n": integer(1, 99),
        "a": factory.ContainerAttribute(lambda o, above: (len(above), draw()), strict=False),
        "country": factory.SubFactory(
            countries(), code=factory.ContainerAttribute(lambda o, above: above[0].n)
        ),
    },
    "FuzzyText": lambda: {"a": fuzzy.FuzzyText(prefix="p-", length=5, chars="abc")},
    "FuzzyChoice": lambda: {"a": fuzzy.FuzzyChoice([1, None, "x"])},
    "FuzzyInteger": lambda: {"a": fuzzy.FuzzyInteger(1, 10**12, step=7)},
    "FuzzyDecimal": lambda: {"a": fuzzy.FuzzyDecimal(0.5, 42.7, precision=3)},
    "FuzzyFloat": lambda: {"a": fuzzy.FuzzyFloat(0, 1)},
    "FuzzyDate": lambda: {"a": fuzzy.FuzzyDate(date(2026, 1, 1), date(2026, 12, 31))},
    "FuzzyDateTime": lambda: {
        "a": fuzzy.FuzzyDateTime(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    },
    "FuzzyNaiveDateTime": lambda: {
        "a": fuzzy.FuzzyNaiveDateTime(datetime(2026, 1, 1), datetime(2026, 2, 1))
    },
    "FuzzyAttribute": lambda: {"a": fuzzy.FuzzyAttribute(draw)},
    "Faker": lambda: {
        "a": factory.Faker("name", locale="de_DE"),
        "b": factory.Faker("pydecimal", left_digits=3, right_digits=2, positive=True),
        "c": factory.Faker(
            "date_between_dates", date_start=date(2026, 1, 1), date_end=date(2026, 6, 1)
        ),
        "d": factory.Faker("email"),
    },
    "Faker with declared arguments": lambda: {
        "width": integer(10, 20),
        "a": factory.Faker("pystr", max_chars=factory.SelfAttribute("..width")),
        "b": factory.Faker("pyint", min_value=factory.LazyFunction(lambda: draw() % 100)),
    },
    "fields": lambda: {
        "a": integer(1, 99),
        "b": decimal("0.01", "9.99"),
        "c": moment(timedelta(days=-9), timedelta(0)),
        "d": pattern("?#^-\\#"),
        "e": unique("##"),
        "f": faker_field("name"),
        "g": choice({"x": 9, "y": 1}),
        "h": col("a") + 1,
        "i": unique(low=-5, high=10**15),
        "j": unique("^" * 64),
    },
    "odd data": lambda: {
        "nothing": None,
        "huge": factory.Sequence(lambda n: 10**30 + n),
        "zoned": factory.Sequence(lambda n: datetime(2026, 1, 1, n, tzinfo=UTC)),
        "hour": factory.Sequence(lambda n: time(n, tzinfo=UTC)),
        "data": factory.Sequence(lambda n: bytes([n, 0])),
        "id": factory.Sequence(lambda n: uuid.UUID(int=n)),
        "colour": choice([*Colour, None]),
        "size": factory.Iterator(Size),
        "document": factory.LazyFunction(lambda: {"a": [1, {"b": None}]}),
        "tags": factory.LazyFunction(lambda: ["x", None, "y"]),
        "surrogate": "\ud800",
        "nul": "\x00",
        "precise": choice([Decimal("1e36"), Decimal("0.00000001"), 7]),
        "mixed": factory.Iterator([1, "one", 1.5, None, True, b"1"]),
        "span": choice([timedelta(days=1), timedelta.max]),
        "float": choice([float("inf"), -0.0, 1e308]),
    },
}


@pytest.mark.parametrize("case", CASES)
def test_a_batch_equals_single_objects(case: str) -> None:
    """Whatever a declaration gives, many() gives the same in the same order."""
    thing = factory_of(**CASES[case]())
    dataset = evaluated(lambda rows: rows.many(thing, N))
    assert rows_of(dataset) == built(thing, N)


@pytest.mark.parametrize("case", CASES)
def test_evaluating_twice_gives_the_same(case: str) -> None:
    """Nothing is left over from one evaluation, or from objects built before, that would change the next."""
    thing = factory_of(**CASES[case]())
    first = rows_of(evaluated(lambda rows: rows.many(thing, N)))
    random.seed(7)
    assert rows_of(evaluated(lambda rows: rows.many(thing, N))) == first


@pytest.mark.parametrize("case", CASES)
def test_nobody_elses_generator_is_touched(case: str) -> None:
    """The code around goes on drawing what it would have drawn."""
    thing = factory_of(**CASES[case]())
    random.seed(7)
    expected = [random.random() for _ in range(3)]
    random.seed(7)
    seen = [random.random()]
    rows_of(evaluated(lambda rows: rows.many(thing, 3)))
    seen.append(random.random())
    built(thing, 2)
    assert [*seen, random.random()] == expected


@pytest.mark.parametrize("case", CASES)
def test_no_rows_are_no_problem(case: str) -> None:
    """An empty batch has its columns, empty."""
    thing = factory_of(**CASES[case]())
    assert rows_of(evaluated(lambda rows: rows.many(thing, 0))) == []


class TestOverrides:
    """What is given at call time replaces what was declared, in both ways of making rows."""

    @pytest.mark.parametrize(
        "overrides",
        [
            {"a": None},
            {"a": "given"},
            {"a": factory.Sequence(lambda n: n * 3)},
            {"a": factory.LazyAttribute(lambda o: o.n + 1)},
            {"a": factory.Faker("word")},
            {"a": col("n") * 2},
            {"country": None},
            {"country__code": "XX"},
            {"country__code": factory.SelfAttribute("..n")},
            {"country__rate": fuzzy.FuzzyInteger(1, 99), "n": 5},
            {"profile__theme": "dark"},
            {"profile__theme": factory.LazyFunction(draw)},
            {"tags__0": "first"},
            {"shouted": "given"},
            {"shouted": factory.Transformer.Force("as it is")},
            {"shouted": factory.Faker("word")},
            {"new": "not declared before"},
            {"either__code": "YY"},
            {"closed": True},
            {"closed": True, "closed_by": "me"},
            {"closed": choice([True, False])},
            {"foreign": True},
            {"limit": 3},
        ],
        ids=", ".join,
    )
    def test_an_override_is_the_same_in_a_batch(self, overrides: dict[str, Any]) -> None:
        """Values, declarations, expressions, parts of what is made below, traits and parameters."""

        class ThingFactory(Factory):
            class Meta:
                table = "thing"
                exclude = ("helper",)
                rename = {"alias": "name"}

            class Params:
                limit = 100
                closed = factory.Trait(
                    status="closed",
                    closed_by=factory.Faker("name"),
                    country=None,
                    profile__theme="grey",
                )
                foreign = factory.Trait(country=factory.SubFactory(countries(), code="??"))

            n = factory.LazyAttributeSequence(lambda o, n: n + o.limit)
            a = factory.Faker("name")
            helper = factory.LazyAttribute(lambda o: o.n * 2)
            alias = factory.LazyAttribute(lambda o: f"n{o.helper}")
            status = "open"
            closed_by = None
            country = factory.SubFactory(countries())
            flag = choice([True, False])
            either = factory.Maybe(
                "flag", factory.SubFactory(countries()), factory.SubFactory(countries())
            )
            profile = factory.Dict({"theme": choice(["light", "pale"])})
            tags = factory.List([factory.Faker("word"), "second"])
            shouted = factory.Transformer("quiet", transform=str.upper)

        dataset = evaluated(lambda rows: rows.many(ThingFactory, N, **overrides))
        assert rows_of(dataset) == built(ThingFactory, N, **overrides)

    def test_one_batch_may_have_a_trait_and_another_not(self) -> None:
        """Traits are chosen per batch."""
        thing = factory_of(
            status="open", Params=type("Params", (), {"closed": factory.Trait(status="closed")})
        )

        def recipe(rows: Any) -> None:
            rows.many(thing, 2)
            rows.many(thing, 1, segment="old", closed=True)

        assert [row["status"] for row in rows_of(evaluated(recipe))] == ["open", "open", "closed"]

    def test_a_hand_picked_row_may_set_a_trait(self) -> None:
        """A seed's `closed: true` works like the argument of build()."""
        thing = factory_of(
            status="open", Params=type("Params", (), {"closed": factory.Trait(status="closed")})
        )
        seeds = picked("thing", one={"closed": True}, two={})
        rows = rows_of(evaluated(lambda rows: rows.named(thing), seeds=seeds))
        assert rows == [{"status": "closed"}, {"status": "open"}]

    def test_a_transformer_transforms_what_a_hand_picked_row_gives(self) -> None:
        """As it does with an argument of build()."""
        thing = factory_of(secret=factory.Transformer("x", transform=str.upper))
        seeds = picked("thing", one={"secret": "hush"}, two={})
        rows = rows_of(evaluated(lambda rows: rows.named(thing), seeds=seeds))
        assert [row["secret"] for row in rows] == ["HUSH", "X"]


class TestInheritance:
    """Factories derive from factories, as in factory_boy."""

    def test_a_derived_factory_has_its_bases_declarations(self) -> None:
        """Declarations, parameters and Meta are inherited, and may be replaced."""
        base = factory_of(
            "BaseFactory",
            a=1,
            b=factory.LazyAttribute(lambda o: o.a + 1),
            meta={"exclude": ("hidden",)},
            hidden=9,
        )
        derived = factory_of("DerivedFactory", base=base, a=10, meta={"table": "thing"})
        assert rows_of(evaluated(lambda rows: rows.many(derived, 2))) == built(derived, 2)
        assert derived.build() == {"a": 10, "b": 11}

    def test_an_abstract_factory_makes_nothing(self) -> None:
        """And says so, rather than failing inside."""

        class Base(Factory):
            class Meta:
                abstract = True

            a = 1

        with pytest.raises(factory.errors.FactoryError, match="Base is abstract"):
            Base.build()

    def test_factories_of_different_tables_count_by_themselves(self) -> None:
        """A base's Sequence numbers are shared where both make the same kind of rows, not over tables."""
        base = factory_of("BaseFactory", n=factory.Sequence(int))
        other = factory_of("OtherFactory", base=base)
        same = factory_of("SameFactory", base=base, meta={"table": "base"})
        assert [f.build()["n"] for f in (base, other, same)] == [0, 0, 1]

    def test_a_sequence_may_begin_elsewhere(self) -> None:
        """_setup_next_sequence() says where, in a batch as well."""
        thing = factory_of(
            n=factory.Sequence(int),
            u=unique("###"),
            _setup_next_sequence=classmethod(lambda cls: 1000),
        )
        rows = rows_of(evaluated(lambda rows: rows.many(thing, 3)))
        assert rows == built(thing, 3)
        assert [row["n"] for row in rows] == [1000, 1001, 1002]

    def test_a_forced_sequence_is_that_row_of_the_batch(self) -> None:
        """build(__sequence=7) is the batch's row number 7."""
        thing = factory_of(n=factory.Sequence(int), a=integer(1, 10**9), b=factory.Faker("name"))
        assert thing.build(__sequence=7) == rows_of(evaluated(lambda rows: rows.many(thing, 8)))[7]


class TestParameters:
    """Params, exclude, rename and ignored: what is not written, and what is written under another name."""

    def test_what_is_not_for_the_table_stays_out(self) -> None:
        """Parameters, excluded and ignored attributes have no column."""
        thing = factory_of(
            a=factory.LazyAttribute(lambda o: o.limit + o.helper),
            helper=1,
            note="for tests",
            Params=type("Params", (), {"limit": 5}),
            meta={"exclude": ("helper",), "ignored": ("note",)},
        )
        assert rows_of(evaluated(lambda rows: rows.many(thing, 1))) == [{"a": 6}]

    def test_a_renamed_attribute_is_a_column_of_its_new_name(self) -> None:
        """For attributes whose name Python or factory_boy does not allow."""
        thing = factory_of(class_="x", meta={"rename": {"class_": "class"}})
        assert rows_of(evaluated(lambda rows: rows.many(thing, 1))) == [{"class": "x"}]


class TestRelatedFactory:
    """RelatedFactory and RelatedFactoryList make rows below each row of a batch, the same ones that build() makes."""

    @staticmethod
    def child() -> type[Factory[Any]]:
        return factory_of(
            "ChildFactory",
            parent=None,
            a=integer(1, 10**9),
            n=factory.Sequence(int),
            b=factory.Faker("name"),
            up=factory.SelfAttribute("parent.n"),
            above=factory.SelfAttribute("..n"),
        )

    def test_a_batch_has_the_children_that_built_objects_have(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Keys, and so values, agree: the child of the i-th row is the i-th object's child."""
        child = self.child()
        thing = factory_of(
            n=integer(1, 99),
            one=factory.RelatedFactory(child, "parent", a=5),
            some=factory.RelatedFactoryList(child, "parent", size=3, b=factory.LazyFunction(draw)),
            drawn=factory.RelatedFactoryList(child, "parent", size=lambda: random.randint(0, 4)),
        )
        children: list[Any] = []
        with monkeypatch.context() as patch:
            keep = classmethod(lambda cls, row, create, results=None: children.append(row))
            patch.setattr(child, "_after_postgeneration", keep)
            single = built(thing, N)
        dataset = evaluated(lambda rows: rows.many(thing, N))
        assert rows_of(dataset) == single
        batch = rows_of(dataset, "child")
        assert sorted(batch, key=lambda row: row["n"]) == sorted(children, key=lambda row: row["n"])

    def test_a_trait_may_bring_related_rows(self) -> None:
        """Only the rows that have the trait get them."""
        child = self.child()
        thing = factory_of(
            n=integer(1, 99),
            Params=type(
                "Params",
                (),
                {"busy": factory.Trait(child=factory.RelatedFactoryList(child, "parent", size=2))},
            ),
        )

        def recipe(rows: Any) -> None:
            rows.many(thing, 3)
            rows.many(thing, 2, segment="busy", busy=True)

        labels = list(by_label(evaluated(recipe), "child"))
        assert labels == [f"child:busy/{i}/child/{j}" for i in range(2) for j in range(2)]

    def test_none_at_call_time_makes_none(self) -> None:
        """As in factory_boy, a value given for it is taken instead."""
        thing = factory_of(n=1, one=factory.RelatedFactory(self.child(), "parent"))
        assert len(evaluated(lambda rows: rows.many(thing, 2, one=None)).tables) == 1

    def test_a_rollup_counts_related_rows(self) -> None:
        """They are there before anybody asks for them."""
        thing = factory_of(
            n=integer(1, 9),
            some=factory.RelatedFactoryList(self.child(), "parent", size=3),
            children=rollup("ChildFactory", col("a").len(), via="parent"),
        )
        rows = rows_of(evaluated(lambda rows: rows.many(thing, 2)))
        assert [row["children"] for row in rows] == [3, 3]

    def test_rows_that_refer_to_nothing_are_made_too(self) -> None:
        """Without a name for the reference, the new rows only have their place in common."""
        thing = factory_of(
            n=1, log=factory.RelatedFactory(factory_of("LogFactory", a=integer(1, 9)))
        )
        assert len(by_label(evaluated(lambda rows: rows.many(thing, 2)), "log")) == 2


class TestHooks:
    """What needs an object works in build(), and is refused by name in a profile."""

    def test_post_generation_runs_in_build(self) -> None:
        """The function gets the object, what was given, and what was given for it in parts."""
        seen: list[Any] = []

        def hook(row: Any, create: bool, given: Any, **parts: Any) -> None:
            seen.append((row["a"], create, given, parts))

        thing = factory_of(a=1, note=factory.PostGeneration(hook))
        thing.build(note="x", note__part=2)
        assert seen == [(1, False, "x", {"part": 2})]

    def test_post_generation_draws_by_its_own_place(self) -> None:
        """The same object's hook draws the same, whatever was drawn around it."""
        seen: list[int] = []
        thing = factory_of(note=factory.PostGeneration(lambda *_, **__: seen.append(draw())))
        built(thing, 2)
        random.seed(99)
        built(thing, 2)
        assert seen[:2] == seen[2:]

    def test_a_method_is_called_in_build(self) -> None:
        """PostGenerationMethodCall."""
        thing = factory_of(a=1, later=factory.PostGenerationMethodCall("update", {"b": 2}))
        assert thing.build() == {"a": 1, "b": 2}

    @pytest.mark.parametrize(
        "hook",
        [
            factory.PostGeneration(lambda *_, **__: None),
            factory.PostGenerationMethodCall("update", {}),
        ],
        ids=lambda hook: type(hook).__name__,
    )
    def test_a_profile_refuses_a_hook(self, hook: Any) -> None:
        """Its name and kind are in the message."""
        thing = factory_of(note=hook)
        with pytest.raises(InvalidInput, match=rf"ThingFactory\.note is a {type(hook).__name__}"):
            evaluated(lambda rows: rows.many(thing, 1))

    @pytest.mark.parametrize(
        "hook", ["_adjust_kwargs", "_create", "_build", "_after_postgeneration"]
    )
    def test_a_profile_refuses_an_overridden_method(self, hook: str) -> None:
        """It would not be called."""
        thing = factory_of(a=1, **{hook: classmethod(lambda cls, *_, **__: {})})
        with pytest.raises(InvalidInput, match=rf"ThingFactory overrides {hook}\(\)"):
            evaluated(lambda rows: rows.many(thing, 1))


def test_skip_leaves_out_what_a_batch_writes_as_null() -> None:
    """build() leaves the attribute to the model; a column has a value in every row, and NULL is none."""
    thing = factory_of(flag=False, a=factory.Maybe("flag", 1))
    assert thing.build() == {"flag": False}
    assert rows_of(evaluated(lambda rows: rows.many(thing, 1))) == [{"flag": False, "a": None}]


def test_an_iterator_goes_by_row_number_also_where_only_some_rows_ask() -> None:
    """build() hands out the next value; in a batch the row's number decides, so that no other row moves it."""
    thing = factory_of(
        flag=factory.Iterator([True, False]),
        a=factory.Maybe("flag", factory.Iterator("abcd"), None),
    )
    rows = rows_of(evaluated(lambda rows: rows.many(thing, 4)))
    assert [row["a"] for row in rows] == ["a", None, "c", None]


def test_an_object_that_a_function_builds_hangs_below_its_cell() -> None:
    """LazyFunction(Other.build) gives each row its own object, the same in every evaluation."""
    other = factory_of("OtherFactory", n=factory.Sequence(int), name=factory.Faker("name"))
    thing = factory_of(
        a=factory.LazyFunction(lambda: other.build().name),
        b=factory.LazyFunction(lambda: [other.build().n for _ in range(2)]),
    )
    rows = rows_of(evaluated(lambda rows: rows.many(thing, 3)))
    other.reset_sequence(50)
    assert rows == rows_of(evaluated(lambda rows: rows.many(thing, 3))) == built(thing, 3)
    assert len({number for row in rows for number in row["b"]}) == 6
