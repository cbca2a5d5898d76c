"""Throw-away servers: gone when their owner is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from seedbed.servers import Embedded, System, disposable
from seedbed.servers.launcher import LocalServer

HOLD = """
import sys
from seedbed.servers import choose, disposable
with disposable(choose(sys.argv[1]).backend) as server:
    print(server.place.root, flush=True)
    sys.stdin.read()
"""


def test_it_runs_for_a_block_and_leaves_nothing(backend: Embedded | System) -> None:
    """Neither the process nor the files stay."""
    with disposable(backend) as server:
        assert isinstance(server, LocalServer)
        found = server.running
        assert found is not None
    assert not server.place.root.exists()
    assert server.running is None


@pytest.mark.on_one_server
def test_it_ends_when_the_block_fails(backend: Embedded | System) -> None:
    """An exception is no way to keep a server."""
    with pytest.raises(ZeroDivisionError), disposable(backend) as server:
        1 / 0  # noqa: B018
    assert isinstance(server, LocalServer)
    assert not server.place.root.exists()


@pytest.mark.on_one_server
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_its_owner_is_killed(backend: Embedded | System, number: int) -> None:
    """The operating system closes the owner's end of a pipe, whatever ended the owner."""
    command = [sys.executable, "-c", HOLD, backend.name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as owner:
        root = Path(owner.stdout.readline().strip())
        assert (root / "data" / "postmaster.pid").exists()
        os.kill(owner.pid, number)
        owner.wait()
        while root.exists():
            pass


def test_nothing_is_flushed_or_kept(backend: Embedded | System) -> None:
    """Speed is what it is for."""
    names = ["fsync", "full_page_writes", "synchronous_commit", "autovacuum"]
    with disposable(backend) as server, psycopg.connect(server.url()) as connection:
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
    assert shown == [("off",)] * 4


def test_letters_beyond_ascii_have_cases_and_sort_by_code(backend: Embedded | System) -> None:
    """The same on every version and machine, whatever locales it has."""
    query = "SELECT lower('ÄÖŁ'), array(SELECT v FROM unnest(ARRAY['ä', 'Z', 'a']) v ORDER BY v)"
    with disposable(backend) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute(query).fetchone() == ("äöł", ["Z", "a", "ä"])
