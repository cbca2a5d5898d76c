"""What the names of a host and a database say: the project's own patterns, then words in them, and whose server it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seedbed.environment.providers import folded, managed_by, own_part
from seedbed.environment.verdict import Evidence, Site, Weight
from seedbed.environment.words import WORDS, Environment
from seedbed.settings import ENVIRONMENTS_TABLE

_BRANCHES = ("preview", "previews", "review", "branch", "pr")
"""Words that providers put into the name of a passing copy; elsewhere a branch may be a bank's."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a project says of names.

    Attributes:
        environment: what databases of such names are for.
        glob: matches the name of the database or the host, or, with a slash, ``host/database``; ``*``, ``?`` and ``[...]`` as in a
            shell, upper and lower case alike.
    """

    environment: Environment
    glob: str

    def matches(self, name: str) -> bool:
        """Tell whether a name is meant."""
        return fnmatchcase(folded(name), folded(self.glob))


Patterns = tuple[Pattern, ...]


def read_patterns(table: Mapping[str, Sequence[str]]) -> Patterns:
    """Return the patterns of ``[tool.seedbed.environments]``."""
    return tuple(
        Pattern(Environment(name), glob) for name, globs in table.items() for glob in globs
    )


def read_name(name: str) -> Environment | None:
    """Return the environment the name of a host or database claims, None where it claims none.

    >>> read_name("payroll_prod2"), read_name("products")
    (<Environment.PRODUCTION: 'production'>, None)
    """
    words = _words(name)
    return next((each for each, known in WORDS.items() if words.intersection(known)), None)


def claims(site: Site, patterns: Patterns) -> Iterator[Evidence]:
    """Yield what names say of a database, the project's own patterns first; they settle the names they match."""
    found = [(names, each) for each in patterns if (names := _matched(each, site))]
    settled = {source for names, _ in found for source in names}
    for names, pattern in found:
        shown = "/".join(reversed(names.values()))
        yield Evidence(ENVIRONMENTS_TABLE, pattern.environment, f"{shown} matches {pattern.glob!r}")
    if "database name" not in settled:
        yield from _hints("database name", site.database, site.database, site.managed)
    for host in site.hosts:
        if "host" not in settled:
            yield from _hints("host", host, own_part(host), site.managed)
        if managed_by(host):
            detail = f"{host} is managed by {site.managed}"
            yield Evidence("host", Environment.UNKNOWN, detail, Weight.TELLS)


def _matched(pattern: Pattern, site: Site) -> dict[str, str]:
    """Return which of a database's names a pattern is about, by what they are names of."""
    if pattern.matches(site.database):
        return {"database name": site.database}
    for host in site.hosts:
        if pattern.matches(host):
            return {"host": host}
        if "/" in pattern.glob and pattern.matches(f"{host}/{site.database}"):
            return {"database name": site.database, "host": host}
    return {}


def _hints(source: str, name: str, own: str, provider: str) -> Iterator[Evidence]:
    """Yield what the words in a name claim.

    Args:
        source: what it is the name of.
        name: as it is shown.
        own: the part of it that its owner chose.
        provider: whose server it is, if it is a provider's.
    """
    claimed = None if own.startswith("/") else read_name(own)
    if claimed:
        yield Evidence(source, claimed, name, Weight.HINTS)
    elif provider and _words(own).intersection(_BRANCHES):
        detail = f"{name}, a preview or branch at {provider}"
        yield Evidence(source, Environment.DEVELOPMENT, detail, Weight.HINTS)


def _words(name: str) -> set[str]:
    spaced = re.sub(
        r"([a-z])(?=[A-Z])|([A-Z])(?=[A-Z][a-z])", r"\1\2 ", unicodedata.normalize("NFKC", name)
    )
    return {word.casefold() for word in re.findall(r"[^\W\d_]+", spaced)}
