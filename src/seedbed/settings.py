"""What the machine and the project say: the only module that reads environment variables and configuration files.

A setting keeps where it was said, so that the command line can tell: ``[tool.seedbed] in /repo/pyproject.toml`` or ``DATABASE_URL``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from seedbed.errors import Finding, InvalidInput, nearest

KEYS = (
    "profiles",
    "seeds",
    "schema",
    "extensions",
    "database_url",
    "environment",
    "environments",
    "seed",
)
"""What ``[tool.seedbed]`` may hold."""

ENVIRONMENTS = ("development", "testing", "staging", "demo", "production")
"""What ``[tool.seedbed.environments]`` may hold patterns for."""

ENVIRONMENTS_TABLE = "[tool.seedbed.environments]"
"""How messages call it."""

FOREIGN_ENVIRONMENTS = ("APP_ENV", "ENVIRONMENT", "NODE_ENV")
"""Variables of other tools that name the environment, asked after our own."""


PERMISSIONS = (
    "DB_RESET_CONFIRM",
    "DB_RESET_ALLOW_PRODUCTION",
    "DB_RESTORE_CONFIRM",
    "DB_RESTORE_ALLOW_PRODUCTION",
)
"""Variables that a reset or a restore of a protected database needs, beside the database's name."""


_OVERRULED = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGDATABASE")
"""Variables of libpq's that a complete URL leaves without a meaning."""

_OF_SESSIONS = ("PGOPTIONS", "PGTZ", "PGDATESTYLE", "PGGEQO", "PGCLIENTENCODING", "PGAPPNAME")
"""Variables of libpq's that say nothing of where a server is, but change what a session finds there."""

_NO = ("", "0", "no", "false", "off")


@dataclass(frozen=True, slots=True)
class Permissions:
    """Which of the variables in `PERMISSIONS` are set to 1."""

    given: frozenset[str] = frozenset()

    def has(self, variable: str) -> bool:
        """Tell whether a variable is set to 1."""
        return variable in self.given


@dataclass(frozen=True, slots=True)
class Said:
    """A setting and where it was said.

    Attributes:
        beside: what was said elsewhere and counts for less.
    """

    value: str
    origin: str
    beside: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one run, before the command line has its say.

    Attributes:
        root: the folder of the nearest pyproject.toml with ``[tool.seedbed]``; None where there is none.
        name: what that file calls the project, else the folder's name.
        profiles: the module (or package) that holds the profiles.
        seeds: the folder of the hand-picked rows, below the root.
        schema: ``module:attribute`` of the tables' metadata, or None: the tables must be there.
        extensions: what the tables need of the server, such as ``pgcrypto``.
        database_url: from ``[tool.seedbed]``, else from ``DATABASE_URL``.
        environment: from ``SEEDBED_ENVIRONMENT``, else ``[tool.seedbed]``, else what other tools are told; without the first, the others
            are kept beside the one that holds.
        environments: from ``[tool.seedbed.environments]``: by environment, patterns for the names of hosts and databases.
        seed: what all values of the project hang on; None: seedbed's own.
    """

    root: Path | None = None
    name: str = ""
    profiles: str = "profiles"
    seeds: str = "seeds"
    schema: str | None = None
    extensions: tuple[str, ...] = ()
    database_url: Said | None = None
    environment: Said | None = None
    environments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seed: str | None = None

    def operator_says(self, word: str | Said | None, origin: str = "environment=") -> Said | None:
        """Return what a database is said to be for: a word given to this run, else what the machine and the project say.

        Args:
            word: the one given to this run, if there is one.
            origin: where it was given; by default, the argument of a Python function.
        """
        if word is None:
            return self.environment
        return word if isinstance(word, Said) else Said(word, origin)


def read_settings(
    folder: Path | None = None, variables: Mapping[str, str] | None = None
) -> Settings:
    """Read the configuration that holds in a folder.

    Args:
        folder: where to start looking upwards for a pyproject.toml; the current folder by default.
        variables: the environment variables; those of this process by default.

    Raises:
        InvalidInput: the configuration is broken or has unknown keys, all of them named with their lines.
    """
    variables = os.environ if variables is None else variables
    file = find_configuration(folder or Path.cwd())
    name, table = _read_file(file) if file else ("", {})
    said = {key: Said(str(value), f"[tool.seedbed] in {file}") for key, value in table.items()}
    seed = table.get("seed")
    return Settings(
        root=file.parent if file else None,
        name=name,
        profiles=table.get("profiles", "profiles"),
        seeds=table.get("seeds", "seeds"),
        schema=table.get("schema"),
        extensions=tuple(table.get("extensions", ())),
        database_url=said.get("database_url") or _variable(variables, "DATABASE_URL"),
        environment=_environment(said.get("environment"), variables),
        environments={name: tuple(each) for name, each in table.get("environments", {}).items()},
        seed=None if seed is None else str(seed),
    )


def find_configuration(folder: Path) -> Path | None:
    """Return the nearest pyproject.toml, here or above, that has a ``[tool.seedbed]`` table."""
    for place in (folder := folder.absolute(), *folder.parents):
        file = place / "pyproject.toml"
        try:
            if re.search(r"^\s*\[\s*tool\s*\.\s*seedbed\s*\]", file.read_text("utf-8"), re.M):
                return file
        except (OSError, UnicodeDecodeError):
            continue  # a folder above that we may not read, or a file that is not TOML, is not ours
    return None


def test_variable(name: str) -> Said | None:
    """Return what ``SEEDBED_TEST_<NAME>`` tells the pytest plugin, None where it says nothing."""
    return _variable(os.environ, f"SEEDBED_TEST_{name.upper()}")


def read_permissions(variables: Mapping[str, str] | None = None) -> Permissions:
    """Read what the variables allow to be done to a protected database; only ``1`` allows it.

    Args:
        variables: the environment variables; those of this process by default.
    """
    variables = os.environ if variables is None else variables
    return Permissions(frozenset(name for name in PERMISSIONS if variables.get(name) == "1"))


@contextmanager
def database_variables(url: str, variables: Mapping[str, str]) -> Iterator[None]:
    """Let the process's environment name a database while a block runs, and nothing in it another one.

    Args:
        url: the database, as ``postgresql://...``; ``DATABASE_URL`` keeps the driver or the spelling that it has.
        variables: libpq's, which lead to the database, too; all others of libpq's are absent meanwhile.
    """
    before = {name: value for name, value in os.environ.items() if _names_a_database(name)}
    scheme = before.get("DATABASE_URL", "").strip().partition("://")[0]
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        url = f"{scheme}://{url.partition('://')[2]}"
    _replace_variables({**variables, "DATABASE_URL": url})
    try:
        yield
    finally:
        _replace_variables(before)


def silence_libpq(*, own: bool) -> dict[str, str]:
    """Take variables of libpq's from the process's environment, and return them.

    Args:
        own: whether it is about servers of ours, whose URLs are complete: then only those stay that such a URL overrules. Otherwise
            all stay that say how a server is reached and entered, and those go that make its sessions others than they are.
    """
    said = [name for name in os.environ if name.startswith("PG")]
    gone = [name for name in said if name not in _OVERRULED] if own else _OF_SESSIONS
    return {name: os.environ.pop(name) for name in gone if name in os.environ}


def restore_variables(variables: Mapping[str, str]) -> None:
    """Put variables back into the process's environment, those that have been set since excepted."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


def _replace_variables(variables: Mapping[str, str]) -> None:
    for name in [*filter(_names_a_database, os.environ)]:
        del os.environ[name]
    os.environ.update(variables)


def _names_a_database(variable: str) -> bool:
    return variable == "DATABASE_URL" or variable.startswith("PG")


def docker_host() -> str | None:
    """Return the Docker daemon's address where ``DOCKER_HOST`` names one, or ``TC_HOST``, which is testcontainers' own."""
    said = _variable(os.environ, "DOCKER_HOST") or _variable(os.environ, "TC_HOST")
    return said.value if said else None


def runs_unattended() -> bool:
    """Tell whether ``CI`` says that nobody is there, as services for continuous integration set it, some with a terminal."""
    return os.environ.get("CI", "").strip().lower() not in _NO


def tracebacks_wanted() -> bool:
    """Tell whether ``SEEDBED_TRACEBACK`` asks for Python's traceback below an error's message."""
    return os.environ.get("SEEDBED_TRACEBACK", "").strip().lower() not in _NO


def _environment(configured: Said | None, variables: Mapping[str, str]) -> Said | None:
    ours = _variable(variables, "SEEDBED_ENVIRONMENT")
    foreign = [_variable(variables, name) for name in FOREIGN_ENVIRONMENTS]
    others = [each for each in (configured, *foreign) if each]
    if ours or not others:
        return ours
    return replace(others[0], beside=tuple(others[1:]))


def _variable(variables: Mapping[str, str], name: str) -> Said | None:
    value = variables.get(name, "").strip()
    return Said(value, name) if value else None


def _read_file(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the project's name and what ``[tool.seedbed]`` holds."""
    import tomllib  # not for those who only look for the file

    text = file.read_text("utf-8")
    try:
        everything = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}") from error
    table = everything["tool"]["seedbed"]
    findings = [
        Finding(f"{file}:{_line_of(key, text)}", *problem)
        for key, value in table.items()
        if (problem := _problem(key, value))
    ]
    if findings:
        raise InvalidInput("[tool.seedbed] is not valid", findings=findings)
    name = everything.get("project", {}).get("name", file.parent.name)
    return str(name), dict(table)


def _problem(key: str, value: object) -> tuple[str, str] | None:
    if key not in KEYS:
        return f"unknown key {key!r}", nearest(key, KEYS)
    if key == "seed" and isinstance(value, int) and not isinstance(value, bool):
        return None
    if key == "extensions":
        if isinstance(value, list) and all(isinstance(name, str) and name for name in value):
            return None
        return "extensions must be a list of names", 'such as extensions = ["pgcrypto"]'
    if key == "environments":
        return _problem_with_patterns(value)
    if not isinstance(value, str):
        return f"{key} must be a text", f'such as {key} = "..."'
    if not value.strip():
        return f"{key} is empty", "leave it out instead"
    if key == "schema" and not re.fullmatch(r"[\w.]+:[\w.]+", value):
        return f"schema {value!r} does not name an attribute", 'such as "factories.models:Base"'
    if key == "profiles" and not re.fullmatch(r"\w+(\.\w+)*", value):
        return f"profiles {value!r} is not a module's name", 'such as "profiles"'
    return None


def _problem_with_patterns(value: object) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return (
            "environments must be a table",
            'such as environments.staging = ["*.stage.example.com"]',
        )
    for name, patterns in value.items():
        if name not in ENVIRONMENTS:
            return f"environments: {name!r} is not an environment", nearest(name, ENVIRONMENTS)
        texts = isinstance(patterns, list) and all(isinstance(p, str) and p for p in patterns)
        if not texts:
            return f"environments: {name} must be a list of patterns", 'such as ["payroll_*"]'
    return None


def _line_of(key: str, text: str) -> int:
    """Return the line a key of ``[tool.seedbed]`` stands on; TOML readers do not keep it."""
    table = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            table = re.match(r"\s*\[\s*tool\s*\.\s*seedbed\s*[].]", line) is not None
            if table and re.match(
                rf"\s*\[\s*tool\s*\.\s*seedbed\s*\.\s*[\"']?{re.escape(key)}", line
            ):
                return number
        elif table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return 1
