"""How databases are copied: each way works, and the fastest is found out once for a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seedbed import servers
from seedbed.servers import Server
from seedbed.testdb.copying import create_database, fastest_way, ways
from seedbed.testdb.registry import DATABASE, Registry, open_registry


@pytest.fixture(scope="module")
def given() -> Iterator[Server]:
    with servers.disposable(servers.Embedded()) as server:
        yield server


@pytest.fixture
def registry(given: Server) -> Iterator[Registry]:
    registry = open_registry(given.url(), given.url(DATABASE), "mine")
    yield registry
    registry.end()
    registry.execute("DELETE FROM facts")
    registry.close()


@pytest.mark.parametrize("way", ways(180000))
def test_each_way_makes_a_database(registry: Registry, way: str) -> None:
    (name,) = registry.reserve("clone")
    create_database(registry, name, "template1", way)
    assert registry.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])


def test_the_fastest_is_written_down_and_leaves_nothing_behind(registry: Registry) -> None:
    assert fastest_way(registry) in ways(180000)
    assert registry.execute("SELECT value FROM facts WHERE name = 'copying'")
    assert not registry.execute("SELECT 1 FROM pg_database WHERE datname LIKE 'seedbed_draft%'")


def test_who_asks_later_is_told_what_was_found_out(given: Server, registry: Registry) -> None:
    registry.remember("copying", "wal_log")
    other = open_registry(given.url(), given.url(DATABASE), "other")
    assert fastest_way(other) == "wal_log"
    other.close()


def test_before_version_15_there_is_one_way() -> None:
    assert ways(140010) == ("",)
