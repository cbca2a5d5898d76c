"""Snapshots: ``seedbed snapshot save | restore | list | drop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seedbed.cli.asking import name_said
from seedbed.cli.backups import print_ended
from seedbed.cli.database import existing
from seedbed.cli.offering import choice_of, offered
from seedbed.cli.options import (
    BackupDir,
    BackupFirst,
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

if TYPE_CHECKING:
    from seedbed.snapshot import Returned, Snapshot

group = typer.Typer(
    name="snapshot", help="Copies of a database to go back to.", rich_markup_mode=None
)

SnapshotName = Annotated[str, typer.Argument(metavar="NAME", help="What the snapshot is called.")]


@group.command()
def save(
    name: SnapshotName,
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    end_sessions: Annotated[
        bool,
        typer.Option(
            "--end-sessions",
            help="End the sessions on this database: it can be copied only while nobody is connected.",
        ),
    ] = False,
    environment: Environment = None,
    no_wait: NoWait = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy a database, as it is now, beside itself."""
    from seedbed import snapshot

    output = Output(json, quiet)
    at = existing(output, profile, database_url, environment)
    made = snapshot.save(
        at.url, name, end_sessions=end_sessions, environment=at.said, wait=not no_wait
    )
    output.document({**_document(made), "sessions_ended": len(made.ended.pids)})
    print_ended(output, made.of, made.ended)
    output.text(f"{made.of} is saved as {made.name} ({made.size:,} bytes)")


@group.command()
def restore(
    name: SnapshotName,
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    confirm: Confirm = None,
    backup_first: BackupFirst = None,
    backup_dir: BackupDir = None,
    origin: Origin = None,
    environment: Environment = None,
    no_wait: NoWait = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring a database back to what it was, ending the sessions on it. The snapshot stays."""
    from seedbed import snapshot

    output = Output(json, quiet)
    at = existing(output, profile, database_url, environment)
    database = name_said(confirm, f"bring it back to {name}")
    done = offered(
        lambda choice: snapshot.restore(
            at.url,
            name,
            confirm=database,
            backup=choice,
            origin=origin,
            environment=at.said,
            wait=not no_wait,
        ),
        choice_of(backup_first, backup_dir),
    )
    _print_restored(output, database, done)


@group.command("list")
def list_(
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """List the snapshots of a database."""
    from seedbed import snapshot

    output = Output(json, quiet, not no_color)
    found = snapshot.saved(existing(output, profile, database_url).url)
    output.document({"snapshots": [_document(each) for each in found]})
    if not found:
        output.text("there are none")
        return
    rows = [(one.name, f"{one.at:%Y-%m-%d %H:%M:%S}", one.environment, one.size) for one in found]
    output.table(("snapshot", "at (UTC)", "environment", "bytes"), rows, numbers=("bytes",))


@group.command()
def drop(
    name: SnapshotName,
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    confirm: Confirm = None,
    environment: Environment = None,
    no_wait: NoWait = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove a snapshot for good. The database stays as it is."""
    from seedbed import snapshot

    output = Output(json, quiet)
    at = existing(output, profile, database_url, environment)
    database = name_said(confirm, f"drop its snapshot {name}")
    gone = snapshot.drop(at.url, name, confirm=database, environment=at.said, wait=not no_wait)
    output.document(_document(gone))
    output.text(f"the snapshot {gone.name} of {gone.of} is gone")


def _print_restored(output: Output, database: str, done: Returned) -> None:
    output.document(
        {
            **_document(done.snapshot),
            "environment": done.environment,
            "sessions_ended": len(done.ended.pids),
            "not_carried_over": list(done.notes),
            "backup": str(done.backup) if done.backup else None,
            "not_dropped": [str(each) for each in done.left],
            "seconds": round(done.seconds, 3),
        }
    )
    if done.backup:
        output.text(f"backed up to {done.backup}")
    print_ended(output, database, done.ended)
    for note in done.notes:
        output.text(f"not carried over: {note}")
    for each in done.left:
        output.text(f"what was there before is still there: {each}")
    at = f"{done.snapshot.at:%Y-%m-%d %H:%M:%S} UTC"
    output.text(f"{database} is again what it was at {at} ({done.seconds:.2f} s)")


def _document(found: Snapshot) -> dict[str, object]:
    return {
        "name": found.name,
        "of": found.of,
        "database": found.database,
        "environment": found.environment,
        "at": found.at.isoformat(),
        "bytes": found.size,
    }
