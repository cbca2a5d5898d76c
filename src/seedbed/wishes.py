"""What a caller of the Python functions wishes of a run, made into what the use cases take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from seedbed.arguments import check, known_only, project_of
from seedbed.errors import InvalidInput
from seedbed.project import Project
from seedbed.request import source
from seedbed.settings import Said

if TYPE_CHECKING:
    from seedbed.options import BackupChoice, Options
    from seedbed.profile import Profile
    from seedbed.saved import Saved
    from seedbed.source import Source


class Wishes(TypedDict, total=False):
    """The keyword arguments of `plan`, `apply` and `reset`; the command line's options of the same names.

    Attributes:
        as_of: the moment the rows are made for (a datetime, a date, an ISO text or ``"now"``); the profile's own or the ledger's by
            default.
        scale: what the profile's counts are multiplied by.
        seed: another seed makes other rows of the same shape.
        minimal: only the hand-picked rows.
        environment: what this database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        confirm: the database's name, where a write has to be confirmed.
        edits: what to do about rows that somebody else changed since: ``refuse``, ``keep`` or ``overwrite``.
        adopt: take over rows with our natural key that seedbed did not write.
        only: only these tables.
        skip: not these tables.
        create: whether to create the tables in a database that has none of them.
        clean: empty the profile's tables first, whoever wrote their rows.
        backup: make a backup first (True, or the folder it goes to), or do not (False); has to be said before rows are taken away,
            except in a database that seedbed created.
        detail: the plan holds the single rows and fields.
        wait: wait for another run's lock.
        lock_timeout: for how many seconds to wait for a table or row that somebody else has locked; 10 by default, 0 for ever.
        statement_timeout: how many seconds one statement may take; what the role or database sets by default, else 900.
        connect_timeout: for how many seconds to wait for the server; what the URL says by default, else 10.
        saved: the plan that a run is held to; the functions that take one read it from its file.
        project: the project's folder, where it is not the current one.
    """

    as_of: datetime | date | str | None
    scale: float
    seed: str | int | None
    minimal: bool
    environment: str | Said | None
    confirm: str | None
    edits: Literal["refuse", "keep", "overwrite"]
    adopt: bool
    only: Sequence[str]
    skip: Sequence[str]
    create: bool
    clean: bool
    backup: bool | str | Path | None
    detail: bool
    wait: bool
    lock_timeout: float | None
    statement_timeout: float | None
    connect_timeout: float | None
    saved: Saved | None
    project: Project | str | Path | None


def checked(function: str, wishes: Wishes) -> Wishes:
    """Return wishes that were looked at, with the project that is meant.

    Args:
        function: whose arguments they are, for messages.
        wishes: what its caller said.

    Raises:
        TypeError: there is no such wish.
        InvalidInput: a value cannot be.
    """
    known_only(function, wishes, list(Wishes.__annotations__))
    check(**wishes)
    return {**wishes, "project": project_of(wishes.get("project"))}


def pinned(profile: str, file: Path, wishes: Wishes) -> Wishes:
    """Return wishes with what a saved plan says about the rows.

    Raises:
        InvalidInput: the file holds no plan of this profile, or the wishes say something about the rows, too.
    """
    from seedbed.saved import read

    saved = read(file, profile)
    usual = {"scale": 1.0, "minimal": False, "clean": False}
    about = ("as_of", "scale", "seed", "minimal", "only", "skip", "clean")
    said = [name for name in about if (wishes.get(name) or usual.get(name)) != usual.get(name)]
    if said:
        raise InvalidInput(
            f"a saved plan and {', '.join(said)} exclude each other",
            remedy="The plan says which rows are meant.",
        )
    return {
        **wishes,
        "as_of": saved.moment,
        "scale": saved.scale,
        "seed": saved.seed,
        "minimal": saved.minimal,
        "only": saved.only,
        "skip": saved.skip,
        "clean": saved.clean,
        "saved": saved,
    }


def profile_of(profile: str | Profile, wishes: Wishes) -> Profile:
    """Return the profile that is meant.

    Raises:
        InvalidInput: it is none, or there is none of that name.
    """
    from seedbed.profile import Profile

    if isinstance(profile, str):
        return project_of(wishes.get("project")).profile(profile)
    if not isinstance(profile, Profile):
        raise InvalidInput(f"the profile is {profile!r}: must be one, or the name of one")
    return profile


def source_for(profile: str | Profile, wishes: Wishes) -> Source:
    """Return the profile that is meant, ready to be evaluated as wished.

    Raises:
        InvalidInput: there is none of that name, or it cannot be evaluated that way.
    """
    project = project_of(wishes.get("project"))
    return source(
        project,
        profile_of(profile, {"project": project}),
        as_of=wishes.get("as_of"),
        scale=wishes.get("scale", 1.0),
        seed=wishes.get("seed"),
        minimal=wishes.get("minimal", False),
    )


def options_for(wishes: Wishes) -> Options:
    """Return what is wished of a run, apart from its rows."""
    from seedbed.load.session import Limits
    from seedbed.options import Options

    return Options(
        environment=_said(wishes),
        confirm=wishes.get("confirm"),
        edits=wishes.get("edits", "refuse"),
        adopt=wishes.get("adopt", False),
        only=tuple(wishes.get("only", ())),
        skip=tuple(wishes.get("skip", ())),
        create=wishes.get("create", True),
        clean=wishes.get("clean", False),
        backup=backup_choice(wishes.get("backup")),
        detail=wishes.get("detail", False),
        wait=wishes.get("wait", True),
        saved=wishes.get("saved"),
        limits=Limits(
            lock=wishes.get("lock_timeout"),
            statement=wishes.get("statement_timeout"),
            connect=wishes.get("connect_timeout"),
        ),
    )


def _said(wishes: Wishes) -> Said | None:
    project = project_of(wishes.get("project"))
    return project.settings.operator_says(wishes.get("environment"))


def backup_choice(said: bool | str | Path | None) -> BackupChoice:
    """Return whether, and where, a backup is wished."""
    return Path(said) if isinstance(said, str) else said
