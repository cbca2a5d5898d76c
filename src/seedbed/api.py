"""seedbed from Python: what the command line does, as functions.

    import seedbed

    url = "postgresql://localhost/payroll_dev"
    print(seedbed.plan("development", url).changed)
    seedbed.apply("development", url, as_of="now")

The project is found from the current folder, as the command line does it, where none is named. URLs may be SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from seedbed.arguments import check, what_is_said
from seedbed.settings import Said
from seedbed.spelling import told_in_python
from seedbed.url import url_text
from seedbed.wishes import (
    Wishes,
    backup_choice,
    checked,
    options_for,
    pinned,
    profile_of,
    source_for,
)

if TYPE_CHECKING:
    import sqlalchemy

    from seedbed.apply import Progress
    from seedbed.backup import Backup, Restored
    from seedbed.destroy import Destroyed
    from seedbed.environment import Verdict
    from seedbed.forgetting import Forgotten
    from seedbed.options import Edits
    from seedbed.plan import Plan
    from seedbed.profile import Profile
    from seedbed.project import Project
    from seedbed.status import Status


@told_in_python
def plan(
    profile: str | Profile,
    url: str | sqlalchemy.URL,
    *,
    save: str | Path | None = None,
    **wishes: Unpack[Wishes],
) -> Plan:
    """Return the difference between a profile and a database; writes nothing.

    Args:
        profile: a profile, or its name in the project of the current folder.
        url: the database.
        save: a file to write the plan to, for the `plan` of `apply`.
        wishes: see `Wishes`.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`.
    """
    from seedbed.plan import plan as compare
    from seedbed.plan import save as write

    check(save=save)
    wishes = checked("plan", wishes)
    options = options_for(wishes)
    found = compare(source_for(profile, wishes), url_text(url), options)
    if save:
        write(found, options, Path(save))
    return found


@told_in_python
def apply(
    profile: str | Profile,
    url: str | sqlalchemy.URL,
    *,
    progress: Callable[[Progress], None] | None = None,
    plan: str | Path | None = None,
    **wishes: Unpack[Wishes],
) -> Plan:
    """Make a database hold exactly a profile's rows, beside those that are not seedbed's, and return what was done.

    Args:
        profile: a profile, or its name in the project of the current folder.
        url: the database.
        progress: is called from time to time with how far the run is.
        plan: the file of a saved plan, which says which rows are meant; it is carried out as long as everything is what it saw.
        wishes: see `Wishes`.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then nothing was written.
    """
    from seedbed.apply import apply as carry_out

    check(plan=plan)
    wishes = checked("apply", wishes)
    if plan:
        wishes = pinned(profile_of(profile, wishes).name, Path(plan), wishes)
    return carry_out(source_for(profile, wishes), url_text(url), options_for(wishes), progress)


@told_in_python
def reset(
    profile: str | Profile,
    url: str | sqlalchemy.URL,
    *,
    progress: Callable[[Progress], None] | None = None,
    **wishes: Unpack[Wishes],
) -> Plan:
    """Drop the tables that the project describes, make them again, and apply a profile, all in one transaction.

    Args:
        profile: a profile, or its name in the project of the current folder.
        url: the database.
        progress: is called from time to time with how far the run is.
        wishes: see `Wishes`; `confirm` must be the database's name, and `backup` must be said.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then the old tables are there with all their rows.
    """
    from seedbed.reset import reset as start_over

    wishes = checked("reset", wishes)
    return start_over(source_for(profile, wishes), url_text(url), options_for(wishes), progress)


@told_in_python
def destroy(
    url: str | sqlalchemy.URL,
    *,
    confirm: str | None,
    edits: Edits = "refuse",
    backup: bool | str | Path | None = None,
    environment: str | Said | None = None,
    wait: bool = True,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
    connect_timeout: float | None = None,
    project: Project | str | Path | None = None,
) -> Destroyed:
    """Delete exactly the rows seedbed wrote to a database and still owns.

    Args:
        url: the database.
        confirm: the database's name.
        edits: what becomes of rows that are not as seedbed left them: ``refuse`` to do anything, ``keep`` them, as nobody's, or
            ``overwrite``: delete them, too.
        backup: whether a backup is made first, and where; has to be said, except in a database that seedbed created.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.
        lock_timeout, statement_timeout, connect_timeout: see `Wishes`.
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`.
    """
    from seedbed.destroy import DestroyOptions
    from seedbed.destroy import destroy as delete
    from seedbed.load.session import Limits

    check(
        confirm=confirm,
        edits=edits,
        backup=backup,
        environment=environment,
        wait=wait,
        lock_timeout=lock_timeout,
        statement_timeout=statement_timeout,
        connect_timeout=connect_timeout,
    )
    said, patterns = what_is_said(project, environment)
    limits = Limits(lock_timeout, statement_timeout, connect_timeout)
    options = DestroyOptions(confirm, backup_choice(backup), said, wait, limits, patterns, edits)
    return delete(url_text(url), options)


@told_in_python
def forget(
    url: str | sqlalchemy.URL,
    *tables: str,
    confirm: str | None,
    environment: str | Said | None = None,
    wait: bool = True,
    project: Project | str | Path | None = None,
) -> Forgotten:
    """Make seedbed forget its rows in some tables: they stay where they are, and are nobody's from then on.

    Args:
        url: the database.
        tables: their names, as `status` shows them, or with their schemas.
        confirm: the database's name.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        wait: wait for another run's lock.
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`.
    """
    from seedbed.forgetting import ForgetOptions
    from seedbed.forgetting import forget as strike_off

    check(confirm=confirm, environment=environment, wait=wait)
    said, patterns = what_is_said(project, environment)
    return strike_off(url_text(url), tables, ForgetOptions(confirm, said, wait, patterns))


@told_in_python
def status(
    url: str | sqlalchemy.URL,
    *,
    environment: str | Said | None = None,
    project: Project | str | Path | None = None,
) -> Status:
    """Return what seedbed knows about a database: its stamp, profile, runs, rows and drift.

    Args:
        url: the database.
        environment: what it is said to be for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        project: the folder of the project whose configuration holds, where it is not the current one.
    """
    from seedbed.status import status as look

    check(environment=environment)
    said, patterns = what_is_said(project, environment)
    return look(url_text(url), said=said, patterns=patterns)


@told_in_python
def stamp(
    url: str | sqlalchemy.URL,
    environment: str,
    *,
    confirm: str,
    origin: str | None = None,
    project: Project | str | Path | None = None,
) -> Verdict:
    """Write into a database what it is for.

    Args:
        url: the database.
        environment: such as ``development``.
        confirm: the database's name.
        origin: what it is stamped now, where that is staging or production and it is to become something less protected.
        project: the folder of the project whose configuration holds, where it is not the current one.
    """
    from seedbed import guard
    from seedbed.load.failures import translating_errors
    from seedbed.load.session import connect, transaction

    check(environment=environment, confirm=confirm, origin=origin)
    _, patterns = what_is_said(project, environment)
    with (
        connect(url_text(url)) as connection,
        translating_errors(),
        transaction(connection, keep=True),
    ):
        verdict = guard.stamp(
            connection, environment, confirm=confirm, origin=origin, patterns=patterns
        )
        connection.commit()
    return verdict


@told_in_python
def backup(
    url: str | sqlalchemy.URL,
    *,
    out: str | Path | None = None,
    keep: int | None = None,
    keep_days: float | None = None,
    environment: str | Said | None = None,
    project: Project | str | Path | None = None,
) -> Backup:
    """Dump a database into a file that is known to be whole: read back, counted and hashed before it gets its name.

    Args:
        url: the database; nothing is written to it.
        out: the folder, made where there is none; ``backups`` here by default.
        keep: how many backups of this database stay in the folder, this one included; all by default.
        keep_days: how many days they stay; for ever by default.
        environment: what the database is for; what ``SEEDBED_ENVIRONMENT`` and the others say by default.
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then there is no file.
    """
    from seedbed.backup import backup as dump

    check(out=out, keep=keep, keep_days=keep_days, environment=environment)
    said, patterns = what_is_said(project, environment)
    return dump(
        url_text(url),
        out=Path(out) if out else None,
        keep=keep,
        keep_days=keep_days,
        said=said,
        patterns=patterns,
    )


@told_in_python
def restore(
    url: str | sqlalchemy.URL,
    file: str | Path,
    *,
    confirm: str,
    origin: str | None = None,
    drop_old: bool = False,
    backup: bool | str | Path | None = None,
    owners: bool = True,
    environment: str | Said | None = None,
    wait: bool = True,
    project: Project | str | Path | None = None,
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
        project: the folder of the project whose configuration holds, where it is not the current one.

    Raises:
        SeedbedError: one of its kinds, see `seedbed.errors`; then the database is as it was.
    """
    from seedbed.backup import RestoreOptions
    from seedbed.backup import restore as bring_back

    check(
        file=file,
        confirm=confirm,
        origin=origin,
        drop_old=drop_old,
        backup=backup,
        owners=owners,
        environment=environment,
        wait=wait,
    )
    said, patterns = what_is_said(project, environment)
    choice = backup_choice(backup)
    options = RestoreOptions(confirm, origin, drop_old, choice, owners, said, wait, patterns)
    return bring_back(url_text(url), Path(file), options)
