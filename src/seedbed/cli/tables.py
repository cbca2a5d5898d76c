"""Tables for people: aligned in plain text, drawn on a terminal, and stacked where a terminal is too narrow for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seedbed.cli.folding import fold

if TYPE_CHECKING:
    from rich.console import Console

NOTHING = "·"
"""What a zero is shown as."""

GAP = 2
"""The blanks between two columns of plain text."""

DRAWN_GAP, DRAWN_EDGES = 3, 2
"""What rich's table takes between two columns, and outside of them."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's texts.

    Attributes:
        rows: a text per column.
        right: which columns hold numbers, and are aligned to the right.
        total: whether the last row sums up the others.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    total: bool = False

    @property
    def wide(self) -> list[int]:
        """How wide each column wants to be."""
        return [max(map(len, column)) for column in self._columns()]

    @property
    def narrow(self) -> list[int]:
        """How wide each column has to be: its longest word; a number is one."""
        return [
            max(len(word) for text in column for word in ([text] if on else text.split() or [""]))
            for column, on in zip(self._columns(), self.right, strict=True)
        ]

    def filled(self) -> Grid:
        """Return the table without the columns of numbers that are zero everywhere."""
        kept = [
            number
            for number, column in enumerate(self._columns())
            if not self.right[number] or set(column[1:]) != {NOTHING}
        ]
        return replace(
            self,
            headers=tuple(self.headers[number] for number in kept),
            rows=tuple(tuple(row[number] for number in kept) for row in self.rows),
            right=tuple(self.right[number] for number in kept),
        )

    def widths(self, width: int) -> list[int] | None:
        """Return how wide the columns are drawn in a given width, None where that cuts words."""
        found, least = self.wide, self.narrow
        room = width - DRAWN_EDGES - DRAWN_GAP * (len(found) - 1)
        if sum(least) > room:
            return None
        while sum(found) > room:
            _, number = max((w, n) for n, w in enumerate(found) if w > least[n])
            found[number] -= 1
        return found

    def _columns(self) -> list[tuple[str, ...]]:
        return list(zip(self.headers, *self.rows, strict=True))


def grid(
    headers: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str], *, total: bool
) -> Grid:
    """Return values as texts; a zero in a column of numbers is a dot."""
    right = tuple(header in numbers for header in headers)
    texts = tuple(
        tuple(_shown(value, on) for value, on in zip(row, right, strict=True)) for row in rows
    )
    return Grid(tuple(headers), texts, right, total)


def plain(table: Grid) -> str:
    """Return a table as lines of text."""
    return "\n".join(
        (" " * GAP)
        .join(
            cell.rjust(width) if on else cell.ljust(width)
            for cell, width, on in zip(row, table.wide, table.right, strict=True)
        )
        .rstrip()
        for row in (table.headers, *table.rows)
    )


def draw(table: Grid, console: Console) -> None:
    """Print a table on a terminal: without what is zero everywhere, or row below row, where it does not fit."""
    for form in (table, table.filled()):
        widths = form.widths(console.width)
        if widths is not None:
            _draw(form, widths, console)
            return
    _stack(table.filled(), console)


def _draw(table: Grid, widths: Sequence[int], console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header, on, width in zip(table.headers, table.right, widths, strict=True):
        drawn.add_column(header, justify="right" if on else "left", width=width)
    for number, row in enumerate(table.rows, 1):
        style = "bold" if table.total and number == len(table.rows) else ""
        drawn.add_row(*(Text(cell, style="dim" if cell == NOTHING else style) for cell in row))
    console.print(drawn)


def _stack(table: Grid, console: Console) -> None:
    """Print each row as a heading and a line per column that has something to say."""
    from rich.text import Text

    names = table.headers[1:]
    margin = max(map(len, names), default=0)
    for row in table.rows:
        console.print(Text(fold(row[0], console.width), style="bold"))
        for name, cell in zip(names, row[1:], strict=True):
            if cell not in ("", NOTHING):
                console.print(Text(fold(f"  {name:{margin}}  {cell}", console.width)))


def _shown(value: object, number: bool) -> str:
    if number and value == 0:
        return NOTHING
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
