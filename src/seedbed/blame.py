"""Whose mistake an exception is: the file and line of a project's own code, out of a traceback."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedbed.errors import InvalidInput, SeedbedError
from seedbed.url import without_passwords

_OURS = Path(__file__).parent
_INSTALLED = {"site-packages", "dist-packages"}


@contextmanager
def blaming(root: Path, doing: str) -> Iterator[None]:
    """Report what a project's code raises as that code's error, with its file and line, without a traceback.

    An exception that passed through none of the project's lines is seedbed's own and goes on unchanged.

    Args:
        root: the project's folder.
        doing: what was being done, such as ``importing the module profiles``.

    Raises:
        InvalidInput: the project's code raised; the exception is the cause.
    """
    try:
        yield
    except SeedbedError:
        raise
    except (Exception, SystemExit) as error:
        place = place_in(root, error)
        if place is None:
            raise
        raise InvalidInput(
            f"{place}: {summary(error)}", remedy=f"It was raised while {doing}."
        ) from error


def place_in(root: Path, error: BaseException) -> str | None:
    """Return ``file:line`` of the innermost line below a folder that an exception passed, None for none."""
    if isinstance(error, SyntaxError) and error.filename and is_theirs(root, error.filename):
        return f"{_shown(root, error.filename)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if is_theirs(root, frame.filename):
            return f"{_shown(root, frame.filename)}:{frame.lineno}"
    return None


def summary(error: BaseException) -> str:
    """Return an exception as one line: its type and the first line of its text, without the passwords in it."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first = without_passwords(text.strip().splitlines()[0]) if text.strip() else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def is_theirs(root: Path, filename: str) -> bool:
    """Tell whether a file is the project's own code: below its folder, not installed there, not seedbed's."""
    file = Path(filename)
    if not file.is_relative_to(root) or _INSTALLED & set(file.relative_to(root).parts):
        return False
    # In a checkout of seedbed the engine lies below the payroll project's root; in a wheel the project lies in the engine.
    return root.is_relative_to(_OURS) or not file.is_relative_to(_OURS)


def _shown(root: Path, filename: str) -> str:
    return str(Path(filename).relative_to(root))
