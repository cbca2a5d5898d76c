"""`seedbed.Factory` is a factory_boy factory: build, create, batches of objects, sessions, and what build() sees of the world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import factory
import pytest
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from seedbed import Factory
from seedbed.errors import InvalidInput
from seedbed.factory import Context, using
from seedbed.fields import (
    choice,
    col,
    derived,
    follow,
    integer,
    moment,
    pick,
    rollup,
    running,
    unique,
)
from tests.evaluating import AS_OF, built, evaluated, factory_of, rows_of


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    city: Mapped[str | None]


class Player(Base):
    __tablename__ = "players"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    team: Mapped[Team] = relationship()
    name: Mapped[str]
    goals: Mapped[int]
    label: Mapped[str]


class TeamFactory(Factory):
    class Meta:
        model = Team
        key = ("name",)

    name = unique("Team ###")
    city = factory.Faker("city", locale="de_DE")


class PlayerFactory(Factory):
    class Meta:
        model = Player

    team = pick(TeamFactory)
    name = factory.Faker("name")
    goals = integer(0, 30)
    label = factory.LazyAttributeSequence(lambda o, n: f"{o.team.name} {n} {o.goals}")


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for made in (TeamFactory, PlayerFactory):
            made._meta.sqlalchemy_session = session  # type: ignore[attr-defined]
            made.reset_sequence()
        yield session
        for made in (TeamFactory, PlayerFactory):
            made._meta.sqlalchemy_session = None  # type: ignore[attr-defined]
    engine.dispose()


class TestCreate:
    """create() writes with a SQLAlchemy session, as factory_boy's SQLAlchemyModelFactory does."""

    def test_a_created_object_is_in_the_session_with_its_parents(self, session: Session) -> None:
        """pick() makes a parent, since there is no pool."""
        player = PlayerFactory.create(goals=7)
        session.flush()
        assert player.team_id == player.team.id is not None
        assert session.get(Player, player.id).goals == 7

    def test_calling_the_factory_creates(self, session: Session) -> None:
        """The default strategy."""
        assert TeamFactory(city="Bonn") in session

    def test_create_batch_gives_what_a_profile_gives(self, session: Session) -> None:
        """Attribute by attribute; the database only adds the primary keys."""
        created = PlayerFactory.create_batch(5)
        session.flush()
        dataset = evaluated(
            lambda rows: rows.many(PlayerFactory, 5, team=factory.SubFactory(TeamFactory))
        )
        seen = [
            {
                **{n: getattr(p, n) for n in ("name", "goals", "label")},
                "team": {"name": p.team.name, "city": p.team.city},
            }
            for p in created
        ]
        assert rows_of(dataset, "players") == seen
        assert session.query(Player).count() == 5

    def test_build_writes_nothing(self, session: Session) -> None:
        """Nor does build_batch, nor stub."""
        PlayerFactory.build()
        assert [type(team) for team in TeamFactory.build_batch(2)] == [Team, Team]
        assert TeamFactory.stub().name.startswith("Team ")
        assert session.query(Team).count() == 0

    def test_a_given_parent_is_taken(self, session: Session) -> None:
        """SubFactory and pick() make nothing where the object is given."""
        team = TeamFactory.create()
        players = PlayerFactory.create_batch(3, team=team)
        session.flush()
        assert {player.team for player in players} == {team}
        assert session.query(Team).count() == 1

    def test_get_or_create_finds_the_row_there_is(self, session: Session) -> None:
        """sqlalchemy_get_or_create, with its lookup by what was given."""

        class Known(TeamFactory):
            class Meta:
                sqlalchemy_get_or_create = ("name",)
                sqlalchemy_session = session
                sqlalchemy_session_persistence = "flush"

        first = Known.create(name="Reds", city="Bonn")
        assert Known.create(name="Reds") is first

    def test_without_a_session_creating_says_what_is_missing(self) -> None:
        """Whether there is a model or not."""
        for made in (TeamFactory, factory_of(a=1)):
            with pytest.raises(InvalidInput, match="no session to write to"):
                made.create()


class TestBuild:
    """build() depends on the context and the object's place, and on nothing else."""

    def test_the_context_gives_the_moment_and_the_seed(self) -> None:
        """`using` sets both for a block."""
        thing = factory_of(at=moment(timedelta(days=-1)), a=integer(1, 10**9))
        with using(Context(seed="other", as_of=datetime(2030, 1, 2))):
            other = thing.build(__sequence=0)
        assert other["at"] == datetime(2030, 1, 1)
        assert other["a"] != thing.build(__sequence=0)["a"]

    def test_fields_that_look_around_see_the_object_alone(self) -> None:
        """No children, no siblings; derived and follow read what there is."""
        country = factory_of("CountryFactory", code=choice(["DE"]))
        city = factory_of("CityFactory", country=pick(country))
        thing = factory_of(
            city=factory.SubFactory(city),
            country=follow("city.country"),
            amount=5,
            code=derived(col("city.country.code") + "-" + col("amount").cast(str)),
            total=rollup("ChildFactory", col("x").sum(), via="thing", default=Decimal(0)),
            balance=running(col("amount").cum_sum(), over="city", order_by="@index"),
        )
        row = thing.build()
        assert row.country is row.city.country
        assert (row.code, row.total, row.balance) == ("DE-5", Decimal(0), 5)

    def test_a_follow_over_nothing_is_nothing(self) -> None:
        """A missing row on the way."""
        thing = factory_of(city=None, country=follow("city.country"))
        assert thing.build()["country"] is None

    def test_a_circular_definition_names_the_circle(self) -> None:
        """Rather than recursing until Python gives up."""
        thing = factory_of(
            a=factory.LazyAttribute(lambda o: o.b),
            b=factory.SelfAttribute("c"),
            c=derived(col("a")),
        )
        with pytest.raises(factory.errors.CyclicDefinitionError, match="a needs b needs c needs a"):
            thing.build()

    def test_an_attribute_that_is_not_declared_is_named(self) -> None:
        """And so is the factory."""
        thing = factory_of(a=factory.LazyAttribute(lambda o: o.b))
        with pytest.raises(AttributeError, match="ThingFactory does not declare 'b'"):
            thing.build()

    def test_an_object_being_made_cannot_be_changed(self) -> None:
        """A declaration gives a value, and sets none."""
        thing = factory_of(a=factory.LazyAttribute(lambda o: setattr(o, "b", 1)))
        with pytest.raises(AttributeError, match="cannot be set"):
            thing.build()

    def test_a_field_in_a_foreign_factory_is_refused(self) -> None:
        """Only rows of a seedbed.Factory have keys to draw by."""

        class Foreign(factory.DictFactory):
            a = integer(1, 2)

        with pytest.raises(InvalidInput, match=r"not a seedbed\.Factory"):
            Foreign()

    def test_adding_a_field_moves_no_other(self) -> None:
        """Also in build(), also where the new one draws from the shared generators."""
        fields: dict[str, Any] = {
            "a": factory.Faker("name"),
            "b": integer(1, 99),
            "c": factory.LazyFunction(list),
        }
        more = {"z": factory.Faker("city"), **fields, "d": factory.Faker("word")}
        kept = [{name: row[name] for name in fields} for row in built(factory_of(**more), 5)]
        assert kept == built(factory_of(**fields), 5)


class TestRecord:
    """What a factory without a model builds."""

    def test_its_items_are_attributes(self) -> None:
        """As those of a model's object would be."""
        row = factory_of(a=1).build()
        assert row.a == row["a"] == 1

    def test_a_missing_one_is_an_attribute_error(self) -> None:
        """So that getattr() with a default works."""
        assert getattr(factory_of(a=1).build(), "b", None) is None


def test_a_model_without_such_an_attribute_is_named() -> None:
    """All attributes that the model does not have, with the nearest there are."""

    class Wrong(TeamFactory):
        nmae = "x"
        citty = "y"

    with pytest.raises(InvalidInput) as failure:
        evaluated(lambda rows: rows.many(Wrong, 1))
    assert [str(finding) for finding in failure.value.findings] == [
        "Wrong.nmae: Team has no such attribute (did you mean 'name'?)",
        "Wrong.citty: Team has no such attribute (did you mean 'city'?)",
    ]


def test_a_key_that_is_not_declared_is_named() -> None:
    """Meta.key and Meta.insert_only name attributes of the factory."""
    thing = factory_of(name="x", meta={"key": ("nam",)})
    with pytest.raises(InvalidInput, match=r"ThingFactory.Meta.key names 'nam'.*\n.*'name'"):
        evaluated(lambda rows: rows.many(thing, 1))


def test_the_moment_of_the_tests_is_the_evaluations() -> None:
    """`as_of` is given, never read from a clock."""
    thing = factory_of(at=moment(timedelta(0)))
    assert rows_of(evaluated(lambda rows: rows.many(thing, 1))) == [{"at": AS_OF}]
