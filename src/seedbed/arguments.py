"""The arguments of the Python functions, looked at before anything is done: nothing that is misspelt is passed over.

mypy and editors say the same of most of it beforehand, by the functions' signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from decimal import Decimal
from numbers import Real
from pathlib import Path

from seedbed.environment import Patterns, read_patterns
from seedbed.errors import InvalidInput, nearest
from seedbed.project import Project, find_project
from seedbed.settings import Said

EDITS = ("refuse", "keep", "overwrite")

INSTEAD = {
    "dry_run": "call seedbed.plan(), which writes nothing",
    "database_url": "the URL is an argument without a name",
    "keep_edits": "say edits='keep'",
    "overwrite_edits": "say edits='overwrite'",
    "no_create": "say create=False",
    "no_wait": "say wait=False",
    "no_backup": "say backup=False",
    "backup_dir": "say backup='DIR'",
}
"""What to say in Python for options that only the command line has."""


def known_only(function: str, given: Collection[str], known: Sequence[str]) -> None:
    """Make sure that all keyword arguments are known, as Python does for functions that name theirs one by one.

    Args:
        function: the function's name, for the message.
        given: the arguments' names.
        known: those there are.

    Raises:
        TypeError: one is not; the nearest, or what does it in Python, is named.
    """
    for name in given:
        if name not in known:
            instead = INSTEAD.get(name) or nearest(name, known)
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}: {instead}")


def check(**given: object) -> None:
    """Make sure that arguments can be what they are said to be.

    Raises:
        InvalidInput: one cannot.
    """
    for name, value in given.items():
        if name == "edits" and value not in EDITS:
            raise InvalidInput(f"edits={value!r}: {nearest(str(value), EDITS)}")
        fits, wanted = _RULES.get(name, (_anything, ""))
        if not fits(value):
            raise InvalidInput(f"{name}={value!r}: must be {wanted}")


def project_of(project: Project | str | Path | None) -> Project:
    """Return the project that is meant: a folder's, by default the current one's.

    Raises:
        InvalidInput: it is neither a project nor a folder, or its configuration is broken.
    """
    check(project=project)
    if isinstance(project, Project):
        return project
    return find_project(None if project is None else Path(project))


def what_is_said(
    project: Project | str | Path | None, environment: str | Said | None
) -> tuple[Said | None, Patterns]:
    """Return what a database is said to be for, and what the project says of names.

    Args:
        project: see `project_of`.
        environment: what this caller says of the database.
    """
    settings = project_of(project).settings
    return settings.operator_says(environment), read_patterns(settings.environments)


def _anything(_: object) -> bool:
    return True


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool)


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_names(value: object) -> bool:
    return (
        isinstance(value, Collection)
        and not isinstance(value, str)
        and all(isinstance(name, str) for name in value)
    )


def _is(*kinds: type) -> Callable[[object], bool]:
    return lambda value: value is None or isinstance(value, kinds)


_FLAG = _is_flag, "True or False"
_NAMES = _is_names, "a list of tables' names, such as ['notes']"
_SECONDS = _is_number_or_none, "a number of seconds, 0 for no limit"
_WORD = _is(str, Said), "a text, such as 'development'"

_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "as_of": (_is(date, str), "a datetime, a date, an ISO text or 'now'"),
    "scale": (_is_number, "a number above 0"),
    "seed": (
        lambda value: _is(str, int)(value) and not _is_flag(value),
        "a text or a whole number",
    ),
    "environment": _WORD,
    "origin": _WORD,
    "confirm": (_is(str), "the database's name"),
    "only": _NAMES,
    "skip": _NAMES,
    "backup": (_is(bool, str, Path), "True, False or a folder"),
    "lock_timeout": _SECONDS,
    "statement_timeout": _SECONDS,
    "connect_timeout": _SECONDS,
    "project": (_is(Project, str, Path), "a folder"),
    "out": (_is(str, Path), "a folder"),
    "keep": (_is_number_or_none, "a whole number"),
    "keep_days": (_is_number_or_none, "a number of days"),
    "save": (_is(str, Path), "a file"),
    "plan": (_is(str, Path), "a file"),
    "file": (lambda value: isinstance(value, str | Path), "a file"),
    **dict.fromkeys(
        (
            "minimal",
            "adopt",
            "create",
            "clean",
            "detail",
            "wait",
            "drop_old",
            "owners",
            "end_sessions",
        ),
        _FLAG,
    ),
}
"""By argument: what tells whether a value will do, and what would."""
