"""What is printed on a terminal fits its width, and no word is cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from seedbed.cli.folding import fold
from seedbed.cli.tables import draw, grid

HEADERS = ("table", "create", "update", "prune")
ROWS = [("people.Branch Office", 1_234, 0, 0), ("categories", 0, 0, 2), ("total", 1_234, 0, 2)]


def drawn(width: int) -> str:
    """Return the table as a terminal of a width shows it."""
    console = Console(file=io.StringIO(), width=width)
    draw(grid(HEADERS, ROWS, HEADERS[1:], total=True), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class TestTables:
    def test_where_there_is_room_every_column_is_shown(self) -> None:
        """Also those that are zero everywhere."""
        assert drawn(80).split()[:4] == list(HEADERS)

    def test_columns_that_are_zero_everywhere_go_first(self) -> None:
        """The others keep their place, and the name is folded between its words."""
        shown = drawn(40)
        assert shown.split()[:3] == ["table", "create", "prune"]

    def test_what_does_not_fit_stands_row_below_row(self) -> None:
        """With what there is to say."""
        lines = [line.rstrip() for line in drawn(22).splitlines()]
        assert lines[:4] == ["people.Branch Office", "  create  1,234", "categories", "  prune   2"]

    @pytest.mark.parametrize("width", range(20, 90, 7))
    def test_no_word_is_cut_and_no_line_too_long(self, width: int) -> None:
        """At any width."""
        shown = drawn(width)
        words = {word for row in ROWS for word in str(row[0]).split()}
        assert words <= set(shown.split())
        assert max(map(len, shown.splitlines())) <= width


class TestLines:
    def test_lines_are_folded_below_their_second_column(self) -> None:
        """Where there is one, and room."""
        line = "Environment  demo (by postgres on 2026-11-21 15:25)"
        assert fold(line, 40) == "Environment  demo (by postgres on\n             2026-11-21 15:25)"

    def test_what_has_no_blank_is_not_broken(self) -> None:
        """A URL is copied as one."""
        url = "postgresql://postgres@localhost:5432/" + "x" * 40
        assert url in fold(f"Database     {url}", 40).split("\n")[1]

    def test_a_line_that_fits_stays(self) -> None:
        """As it is, blanks at its end included."""
        assert fold("as it is  ", 10) == "as it is  "
