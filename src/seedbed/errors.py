"""Everything seedbed can say no with: one root, and a class for each exit code.

An error carries what was looked at, why it is wrong and what to do about it, as attributes for programs and as text for people.
The text never holds a password or the content of a row that the database quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "DatabaseFailure",
    "Drift",
    "Finding",
    "Interrupted",
    "InvalidInput",
    "Locked",
    "OutcomeUnknown",
    "Refused",
    "SeedbedError",
    "Unconfirmed",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where.

    Attributes:
        where: file and line, row label, table and column: whatever leads a person to the place.
        problem: why it is wrong, in one clause.
        remedy: what to do about it, or an empty string where the problem says it all.
    """

    where: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{text} ({self.remedy})" if self.remedy else text


class SeedbedError(Exception):
    """seedbed could not do what was asked.

    Args:
        message: one sentence: what was looked at and why it is wrong; the class's docstring by default.
        remedy: what to do about it.
        findings: the single places, where there are several; all of them, never only the first.
    """

    exit_code = 1

    def __init__(
        self, message: str | None = None, *, remedy: str = "", findings: Sequence[Finding] = ()
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = remedy
        self.findings = tuple(findings)
        super().__init__(self.message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {finding}" for finding in self.findings)]
        if self.remedy:
            lines.append(self.remedy)
        return "\n".join(lines)


class InvalidInput(SeedbedError):
    """The profile, a seed file, an option or the schema is not valid."""

    exit_code = 2


class Refused(SeedbedError):
    """The guard refused: this database must not be written to."""

    exit_code = 3


class Unconfirmed(Refused):
    """The database's name has not been said once more, and this takes it."""


class Drift(SeedbedError):
    """The database differs from what the profile says, and nobody said what to do about it."""

    exit_code = 4


class Locked(SeedbedError):
    """Another run holds the lock."""

    exit_code = 5


class DatabaseFailure(SeedbedError):
    """The database reported an error; everything was rolled back."""

    exit_code = 6


class OutcomeUnknown(SeedbedError):
    """The connection broke during COMMIT and the outcome could not be asked for."""

    exit_code = 7


class Interrupted(SeedbedError):
    """Interrupted; everything was rolled back."""

    def __init__(self, message: str | None = None, *, signal_number: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``did you mean 'x'?`` for the known name closest to a wrong one, or the list of known names."""
    import difflib  # slow to import for a function only errors call

    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(sorted(known))}" if known else "there are none"


def so_many_rows(count: int) -> str:
    """Return a number of rows, for people."""
    return "1 row" if count == 1 else f"{count} rows"
