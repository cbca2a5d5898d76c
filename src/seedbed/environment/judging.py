"""The judgement: what a database is for, whether a profile may go there, and whether rows may be taken away from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from seedbed.environment.names import Patterns, claims
from seedbed.environment.verdict import Evidence, Site, Verdict, Weight
from seedbed.environment.words import ALIASES, PROTECTED, Environment, read_environment
from seedbed.settings import ENVIRONMENTS_TABLE, Permissions, Said


def weigh(
    site: Site,
    said: Said | None,
    fresh: Sequence[Environment] = (),
    patterns: Patterns = (),
) -> Verdict:
    """Judge what a database is for.

    Args:
        site: the server and database connected to.
        said: what the operator says, and where.
        fresh: where the profile in question may go; an empty local database that nobody says anything about becomes the first of them.
        patterns: what the project says of names.

    Raises:
        InvalidInput: the operator's word is no environment.
    """
    evidence = tuple(_evidence(site, said, patterns))
    against = _objection(site, evidence)
    missing = None if against else _missing(site, said)
    why, remedy = against or missing or ("", "")
    found = Environment.UNKNOWN
    if not why:
        found = evidence[0].says if site.stamp or said else _first(evidence, fresh)
    unstamped, unsaid = site.stamp is None, missing is not None
    return Verdict(found, site, evidence, unstamped, why, remedy, unsaid)


def _objection(site: Site, evidence: Sequence[Evidence]) -> tuple[str, str] | None:
    """Return what the evidence has against writing, and what to do about it."""
    name, stamp = site.database, site.stamp
    says = {each.says for each in evidence if each.weight is Weight.SAYS}
    if site.standby:
        return f"{name} is on a hot standby, which is read-only", "Use its primary server."
    if stamp and stamp.system_identifier and not site.system_identifier:
        why = f"this role may not ask whether the stamp of {name} is its own"
        return why, "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system() to it."
    if stamp and not site.stamped:
        why = f"{name} carries the stamp of another database, as a restored copy does"
        return why, _stamp_it(site)
    if _disagree(evidence):
        return f"the evidence about {name} contradicts itself", _way_out(site, evidence)
    if Environment.UNKNOWN in says:
        return f"{name} is said to be something unknown", "--environment says what it is."
    return None


def _missing(site: Site, said: Said | None) -> tuple[str, str] | None:
    """Return what has to be said before anything is written, and how."""
    name = site.database
    if site.stamp:
        return None
    if site.occupied:
        tables = ", ".join(site.occupied)
        return f"{name} holds rows ({tables}) and nobody has said what it is for", _stamp_it(site)
    if said or (site.local and not site.managed):
        return None
    where = f"managed by {site.managed}" if site.managed else "not on this machine"
    why = f"{name} on {site.host} is empty, but {where}, so nothing says what it is for"
    return why, "--environment says what it is."


def _stamp_it(site: Site) -> str:
    return f"Say what it is for: {_stamping(site)}"


def _stamping(site: Site) -> str:
    """Return the command that gives a database a stamp, whatever it has."""
    old = site.stamp.environment if site.stamp else ""
    weaker = f" --from {old}" if ALIASES.get(old) in PROTECTED else ""
    return f"seedbed stamp ENVIRONMENT{weaker} --confirm {site.database}"


def _first(evidence: Sequence[Evidence], fresh: Sequence[Environment]) -> Environment:
    """Return what an empty database on this machine becomes: what its names claim, else what the profile is for."""
    claimed = [each.says for each in evidence if each.says is not Environment.UNKNOWN]
    claimed.sort(key=lambda each: (each not in PROTECTED, each not in fresh))
    return next(iter((*claimed, *fresh)), Environment.UNKNOWN)


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
        remedy = "Only a profile that is may go there, with rows picked by hand."
    elif environment is Environment.PRODUCTION and confirm is None:
        why = f"{name} is production"
        remedy = f"If you mean it: --confirm {name}"
    elif environment is not Environment.PRODUCTION and environment not in environments:
        why = f"{name} is for {environment}, and the profile {profile} is for {', '.join(environments)}"
        remedy = "A profile goes where its environments say; seedbed profiles lists them."
    if not why:
        return verdict
    return replace(verdict, refusal=why, remedy=remedy)


Step = Literal[
    "clean", "reset", "restore", "destroy", "forget", "snapshot restore", "snapshot drop"
]
"""What is done to a database that takes away rows."""

_VARIABLES: dict[Step, str] = {
    "reset": "DB_RESET",
    "restore": "DB_RESTORE",
    "snapshot restore": "DB_RESTORE",
    "snapshot drop": "DB_RESTORE",
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


def _evidence(site: Site, said: Said | None, patterns: Patterns) -> Iterator[Evidence]:
    if site.stamp:
        stamp = site.stamp
        detail = f"by {stamp.stamped_by} on {stamp.stamped_at:%Y-%m-%d}"
        if site.stamped:
            yield Evidence("stamp", ALIASES.get(stamp.environment, Environment.UNKNOWN), detail)
        else:
            detail = f"{stamp.environment} {detail}, but of another server or database"
            yield Evidence("stamp", Environment.UNKNOWN, detail)
    if said:
        yield Evidence(said.origin, read_environment(said), f"{said.value.strip()!r}")
        for each in said.beside:
            detail = f"{each.value.strip()!r}, overruled"
            yield Evidence(each.origin, read_environment(each), detail, Weight.WARNS)
    yield from claims(site, patterns)


def _disagree(evidence: Sequence[Evidence]) -> bool:
    """Say whether two pieces of evidence stand against each other; see `Weight`."""
    says = {each.says for each in evidence if each.weight is Weight.SAYS}
    warns = {each.says for each in evidence if each.weight is not Weight.SAYS}
    hints = {each.says for each in evidence if each.weight is Weight.HINTS}
    claimed = says | warns.intersection(PROTECTED)
    return len(claimed) > 1 or (not claimed.isdisjoint(PROTECTED) and not hints <= claimed)


def _way_out(site: Site, evidence: Sequence[Evidence]) -> str:
    """Return what can be done about evidence that contradicts itself, if the operator is sure which piece is wrong."""
    weights = {each.weight for each in evidence}
    ways = ["Nothing was written."]
    if site.stamp:
        ways.append(f"A wrong stamp is set right by {_stamping(site)}.")
    if Weight.WARNS in weights:
        ways.append("--environment says which of the variables holds.")
    if Weight.HINTS in weights:
        ways.append(f"What a name stands for can be said in {ENVIRONMENTS_TABLE}.")
    return " ".join(ways)
