"""The container backend, with a real Docker engine; where one is promised (SEEDBED_CONTAINERS=required), skipping is failing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from seedbed.servers.container import Container
from seedbed.servers.protocol import Unavailable

IMAGE = "seedbed-postgres:18"


@pytest.fixture(autouse=True, scope="module")
def _engine() -> None:
    """Make the image, or say why it cannot be had."""
    try:
        subprocess.run(["docker", "version"], capture_output=True, check=True)
        subprocess.run([".ci/container-image", IMAGE], check=True, cwd=Path(__file__).parents[2])
        Container(IMAGE).describe()
    except (OSError, subprocess.CalledProcessError, Unavailable) as reason:
        if os.environ.get("SEEDBED_CONTAINERS") == "required":
            raise
        pytest.skip(f"no container engine: {reason}")


@pytest.fixture
def contained(shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the project with the container backend chosen; Ryuk's image cannot be pulled in CI."""
    monkeypatch.setenv("SEEDBED_TEST_SERVER", "container")
    monkeypatch.setenv("SEEDBED_TEST_IMAGE", IMAGE)
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    return shop


def running() -> list[str]:
    """Return the ids of the containers of our image."""
    command = ["docker", "ps", "--quiet", "--no-trunc", "--filter", f"ancestor={IMAGE}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def until_gone(before: list[str]) -> None:
    deadline = time.monotonic() + 30
    while set(running()) - set(before):
        assert time.monotonic() < deadline, "the container is still there"
        time.sleep(0.05)


def test_tests_run_in_a_container_that_is_gone_afterwards(contained: pytest.Pytester) -> None:
    """On loopback only, in memory, without durability, with a password of its own; shared by two workers."""
    before = running()
    contained.makepyfile(
        """
        import json, subprocess
        import pytest

        @pytest.mark.parametrize("isolation", ["rollback", "clone"])
        @pytest.mark.parametrize("number", range(3))
        def test_in_container(seedbed, seedbed_session, seedbed_server, seedbed_psycopg, count, isolation, number):
            assert seedbed_server.kind == "container"
            assert "@127.0.0.1:" in seedbed.url and "postgres:postgres@" not in seedbed.url
            assert seedbed_psycopg.execute("SHOW fsync").fetchone() == ("off",)
            assert count(seedbed_session) == 2

        def test_mounts():
            said = subprocess.run(["docker", "ps", "-q", "--filter", "ancestor=seedbed-postgres:18"], capture_output=True, text=True)
            for one in said.stdout.split():
                facts = json.loads(subprocess.run(["docker", "inspect", one], capture_output=True).stdout)[0]
                assert "/seedbed-data" in facts["HostConfig"]["Tmpfs"]
                assert facts["HostConfig"]["PortBindings"]["5432/tcp"][0]["HostIp"] == "127.0.0.1"
        """
    )
    contained.runpytest_subprocess("-n", "2", "-q").assert_outcomes(passed=7)
    until_gone(before)


def test_a_killed_run_leaves_no_container(contained: pytest.Pytester) -> None:
    """SIGKILL: the keeper sees the leash end."""
    before = running()
    contained.makepyfile(
        """
        import os, signal
        def test_dies(seedbed_session): os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert contained.runpytest_subprocess("-q").ret == -signal.SIGKILL
    until_gone(before)


def test_auto_takes_the_container_first(
    contained: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is an engine and an image."""
    monkeypatch.setenv("SEEDBED_TEST_SERVER", "auto")
    contained.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'container'")
    result = contained.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["seedbed: PostgreSQL 18 container"])


def test_an_image_that_cannot_be_had_is_a_reason(contained: pytest.Pytester) -> None:
    """auto goes on to the embedded server, and says why."""
    contained.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'embedded'")
    options = ("--seedbed-server=auto", "--seedbed-image=seedbed.invalid/no:image")
    result = contained.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["seedbed: *embedded (container: the image*cannot be had*"])
