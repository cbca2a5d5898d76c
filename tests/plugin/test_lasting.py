"""Databases that outlive a test: `seedbed_clone`."""

from __future__ import annotations

import pytest

TESTS = """
    import pytest
    from factories import UserFactory

    @pytest.fixture(scope="class")
    def lasting(seedbed_clone):
        with seedbed_clone(profile="demo") as database:
            UserFactory.create(name="Everybody's")
            yield database

    class TestLasting:
        def test_rows(self, lasting, count):
            assert (lasting.profile, count(lasting.session)) == ("demo", 6)

        def test_own(self, lasting, seedbed_session, count):
            UserFactory.create(name="My own")
            assert (count(seedbed_session), count(lasting.session)) == (3, 6)

        def test_reseeded(self, lasting, count):
            lasting.session.delete(lasting.row(UserFactory, "amina"))
            lasting.session.commit()
            lasting.reseed()
            assert lasting.row(UserFactory, "amina").name == "Amina"

        def test_failing(self, lasting):
            assert not lasting

    def test_dropped(seedbed_server):
        import psycopg
        with psycopg.connect(seedbed_server.url("seedbed_tests")) as connection:
            kept = connection.execute("SELECT name FROM databases WHERE kind = 'kept'").fetchall()
            assert len(kept) == 1

    @pytest.mark.parametrize("options", [{"isolation": "shared"}, {"profil": "demo"}, {"keep": "some"}])
    def test_refused(seedbed_clone, options):
        with seedbed_clone(**options): pass

    @pytest.fixture(scope="module")
    def too_wide(seedbed): pass

    def test_too_wide(too_wide): pass

    async def no_loop(database):
        await database.run_sync(print)

    def test_asyncio(seedbed_clone):
        import asyncio
        with seedbed_clone() as database:
            asyncio.run(no_loop(database))
"""


def test_they_last_and_are_kept_after_a_failure(shop: pytest.Pytester) -> None:
    """Rows stay from test to test, `create()` writes where the innermost database is, and what cannot be is a line."""
    shop.makepyfile(TESTS)
    result = shop.runpytest_subprocess("-q", "--seedbed-keep=failed")
    result.assert_outcomes(passed=4, failed=5, errors=1)
    result.stdout.fnmatch_lines(
        [
            "seedbed belongs to one test. For a fixture of module scope, seedbed_clone makes databases that last: *",
            "seedbed: seedbed_clone(isolation=...): the database is always a clone",
            "seedbed: seedbed_clone(profil=...) is not an option: *profile*",
            "seedbed: seedbed_clone(keep=...): 'some' is no value of keep: *",
            "*a database that outlives a test has no asynchronous session*",
            "seedbed_clone_*::TestLasting::test_rows and others",
        ]
    )
