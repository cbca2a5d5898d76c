"""Questions to the person at the terminal; where nobody can answer, a refusal and never a wait."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from seedbed.errors import Refused, Unconfirmed
from seedbed.settings import runs_unattended


def can_ask() -> bool:
    """Tell whether somebody is there to answer: a terminal to read from and to write to, and no continuous integration."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not runs_unattended()


def name_said(confirm: str | None, what: str) -> str:
    """Return the database's name as it was said on the command line, else ask for it, see `ask_name`."""
    return confirm if confirm is not None else ask_name(what)


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
    line = _answer(f"The database's name, to {what}: ")
    if not line:
        problem = f"to {what} takes the database's name, and the input ended without it"
        raise Refused(problem, remedy=remedy)
    return line.strip()


def ask_yes(question: str) -> bool | None:
    """Ask for a yes, which a mere return is, too, or a no; None where the input ended. Only where `can_ask` says so.

    Args:
        question: a sentence.
    """
    while True:
        line = _answer(f"{question} [Y/n]: ")
        word = line.strip().lower()
        if not line or word in ("", "y", "yes", "n", "no"):
            return word[:1] != "n" if line else None


def _answer(question: str) -> str:
    """Return the line that is typed, with its end; nothing where the input ended."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


Done = TypeVar("Done")


def confirmed(step: Callable[[str | None], Done], said: str | None, what: str) -> Done:
    """Do a step; where it turns out that it takes the database's name, say why, ask for it, and do it again.

    Args:
        step: what to do; it gets the name, and refuses before it does anything where it takes one and there is none.
        said: what was said on the command line.
        what: what the name confirms, such as ``drop its tables``.
    """
    try:
        return step(said)
    except Unconfirmed as refusal:
        if said is not None or not can_ask():
            raise
        lines = [refusal.message, *(f"  - {finding}" for finding in refusal.findings)]
        print("\n".join(lines), file=sys.stderr)
        return step(ask_name(what))
