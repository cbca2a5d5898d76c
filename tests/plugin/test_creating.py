"""Factories in a test: what they make fits beside the profile's rows, and rows come back whatever the factory is bound to."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import write

TEAMS = {
    "pyproject.toml": """
        [tool.seedbed]
        profiles = "teams.profiles"
        schema = "teams.models:Base"
    """,
    "teams/__init__.py": "",
    "teams/models.py": """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        class Base(DeclarativeBase): pass

        class Team(Base):
            __tablename__ = "teams"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = mapped_column(unique=True)
    """,
    "teams/factories.py": """
        from seedbed import Factory, fields
        from teams.models import Team

        class TeamFactory(Factory[Team]):
            class Meta:
                model = Team
                key = ("name",)
            name = fields.unique("Team ##")

        class BareFactory(Factory):
            class Meta:
                table = "teams"
                key = ("name",)
            name = fields.unique("Team ##")
    """,
    "teams/profiles.py": """
        from seedbed import Profile
        from teams.factories import TeamFactory

        testing = Profile("testing")

        @testing.recipe
        def teams(rows):
            rows.many(TeamFactory, 90)
    """,
}


@pytest.fixture
def teams(shop: pytest.Pytester) -> pytest.Pytester:
    """Return a project whose profile has taken 90 of the 100 names there are."""
    write(shop, TEAMS)
    return shop


def test_unique_goes_on_from_the_profiles_rows(teams: pytest.Pytester) -> None:
    """The names that are left are given away without one that is taken; the eleventh has none."""
    teams.makepyfile(
        """
        import pytest
        from sqlalchemy import text
        from sqlalchemy.exc import IntegrityError
        from teams.factories import TeamFactory

        def test_room(seedbed_session):
            TeamFactory.create_batch(10)
            assert seedbed_session.scalar(text("SELECT count(DISTINCT name) FROM teams")) == 100
            with pytest.raises(IntegrityError):
                TeamFactory.create()
        """
    )
    teams.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_rows_of_a_factory_bound_to_a_table_are_records(teams: pytest.Pytester) -> None:
    """There is no model to make objects of."""
    teams.makepyfile(
        """
        from teams.factories import BareFactory, TeamFactory

        def test_rows(seedbed):
            found = seedbed.rows(BareFactory)
            assert [each.name for each in found] == [each.name for each in seedbed.rows(TeamFactory)]
            assert len(found) == 90
        """
    )
    teams.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_a_factory_bound_to_a_table_creates_rows(shop: pytest.Pytester) -> None:
    """By the table as the database has it: keys and defaults come back, rows referred to fill foreign keys."""
    shop.makepyfile(
        """
        import factory
        import psycopg
        import pytest
        from sqlalchemy import text
        from factories import UserFactory as ModelFactory
        from seedbed import Factory
        from seedbed.errors import InvalidInput

        class UserFactory(Factory):
            class Meta:
                table = "users"
            name = factory.Sequence("bare {}".format)

        class OrderFactory(Factory):
            class Meta:
                table = "public.orders"
                ignored = ("note",)
            user = factory.SubFactory(UserFactory)
            pieces = 3
            note = "not written"

        both = pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone"])

        @both
        def test_parents_come_along(seedbed, seedbed_session):
            order = OrderFactory.create()
            assert order.user_id == order.user.id
            query = text("SELECT u.name, o.pieces FROM orders o JOIN users u ON u.id = o.user_id")
            assert seedbed_session.execute(query).all() == [(order.user.name, 3)]

        @pytest.mark.seedbed(isolation="clone")
        def test_others_see_it_in_a_clone(seedbed):
            made = UserFactory.create()
            with psycopg.connect(seedbed.dsn) as other:
                found = other.execute("SELECT name FROM users WHERE id = %s", [made.id]).fetchone()
                assert found == (made.name,)

        def test_the_parent_may_be_an_object_or_a_seeded_row(seedbed):
            made = ModelFactory.create()
            assert OrderFactory.create(user=made).user_id == made.id
            amina = seedbed.row(UserFactory, "amina")
            assert OrderFactory.create(user=amina).user_id == amina.id

        @pytest.mark.parametrize("given, said", [
            ({"users": 1}, "public.orders.users: the table has no such column"),
            ({"user": UserFactory.build()}, "public.orders.user: the row it refers to is not in the database"),
            ({"user": OrderFactory.create}, "no foreign key leads to public.orders"),
        ])
        def test_what_does_not_fit_is_said(seedbed, given, said):
            given = {name: value() if callable(value) else value for name, value in given.items()}
            with pytest.raises(InvalidInput, match=said):
                OrderFactory.create(**given)

        def test_two_keys_to_one_table_need_the_columns_name(seedbed, seedbed_session):
            class LinkFactory(Factory):
                class Meta:
                    table = "links"
            seedbed_session.execute(text(
                "CREATE TABLE links (buyer_id int REFERENCES users, seller_id int REFERENCES users)"
            ))
            with pytest.raises(InvalidInput, match=r"2 foreign keys lead to users(?s:.)*buyer_id or seller_id"):
                LinkFactory.create(user=UserFactory.create())
            buyer, seller = UserFactory.create_batch(2)
            made = LinkFactory.create(buyer=buyer, seller_id=seller)
            assert (made.buyer_id, made.seller_id) == (buyer.id, seller.id)
        """
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=8)
