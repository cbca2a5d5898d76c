"""What dead runs left on a server is removed, by what is written down there: never what is alive, and never by name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from seedbed import servers
from seedbed.servers import Server
from seedbed.testdb import heartbeat
from seedbed.testdb.copying import create_database
from seedbed.testdb.databases import Databases
from seedbed.testdb.host import Wanted
from seedbed.testdb.leases import Lease
from seedbed.testdb.registry import DATABASE, Registry, Template, open_registry
from seedbed.testdb.run import RunFolder
from tests.plugin.ending import SECONDS

HERE = Lease.own()
ELSEWHERE = replace(HERE, place="another machine")


@pytest.fixture(scope="module")
def given() -> Iterator[Server]:
    with servers.disposable(servers.Embedded()) as server:
        yield server


@pytest.fixture
def registry(given: Server) -> Iterator[Registry]:
    """Return the registry of a run that is alive; nobody else's is in it."""
    registry = open_registry(given.url(), given.url(DATABASE), "mine")
    yield registry
    registry.drop_all("true", [], force=True)
    registry.execute("DELETE FROM runs")
    registry.close()


def gone() -> Lease:
    """Return the lease of a process that was here and has ended."""
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as process:
        return Lease.of(process.pid)


def left_by(given: Server, lease: Lease, *, silent: str) -> str:
    """Return a database that another run made, which was last heard of some time ago."""
    other = open_registry(given.url(), given.url(DATABASE), "other", lease)
    (name,) = other.reserve("clone")
    create_database(other, name)
    other.execute("UPDATE runs SET heartbeat = now() - %s::interval WHERE id = 'other'", [silent])
    other.close()
    return name


def there(registry: Registry, name: str) -> bool:
    return bool(registry.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]))


class TestOnThisMachine:
    """The process is looked at; how long it has been silent says nothing."""

    def test_a_dead_runs_database_goes_at_once(self, given: Server, registry: Registry) -> None:
        name = left_by(given, gone(), silent="0 seconds")
        registry.clean()
        assert not there(registry, name)

    def test_a_living_runs_database_stays(self, given: Server, registry: Registry) -> None:
        name = left_by(given, HERE, silent="1 day")
        registry.clean()
        assert there(registry, name)

    def test_a_process_id_given_again_is_another_process(
        self, given: Server, registry: Registry
    ) -> None:
        name = left_by(given, replace(HERE, born="at another time"), silent="0 seconds")
        registry.clean()
        assert not there(registry, name)


class TestOnAnotherMachine:
    """Or before a reboot, or in another container: the heartbeat is all that can be known."""

    def test_a_silent_runs_database_goes(self, given: Server, registry: Registry) -> None:
        name = left_by(given, ELSEWHERE, silent="11 minutes")
        registry.clean()
        assert not there(registry, name)

    def test_that_of_a_run_heard_of_lately_stays(self, given: Server, registry: Registry) -> None:
        name = left_by(given, ELSEWHERE, silent="9 minutes")
        registry.clean()
        assert there(registry, name)

    def test_one_that_somebody_is_connected_to_stays_for_another_time(
        self, given: Server, registry: Registry
    ) -> None:
        name = left_by(given, ELSEWHERE, silent="11 minutes")
        with psycopg.connect(given.url(name)) as connection:
            registry.clean()
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert there(registry, name)


class TestTemplates:
    @pytest.mark.parametrize(("unused", "stays"), [("13 days", True), ("15 days", False)])
    def test_one_that_nobody_asked_for_in_two_weeks_goes(
        self, registry: Registry, unused: str, stays: bool
    ) -> None:
        (draft,) = registry.reserve("draft")
        create_database(registry, draft)
        registry.publish(draft, Template("seedbed_template_x", "x", "{}"))
        then = "UPDATE databases SET used_at = now() - %s::interval WHERE key = 'x'"
        registry.execute(then, [unused])
        registry.clean()
        assert there(registry, "seedbed_template_x") is stays

    def test_one_that_is_forgotten_goes_when_no_other_run_is_alive(
        self, given: Server, registry: Registry
    ) -> None:
        """Such a run may have found it before, and copy it yet; nobody else finds it."""
        (draft,) = registry.reserve("draft")
        create_database(registry, draft)
        registry.publish(draft, Template("seedbed_template_x", "x", "{}"))
        other = open_registry(given.url(), given.url(DATABASE), "other", HERE)
        registry.forget("another")
        assert registry.template("x")
        registry.forget("x")
        registry.clean()
        assert there(registry, "seedbed_template_x")
        assert registry.template("x") is None
        other.end()
        other.close()
        registry.clean()
        assert not there(registry, "seedbed_template_x")


def test_a_run_on_a_given_server_says_that_it_is_alive(
    given: Server, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one whose tests never ask for a clone."""
    monkeypatch.setattr(heartbeat, "BEAT", 0.01)
    with psycopg.connect(given.url(DATABASE), autocommit=True) as listener:
        listener.execute("LISTEN beaten")
        listener.execute(
            "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN PERFORM pg_notify('beaten', NEW.id); RETURN NULL; END$$"
        )
        listener.execute(
            "CREATE TRIGGER told AFTER UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION told()"
        )
        folder = RunFolder.make()
        databases = Databases(folder, Wanted("url", given.url()))
        told = [each.payload for each in listener.notifies(timeout=SECONDS, stop_after=1)]
        databases.close()
        folder.let_go()
        listener.execute("DROP FUNCTION told CASCADE")
    assert told == [folder.name]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="is about Linux")
def test_a_process_that_nobody_has_collected_has_ended() -> None:
    """A zombie has a process id, and no future."""
    process = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert Lease.of(process.pid).born == ""
    process.wait()
