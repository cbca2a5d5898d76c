"""What a database is taken for, and why, by its URL; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedbed import guard
from seedbed.environment import Patterns, Verdict
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, transaction
from seedbed.settings import Said

if TYPE_CHECKING:
    from seedbed.profile import Profile


def explain(
    url: str,
    profile: Profile | None = None,
    *,
    said: Said | None = None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Return what a database is taken for, with the evidence; why it is refused is told, not raised.

    Args:
        url: the database.
        profile: judge whether this one may go there, too.
        said: what the operator says the database is for.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        SeedbedError: one of its kinds: no such server, a word that is no environment ...
    """
    case = guard.Case(said=said, patterns=patterns)
    if profile is not None:
        case = replace(
            case,
            profile=profile.name,
            environments=profile.environments,
            production_safe=profile.production_safe,
        )
    with connect(url) as connection, translating_errors(), transaction(connection, keep=False):
        connection.execute("SET TRANSACTION READ ONLY")  # the server holds us to it
        return guard.assess(connection, case)
