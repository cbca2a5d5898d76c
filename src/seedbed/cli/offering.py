"""A backup before rows are taken away: said with an option, or offered to whoever sits at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from seedbed.cli.asking import can_ask

BackupFirst = Annotated[
    bool | None,
    typer.Option(
        "--backup/--no-backup",
        help="Make a backup first, in ./backups, or go without. One of them must be said, unless seedbed created the database.",
        show_default=False,
    ),
]

Done = TypeVar("Done")


def offered(step: Callable[[bool | Path | None], Done], choice: bool | Path | None) -> Done:
    """Do a step; where it turns out that somebody has to say whether to make a backup first, ask, and do it again.

    Args:
        step: what to do; it gets the choice, and refuses before it does anything where there is none.
        choice: what was said on the command line.
    """
    from seedbed.backup import BackupUndecided

    try:
        return step(choice)
    except BackupUndecided as refusal:
        if not can_ask():
            raise
        return step(typer.confirm(f"{refusal.message}. Make one now?", default=True, err=True))
