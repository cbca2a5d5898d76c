"""Tests do not see each other, whatever they do, and each sees the profile's rows."""

from __future__ import annotations

import pytest


def test_each_test_finds_the_profiles_rows_and_nothing_else(shop: pytest.Pytester) -> None:
    """Rolled back, cloned and shared; by fixture, by marker on function, class and module, and in unittest's classes."""
    shop.makepyfile(
        test_rollback="""
        import unittest
        import pytest
        from factories import OrderFactory, UserFactory
        from shop.models import User

        @pytest.mark.parametrize("time", [1, 2])
        def test_commits_are_undone(seedbed, seedbed_session, count, time):
            assert count(seedbed_session) == 2
            made = UserFactory.create()
            assert made.id and made.name == "user 1000000"
            seedbed_session.commit()
            seedbed_session.rollback()
            assert count(seedbed_session) == 3

        def test_all_connections_are_one(seedbed, seedbed_session, seedbed_connection, seedbed_psycopg):
            UserFactory.create()
            assert seedbed_psycopg.execute("SELECT count(*) FROM users").fetchone() == (3,)
            assert seedbed_connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 3
            seedbed_psycopg.commit()
            seedbed_psycopg.rollback()
            with seedbed.engine.begin() as other:
                assert other.exec_driver_sql("SELECT count(*) FROM users").scalar() == 3

        def test_rows_by_name(seedbed, seedbed_session):
            amina = seedbed.row(UserFactory, "amina")
            assert amina.name == "Amina" and amina in seedbed_session
            assert [user.name for user in seedbed.rows(UserFactory)] == ["Amina", "Bo"]
            with pytest.raises(Exception, match="did you mean 'amina'"):
                seedbed.row(UserFactory, "aminah")

        def test_reseed(seedbed, seedbed_session, count):
            seedbed_session.delete(seedbed.row(UserFactory, "bo"))
            seedbed_session.commit()
            assert count(seedbed_session) == 1
            seedbed.reseed()
            assert count(seedbed.session) == 2

        @pytest.mark.usefixtures("seedbed")
        class TestOld(unittest.TestCase):
            def test_unittest(self):
                assert UserFactory.create(name="Cy").id
                assert self.seedbed.row(UserFactory, "bo").name == "Bo"

        def test_other_exceptions_leave_nothing(seedbed_session, count):
            with pytest.raises(Exception, match="users_name_key"):
                UserFactory.create(name="Bo")
            seedbed_session.rollback()
            assert count(seedbed_session) == 2
        """,
        test_clone="""
        import psycopg
        import pytest
        from factories import UserFactory
        pytestmark = pytest.mark.seedbed(isolation="clone")

        @pytest.mark.parametrize("time", [1, 2, 3])
        def test_commits_are_seen_by_others(seedbed, seedbed_session, time):
            UserFactory.create()
            seedbed_session.commit()
            with psycopg.connect(seedbed.dsn) as other:
                assert other.execute("SELECT count(*) FROM users").fetchone() == (3,)

        def test_reseed_restores_rows(seedbed, seedbed_psycopg):
            seedbed_psycopg.execute("UPDATE users SET name = 'Else' WHERE name = 'Bo'")
            seedbed_psycopg.commit()
            seedbed.reseed()
            assert seedbed.row(UserFactory, "bo").name == "Bo"

        class TestMarkers:
            pytestmark = pytest.mark.seedbed(profile="demo", scale=2)

            def test_class(self, seedbed):
                assert (seedbed.profile, seedbed.isolation) == ("demo", "clone")
                assert len(seedbed.rows(UserFactory)) == 8

            @pytest.mark.seedbed(minimal=True, as_of="2026-02-03", isolation="shared")
            def test_function(self, seedbed):
                assert str(seedbed.as_of) == "2026-02-03 00:00:00"
                assert len(seedbed.rows(UserFactory)) == 2

            @pytest.mark.seedbed(isolation="shared")
            def test_shared_is_read_only(self, seedbed_psycopg):
                with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                    seedbed_psycopg.execute("DELETE FROM users")
        """,
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=14)


def test_a_leak_fails_the_test_that_leaks_and_no_other(shop: pytest.Pytester) -> None:
    """By name, with the remedy; the next test has a clean database."""
    shop.makepyfile(
        """
        import psycopg

        def test_leaks(seedbed):
            with psycopg.connect(seedbed.dsn) as other:
                other.execute("INSERT INTO users (name) VALUES ('Eve')")

        def test_clean_again(seedbed_session, count):
            assert count(seedbed_session) == 2

        def test_others_may_roll_back(seedbed):
            with psycopg.connect(seedbed.dsn) as other:
                other.execute("INSERT INTO users (name) VALUES ('Eve')")
                other.rollback()

        def test_commits_by_hand(seedbed_psycopg):
            seedbed_psycopg.execute("INSERT INTO users (name) VALUES ('Eve')")
            seedbed_psycopg.execute("COMMIT")

        def test_clean_once_more(seedbed_session, count):
            assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*::test_leaks committed on another connection than the test's: users (insert)*isolation='clone'*",
            "*::test_commits_by_hand committed on another connection*the test's own connection*",
        ]
    )


def test_async_fixtures_live_in_the_tests_own_loop(shop: pytest.Pytester) -> None:
    """With pytest-asyncio and with anyio, rolled back and cloned."""
    shop.makepyfile(
        """
        import pytest
        from sqlalchemy import text

        ADD, COUNT = text("INSERT INTO users (name) VALUES ('Eve')"), text("SELECT count(*) FROM users")

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.asyncio
        @pytest.mark.parametrize("time", [1, 2])
        async def test_asyncio(seedbed_async_session, time):
            await seedbed_async_session.execute(ADD)
            await seedbed_async_session.commit()
            assert await seedbed_async_session.scalar(COUNT) == 3

        @pytest.mark.anyio
        async def test_anyio(seedbed_async_session):
            assert await seedbed_async_session.scalar(COUNT) == 2

        @pytest.mark.asyncio
        @pytest.mark.seedbed(isolation="clone")
        async def test_clone(seedbed_async_engine):
            async with seedbed_async_engine.begin() as connection:
                await connection.execute(ADD)
            async with seedbed_async_engine.connect() as one, seedbed_async_engine.connect() as two:
                assert await one.scalar(COUNT) == await two.scalar(COUNT) == 3
        """
    )
    shop.runpytest_subprocess("-q", "-W", "error").assert_outcomes(passed=4)
