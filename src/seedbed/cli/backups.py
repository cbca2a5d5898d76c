"""Commands that keep data and bring it back: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedbed.cli.asking import name_said
from seedbed.cli.database import existing
from seedbed.cli.offering import choice_of, offered
from seedbed.cli.options import (
    BackupDir,
    Confirm,
    DatabaseUrl,
    Environment,
    Json,
    NoColor,
    NoWait,
    Origin,
    Quiet,
    Whose,
)
from seedbed.cli.output import Output
from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    from seedbed.backup import Backup, Dropped, Restored, RestoreOptions
    from seedbed.databases.sessions import Sessions
    from seedbed.options import BackupChoice


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    for command in (backup, restore):
        app.command()(command)


def backup(
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to put it; ./backups by default.")
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(metavar="N", help="Keep this many backups of this database, the newest."),
    ] = None,
    keep_days: Annotated[
        float | None,
        typer.Option(metavar="N", help="Keep backups of this database for so many days."),
    ] = None,
    environment: Environment = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Dump a database into a file that is known to be whole. Writes nothing to the database."""
    from seedbed.backup import backup as make

    output = Output(json, quiet, not no_color)
    at = existing(output, profile, database_url, environment)
    made = make(at.url, out=out, keep=keep, keep_days=keep_days, said=at.said)
    output.document(_document(made))
    tables, rows = len(made.manifest.rows), sum(made.manifest.rows.values())
    output.text(f"{made.path}: {made.size:,} bytes, {rows:,} rows in {tables} tables")
    for path in made.retired:
        output.text(f"removed {path}")
    output.text(f"{made.manifest.database} is backed up ({made.seconds:.2f} s)")


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A backup, with its manifest beside it."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="PROFILE", help="Whose database, where the embedded server holds several."
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    confirm: Confirm = None,
    origin: Origin = None,
    drop_old: Annotated[
        bool,
        typer.Option(
            "--drop-old",
            help="Drop the database that is replaced, and those kept by earlier restores; without a FILE, only the latter.",
        ),
    ] = False,
    backup_first: Annotated[
        bool | None,
        typer.Option(
            "--backup/--no-backup",
            help="Back up the database that is replaced first, in ./backups, or not. One must be said with --drop-old, "
            "unless seedbed created the database.",
            show_default=False,
        ),
    ] = None,
    backup_dir: BackupDir = None,
    no_owner: Annotated[
        bool,
        typer.Option(
            "--no-owner",
            help="Leave owners and grants out: everything belongs to the role that restores.",
        ),
    ] = False,
    environment: Environment = None,
    no_wait: NoWait = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Put a backup in the place of a database, which is kept under another name.

    Only sessions on that database are ended.
    """
    from seedbed.backup import RestoreOptions, drop_kept
    from seedbed.backup import restore as bring_back

    if file is None and not drop_old:
        raise InvalidInput("restore needs the FILE of a backup", remedy="seedbed backup makes one.")
    output = Output(json, quiet, not no_color)
    at = existing(output, profile, database_url, environment, naming="--profile ")
    name = name_said(confirm, "replace it")
    chosen = choice_of(backup_first, backup_dir)

    def options_with(choice: BackupChoice) -> RestoreOptions:
        """Return what was said, with one decision about a backup."""
        return RestoreOptions(
            confirm=name,
            origin=origin,
            drop_old=drop_old,
            backup=choice,
            owners=not no_owner,
            said=at.said,
            wait=not no_wait,
        )

    if file is None:
        _print_dropped(
            output, offered(lambda choice: drop_kept(at.url, options_with(choice)), chosen)
        )
        return
    done = offered(lambda choice: bring_back(at.url, file, options_with(choice)), chosen)
    output.document(_report(done))
    _print(output, done)


def _print_dropped(output: Output, gone: Dropped) -> None:
    """Say which kept databases are gone."""
    output.document(
        {
            "dropped": list(gone.names),
            "backups": [str(path) for path in gone.backups],
            "sessions_ended": len(gone.ended.pids),
        }
    )
    for path in gone.backups:
        output.text(f"backed up to {path}")
    print_ended(output, "them", gone.ended)
    names = ", ".join(gone.names)
    output.text(f"dropped {names}" if names else "there was nothing to drop")


def print_ended(output: Output, database: str, ended: Sessions) -> None:
    """Say which sessions were ended."""
    if ended.pids:
        output.text(f"ended {ended} on {database}")


def _document(made: Backup) -> dict[str, object]:
    manifest = made.manifest
    return {
        "file": str(made.path),
        "bytes": made.size,
        "sha256": manifest.sha256,
        "database": manifest.database,
        "environment": manifest.environment,
        "made_at": manifest.made_at.isoformat(),
        "rows": dict(manifest.rows),
        "removed": [str(path) for path in made.retired],
        "seconds": round(made.seconds, 3),
    }


def _report(done: Restored) -> dict[str, object]:
    return {
        "database": done.database,
        "environment": done.environment,
        "rows": dict(done.manifest.rows),
        "made_at": done.manifest.made_at.isoformat(),
        "kept": done.kept or None,
        "sessions_ended": len(done.ended.pids),
        "not_carried_over": list(done.notes),
        "backup": str(done.backup) if done.backup else None,
        "backups_of_kept": [str(path) for path in done.backups_of_kept],
        "dropped": list(done.dropped),
        "not_dropped": [str(each) for each in done.left],
        "seconds": round(done.seconds, 3),
    }


def _print(output: Output, done: Restored) -> None:
    if done.backup:
        output.text(f"backed up to {done.backup}")
    for path in done.backups_of_kept:
        output.text(f"backed up to {path}")
    print_ended(output, done.database, done.ended)
    for note in done.notes:
        output.text(f"not carried over: {note}")
    for name in done.dropped:
        output.text(f"dropped {name}")
    for each in done.left:
        output.text(str(each))
    if done.kept and not done.left:
        output.text(
            f"kept {done.kept}, as it was; seedbed restore --drop-old drops it when you are sure"
        )
    rows = sum(done.manifest.rows.values())
    made = f"{done.manifest.made_at:%Y-%m-%d %H:%M} UTC"
    output.text(
        f"{done.database} holds the {rows:,} rows of {made} again, and is for {done.environment} ({done.seconds:.2f} s)"
    )
