"""Questions to the person at the terminal; where nobody can answer, a refusal and never a wait."""

from __future__ import annotations

import sys

from seedbed.errors import Refused
from seedbed.settings import runs_unattended


def can_ask() -> bool:
    """Tell whether somebody is there to answer: a terminal to read from and to write to, and no continuous integration."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not runs_unattended()


def ask_name(what: str) -> str:
    """Ask for the database's name, which confirms something.

    Args:
        what: what it confirms, such as ``stamp it demo``.

    Raises:
        Refused: nobody can answer, or the input ended.
    """
    remedy = "Say it with --confirm DATABASE."
    if not can_ask():
        problem = f"to {what} takes the database's name, and there is no terminal to ask on"
        raise Refused(problem, remedy=remedy)
    print(f"The database's name, to {what}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        problem = f"to {what} takes the database's name, and the input ended without it"
        raise Refused(problem, remedy=remedy)
    return line.strip()
