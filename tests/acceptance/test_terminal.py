"""The command line on a terminal: tables, colours, and the question that destroy asks."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.terminal import CTRL_C, on_terminal

pytestmark = pytest.mark.on_one_server

ESCAPE = "\x1b["


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

    def test_a_narrow_terminal_gets_whole_words(self, shop: Path, database: str) -> None:
        """Table and help alike: nothing is wider than the terminal, nothing is cut."""
        for arguments in (("plan", "development", "--database-url", database), ("apply", "--help")):
            code, shown = on_terminal(shop, *arguments, COLUMNS="40", NO_COLOR="1")
            lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines()]
            wide = [line for line in lines if len(line) > 40 and "://" not in line]
            assert (code, wide) == (0, [])
            assert "…" not in shown

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
        code, shown = on_terminal(
            shop, "destroy", "--database-url", database, "--no-backup", typed=f"{name}\n"
        )
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


class TestCleanAndReset:
    def test_the_name_is_asked_for_after_what_would_go_was_shown(
        self, shop: Path, database: str
    ) -> None:
        """Once, and not before it is known to be needed."""
        on_terminal(shop, "apply", "development", "--database-url", database)
        clean = ("apply", "development", "--database-url", database, "--clean", "--no-backup")
        code, shown = on_terminal(shop, *clean)
        assert (code, "The database's name" in shown) == (0, False), shown
        with psycopg.connect(database) as connection:
            connection.execute("INSERT INTO customers (email, name) VALUES ('x', 'Theirs')")
            name = connection.info.dbname
        code, shown = on_terminal(shop, *clean, typed=f"{name}\n")
        assert code == 0, shown
        assert "customers: 1 row that seedbed did not write" in shown
        assert shown.count("The database's name") == 1

    def test_a_reset_offers_a_backup(self, shop: Path, database: str) -> None:
        """No is an answer; everything else is there to be read before it is given."""
        on_terminal(shop, "apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            name = connection.info.dbname
        reset = ("reset", "--database-url", database, "--confirm", name)
        code, shown = on_terminal(shop, *reset, typed="n\n")
        assert code == 0, shown
        assert "Dropped" in shown
        assert "Created the 2 tables" in shown
