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
