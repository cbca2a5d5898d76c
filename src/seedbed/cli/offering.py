"""A backup before rows are taken away: said with an option, or offered to whoever sits at the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seedbed.cli.asking import ask_yes, can_ask
from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    from seedbed.options import BackupChoice

Done = TypeVar("Done")


def choice_of(backup: bool | None, folder: Path | None) -> BackupChoice:
    """Return what was said about a backup.

    Raises:
        InvalidInput: both that there is to be none and where it goes.
    """
    if backup is False and folder is not None:
        raise InvalidInput("--no-backup and --backup-dir exclude each other")
    return folder if folder is not None else backup


def offered(step: Callable[[BackupChoice], Done], choice: BackupChoice) -> Done:
    """Do a step; where it turns out that somebody has to say whether to make a backup first, ask, and do it again.

    Args:
        step: what to do; it gets the choice, and refuses before it does anything where there is none.
        choice: what was said on the command line.
    """
    from seedbed.backup import BackupUndecided

    try:
        return step(choice)
    except BackupUndecided as refusal:
        answer = ask_yes(f"{refusal.message}. Make one now?") if can_ask() else None
        if answer is None:
            raise
        return step(answer)
