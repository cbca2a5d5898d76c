"""The end of a run, where nothing that goes wrong is worth a failed run: its result is its tests'."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seedbed.blame import summary
from seedbed.errors import SeedbedError


@contextmanager
def attempting(problems: list[str], what: str) -> Iterator[None]:
    """Do something at a run's end; what goes wrong is written down in one line.

    Args:
        problems: where it is written down.
        what: what was not done then, for people.
    """
    try:
        yield
    except Exception as error:  # whatever it is
        why = " ".join(str(error).split()) if isinstance(error, SeedbedError) else summary(error)
        line = f"{what}: {why}"
        if line not in problems:
            problems.append(line)
