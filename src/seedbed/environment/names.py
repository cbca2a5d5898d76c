"""What the names of a host and a database say: the project's own patterns, then words in them, and whose server it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seedbed.environment.providers import folded, own_part
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
    names = {"database name": [site.database], "host": site.hosts}
    settled = set()
    for source, several in names.items():
        for pattern in patterns:
            for name in several:
                if pattern.matches(name):
                    settled.add(source)
                    detail = f"{source} {name} matches {pattern.glob!r}"
                    yield Evidence(ENVIRONMENTS_TABLE, pattern.environment, detail)
    for pattern in patterns:
        pairs = [f"{host}/{site.database}" for host in site.hosts]
        if "/" in pattern.glob and any(map(pattern.matches, pairs)):
            settled.update(names)
            detail = f"{pairs[0]} matches {pattern.glob!r}"
            yield Evidence(ENVIRONMENTS_TABLE, pattern.environment, detail)
    for source, several in names.items():
        if source not in settled:
            yield from _hints(source, several, site.managed)


def _hints(source: str, names: Sequence[str], provider: str) -> Iterator[Evidence]:
    for name in names:
        shown = own_part(name) if source == "host" else name
        claimed = None if shown.startswith("/") else read_name(shown)
        if claimed:
            yield Evidence(source, claimed, name, Weight.HINTS)
        elif provider and _words(shown).intersection(_BRANCHES):
            detail = f"{name}, a preview or branch at {provider}"
            yield Evidence(source, Environment.DEVELOPMENT, detail, Weight.HINTS)
        if provider and source == "host":
            detail = f"{name} is managed by {provider}"
            yield Evidence(source, Environment.UNKNOWN, detail, Weight.TELLS)


def _words(name: str) -> set[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", unicodedata.normalize("NFKC", name))
    return {word.casefold() for word in re.findall(r"[^\W\d_]+", spaced)}
