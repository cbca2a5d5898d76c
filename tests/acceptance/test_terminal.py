"""The command line on a terminal: tables, colours, and the question that destroy asks."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ESCAPE = "\x1b["
QUESTION = b"The database's name"
CTRL_C = "\x03"


def on_terminal(folder: Path, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run seedbed on a terminal, type something once it asks; return its exit code and what was shown."""
    master, slave = pty.openpty()
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    shape = {"TERM": "xterm-256color", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "seedbed", *arguments]
    # The shell leads a new session, so the terminal it opens is its own, and Ctrl-C there reaches it.
    shell = ["/bin/sh", "-c", 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1', "sh"]
    with subprocess.Popen(
        [*shell, os.ttyname(slave), *command],
        cwd=folder,
        env={**variables, **shape},
        start_new_session=True,
    ) as process:
        shown = _answered(master, slave, process, typed)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def _answered(master: int, slave: int, process: subprocess.Popen[bytes], typed: str) -> bytes:
    shown = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.1)
        if not ready and process.poll() is not None:
            break
        if ready:
            shown += os.read(master, 65536)
        if typed and QUESTION in shown and (typed != CTRL_C or not ready):
            # A signal that comes between the question and the read behind it waits for that read to end. People press
            # Ctrl-C again when nothing happens; so do we.
            os.write(master, typed.encode())
            typed = typed if typed == CTRL_C else ""
    os.close(slave)
    os.close(master)
    return shown


class TestLooks:
    def test_a_table_is_drawn_and_coloured(self, shop: Path, database: str) -> None:
        """By rich, which is imported for this only."""
        code, shown = on_terminal(shop, "plan", "development", "--database-url", database)
        assert code == 0
        assert "─" in shown
        assert ESCAPE in shown

    @pytest.mark.parametrize("option", ["--no-color", "--quiet"])
    def test_no_color_and_quiet_leave_no_colours(
        self, shop: Path, database: str, option: str
    ) -> None:
        """For terminals, and people, that cannot make use of them."""
        code, shown = on_terminal(shop, "plan", "development", "--database-url", database, option)
        assert code == 0
        assert "\x1b[3" not in shown

    def test_json_stays_json(self, shop: Path, database: str) -> None:
        """Indented for people, without a table around it."""
        _, shown = on_terminal(shop, "plan", "development", "--database-url", database, "--json")
        assert '"profile": "development"' in shown
        assert "─" not in shown


class TestDestroy:
    def test_the_databases_name_is_asked_for(self, shop: Path, database: str) -> None:
        """And what is typed is what is confirmed."""
        on_terminal(shop, "apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            name = connection.info.dbname
        code, shown = on_terminal(shop, "destroy", "--database-url", database, typed=f"{name}\n")
        assert code == 0, shown
        assert "34 rows deleted" in shown

    def test_yes_is_not_a_name(self, shop: Path, database: str) -> None:
        """A confirmation is the database's name."""
        on_terminal(shop, "apply", "development", "--database-url", database)
        code, shown = on_terminal(shop, "destroy", "--database-url", database, typed="yes\n")
        assert code == 3, shown
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (23,)

    def test_ctrl_c_at_the_question_is_130(self, shop: Path, database: str) -> None:
        """One line, no traceback."""
        on_terminal(shop, "apply", "development", "--database-url", database)
        code, shown = on_terminal(shop, "destroy", "--database-url", database, typed=CTRL_C)
        assert code == 130, shown
        assert "Traceback" not in shown
