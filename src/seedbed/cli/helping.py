"""The commands' help on a narrow terminal: what an option does stands below its name, and no word is cut."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

LEAST, USUAL = 20, 50
"""How narrow the help gets, and how narrow typer's own does."""

BESIDE = 30
"""How wide what is beside a name has to be."""

_Base: Any = typer.Context.formatter_class


class _Formatter(_Base):  # type: ignore[misc]  # typer does not export it
    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        columns = shutil.get_terminal_size().columns - 2
        narrow = max(columns, LEAST) if columns < USUAL else None
        super().__init__(indent_increment, width or narrow, max_width)

    def write_dl(
        self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names and what they mean: side by side, or on a narrow terminal one below the other."""
        names = min(max((len(name) for name, _ in rows), default=0), col_max)
        room = self.width - names - col_spacing - 2
        super().write_dl(rows, col_max if room >= BESIDE else 2, col_spacing)


class _Context(typer.Context):
    formatter_class = _Formatter


class _Command(TyperCommand):
    context_class = _Context


class _Group(TyperGroup):
    context_class = _Context


def fold_help(app: typer.Typer) -> None:
    """Have all commands of an app, and of its groups, write their help so."""
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            fold_help(group.typer_instance)
