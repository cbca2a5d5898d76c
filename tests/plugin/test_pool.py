"""Clones made ahead: what happens when one cannot be made, and how many connections it all takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seedbed import servers
from seedbed.birth import stamp_at_birth
from seedbed.errors import SeedbedError
from seedbed.servers import Server
from seedbed.testdb import pool as pools
from seedbed.testdb.copying import create_database
from seedbed.testdb.pool import Pool
from seedbed.testdb.registry import DATABASE, Registry, Template, open_registry


@pytest.fixture(scope="module")
def given() -> Iterator[Server]:
    with servers.disposable(servers.Embedded()) as server:
        yield server


@pytest.fixture
def pool(given: Server) -> Iterator[Pool]:
    def opened() -> Registry:
        return open_registry(given.url(), given.url(DATABASE), "mine")

    registry = opened()
    (name,) = registry.reserve("clone")
    create_database(registry, name)
    stamp_at_birth(given.url(name), "testing")
    pool = Pool([opened(), opened()], Template(name, "", "{}"), given.url, 1)
    yield pool
    pool.close()
    registry.end()
    registry.close()


def emptied(pool: Pool) -> None:
    """Take all there is."""
    while True:
        pool.take().connection.close()


def drained(pool: Pool, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """Let every copy fail, and take what was made before."""

    def refuse(*_: object) -> None:
        raise failure

    monkeypatch.setattr(pools, "create_database", refuse)
    with pytest.raises(type(failure)):
        emptied(pool)


@pytest.mark.parametrize("failure", [SeedbedError("for a moment"), RuntimeError("a surprise")])
def test_a_failure_is_told_once_and_no_end(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """The server was full for a moment, say: the tests after that get their databases."""
    with monkeypatch.context() as broken:
        drained(pool, broken, failure)
    for _ in range(4):
        try:
            pool.take().connection.close()
        except type(failure):  # one of the other thread's, from before
            continue
        break
    else:
        pytest.fail("the pool has not recovered")


def test_nothing_can_be_taken_after_the_end(pool: Pool) -> None:
    """And that is said."""
    pool.take().connection.close()
    pool.close()
    with pytest.raises(SeedbedError, match="the run has ended"):
        emptied(pool)


@pytest.mark.parametrize("isolation", ["rollback", "clone"])
def test_many_templates_take_few_connections(shop: pytest.Pytester, isolation: str) -> None:
    """Each of a dozen markers has a template; those used longest ago are closed, and opened again."""
    shop.makepyfile(
        f"""
        import pytest

        MANY = [
            pytest.param(n, marks=pytest.mark.seedbed(seed=str(n % 12), isolation="{isolation}", minimal=True))
            for n in range(13)
        ]

        @pytest.mark.parametrize("n", MANY)
        def test_x(seedbed_psycopg, count, n):
            assert seedbed_psycopg.execute("SELECT count(*) FROM users").fetchone() == (2,)
            query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            assert seedbed_psycopg.execute(query).fetchone()[0] < 24
        """
    )
    shop.runpytest_subprocess("-q", "--seedbed-pool=1").assert_outcomes(passed=13)
