"""What the plugin can be told, and where: one table, and one function that makes one frozen value of it.

A marker wins over the command line, that over the environment, that over the ini file. Option ``name`` is ``--seedbed-name``,
``SEEDBED_TEST_NAME`` and ``seedbed_name``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

import pytest

from seedbed.errors import InvalidInput, nearest
from seedbed.settings import test_variable

SERVERS = ("auto", "url", "container", "embedded", "system")
ISOLATIONS = ("rollback", "clone", "shared")
KEEPS = ("none", "failed", "all")


@dataclass(frozen=True, slots=True)
class Option:
    """One thing the plugin can be told.

    Attributes:
        name: with an underscore between words.
        help: for ``pytest --help``.
        default: what holds when nobody says anything; its type is the option's.
        choices: the texts it may be; nothing for any.
        marked: whether a test's marker may say it, too; the others are about a run's beginning or end.
    """

    name: str
    help: str
    default: str | float | bool | None = None
    choices: tuple[str, ...] = ()
    marked: bool = True

    @property
    def flag(self) -> str:
        """The command line's name for it."""
        return f"--seedbed-{self.name.replace('_', '-')}"

    def read(self, value: object, origin: str) -> Any:
        """Return a value of the option's own type.

        Raises:
            InvalidInput: it is none.
        """
        if isinstance(self.default, bool):
            return _yes(value, origin)
        if isinstance(self.default, (int, float)):
            try:
                number = type(self.default)(str(value))
            except ValueError:
                raise InvalidInput(f"{origin}: {value!r} is not a number") from None
            if self.name == "scale" and not 0 < number < math.inf:
                raise InvalidInput(f"{origin}: {value!r} is not a number above 0")
            if number < 0:
                raise InvalidInput(f"{origin}: {value!r} is below 0")
            return number
        if not isinstance(value, (str, int, date, PurePath)) or isinstance(value, bool):
            several = isinstance(value, (list, tuple)) and self.name == "schema"
            remedy = "Say several files as one text, with blanks between them." if several else ""
            raise InvalidInput(f"{origin}: {value!r} is no text", remedy=remedy)
        text = value if isinstance(value, date) else str(value)
        if self.name == "as_of":
            return _moment(text, origin)
        if self.choices and text not in self.choices:
            known = nearest(str(text), self.choices)
            raise InvalidInput(f"{origin}: {text!r} is no value of {self.name}: {known}")
        return text


OPTIONS = (
    Option("server", "where the server comes from", "auto", SERVERS),
    Option("url", "a given server: a URL on this machine, or on a host given by --seedbed-hosts"),
    Option("hosts", "hosts beside this machine where --seedbed-url may lead, comma-separated", ""),
    Option(
        "image",
        "the container's image; in a marker, a choice of the container",
        "postgres:18-alpine",
    ),
    Option(
        "profile",
        "which rows the database holds; none for the tables alone (default: testing, or none where there are no profiles)",
    ),
    Option("isolation", "how tests are kept apart", "rollback", ISOLATIONS),
    Option(
        "as_of",
        "the moment the rows are made for (default: the profile's, else today's first)",
    ),
    Option("scale", "what the profile's counts are multiplied by", 1.0),
    Option("seed", "another seed makes other rows of the same shape"),
    Option("minimal", "only the hand-picked rows", False),
    Option(
        "schema",
        "where the tables come from, if not from the project's models: an Alembic .ini, .sql files, or module:attribute "
        "(a metadata or a callable that takes a URL)",
    ),
    Option("keep", "which tests' databases outlive the run", "none", KEEPS),
    Option("pool", "how many clones are made ahead", 2),
    Option("cache_size", "megabytes of templates kept between runs", 512, marked=False),
    Option(
        "cache_clear", "forget this project's templates of earlier runs first", False, marked=False
    ),
    Option(
        "durations",
        "show how long databases took to build, clone, connect and drop",
        False,
        marked=False,
    ),
)
BY_NAME = {option.name: option for option in OPTIONS}
MARKED = [option.name for option in OPTIONS if option.marked]
MARKER = f"seedbed({', '.join(MARKED)}): the test's database: on which server, with which rows, how kept apart"
"""What ``pytest --markers`` shows."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What holds for one test: everything in `OPTIONS`, resolved."""

    server: str
    url: str | None
    hosts: str
    image: str
    profile: str | None
    isolation: str
    as_of: Any
    scale: float
    seed: str | None
    minimal: bool
    schema: str | None
    keep: str
    pool: int
    cache_size: int
    cache_clear: bool
    durations: bool


def add_options(parser: pytest.Parser) -> None:
    """Register every option, on the command line and in the ini file."""
    group = parser.getgroup("seedbed", "seeded PostgreSQL databases")
    for option in OPTIONS:
        switch = isinstance(option.default, bool)
        text = option.help + (f": {', '.join(option.choices)}" if option.choices else "")
        if option.default not in (None, False, ""):
            text += f" (default: {option.default})"
        if not option.marked:
            text += "; in no marker"
        form: dict[str, Any] = (
            {"action": argparse.BooleanOptionalAction} if switch else {"metavar": "VALUE"}
        )
        group.addoption(option.flag, dest=_dest(option), default=None, help=text, **form)
        parser.addini(_dest(option), f"{text}; as {option.flag}", default=None, type="string")


_MARK = "@pytest.mark.seedbed"


def resolve(
    config: pytest.Config, marked: Mapping[str, Any] | None = None, by: str = _MARK
) -> Wishes:
    """Return what holds, of all that was said in all places.

    Args:
        config: the run's.
        marked: what the test's markers say.
        by: who says it, if it is not a marker.

    Raises:
        InvalidInput: a marker says what is no marker's to say, or a value cannot be read.
    """
    marked = marked or {}
    for name in marked:
        _refuse_what_is_no_tests(name, f"{by}({name}=...)")
    found: dict[str, Any] = {}
    places: dict[str, int] = {}
    for option in OPTIONS:
        value, origin, places[option.name] = _said(config, option, marked, by)
        found[option.name] = option.default if origin is None else option.read(value, origin)
    if found["url"] and (found["server"] == "auto" or places["url"] < places["server"]):
        found["server"] = "url"
    return Wishes(**found)


def with_server(marked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what one marker says, with the server that it chooses by saying something about it."""
    server = "url" if "url" in marked else "container" if "image" in marked else None
    return {"server": server, **marked} if server else marked


def said_anywhere(config: pytest.Config) -> bool:
    """Tell whether the run was told anything, so that it is likely to use the plugin."""
    return any(_said(config, option, {})[1] is not None for option in OPTIONS)


def _refuse_what_is_no_tests(name: str, said: str) -> None:
    option = BY_NAME.get(name)
    if option is None:
        known = nearest(name, MARKED)
        raise InvalidInput(f"{said} is not an option: {known}")
    if not option.marked:
        variable = f"SEEDBED_TEST_{name.upper()}"
        raise InvalidInput(
            f"{said} is not an option of a test: it is about the whole run",
            remedy=f"Say {option.flag}, {variable} or {_dest(option)} in the ini file.",
        )


def _said(
    config: pytest.Config, option: Option, marked: Mapping[str, Any], by: str = _MARK
) -> tuple[Any, str | None, int]:
    """Return what was said of an option in the place that counts most, where, and that place's rank, 0 for the highest."""
    if option.name in marked:
        return marked[option.name], f"{by}({option.name}=...)", 0
    given = config.getoption(_dest(option))
    if given is not None:
        return given, option.flag, 1
    variable = test_variable(option.name)
    if variable is not None:
        return variable.value, variable.origin, 2
    written = config.getini(_dest(option))
    if written not in (None, ""):
        return written, f"{_dest(option)} in the ini file", 3
    return None, None, 4


def _dest(option: Option) -> str:
    return f"seedbed_{option.name}"


def _moment(value: str | date, origin: str) -> str | date:
    """Return a moment that `seedbed.request.moment` can read, as it was said: that module is heavy."""
    if isinstance(value, str) and value.strip().lower() != "now":
        try:
            datetime.fromisoformat(value.strip())
        except ValueError:
            raise InvalidInput(
                f"{origin}: {value!r} is neither an ISO date or time nor now",
                remedy="Such as 2026-03-01, 2026-03-01T09:30 or 2026-03-01T09:30+02:00.",
            ) from None
    return value


def _yes(value: object, origin: str) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise InvalidInput(f"{origin}: {value!r} is neither yes nor no")
