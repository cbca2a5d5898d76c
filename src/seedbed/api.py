"""seedbed from Python: what the command line does, as functions.

    import seedbed

    url = "postgresql://localhost/payroll_dev"
    print(seedbed.plan("development", url).changed)
    seedbed.apply("development", url, as_of="now")

The project is found from the current folder, as the command line does it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from seedbed.project import Project, find_project
from seedbed.request import source
from seedbed.settings import Said, read_settings

if TYPE_CHECKING:
    from seedbed.apply import Progress
    from seedbed.backup import Backup, Restored
    from seedbed.destroy import Destroyed
    from seedbed.environment import Verdict
    from seedbed.options import Options
    from seedbed.plan import Plan
    from seedbed.profile import Profile
    from seedbed.source import Source
    from seedbed.status import Status

ARGUMENT = "environment="
"""Where a caller says what a database is for."""


class Wishes(TypedDict, total=False):
    """The keyword arguments of `plan` and `apply`; the command line's options of the same names.

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
        detail: the plan holds the single rows and fields.
        wait: wait for another run's lock.
        project: the project, where it is not the current folder's.
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
    detail: bool
    wait: bool
    project: Project | None


def plan(profile: str | Profile, url: str, **wishes: Unpack[Wishes]) -> Plan:
    """Return the difference between a profile and a database; writes nothing.

    Args:
        profile: a profile, or its name in the project of the current folder.
        url: the database.
        wishes: see `Wishes`.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`.
    """
    from seedbed.plan import plan as compare

    return compare(prepared(profile, wishes), url, chosen(wishes))


def apply(
    profile: str | Profile,
    url: str,
    *,
    progress: Callable[[Progress], None] | None = None,
    **wishes: Unpack[Wishes],
) -> Plan:
    """Make a database hold exactly a profile's rows, beside those that are not seedbed's, and return what was done.

    Args:
        profile: a profile, or its name in the project of the current folder.
        url: the database.
        progress: is called from time to time with how far the run is.
        wishes: see `Wishes`.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then nothing was written.
    """
    from seedbed.apply import apply as carry_out

    return carry_out(prepared(profile, wishes), url, chosen(wishes), progress)


def destroy(url: str, *, confirm: str, wait: bool = True) -> Destroyed:
    """Delete exactly the rows seedbed wrote to a database and still owns.

    Args:
        url: the database.
        confirm: the database's name.
        wait: wait for another run's lock.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`.
    """
    from seedbed.destroy import destroy as delete

    return delete(url, confirm=confirm, wait=wait)


def status(url: str, *, environment: str | Said | None = None) -> Status:
    """Return what seedbed knows about a database: its stamp, profile, runs, rows and drift.

    Args:
        url: the database.
        environment: what it is said to be for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
    """
    from seedbed.status import status as look

    return look(url, said=read_settings().operator_says(environment, ARGUMENT))


def stamp(url: str, environment: str, *, confirm: str) -> Verdict:
    """Write into a database what it is for.

    Args:
        url: the database.
        environment: such as ``development``.
        confirm: the database's name.
    """
    from seedbed import guard
    from seedbed.load.session import connect, transaction
    from seedbed.plan import told_as_ours

    with connect(url) as connection, told_as_ours(), transaction(connection, keep=True):
        verdict = guard.stamp(connection, environment, confirm=confirm)
        connection.commit()
    return verdict


def backup(
    url: str,
    *,
    out: str | Path | None = None,
    keep: int | None = None,
    keep_days: float | None = None,
    environment: str | Said | None = None,
) -> Backup:
    """Dump a database into a file that is known to be whole: read back, counted and hashed before it gets its name.

    Args:
        url: the database; nothing is written to it.
        out: the folder, made where there is none; ``backups`` here by default.
        keep: how many backups of this database stay in the folder, this one included; all by default.
        keep_days: how many days they stay; for ever by default.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then there is no file.
    """
    from seedbed.backup import backup as dump

    said = read_settings().operator_says(environment, ARGUMENT)
    return dump(url, out=Path(out) if out else None, keep=keep, keep_days=keep_days, said=said)


def restore(
    url: str,
    file: str | Path,
    *,
    confirm: str,
    origin: str | None = None,
    drop_old: bool = False,
    backup: bool | Path | None = None,
    owners: bool = True,
    environment: str | Said | None = None,
    wait: bool = True,
) -> Restored:
    """Put a backup in the place of a database, which is kept under another name; sessions on it are ended.

    Args:
        url: the database.
        file: a backup, with its manifest beside it.
        confirm: the database's name.
        origin: the environment the backup is of, where the database is for another one.
        drop_old: drop the database that is replaced, and those kept from earlier restores.
        backup: whether a backup of the database is made first, and where; has to be said with `drop_old`.
        owners: whether objects keep their owners and grants; else all belong to the role that restores.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then the database is as it was.
    """
    from seedbed.backup import Wanted
    from seedbed.backup import restore as bring_back

    said = read_settings().operator_says(environment, ARGUMENT)
    wanted = Wanted(confirm, origin, drop_old, backup, owners, said, wait)
    return bring_back(url, Path(file), wanted)


def prepared(profile: str | Profile, wishes: Wishes) -> Source:
    """Return the profile that is meant, ready to be evaluated as wished."""
    project = wishes.get("project") or find_project()
    return source(
        project,
        project.profile(profile) if isinstance(profile, str) else profile,
        as_of=wishes.get("as_of"),
        scale=wishes.get("scale", 1.0),
        seed=wishes.get("seed"),
        minimal=wishes.get("minimal", False),
    )


def chosen(wishes: Wishes) -> Options:
    """Return what is wished of a run, apart from its rows."""
    from seedbed.options import Options

    return Options(
        environment=_said(wishes),
        confirm=wishes.get("confirm"),
        edits=wishes.get("edits", "refuse"),
        adopt=wishes.get("adopt", False),
        only=tuple(wishes.get("only", ())),
        skip=tuple(wishes.get("skip", ())),
        create=wishes.get("create", True),
        detail=wishes.get("detail", False),
        wait=wishes.get("wait", True),
    )


def _said(wishes: Wishes) -> Said | None:
    project = wishes.get("project") or find_project()
    return project.settings.operator_says(wishes.get("environment"), ARGUMENT)
