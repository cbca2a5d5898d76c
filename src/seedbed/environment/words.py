"""The environments, and the words people use for them."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from seedbed.errors import InvalidInput, nearest
from seedbed.settings import FOREIGN_ENVIRONMENTS, Said


class Environment(StrEnum):
    """What a database is for."""

    DEVELOPMENT = "development"
    TESTING = "testing"
    STAGING = "staging"
    DEMO = "demo"
    PRODUCTION = "production"
    UNKNOWN = "unknown"


KNOWN = tuple(each for each in Environment if each is not Environment.UNKNOWN)
"""The environments a profile may name and a database may be stamped with."""

PROTECTED = (Environment.PRODUCTION, Environment.STAGING)
"""Environments a name alone can claim. Names such as ``payroll_test`` are given too freely to forbid a demo."""

WORDS = {
    Environment.PRODUCTION: ("production", "prod", "prd", "live"),
    Environment.STAGING: ("staging", "stage", "stg", "preprod", "preproduction", "uat"),
    Environment.DEVELOPMENT: ("development", "develop", "dev"),
    Environment.TESTING: ("testing", "test", "tests"),
    Environment.DEMO: ("demo", "demos"),
}
"""Words that claim an environment in the name of a host or a database; what must not be hurt comes first."""

ALIASES = {word: environment for environment, words in WORDS.items() for word in words} | {
    "local": Environment.DEVELOPMENT,
    "ci": Environment.TESTING,
    "qa": Environment.STAGING,
    "acceptance": Environment.STAGING,
}
"""What an operator may call an environment."""


def read_environment(said: Said) -> Environment:
    """Return the environment an operator names, in any of the spellings people use.

    A word that means nothing to us is unknown where another tool's variable says it, and an error where it was meant for us.

    Raises:
        InvalidInput: the word is no environment.

    >>> read_environment(Said(" PRD ", "APP_ENV"))
    <Environment.PRODUCTION: 'production'>
    """
    word = unicodedata.normalize("NFKC", said.value).strip().strip("'\"").strip().casefold()
    if word in ALIASES:
        return ALIASES[word]
    if said.origin in FOREIGN_ENVIRONMENTS:
        return Environment.UNKNOWN
    problem = f"{said.origin}: {said.value.strip()!r} is not an environment"
    raise InvalidInput(f"{problem}: {nearest(word, [each.value for each in KNOWN])}")
