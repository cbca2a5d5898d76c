"""Which database a command works on, said aloud: the option, the configuration, DATABASE_URL, the embedded server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedbed.cli.output import Output
from seedbed.errors import InvalidInput
from seedbed.settings import Said
from seedbed.url import connection_parameters, redacted

if TYPE_CHECKING:
    from seedbed.project import Project

LONGEST = 63
"""Bytes of a name in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database to work on.

    Attributes:
        url: how to reach it; may hold a password.
        embedded: whether it is on the server that seedbed runs.
    """

    url: str
    embedded: bool = False


@dataclass(frozen=True, slots=True)
class Existing:
    """A database that is there already, with what a command has to know to judge it.

    Attributes:
        project: the project whose configuration holds.
        url: how to reach it; may hold a password.
        said: what the operator says it is for, and where.
    """

    project: Project
    url: str
    said: Said | None


def find_project_aloud(output: Output) -> Project:
    """Return the project of the current folder; says so where it is the one that comes with seedbed."""
    from seedbed.project import find_project

    project = find_project()
    if project.bundled:
        output.note(
            "project: no [tool.seedbed] here or above; the payroll project that comes with seedbed"
        )
    return project


def place_for(
    output: Output,
    project: Project,
    option: str | None,
    profile: str,
    operator: Said | None = None,
) -> Place:
    """Return the database a profile goes to; the embedded server is started, and given the database, where need be.

    There each profile has a database of its own, so that a demo and a developer's data live side by side. A new one is stamped: with the
    operator's word where the profile may go there, else with what the profile is for.
    """
    said = _said(output, project, option)
    if said:
        return said
    from seedbed.servers import ensure_started

    environment = _first_environment(project.profile(profile).environments, operator)
    started = ensure_started(database_name(project, profile))
    if started.created:
        from seedbed.birth import stamp_at_birth

        stamp_at_birth(started.url, environment)
    how = "started" if started.launched else "running"
    output.note(f"database: {started.url} (the embedded server, {how}: {started.server})")
    return Place(started.url, embedded=True)


@contextmanager
def place_to_compare(
    output: Output, project: Project, option: str | None, profile: str
) -> Iterator[tuple[Place, str]]:
    """Yield the database a profile would go to, and the URL of what to compare it with, which leaves nothing behind.

    The two differ where the embedded server does not have that database yet: an empty one takes its place, and is dropped.
    """
    said = _said(output, project, option)
    if said:
        yield said, said.url
        return
    from seedbed import servers
    from seedbed.servers.databases import databases, scratch

    servers.ensure_started("postgres")
    name = database_name(project, profile)
    place = Place(servers.url(name), embedded=True)
    if name in databases():
        output.note(f"database: {place.url} (the embedded server)")
        yield place, place.url
        return
    output.note(f"database: {place.url} (the embedded server; not there yet, so nothing is in it)")
    with scratch(name) as empty:
        yield place, empty


def existing(
    output: Output,
    profile: str | None,
    database_url: str | None,
    environment: str | None = None,
    *,
    naming: str = "",
) -> Existing:
    """Return the database that a command's options mean, see `existing_place`; what was chosen is said.

    Args:
        output: where it is said.
        profile: whose database is meant on the embedded server, if there are several.
        database_url, environment: the options of these names.
        naming: what the command wants written before a profile's name.
    """
    project = find_project_aloud(output)
    place = existing_place(output, project, database_url, profile, naming=naming)
    return Existing(project, place.url, operator_says(project, environment))


def existing_place(
    output: Output, project: Project, option: str | None, profile: str | None, *, naming: str = ""
) -> Place:
    """Return a database that is there already.

    Args:
        output: where the choice is said.
        project: whose configuration holds, and whose databases are meant on the embedded server.
        option: ``--database-url``.
        profile: whose database is meant on the embedded server, if there are several.
        naming: what the command wants written before a profile's name.

    Raises:
        InvalidInput: the embedded server is not running, or holds none or several of the project's databases.
    """
    said = _said(output, project, option)
    if said:
        return said
    from seedbed import servers

    url = servers.url(_only_one(project, profile, naming))
    output.note(f"database: {url} (the embedded server)")
    return Place(url, embedded=True)


def database_name(project: Project, profile: str) -> str:
    """Return the name of a profile's database on the embedded server: the project's name and the profile's.

    A name that the guard would take for another environment's, such as that of a project called live-tv, or that is too long for
    PostgreSQL, gives way to a digest.
    """
    from seedbed.environment import read_name

    allowed = (None, *project.profile(profile).environments)
    digest = hashlib.blake2b(project.name.encode(), digest_size=4).hexdigest()
    unique = hashlib.blake2b(f"{project.name}/{profile}".encode(), digest_size=8).hexdigest()
    for parts in ((project.name, profile), ("seedbed", digest, profile)):
        name = re.sub(r"[\W_]+", "_", "_".join(parts).lower()).strip("_")
        if read_name(name) in allowed and len(name.encode()) <= LONGEST:
            return name
    return f"seedbed_{unique}"


def operator_says(project: Project, option: str | None) -> Said | None:
    """Return what the operator says the database is for, and where."""
    return project.settings.operator_says(option, "--environment")


def _said(output: Output, project: Project, option: str | None) -> Place | None:
    said = Said(option, "--database-url") if option is not None else project.settings.database_url
    if said is None:
        return None
    try:
        connection_parameters(said.value)
    except InvalidInput as error:
        raise InvalidInput(f"{said.origin}: {error.message}", remedy=error.remedy) from None
    output.note(f"database: {redacted(said.value)} (from {said.origin})")
    return Place(said.value)


def _first_environment(environments: Sequence[str], operator: Said | None) -> str:
    """Return what a new database is for; a word that does not fit is left to the guard to refuse."""
    from seedbed.environment import read_environment

    said = operator and read_environment(operator)
    known = [read_environment(Said(each, "the profile's environments")) for each in environments]
    return str(said if said in known else known[0])


def _only_one(project: Project, profile: str | None, naming: str) -> str:
    from seedbed.servers.databases import databases

    known = {database_name(project, name): name for name in project.profiles}
    found = [name for name in databases() if name in known]
    wanted = database_name(project, profile) if profile else None
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted in found:
        return wanted
    if not found:
        raise InvalidInput(
            "the embedded server holds no database of this project yet",
            remedy="seedbed apply PROFILE makes one, or give a --database-url.",
        )
    held = " or ".join(f"{naming}{known[name]}" for name in found)
    problem = f"holds none of {profile}" if profile else "holds several databases of this project"
    raise InvalidInput(f"the embedded server {problem}", remedy=f"Name its profile: {held}.")
