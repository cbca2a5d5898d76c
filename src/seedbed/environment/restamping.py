"""Changing a stamp: one that protects a database is not weakened without being named."""

from __future__ import annotations

from seedbed.environment.verdict import Site
from seedbed.environment.words import ALIASES, Environment
from seedbed.errors import Refused

_PROTECTION = {Environment.UNKNOWN: 2, Environment.PRODUCTION: 2, Environment.STAGING: 1}
"""How much a stamp protects a database; the others do not. One that we cannot read counts as production's."""


def require_old_stamp(site: Site, wanted: Environment, told: str | None) -> None:
    """Make sure that a protected database becomes a less protected one only where its old stamp is named.

    Args:
        site: the database, with the stamp it has; that of another database counts, too, for a copy has its rows.
        wanted: what it is to be stamped.
        told: what it is stamped now, as the operator says it; None where nothing was said.

    Raises:
        Refused: the old stamp was not named, or is another than was named.
    """
    name, stamp = site.database, site.stamp
    old = stamp.environment if stamp else ""
    if told is not None and told.strip().casefold() != old.casefold():
        is_ = f"stamped {old}" if old else "not stamped yet"
        raise Refused(
            f"refused: {name} is {is_}, and not stamped {told.strip()}",
            remedy=f"If you mean it: --from {old}" if old else "Leave --from out.",
        )
    weaker = old and _protection(wanted) < _protection(ALIASES.get(old, Environment.UNKNOWN))
    if weaker and told is None:
        raise Refused(
            f"refused: {name} is stamped {old}, and {wanted} protects it less",
            remedy=f"If you mean it: seedbed stamp {wanted} --from {old} --confirm {name}",
        )


def _protection(environment: Environment) -> int:
    return _PROTECTION.get(environment, 0)
