"""Errors say what to do in the command line's words; who called a Python function is told its words for the same."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from seedbed.errors import SeedbedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

IN_PYTHON = {
    "--adopt": "adopt=True",
    "--backup": "backup=True",
    "--clean": "clean=True",
    "--confirm": "confirm='DATABASE'",
    "--database-url": "the URL",
    "--drop-old": "drop_old=True",
    "--end-sessions": "end_sessions=True",
    "--environment": "environment='NAME'",
    "--from": "origin='ENVIRONMENT'",
    "--keep": "keep=N",
    "--keep-days": "keep_days=N",
    "--keep-edits": "edits='keep'",
    "--no-backup": "backup=False",
    "--no-create": "create=False",
    "--no-owner": "owners=False",
    "--only": "only=[...]",
    "--overwrite-edits": "edits='overwrite'",
    "--save": "save='FILE'",
    "--skip": "skip=[...]",
}
"""The command line's options that errors name, as arguments of the Python functions."""

_OPTION = re.compile(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*")


def told_in_python(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a public function whose errors carry a note where they name options: what those are in Python."""

    @functools.wraps(function)
    def call(*args: Arguments.args, **more: Arguments.kwargs) -> Result:
        """Call it."""
        try:
            return function(*args, **more)
        except SeedbedError as error:
            named = dict.fromkeys(_OPTION.findall(f"{error}"))
            words = [f"{option} is {IN_PYTHON[option]}" for option in named if option in IN_PYTHON]
            if words:
                error.add_note(f"In Python, {', '.join(words)}.")
            raise

    return call
