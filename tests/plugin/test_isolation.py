"""Tests do not see each other, whatever they do, and each sees the profile's rows; written with the plugin's own fixtures."""

from __future__ import annotations

import unittest

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from factories import UserFactory
from factories.models import User
from seedbed.pytest_plugin import Seedbed

USERS = 3
"""How many the profile has."""

NUMBER = text("SELECT count(*) FROM users")
TWICE = pytest.mark.parametrize("time", [1, 2])
"""The second must not see what the first did."""


def users(session: Session) -> int | None:
    return session.scalar(select(func.count()).select_from(User))


class TestRollback:
    """The default."""

    @TWICE
    def test_commits_are_undone(
        self, seedbed: Seedbed, seedbed_session: Session, time: int
    ) -> None:
        assert (seedbed.isolation, users(seedbed_session)) == ("rollback", USERS)
        UserFactory.create()
        seedbed_session.commit()
        assert users(seedbed_session) == USERS + 1

    def test_a_rollback_goes_back_to_the_last_commit(self, seedbed_session: Session) -> None:
        UserFactory.create()
        seedbed_session.commit()
        UserFactory.create()
        seedbed_session.rollback()
        assert users(seedbed_session) == USERS + 1

    def test_session_connection_psycopg_and_engine_see_the_same(
        self, seedbed, seedbed_session, seedbed_connection, seedbed_psycopg
    ) -> None:
        UserFactory.create()
        seedbed_psycopg.commit()
        with seedbed.engine.begin() as another:
            seen = [each.execute(NUMBER).scalar() for each in (seedbed_connection, another)]
        (own,) = seedbed_psycopg.execute("SELECT count(*) FROM users").fetchone()
        assert [*seen, own, users(seedbed_session)] == [USERS + 1] * 4

    def test_a_rollback_of_psycopgs_goes_back_to_its_last_commit(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        seedbed_psycopg.execute("DELETE FROM sessions")
        seedbed_psycopg.commit()
        seedbed_psycopg.execute("DELETE FROM notifications")
        seedbed_psycopg.rollback()
        row = seedbed_psycopg.execute(
            "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM notifications)"
        ).fetchone()
        assert row == (0, 1)

    @TWICE
    def test_a_failed_statement_leaves_the_profiles_rows(
        self, seedbed_session: Session, time: int
    ) -> None:
        taken = seedbed_session.scalar(select(User.wallet_address).limit(1))
        with pytest.raises(IntegrityError):
            UserFactory.create(wallet_address=taken)
        seedbed_session.rollback()
        assert users(seedbed_session) == USERS

    @TWICE
    def test_a_test_may_end_in_a_failed_transaction(
        self, seedbed_psycopg: psycopg.Connection, time: int
    ) -> None:
        with pytest.raises(psycopg.errors.UndefinedTable):
            seedbed_psycopg.execute("SELECT * FROM nothing")

    def test_reseed_undoes_what_was_committed(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        UserFactory.create()
        seedbed_session.commit()
        seedbed.reseed()
        assert users(seedbed.session) == USERS


@pytest.mark.seedbed(isolation="clone")
class TestClone:
    """A database of the test's own."""

    @TWICE
    def test_commits_are_seen_by_other_connections(
        self, seedbed: Seedbed, seedbed_session: Session, time: int
    ) -> None:
        UserFactory.create()
        seedbed_session.commit()
        with psycopg.connect(seedbed.dsn) as other:
            assert other.execute("SELECT count(*) FROM users").fetchone() == (USERS + 1,)

    def test_session_connection_and_psycopg_are_connections_of_their_own(
        self, seedbed_session, seedbed_connection, seedbed_psycopg
    ) -> None:
        pid = text("SELECT pg_backend_pid()")
        (third,) = seedbed_psycopg.execute("SELECT pg_backend_pid()").fetchone()
        assert len({seedbed_session.scalar(pid), seedbed_connection.scalar(pid), third}) == 3

    def test_reseed_restores_rows_and_leaves_the_tests_own(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        seedbed.row(UserFactory, "tess-admin").display_name = "Somebody else"
        UserFactory.create(display_name="Eve")
        seedbed_session.commit()
        seedbed.reseed()
        names = seedbed.session.scalars(select(User.display_name)).all()
        assert sorted(names) == ["Eve", "Nora Bennett", "Sam Rivers", "Tess Lindqvist"]


@pytest.mark.seedbed(isolation="shared")
class TestShared:
    """Many read, nobody writes."""

    def test_writing_is_refused_by_the_server(self, seedbed_psycopg: psycopg.Connection) -> None:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            seedbed_psycopg.execute("DELETE FROM users")

    def test_the_connection_is_good_for_the_next_test(
        self, seedbed_psycopg: psycopg.Connection, seedbed_session: Session
    ) -> None:
        assert seedbed_psycopg.execute("SELECT count(*) FROM users").fetchone() == (USERS,)
        assert users(seedbed_session) == USERS

    def test_factories_cannot_write_either(self, seedbed: Seedbed) -> None:
        with pytest.raises(Exception, match="read-only transaction"):
            UserFactory.create()


class TestWhoSaysIt:
    """By marker on function, class or module (the examples), by fixture; the nearest marker counts, option by option."""

    pytestmark = pytest.mark.seedbed(profile="development", minimal=True, isolation="shared")

    def test_a_class(self, seedbed: Seedbed) -> None:
        assert (seedbed.profile, seedbed.isolation) == ("development", "shared")

    @pytest.mark.seedbed(isolation="clone", as_of="2026-02-03")
    def test_a_function(self, seedbed: Seedbed) -> None:
        assert (seedbed.profile, seedbed.isolation) == ("development", "clone")
        assert str(seedbed.as_of) == "2026-02-03 00:00:00"

    @pytest.mark.parametrize("seedbed_isolation", ["clone"])
    def test_a_marker_wins_over_the_fixture(self, seedbed: Seedbed) -> None:
        assert seedbed.isolation == "shared"


class TestFixture:
    """`seedbed_isolation`, overridden by a class."""

    @pytest.fixture
    def seedbed_isolation(self) -> str:
        return "clone"

    def test_it_says_how(self, seedbed: Seedbed) -> None:
        assert seedbed.isolation == "clone"

    @pytest.mark.parametrize("seedbed_isolation", ["rollback", "shared"])
    def test_it_can_be_parametrized(self, seedbed: Seedbed, seedbed_isolation: str) -> None:
        assert seedbed.isolation == seedbed_isolation

    @pytest.mark.seedbed(isolation="shared")
    def test_a_marker_wins(self, seedbed: Seedbed) -> None:
        assert seedbed.isolation == "shared"


@pytest.mark.usefixtures("seedbed")
class TestUnittest(unittest.TestCase):
    """Classes that take no fixtures."""

    seedbed: Seedbed

    def setUp(self) -> None:
        self.made = UserFactory.create()

    def test_set_up_writes_through_the_session(self) -> None:
        self.assertIn(self.made, self.seedbed.session)  # noqa: PT009

    def test_rows_of_the_profile_are_there(self) -> None:
        self.assertEqual(users(self.seedbed.session), USERS + 1)  # noqa: PT009
