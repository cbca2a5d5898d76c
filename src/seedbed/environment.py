"""Which environment a database belongs to: pure judgement over what the server, its stamp and the operator say.

Unknown means production. The evidence is weighed here and gathered by the guard, over the connection that will write.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from seedbed.errors import Finding, InvalidInput, nearest
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

_PROTECTED = (Environment.PRODUCTION, Environment.STAGING)
"""Environments a name alone can claim. Names such as ``payroll_test`` are given too freely to forbid a demo."""

_WORDS = {
    Environment.PRODUCTION: ("production", "prod", "prd", "live"),
    Environment.STAGING: ("staging", "stage", "stg", "preprod", "preproduction", "uat"),
    Environment.DEVELOPMENT: ("development", "develop", "dev"),
    Environment.TESTING: ("testing", "test", "tests"),
    Environment.DEMO: ("demo", "demos"),
}
"""Words that claim an environment in the name of a host or a database; what must not be hurt comes first."""

_ALIASES = {word: environment for environment, words in _WORDS.items() for word in words} | {
    "local": Environment.DEVELOPMENT,
    "ci": Environment.TESTING,
    "qa": Environment.STAGING,
    "acceptance": Environment.STAGING,
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the ledger says a database is for, and which database it said that of.

    Attributes:
        environment: as it was written.
        system_identifier: of the server's data directory; the same on its replicas, another after a restore elsewhere.
        database_oid: of the database; another in a copy on the same server.
        stamped_at: when.
        stamped_by: the role.
    """

    environment: str
    system_identifier: str
    database_oid: int
    stamped_at: datetime
    stamped_by: str


@dataclass(frozen=True, slots=True)
class Site:
    """The server and database a connection really leads to.

    Attributes:
        database: its name, as the server says.
        database_oid: the server's number for it.
        system_identifier: the server's data directory; empty where the role may not ask.
        host: the name or socket folder the connection was made to, after all of libpq's rules.
        local: whether that is a socket or a loopback address.
        standby: whether the server is a read-only copy of another.
        occupied: tables with rows that are nobody's bookkeeping, the first few; empty for an empty database.
        stamp: what the ledger says; None where it says nothing.
    """

    database: str
    database_oid: int
    system_identifier: str
    host: str
    local: bool
    standby: bool
    occupied: tuple[str, ...] = ()
    stamp: Stamp | None = None

    def without_stamp(self) -> Site:
        """Return the same as if nobody had stamped it yet."""
        return replace(self, stamp=None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that says what a database is for.

    Attributes:
        source: where it was found: ``stamp``, ``--environment``, ``database name`` ...
        says: the environment it stands for.
        detail: how it says so.
    """

    source: str
    says: Environment
    detail: str

    def as_finding(self) -> Finding:
        """Return it as an error shows it."""
        return Finding(self.source, f"{self.says} ({self.detail})")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a database is taken for, and why.

    Attributes:
        environment: unknown where the evidence is missing or contradicts itself.
        site: the server and database judged.
        evidence: all of it, strongest first.
        unstamped: whether the database has no stamp, so that the first apply writes one.
        refusal: why nothing may be written; empty where the database may be written to.
        remedy: what to do about a refusal.
    """

    environment: Environment
    site: Site
    evidence: tuple[Evidence, ...]
    unstamped: bool
    refusal: str = ""
    remedy: str = ""


def weigh(site: Site, said: Said | None, fresh: Environment = Environment.UNKNOWN) -> Verdict:
    """Judge what a database is for.

    Args:
        site: the server and database connected to.
        said: what the operator says, and where.
        fresh: what an empty local database becomes when nobody says anything.

    Raises:
        InvalidInput: the operator's word is no environment.
    """
    evidence = tuple(_evidence(site, said))
    name = site.database
    stamp_it = f"Say what it is for: seedbed stamp ENVIRONMENT --confirm {name}"

    def refused(why: str, remedy: str = "") -> Verdict:
        return Verdict(Environment.UNKNOWN, site, evidence, site.stamp is None, why, remedy)

    if site.standby:
        return refused(f"{name} is on a hot standby, which is read-only", "Use its primary server.")
    if site.stamp and not _is_of(site.stamp, site):
        return refused(
            f"{name} carries the stamp of another database, as a restored copy does", stamp_it
        )
    if _disagree(evidence):
        return refused(f"the evidence about {name} contradicts itself", "Nothing was written.")
    if any(each.says is Environment.UNKNOWN for each in evidence):
        return refused(f"{name} is said to be something unknown", "--environment says what it is.")
    if site.stamp:
        return Verdict(evidence[0].says, site, evidence, unstamped=False)
    if site.occupied:
        tables = ", ".join(site.occupied)
        return refused(f"{name} holds rows ({tables}) and nobody has said what it is for", stamp_it)
    if said:
        return Verdict(evidence[0].says, site, evidence, unstamped=True)
    if not site.local:
        return refused(
            f"{name} on {site.host} is empty, but not on this machine, so nothing says what it is for",
            "--environment says what it is.",
        )
    claimed = [each.says for each in evidence if each.says in _PROTECTED]
    return Verdict(claimed[0] if claimed else fresh, site, evidence, unstamped=True)


def admit(
    verdict: Verdict,
    profile: str,
    environments: Sequence[str],
    *,
    production_safe: bool,
    confirm: str | None,
) -> Verdict:
    """Judge whether a profile may go to a database that was judged already; returns the verdict, maybe now refused.

    Args:
        verdict: what the database is taken for.
        profile: the profile's name.
        environments: where it may go.
        production_safe: whether it may go to production.
        confirm: the database's name, if the operator repeated it.
    """
    name, environment = verdict.site.database, verdict.environment
    why = remedy = ""
    if verdict.refusal:
        return verdict
    if confirm is not None and confirm != name:
        why = f"the confirmation names another database than {name}"
        remedy = f"A confirmation is the database's name: --confirm {name}"
    elif environment in (Environment.PRODUCTION, Environment.UNKNOWN) and not production_safe:
        why = f"{name} is taken for {environment}, and the profile {profile} is not production_safe"
    elif environment is Environment.PRODUCTION and confirm is None:
        why = f"{name} is production"
        remedy = f"If you mean it: --confirm {name}"
    elif environment is not Environment.PRODUCTION and environment not in environments:
        why = f"{name} is for {environment}, and the profile {profile} is for {', '.join(environments)}"
    if not why:
        return verdict
    return replace(verdict, refusal=why, remedy=remedy)


def read_environment(said: Said) -> Environment:
    """Return the environment an operator names, in any of the spellings people use.

    A word that means nothing to us is unknown where another tool's variable says it, and an error where it was meant for us.

    Raises:
        InvalidInput: the word is no environment.

    >>> read_environment(Said(" PRD ", "APP_ENV"))
    <Environment.PRODUCTION: 'production'>
    """
    word = unicodedata.normalize("NFKC", said.value).strip().strip("'\"").strip().casefold()
    if word in _ALIASES:
        return _ALIASES[word]
    if said.origin in FOREIGN_ENVIRONMENTS:
        return Environment.UNKNOWN
    problem = f"{said.origin}: {said.value.strip()!r} is not an environment"
    raise InvalidInput(f"{problem}: {nearest(word, [each.value for each in KNOWN])}")


def read_name(name: str) -> Environment | None:
    """Return the environment the name of a host or database claims, None where it claims none.

    >>> read_name("payroll_prod2"), read_name("products")
    (<Environment.PRODUCTION: 'production'>, None)
    """
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", unicodedata.normalize("NFKC", name))
    words = {word.casefold() for word in re.findall(r"[^\W\d_]+", spaced)}
    return next((each for each, known in _WORDS.items() if words.intersection(known)), None)


def _evidence(site: Site, said: Said | None) -> Iterator[Evidence]:
    if site.stamp:
        stamp = site.stamp
        detail = f"by {stamp.stamped_by} on {stamp.stamped_at:%Y-%m-%d}"
        if _is_of(stamp, site):
            yield Evidence("stamp", _ALIASES.get(stamp.environment, Environment.UNKNOWN), detail)
        else:
            detail = f"{stamp.environment} {detail}, but of another server or database"
            yield Evidence("stamp", Environment.UNKNOWN, detail)
    if said:
        yield Evidence(said.origin, read_environment(said), f"{said.value.strip()!r}")
    for source, name in (("database name", site.database), ("host", site.host)):
        claimed = None if name.startswith("/") else read_name(name)
        if claimed:
            yield Evidence(source, claimed, name)


def _is_of(stamp: Stamp, site: Site) -> bool:
    return (stamp.system_identifier, stamp.database_oid) == (
        site.system_identifier,
        site.database_oid,
    )


def _disagree(evidence: Sequence[Evidence]) -> bool:
    """Say whether two pieces of evidence stand against each other.

    A mere name that claims a harmless environment stands only against a protected one.
    """
    names = ("database name", "host")
    claims = {each.says for each in evidence if each.source not in names or each.says in _PROTECTED}
    protected = not claims.isdisjoint(_PROTECTED)
    weak = {each.says for each in evidence if each.source in names}
    return len(claims) > 1 or (protected and not weak <= claims)
