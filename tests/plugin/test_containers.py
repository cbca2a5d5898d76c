"""The container backend, with a real Docker engine; where one is promised (SEEDBED_CONTAINERS=required), skipping is failing.

Ryuk's image cannot be pulled in CI: "with Ryuk" is with .ci/reaper-image, a stand-in that speaks its protocol.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from seedbed.servers.container import Container
from seedbed.servers.protocol import Unavailable
from tests.plugin.conftest import write
from tests.plugin.test_runs import db

IMAGE, REAPER = "seedbed-postgres:18", "seedbed-reaper:1"
SECONDS = 180

WHEREABOUTS = """
    import json, re, subprocess

    def note(seedbed):
        "Write down which container the test is in, and who keeps it."
        port = re.search(r":(\\d+)/", seedbed.dsn)[1]
        query = ["docker", "ps", "--quiet", "--no-trunc", "--filter", f"publish={port}"]
        name = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
        facts = json.loads(subprocess.run(["docker", "inspect", name], capture_output=True).stdout)[0]
        with open("container.json", "w") as file:
            json.dump(facts, file)
        return facts

    def keeper(facts):
        return json.loads(facts["Config"]["Labels"]["seedbed.keeper"])["pid"]
"""


@pytest.fixture(autouse=True, scope="module")
def _engine() -> None:
    """Make the images, or say why they cannot be had."""
    root = Path(__file__).parents[2]
    try:
        subprocess.run(["docker", "version"], capture_output=True, check=True)
        subprocess.run([".ci/container-image", IMAGE], check=True, cwd=root)
        subprocess.run([".ci/reaper-image", REAPER], check=True, cwd=root)
        Container(IMAGE, glance=True).describe()
    except (OSError, subprocess.CalledProcessError, Unavailable) as reason:
        if os.environ.get("SEEDBED_CONTAINERS") == "required":
            raise
        pytest.skip(f"no container engine: {reason}")


class Engine:
    """The Docker engine, asked by its own API."""

    def __init__(self) -> None:
        self.client = docker.from_env()

    def wait_for_removal(self, container: str) -> None:
        """Return when a container is gone; the engine answers when it is."""
        with suppress(docker.errors.NotFound):
            self.client.api.wait(container, timeout=SECONDS, condition="removed")

    def exists(self, container: str) -> bool:
        """Say whether a container is there, running or not."""
        return bool(self.client.containers.list(all=True, filters={"id": container}))


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.client.close()


@pytest.fixture
def contained(shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the project with the container backend chosen, without Ryuk."""
    monkeypatch.setenv("SEEDBED_TEST_SERVER", "container")
    monkeypatch.setenv("SEEDBED_TEST_IMAGE", IMAGE)
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    write(shop, {"whereabouts.py": WHEREABOUTS})
    return shop


@pytest.fixture
def reaped(contained: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the same with (the stand-in for) Ryuk."""
    monkeypatch.delenv("TESTCONTAINERS_RYUK_DISABLED")
    monkeypatch.setenv("RYUK_CONTAINER_IMAGE", REAPER)
    monkeypatch.setenv("RYUK_RECONNECTION_TIMEOUT", "1s")
    return contained


@pytest.fixture(params=["contained", "reaped"], ids=["without Ryuk", "with Ryuk"])
def either(request: pytest.FixtureRequest) -> pytest.Pytester:
    """Return the project with and without Ryuk."""
    project: pytest.Pytester = request.getfixturevalue(request.param)
    return project


def noted(project: pytest.Pytester) -> dict[str, str]:
    """Return the ids of the container that a test wrote down, and of its reaper's name."""
    facts = json.loads((project.path / "container.json").read_text())
    session = facts["Config"]["Labels"]["org.testcontainers.session-id"]
    return {"container": facts["Id"], "reaper": f"testcontainers-ryuk-{session}"}


def test_two_workers_share_a_container_that_is_gone_afterwards(
    either: pytest.Pytester, engine: Engine
) -> None:
    """On loopback only, in memory, without durability, with a password of its own."""
    either.makepyfile(
        """
        import pytest
        from whereabouts import note

        @pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone"])
        @pytest.mark.parametrize("number", range(2))
        def test_rows(seedbed, seedbed_session, count, number, seedbed_isolation):
            assert seedbed.isolation == seedbed_isolation
            assert count(seedbed_session) == 2

        def test_container(seedbed, seedbed_server, seedbed_psycopg):
            assert seedbed_server.kind == "container"
            assert "@127.0.0.1:" in seedbed.url and "postgres:postgres@" not in seedbed.url
            assert seedbed_psycopg.execute("SHOW fsync").fetchone() == ("off",)
            facts = note(seedbed)["HostConfig"]
            assert "/seedbed-data" in facts["Tmpfs"]
            assert facts["PortBindings"]["5432/tcp"][0]["HostIp"] == "127.0.0.1"
        """
    )
    either.runpytest_subprocess("-n", "2", "-q").assert_outcomes(passed=5)
    for name in noted(either).values():
        engine.wait_for_removal(name)


def test_a_markers_image_is_a_server_beside_the_runs_own(
    contained: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    """Shared by the workers; it stays when a test's database there is kept, and the run's own does not."""
    monkeypatch.setenv("SEEDBED_TEST_SERVER", "embedded")
    contained.makepyfile(
        f"""
        import pytest
        from whereabouts import note

        @pytest.mark.parametrize("number", range(2))
        def test_own(seedbed, number): assert seedbed.server.kind == "embedded"

        @pytest.mark.seedbed(image="{IMAGE}", keep="failed")
        class TestContained:
            def test_kept(self, seedbed, seedbed_session, count):
                assert (seedbed.server.kind, count(seedbed_session)) == ("container", 2)
                assert not note(seedbed)

            def test_fine(self, seedbed): assert seedbed.server.kind == "container"
        """
    )
    contained.runpytest_subprocess("-q", "-n", "2").assert_outcomes(passed=3, failed=1)
    name = noted(contained)["container"]
    assert engine.exists(name)
    assert db("clean").count("removed") == 1
    engine.wait_for_removal(name)


def test_a_killed_run_leaves_no_container(either: pytest.Pytester, engine: Engine) -> None:
    """SIGKILL: the keeper sees the leash end."""
    either.makepyfile(
        """
        import os, signal
        from whereabouts import note

        def test_dies(seedbed):
            note(seedbed)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert either.runpytest_subprocess("-q").ret == -signal.SIGKILL
    for name in noted(either).values():
        engine.wait_for_removal(name)


KILLS_EVERYBODY = """
    import os, signal
    from whereabouts import keeper, note

    def test_dies(seedbed):
        os.kill(keeper(note(seedbed)), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_ryuk_removes_what_a_killed_keeper_leaves(reaped: pytest.Pytester, engine: Engine) -> None:
    """Neither the run nor its keeper is there to do it."""
    reaped.makepyfile(KILLS_EVERYBODY)
    assert reaped.runpytest_subprocess("-q").ret == -signal.SIGKILL
    for name in noted(reaped).values():
        engine.wait_for_removal(name)


def test_without_ryuk_the_next_run_removes_what_a_killed_keeper_left(
    contained: pytest.Pytester, engine: Engine
) -> None:
    """By the lease in the container's label, which names a process that has ended."""
    contained.makepyfile(test_dies=KILLS_EVERYBODY, test_lives="def test_x(seedbed_server): pass")
    assert contained.runpytest_subprocess("-q", "test_dies.py").ret == -signal.SIGKILL
    left = noted(contained)["container"]
    assert engine.exists(left)
    contained.runpytest_subprocess("-q", "test_lives.py").assert_outcomes(passed=1)
    assert not engine.exists(left)


def test_a_kept_database_keeps_its_container_until_it_is_cleaned(
    reaped: pytest.Pytester, engine: Engine
) -> None:
    """Ryuk does not take it: the keeper stays connected to both."""
    reaped.makepyfile(
        """
        from whereabouts import note

        def test_fails(seedbed):
            assert not note(seedbed)
        """
    )
    reaped.runpytest_subprocess("-q", "--seedbed-keep=failed").assert_outcomes(failed=1)
    names = noted(reaped)
    assert engine.exists(names["container"])
    program = [sys.executable, "-m", "seedbed", "test-db", "clean"]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert said.startswith("removed seedbed_clone_")
    for name in names.values():
        engine.wait_for_removal(name)


class TestAuto:
    def test_takes_the_container_first(
        self, contained: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where there is an engine and an image."""
        monkeypatch.setenv("SEEDBED_TEST_SERVER", "auto")
        contained.makepyfile(
            "def test_x(seedbed_server): assert seedbed_server.kind == 'container'"
        )
        result = contained.runpytest_subprocess()
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["seedbed: PostgreSQL 18 container"])

    @pytest.mark.parametrize("lacking", ["SEEDBED_TEST_IMAGE", "RYUK_CONTAINER_IMAGE"])
    def test_goes_on_where_an_image_cannot_be_had(
        self, reaped: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, lacking: str
    ) -> None:
        """The header is printed before anything is pulled; what was taken instead, and why, is told at the end."""
        monkeypatch.setenv("SEEDBED_TEST_SERVER", "auto")
        monkeypatch.setenv(lacking, "seedbed.invalid/no:image")
        reaped.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'embedded'")
        result = reaped.runpytest_subprocess()
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                "seedbed: PostgreSQL * container*",
                "seedbed: PostgreSQL * embedded (container: the image seedbed.invalid/no:image cannot be had*",
            ]
        )
