"""The guard: nothing is written before the server connected to has been asked what it is.

The questions go over the connection that will write, inside its transaction, so that neither a URL's oddities nor a reconnect to
another server can get in between. The use cases call `judge`; there is no way around it for callers from Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection

from seedbed import ledger
from seedbed.environment import (
    KNOWN,
    Environment,
    Patterns,
    Site,
    Step,
    Verdict,
    admit,
    allow,
    read_environment,
    read_patterns,
    require_old_stamp,
    weigh,
)
from seedbed.errors import InvalidInput, Refused
from seedbed.settings import Permissions, Said, read_permissions, read_settings
from seedbed.surveying import survey


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be judged of a database: whether a profile may go there, after all that was said about it.

    Attributes:
        profile: the profile's name; without one, the verdict is about the database alone.
        environments: where the profile may go; an empty local database nobody says anything about becomes the first of them.
        production_safe: whether it may go to production, too.
        said: what the operator says the database is for, and where; None where nothing was said.
        confirm: the database's name, where the operator repeated it.
        patterns: what the project says of names; None: the project of the current folder does.
    """

    profile: str = ""
    environments: Sequence[str] = ()
    production_safe: bool = False
    said: Said | None = None
    confirm: str | None = None
    patterns: Patterns | None = None


def judge(connection: Connection[Any], case: Case) -> Verdict:
    """Return what the database connected to is for, if the profile in question may be written to it.

    Call it inside the transaction that will write; where the verdict is ``unstamped``, call `stamp_verdict` before committing.

    Args:
        connection: the one that will write.
        case: the profile, and what was said.

    Raises:
        Refused: it may not be written to; all the evidence is listed.
        InvalidInput: the operator's word, or the profile's, is no environment.
    """
    verdict = assess(connection, case)
    if verdict.refusal:
        raise _refusal(verdict)
    return verdict


def permit(
    connection: Connection[Any],
    step: Step,
    *,
    confirm: str | None,
    said: Said | None = None,
    permissions: Permissions | None = None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Return what the database connected to is for, if rows may be taken away from it.

    Call it inside the transaction that will do so. Where the verdict is ``born``, seedbed created the database and no backup is asked
    for; anywhere else, `seedbed.backup` has to be offered.

    Args:
        connection: the one that will write.
        step: what is about to be done.
        confirm: the database's name, repeated; nothing else will do.
        said: what the operator says the database is for, and where; None where nothing was said.
        permissions: what the variables DB_RESET_CONFIRM and the like allow; those of this process by default.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        Refused: it may not be done; all the evidence is listed.
        InvalidInput: the operator's word is no environment.
    """
    verdict = weigh(survey(connection), said, (), _patterns(patterns))
    allowed = read_permissions() if permissions is None else permissions
    verdict = allow(verdict, step, confirm=confirm, said=allowed)
    if verdict.refusal:
        raise _refusal(verdict)
    return verdict


def stamp_at_birth(connection: Connection[Any], environment: str) -> None:
    """Write into a database that seedbed has just created what it is for, and that it did; the caller commits.

    Args:
        connection: to that database.
        environment: what it is for, in any spelling.

    Raises:
        InvalidInput: there is no such environment.
    """
    wanted = read_environment(Said(environment, "a new database's environment"))
    _write(connection, survey(connection, look_inside=False), wanted, born=True)


def assess(connection: Connection[Any], case: Case = Case()) -> Verdict:
    """Return what the database connected to is taken for, with the evidence; a refusal is told, not raised.

    Args:
        connection: to that database.
        case: the profile in question, if there is one, and what was said.

    Raises:
        InvalidInput: the operator's word, or the profile's, is no environment.
    """
    allowed = _read(case.environments)
    verdict = weigh(survey(connection), case.said, allowed, _patterns(case.patterns))
    if not case.profile:
        return verdict
    return admit(
        verdict,
        case.profile,
        allowed,
        production_safe=case.production_safe,
        confirm=case.confirm,
    )


def stamp(
    connection: Connection[Any],
    environment: str,
    *,
    confirm: str | None,
    origin: str | None = None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Write down what a database is for, whatever it holds; the caller commits. The verdict's site has the stamp it had before.

    Args:
        connection: to that database.
        environment: what it is for, in any spelling.
        confirm: the database's name, repeated: what makes this deliberate.
        origin: what it is stamped now; has to be said where that is more protected than what it becomes.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        Refused: the name was not repeated, a protected stamp would be weakened, the host's or database's name says otherwise, or the
            server is a standby.
        InvalidInput: there is no such environment.
    """
    said = Said(environment, "seedbed stamp")
    wanted = read_environment(said)
    found = survey(connection, look_inside=False)
    if confirm != found.database:
        raise Refused(
            f"a stamp needs the name of the database it is for, {found.database}, said once more",
            remedy=f"If you mean it: seedbed stamp {wanted} --confirm {found.database}",
        )
    require_old_stamp(found, wanted, origin)
    verdict = weigh(found.without_stamp(), said, (), _patterns(patterns))
    if verdict.refusal:
        raise _refusal(verdict)
    _write(connection, found, verdict.environment, born=found.born)
    return replace(verdict, site=found)


def stamp_verdict(connection: Connection[Any], verdict: Verdict) -> None:
    """Write a verdict into the ledger, which is made if there is none; the caller commits."""
    if verdict.environment not in KNOWN:
        raise InvalidInput(f"a database cannot be stamped {verdict.environment}")
    _write(connection, verdict.site, verdict.environment, born=verdict.born)


def _patterns(given: Patterns | None) -> Patterns:
    return read_patterns(read_settings().environments) if given is None else given


def _read(environments: Sequence[str]) -> list[Environment]:
    return [read_environment(Said(each, "the profile's environments")) for each in environments]


def _write(
    connection: Connection[Any], site: Site, environment: Environment, *, born: bool
) -> None:
    ledger.write_stamp(
        connection, str(environment), site.system_identifier, site.database_oid, born=born
    )


def _refusal(verdict: Verdict) -> Refused:
    site = verdict.site
    where = f"database {site.database} on {site.place}"
    findings = [each.as_finding() for each in verdict.evidence]
    return Refused(
        f"refused: {verdict.refusal} [{where}]", findings=findings, remedy=verdict.remedy
    )
