"""Batches: links between rows of several batches, columns pulled over them, and models' own types."""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import factory
import numpy as np
import polars as pl
import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Time,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry, relationship

from seedbed import Factory
from seedbed.batch import Seed
from seedbed.dataset import TableName
from seedbed.errors import InvalidInput
from seedbed.fields import (
    Cells,
    Field,
    choice,
    col,
    decimal,
    derived,
    follow,
    integer,
    moment,
    pick,
    rollup,
    running,
    unique,
)
from tests.evaluating import by_label, evaluated, factory_of, picked, rows_of


class Shape(enum.Enum):
    ROUND = "round"
    SQUARE = "square"


class Level(enum.StrEnum):
    LOW = "low"
    HIGH = "high"


class Upper(TypeDecorator[str]):
    """A type of a project's own: refuses what it does not like."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        if value == "bad":
            raise ValueError("never bad")
        return None if value is None else value.upper()


class Lasting(TypeDecorator[int]):
    """Seconds, over a type that other databases lack."""

    impl = Interval
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> timedelta | None:
        return None if value is None else timedelta(seconds=value)


def _spelt(kind: Any) -> list[str]:
    return [member.value for member in kind]


class Base(DeclarativeBase):
    pass


class Box(Base):
    __tablename__ = "boxes"
    __table_args__ = {"schema": "stock"}
    id: Mapped[int] = mapped_column(primary_key=True)
    shape: Mapped[Shape] = mapped_column(Enum(Shape))
    level: Mapped[Level] = mapped_column(
        Enum(Level, values_callable=lambda kind: [m.value for m in kind])
    )
    label: Mapped[str] = mapped_column("box_label", Upper)
    contents: Mapped[dict[str, Any]] = mapped_column(JSON)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))


class Lid(Base):
    __tablename__ = "lids"
    id: Mapped[int] = mapped_column(primary_key=True)
    box_id: Mapped[int | None] = mapped_column(ForeignKey("stock.boxes.id"))
    box: Mapped[Box | None] = relationship(foreign_keys=[box_id])
    spare_id: Mapped[int | None] = mapped_column(ForeignKey("stock.boxes.id"))


class BoxFactory(Factory):
    class Meta:
        model = Box
        key = ("label",)
        insert_only = ("price",)

    shape = choice(list(Shape))
    level = choice(list(Level))
    label = unique("box-####")
    contents = factory.Dict({"apples": integer(1, 9)})
    price = decimal(1, 9)


class LidFactory(Factory):
    class Meta:
        model = Lid

    box = pick(BoxFactory)
    spare_id = pick(BoxFactory)


class TestModels:
    """A factory of a SQLAlchemy model writes the model's columns, in the types that its columns make of values."""

    def test_columns_and_references_are_the_models(self) -> None:
        """Column names, schema, foreign keys by relationship or by column."""

        def recipe(rows: Any) -> None:
            rows.many(BoxFactory, 5)
            rows.many(LidFactory, 7)

        dataset = evaluated(recipe)
        boxes, lids = dataset.tables[TableName("boxes", "stock")], dataset.tables[TableName("lids")]
        assert boxes.column_names == ("shape", "level", "box_label", "contents", "price")
        assert (boxes.natural_key, boxes.insert_only) == (("box_label",), {"price"})
        assert set(boxes.column("shape").to_list()) <= {"ROUND", "SQUARE"}
        assert set(boxes.column("level").to_list()) <= {"low", "high"}
        assert all(label.startswith("BOX-") for label in boxes.column("box_label").to_list())
        assert lids.column_names == ()
        assert lids.references["box"].columns == ("box_id",)
        assert lids.references["spare_id"].columns == ("spare_id",)
        assert lids.references["box"].table == TableName("boxes", "stock")

    @pytest.mark.parametrize(
        ("kind", "value", "written"),
        [
            (Interval(), timedelta(days=2, seconds=3), timedelta(days=2, seconds=3)),
            (Enum(Shape), Shape.ROUND, "ROUND"),
            (Enum(Shape, values_callable=_spelt), Shape.ROUND, "round"),
            (Enum(Level), Level.LOW, "LOW"),
            (Enum(Level, values_callable=_spelt), Level.LOW, "low"),
            (Enum("bakery", "butcher"), "bakery", "bakery"),
            (Upper(), "low", "LOW"),
            (Lasting(), 90, timedelta(seconds=90)),
            (Uuid(), uuid.UUID(int=7), uuid.UUID(int=7)),
            (LargeBinary(), b"\x00\xff", b"\x00\xff"),
            (JSON(), {"a": [1, None]}, {"a": [1, None]}),
            (ARRAY(Integer), [1, 2], [1, 2]),
            (ARRAY(Enum(Shape)), [Shape.ROUND], ["ROUND"]),
            (ARRAY(Upper), ["a", "b"], ["A", "B"]),
            (Date(), date(2026, 3, 1), date(2026, 3, 1)),
            (Time(), time(12, 30), time(12, 30)),
            (DateTime(), datetime(2026, 3, 1, 12), datetime(2026, 3, 1, 12)),
            (
                DateTime(timezone=True),
                datetime(2026, 3, 1, 12, tzinfo=UTC),
                datetime(2026, 3, 1, 12, tzinfo=UTC),
            ),
        ],
        ids=repr,
    )
    def test_a_models_type_makes_of_a_value_what_is_written(
        self, kind: Any, value: Any, written: Any
    ) -> None:
        """As SQLAlchemy would on PostgreSQL, NULL included."""

        class Thing:
            pass

        columns = Column("id", Integer, primary_key=True), Column("a", kind)
        registry().map_imperatively(Thing, Table("thing", MetaData(), *columns))
        thing = type(
            "ThingFactory", (Factory,), {"Meta": type("Meta", (), {"model": Thing}), "a": None}
        )

        def recipe(rows: Any) -> None:
            rows.many(thing, 2, a=factory.Iterator([value, None]))

        assert [row["a"] for row in rows_of(evaluated(recipe))] == [written, None]

    def test_a_type_that_refuses_a_value_names_the_row(self) -> None:
        """What a TypeDecorator raises is a user's mistake as well."""
        seeds = {"stock.boxes": {"b": Seed("b", {"label": "bad"})}}
        (rows,) = evaluated(lambda rows: rows.named(BoxFactory), seeds=seeds).tables.values()
        with pytest.raises(
            InvalidInput, match=r"BoxFactory\.label raised ValueError for row b: never bad"
        ):
            rows.column("box_label")

    def test_a_parent_that_nobody_has_keeps_its_table(self) -> None:
        """The reference is there, NULL in every row."""
        dataset = evaluated(lambda rows: rows.many(LidFactory, 2, box=None, spare_id=None))
        reference = dataset.tables[TableName("lids")].references["box"]
        assert reference.rows.tolist() == [-1, -1]
        assert reference.table == TableName("boxes", "stock")


def people() -> tuple[type[Factory[Any]], type[Factory[Any]], type[Factory[Any]]]:
    town = factory_of("TownFactory", name=unique("Town ##"), size=integer(1, 9))
    firm = factory_of(
        "FirmFactory", town=pick(town), name=factory.Faker("company"), worth=decimal(1, 99)
    )
    worker = factory_of(
        "WorkerFactory",
        firm=pick(firm),
        town=follow("firm.town"),
        size=factory.SelfAttribute("firm.town.size"),
        worth=derived(col("firm.worth") * 2),
        text=factory.LazyAttribute(lambda o: f"{o.firm.name} in {o.firm.town.name}, {o.town.size}"),
    )
    return town, firm, worker


class TestLinks:
    """References lead over batches, and columns over references."""

    def test_values_over_picked_parents_are_those_of_the_parents(self) -> None:
        """Fields, expressions and row-wise declarations see the same row."""
        town, firm, worker = people()

        def recipe(rows: Any) -> None:
            rows.many(town, 4)
            rows.named(town)
            rows.many(firm, 3)
            rows.named(firm)
            rows.many(firm, 2, segment="more")
            rows.many(worker, 30)

        seeds = {
            **picked("town", here={"name": "Here"}),
            **picked("firm", ours={"town": "here", "name": "Ours", "worth": Decimal("1.5")}),
        }
        for row in rows_of(evaluated(recipe, seeds=seeds), "worker"):
            firm_of = row["firm"]
            assert row["town"] == firm_of["town"]
            assert row["size"] == firm_of["town"]["size"]
            assert row["worth"] == firm_of["worth"] * 2
            assert (
                row["text"]
                == f"{firm_of['name']} in {firm_of['town']['name']}, {row['town']['size']}"
            )

    def test_a_hand_picked_row_may_name_what_others_follow(self) -> None:
        """A label given for a follow() or a SelfAttribute that leads to a row is taken."""
        town, firm, worker = people()
        led = factory_of("LedFactory", firm=pick(firm), town=factory.SelfAttribute("firm.town"))

        def recipe(rows: Any) -> None:
            rows.many(town, 3)
            rows.many(firm, 3)
            rows.named(worker)
            rows.named(led)

        seeds = {
            **picked("town", here={}),
            **picked("worker", w={"town": "here"}, v={}),
            **picked("led", w={"town": "here"}, v={}),
        }
        found = by_label(evaluated(recipe, seeds=seeds))
        for table in ("worker", "led"):
            assert found[f"{table}:w"]["town"] == "here"
            assert (
                found[f"{table}:v"]["town"] == found[f"firm:{found[f'{table}:v']['firm']}"]["town"]
            )

    def test_children_of_parents_in_several_batches(self) -> None:
        """each() below rows of different batches: paths, containers and Iterators go by the parent."""
        parent = factory_of("ParentFactory", n=factory.Iterator(range(100)))
        child = factory_of(
            "ChildFactory",
            parent=None,
            up=factory.SelfAttribute("..n"),
            same=factory.SelfAttribute("parent.n"),
            above=factory.ContainerAttribute(lambda o, chain: chain[0].n),
            turn=factory.Iterator(range(100)),
        )

        def recipe(rows: Any) -> None:
            parents = (
                rows.many(parent, 3)
                + rows.named(parent)
                + rows.many(parent, 2, segment="more", n=50)
            )
            rows.each(parents, child, 2, via="parent")

        found = by_label(evaluated(recipe, seeds=picked("parent", p={"n": 7})))
        for label, row in found.items():
            if label.startswith("child:"):
                n = found[f"parent:{row['parent']}"]["n"]
                assert row["up"] == row["same"] == row["above"] == n
        turns = [row["turn"] for label, row in found.items() if label.startswith("child:parent/")]
        assert turns == [0, 1, 1, 2, 2, 3]

    def test_a_maybe_may_switch_between_ways_to_a_parent(self) -> None:
        """A SubFactory, a pool, a followed row, none."""
        town, firm, _ = people()
        thing = factory_of(
            kind=factory.Iterator([0, 1, 2]),
            made=factory.LazyAttribute(lambda o: o.kind == 0),
            led=factory.LazyAttribute(lambda o: o.kind == 1),
            firm=pick(firm),
            town=factory.Maybe(
                "made",
                factory.SubFactory(
                    factory_of("VillageFactory", meta={"table": "town"}, name="new", size=0)
                ),
                factory.Maybe("led", follow("firm.town"), None),
            ),
        )

        def recipe(rows: Any) -> None:
            rows.many(town, 3)
            rows.many(firm, 3)
            rows.many(thing, 9)

        for row in rows_of(evaluated(recipe)):
            if row["kind"] == 0:
                assert row["town"]["name"] == "new"
            else:
                assert row["town"] == (row["firm"]["town"] if row["kind"] == 1 else None)

    def test_a_trait_may_switch_a_link(self) -> None:
        """Also for one hand-picked row among others."""

        class ThingFactory(Factory):
            class Meta:
                table = "thing"

            class Params:
                homeless = factory.Trait(town=None)

            town = factory.SubFactory(people()[0])

        seeds = picked("thing", a={"homeless": True}, b={}, c={"homeless": False})
        rows = rows_of(evaluated(lambda rows: rows.named(ThingFactory), seeds=seeds))
        assert [row["town"] is None for row in rows] == [True, False, False]

    def test_rows_may_refer_to_rows_of_their_own_table(self) -> None:
        """By label, in a circle too, and by a batch."""
        person = factory_of(
            "PersonFactory", boss=factory.SubFactory("tests.unit.test_batch.Nobody", boss=None)
        )
        person.boss.get_factory = lambda: person  # type: ignore[attr-defined]
        seeds = picked("person", a={"boss": "b"}, b={"boss": "a"}, c={"boss": None})

        def recipe(rows: Any) -> None:
            chiefs = rows.named(person)
            rows.each(chiefs, person, 1, via="boss")

        found = by_label(evaluated(recipe, seeds=seeds))
        bosses = {label.removeprefix("person:"): row["boss"] for label, row in found.items()}
        assert bosses == {
            "a": "b",
            "b": "a",
            "c": None,
            "a/person/0": "a",
            "b/person/0": "b",
            "c/person/0": "c",
        }

    def test_a_label_brings_its_row(self) -> None:
        """Also where the recipe did not name it."""
        _, firm, _ = people()
        seeds = {**picked("town", here={}, there={}), **picked("firm", ours={"town": "here"})}
        assert list(by_label(evaluated(lambda rows: rows.named(firm), seeds=seeds))) == [
            "firm:ours",
            "town:here",
        ]

    def test_a_row_that_is_a_value_is_seen_as_a_row(self) -> None:
        """A parameter may hold a row for other declarations to read."""

        class ThingFactory(Factory):
            class Meta:
                table = "thing"

            class Params:
                home = factory.LazyAttribute(lambda o: o.firm.town)

            firm = factory.SubFactory(
                factory_of(
                    "FirmFactory",
                    town=factory.SubFactory(factory_of("TownFactory", n=integer(1, 9))),
                )
            )
            n = factory.LazyAttribute(lambda o: o.home.n)

        rows = rows_of(evaluated(lambda rows: rows.many(ThingFactory, 3)))
        assert [row["n"] for row in rows] == [row["firm"]["town"]["n"] for row in rows]

    @pytest.mark.parametrize("made", ["first", "last"])
    def test_a_pick_sees_rows_that_other_declarations_make(self, made: str) -> None:
        """Wherever it stands among them, and whichever factory has them."""
        town = factory_of("TownFactory", n=factory.Sequence(int))
        makers = {
            "home": factory.SubFactory(town),
            "work": factory.Maybe("commutes", factory.SubFactory(town), None),
        }
        likes = {"likes": pick(town)}
        declared = {**makers, **likes} if made == "first" else {**likes, **makers}
        fan = factory_of("FanFactory", meta={"exclude": ("commutes",)}, commutes=True, **declared)
        visit = factory_of("VisitFactory", town=pick(town))

        def recipe(rows: Any) -> None:
            rows.many(visit, 40)
            rows.many(fan, 5)

        rows = by_label(evaluated(recipe))
        visited = {row["town"] for label, row in rows.items() if label.startswith("visit")}
        assert {town.split("/")[2] for town in visited} == {"home", "work"}
        assert rows["fan:fan/0"]["likes"] in {label.partition(":")[2] for label in rows}


class TestOwnFields:
    """A field of one's own is a class with a `values` method."""

    def test_it_sees_cells(self) -> None:
        """Keys, numbers, the moment, other columns."""

        class Described(Field):
            def values(self, cells: Cells) -> pl.Series:
                assert cells.where == "ThingFactory.a"
                assert len(cells.keys) == len(cells.ordinals)
                return cells.column("n") + pl.Series(cells.ordinals)

        thing = factory_of(n=factory.Sequence(int), a=Described())
        assert [row["a"] for row in rows_of(evaluated(lambda rows: rows.many(thing, 3)))] == [
            0,
            2,
            4,
        ]
        assert thing.build(__sequence=2)["a"] == 4

    def test_a_base_field_has_no_values(self) -> None:
        """It is for deriving from."""
        thing = factory_of(a=Field())
        with pytest.raises(NotImplementedError):
            thing.build()


class TestOrder:
    """Cells are computed when they are asked for, in whatever order that is."""

    def test_a_condition_may_read_what_a_rollup_counts(self) -> None:
        """As long as all of the children are there."""
        child = factory_of("ChildFactory", parent=None, x=integer(0, 5))
        parent = factory_of(
            "ParentFactory",
            n=factory.Sequence(int),
            total=rollup("ChildFactory", col("x").sum(), via="parent"),
        )
        prize = factory_of("PrizeFactory", winner=None)

        def recipe(rows: Any) -> None:
            parents = rows.many(parent, 9)
            rows.each(parents, child, 3, via="parent")
            rows.each(parents.where(col("total") > 7), prize, 1, via="winner")

        found = by_label(evaluated(recipe))
        winners = {row["winner"] for label, row in found.items() if label.startswith("prize:")}
        assert winners == {
            label.removeprefix("parent:")
            for label, row in found.items()
            if label.startswith("parent:") and row["total"] > 7
        }

    def test_a_rollup_of_a_running_value_of_a_parents_field(self) -> None:
        """Down and up again: the parent's opening balance, the children's running one, the parent's closing one."""
        entry = factory_of(
            "EntryFactory",
            account=None,
            amount=decimal(-5, 9),
            at=moment(timedelta(days=-9), timedelta(0)),
            balance=running(
                col("account.opening").first() + col("amount").cum_sum(),
                over="account",
                order_by="at",
            ),
        )
        account = factory_of(
            "AccountFactory",
            opening=decimal(10, 99),
            closing=rollup(
                "EntryFactory", col("balance").sort_by("at").last(), via="account", default=None
            ),
        )
        found = by_label(
            evaluated(lambda rows: rows.each(rows.many(account, 5), entry, 6, via="account"))
        )
        for label, row in found.items():
            if label.startswith("account:"):
                mine = [
                    e for e in found.values() if e.get("account") == label.removeprefix("account:")
                ]
                assert row["closing"] == row["opening"] + sum(e["amount"] for e in mine)

    def test_columns_are_computed_once(self) -> None:
        """And kept."""
        calls: list[int] = []
        thing = factory_of(
            n=factory.Sequence(int),
            a=factory.LazyAttribute(lambda o: calls.append(o.n) or o.n),
            b=factory.LazyAttribute(lambda o: o.a),
            c=col("a") + 1,
        )
        (rows,) = evaluated(lambda rows: rows.many(thing, 3)).tables.values()
        for name in ("c", "b", "a", "c"):
            rows.column(name)
        assert calls == [0, 1, 2]

    def test_keys_do_not_depend_on_what_is_evaluated(self) -> None:
        """They are there before any column is."""
        thing = factory_of(a=factory.LazyFunction(lambda: 1 // 0))
        (rows,) = evaluated(lambda rows: rows.many(thing, 3)).tables.values()
        assert len(np.unique(rows.keys)) == 3

    def test_a_hand_picked_row_may_know_what_the_others_compute(self) -> None:
        """A given total or balance stands; the others' are computed without it."""
        entry = factory_of(
            "EntryFactory",
            account=factory.SubFactory(factory_of("AccountFactory", total=0)),
            x=1,
            balance=running(col("x").cum_sum(), over="account", order_by="x"),
        )
        account = factory_of(
            "AccountFactory",
            total=rollup("EntryFactory", col("x").sum(), via="account"),
            odd=factory.Maybe("flag", rollup("EntryFactory", col("x").len(), via="account"), -1),
            flag=False,
        )
        seeds = {
            **picked("account", a={"total": 99}, b={"flag": True}),
            **picked(
                "entry",
                e={"account": "b", "x": 5},
                f={"account": "b", "balance": 7},
                g={"account": None},
            ),
        }
        entry.account.get_factory = lambda: account  # type: ignore[attr-defined]

        def recipe(rows: Any) -> None:
            accounts = rows.named(account)
            rows.named(entry)
            rows.each(accounts, entry, 2, via="account", x=3)

        found = by_label(evaluated(recipe, seeds=seeds))
        assert [found[f"account:{n}"]["total"] for n in "ab"] == [99, 12]
        assert [found[f"account:{n}"]["odd"] for n in "ab"] == [-1, 4]
        assert [found[f"entry:{n}"]["balance"] for n in "efg"] == [12, 7, 1]

    def test_a_way_up_that_is_too_long_is_named(self) -> None:
        """With the row; build() raises the same."""
        thing = factory_of(a=factory.SelfAttribute("...n", default="none"))
        with pytest.raises(
            InvalidInput, match=r"ThingFactory\.a raised IndexError for row thing/0"
        ):
            rows_of(evaluated(lambda rows: rows.many(thing, 1)))

    def test_a_row_given_for_a_related_one_is_refused(self) -> None:
        """A profile makes it."""
        thing = factory_of(log=factory.RelatedFactory(factory_of("LogFactory", a=1)))
        with pytest.raises(InvalidInput, match=r"ThingFactory\.log was given 'mine'"):
            evaluated(lambda rows: rows.many(thing, 1, log="mine"))

    def test_an_empty_batch_among_others_hides_no_label(self) -> None:
        """First, in the middle, last."""
        thing = factory_of(a=1)

        def recipe(rows: Any) -> None:
            for number, count in enumerate((0, 2, 0, 0, 1, 0)):
                rows.many(thing, count, segment=f"b{number}")

        assert list(by_label(evaluated(recipe))) == ["thing:b1/0", "thing:b1/1", "thing:b4/0"]
