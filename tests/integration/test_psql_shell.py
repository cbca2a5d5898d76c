"""`seedbed db shell`: this process becomes psql."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedbed.errors import InvalidInput
from seedbed.servers import Server, psql
from seedbed.servers.launcher import LocalServer

SHELL = "import os; from seedbed.servers import shell; shell(os.environ.pop('SHELL_URL'))"


def session(url: str, typed: str) -> str:
    command, variables = [sys.executable, "-c", SHELL], {**os.environ, "SHELL_URL": url}
    answer = subprocess.run(
        command, input=typed, capture_output=True, text=True, check=True, env=variables
    )
    return answer.stdout


def test_it_is_a_session_on_that_database(server: Server) -> None:
    """What is typed goes to psql, and its exit code comes back."""
    assert "42" in session(server.url(), "SELECT 6 * 7;\n")


def test_a_password_reaches_psql_but_no_argument_list(server: Server) -> None:
    """Fault 57: everybody on the machine can read arguments."""
    assert isinstance(server, LocalServer)
    password = server.place.password
    url = server.tcp_url().partition("?")[0].replace("postgres@", f"postgres:{password}@")
    shown = session(url, "SELECT 6 * 7;\n\\! tr '\\0' ' ' < /proc/$PPID/cmdline\n")
    assert "42" in shown
    assert "host=127.0.0.1" in shown
    assert password not in shown


def test_without_a_psql_on_the_path_the_wheels_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine with nothing installed still gets its shell."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(psql()).parent.parent.name == "pginstall"


def test_without_any_psql_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line and a remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("seedbed.servers.client.BACKENDS", ())
    with pytest.raises(InvalidInput, match="no psql"):
        psql()
