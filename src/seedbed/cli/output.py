"""What a command prints, and where: results on standard output, everything else on standard error.

With ``--json`` standard output holds one JSON object and nothing else. Rich is imported on a terminal only: it takes longer to
import than a small apply takes to run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from seedbed.cli.folding import folded
from seedbed.cli.tables import draw, grid, plain

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Output:
    """How this run speaks.

    Attributes:
        json: one JSON object on standard output instead of tables and text.
        quiet: nothing but errors, and the JSON object where one was asked for.
        color: colours on a terminal.
    """

    json: bool = False
    quiet: bool = False
    color: bool = True

    @property
    def terminal(self) -> bool:
        """Whether people read the result as it comes."""
        return sys.stdout.isatty() and not self.json

    @property
    def progress(self) -> bool:
        """Whether a progress bar has somewhere to go."""
        return sys.stderr.isatty() and not self.quiet

    def note(self, text: str) -> None:
        """Tell something about the run."""
        if not self.quiet:
            print(folded(text, sys.stderr), file=sys.stderr)

    def text(self, text: str = "") -> None:
        """Print part of the result for people."""
        if not self.json and not self.quiet:
            print(folded(text, sys.stdout))

    def document(self, value: Mapping[str, object]) -> None:
        """Print the result for programs."""
        if self.json:
            print(json.dumps(value, indent=2 if sys.stdout.isatty() else None, default=str))

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        numbers: Sequence[str] = (),
        total: bool = False,
    ) -> None:
        """Print a table for people.

        Args:
            headers: the columns' names.
            rows: a value per column.
            numbers: the columns to align to the right; a zero in them is shown as a dot.
            total: whether the last row sums up the others.
        """
        if self.json or self.quiet:
            return
        found = grid(headers, rows, numbers, total=total)
        if self.terminal:
            draw(found, self.console(sys.stdout))
        else:
            print(plain(found))

    def console(self, stream: TextIO) -> Console:
        """Return rich's console on a stream."""
        from rich.console import Console

        return Console(file=stream, no_color=not self.color or None, highlight=False)
