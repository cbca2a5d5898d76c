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
from typing import Literal

from seedbed.errors import Finding, InvalidInput, nearest
from seedbed.settings import FOREIGN_ENVIRONMENTS, Permissions, Said


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
        born: whether seedbed itself created that database.
    """

    environment: str
    system_identifier: str
    database_oid: int
    stamped_at: datetime
    stamped_by: str
    born: bool = False


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

    @property
    def born(self) -> bool:
        """Whether seedbed itself created this database, and not one that it is a copy of."""
        return self.stamp is not None and self.stamp.born and _is_of(self.stamp, self)

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
        unsaid: whether the refusal is only for want of evidence, and not because the evidence is against it.
    """

    environment: Environment
    site: Site
    evidence: tuple[Evidence, ...]
    unstamped: bool
    refusal: str = ""
    remedy: str = ""
    unsaid: bool = False

    @property
    def born(self) -> bool:
        """Whether seedbed itself created this database: then no backup is asked for before it is changed."""
        return self.site.born

    @property
    def protected(self) -> bool:
        """Whether people would miss what is in it: staging, production, and what nobody has spoken for."""
        return self.environment in (*_PROTECTED, Environment.UNKNOWN)


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

    def refused(why: str, remedy: str = "", *, unsaid: bool = False) -> Verdict:
        unstamped = site.stamp is None
        return Verdict(Environment.UNKNOWN, site, evidence, unstamped, why, remedy, unsaid)

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
        why = f"{name} holds rows ({tables}) and nobody has said what it is for"
        return refused(why, stamp_it, unsaid=True)
    if said:
        return Verdict(evidence[0].says, site, evidence, unstamped=True)
    if not site.local:
        return refused(
            f"{name} on {site.host} is empty, but not on this machine, so nothing says what it is for",
            "--environment says what it is.",
            unsaid=True,
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


Step = Literal["clean", "reset", "restore", "destroy", "snapshot restore"]
"""What is done to a database that takes away rows."""

_VARIABLES: dict[Step, str] = {
    "reset": "DB_RESET",
    "restore": "DB_RESTORE",
    "snapshot restore": "DB_RESTORE",
}
"""How the variables begin that a step needs on a protected database, where it needs any."""


def allow(verdict: Verdict, step: Step, *, confirm: str | None, said: Permissions) -> Verdict:
    """Judge whether rows may be taken away from a database that was judged already; returns the verdict, maybe now refused.

    Args:
        verdict: what the database is taken for.
        step: what is about to be done to it.
        confirm: the database's name, if the operator repeated it.
        said: what the variables allow; never enough alone.
    """
    if verdict.refusal and not (verdict.unsaid and step in _VARIABLES):
        return verdict
    name = verdict.site.database
    lacking = [f"--confirm {name}"] if confirm != name else []
    lacking += _variables_lacking(verdict, step, said)
    if not lacking:
        return replace(verdict, refusal="", remedy="")
    why = verdict.refusal or f"a {step} takes the name of the database, {name}, said once more"
    if confirm == name and not verdict.unsaid:
        why = f"{name} is {verdict.environment}, and a {step} there takes more than its name"
    remedy = f"{verdict.remedy} If you mean it as it is: {' and '.join(lacking)}".strip()
    return replace(verdict, refusal=why, remedy=remedy)


def _variables_lacking(verdict: Verdict, step: Step, said: Permissions) -> list[str]:
    """Return the variables, as one sets them, that a step still needs."""
    prefix = _VARIABLES.get(step)
    if prefix is None or not verdict.protected:
        return []
    needed = [f"{prefix}_CONFIRM"]
    if verdict.environment is not Environment.STAGING:
        needed.append(f"{prefix}_ALLOW_PRODUCTION")
    return [f"{variable}=1" for variable in needed if not said.has(variable)]


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
