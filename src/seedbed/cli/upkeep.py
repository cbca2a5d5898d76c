"""Commands about a database that was seeded: status, destroy, forget, stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seedbed.cli.asking import name_said
from seedbed.cli.database import existing
from seedbed.cli.offering import choice_of, offered
from seedbed.cli.options import (
    BackupDir,
    BackupFirst,
    Confirm,
    ConnectTimeout,
    DatabaseUrl,
    Environment,
    ExitCode,
    Json,
    KeepEdits,
    LockTimeout,
    NoColor,
    NoWait,
    Quiet,
    StatementTimeout,
    Whose,
    edits_of,
)
from seedbed.cli.output import Output
from seedbed.environment import read_environment
from seedbed.errors import Drift
from seedbed.settings import Said
from seedbed.url import redacted

if TYPE_CHECKING:
    from seedbed.destroy import Destroyed
    from seedbed.status import Status


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    for command in (status, destroy, forget, stamp):
        app.command()(command)


def status(
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    environment: Environment = None,
    exit_code: ExitCode = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Show what seedbed knows about a database. Stamp, profile, runs, rows per table, drift."""
    from seedbed import api

    output = Output(json, quiet, not no_color)
    at = existing(output, profile, database_url, environment)
    found = api.status(at.url, environment=at.said)
    output.document(_document(found, at.url))
    _print_status(output, found)
    if exit_code and found.drifted:
        raise typer.Exit(Drift.exit_code)


def destroy(
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    keep_edits: KeepEdits = False,
    overwrite_edits: Annotated[
        bool,
        typer.Option("--overwrite-edits", help="Delete rows that somebody changed since, too."),
    ] = False,
    backup: BackupFirst = None,
    backup_dir: BackupDir = None,
    environment: Environment = None,
    confirm: Confirm = None,
    no_wait: NoWait = False,
    lock_timeout: LockTimeout = None,
    statement_timeout: StatementTimeout = None,
    connect_timeout: ConnectTimeout = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Delete exactly the rows seedbed wrote and still owns."""
    from seedbed import api

    output = Output(json, quiet, not no_color)
    edits = edits_of(keep_edits, overwrite_edits)
    at = existing(output, profile, database_url, environment)
    name = name_said(confirm, "delete seedbed's rows from it")
    done = offered(
        lambda choice: api.destroy(
            at.url,
            confirm=name,
            edits=edits,
            backup=choice,
            environment=at.said,
            wait=not no_wait,
            lock_timeout=lock_timeout,
            statement_timeout=statement_timeout,
            connect_timeout=connect_timeout,
        ),
        choice_of(backup, backup_dir),
    )
    _print_destroyed(output, done)


def forget(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="Its name, as seedbed status shows it.")
    ],
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    environment: Environment = None,
    confirm: Confirm = None,
    no_wait: NoWait = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forget which rows of a table are seedbed's. They stay where they are, and are nobody's from then on."""
    from seedbed import api

    output = Output(json, quiet)
    at = existing(output, profile, database_url, environment, naming=table)
    name = name_said(confirm, f"forget which rows of {table} are seedbed's")
    done = api.forget(at.url, table, confirm=name, environment=at.said, wait=not no_wait)
    output.document({"database": done.database, "tables": dict(done.tables)})
    for table, rows in done.tables.items():
        output.text(f"{done.database}: {rows:,} rows of {table} are no longer seedbed's")


def stamp(
    environment: Annotated[
        str, typer.Argument(metavar="ENVIRONMENT", help="Such as development or staging.")
    ],
    profile: Whose = None,
    database_url: DatabaseUrl = None,
    confirm: Confirm = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENVIRONMENT",
            help="What it is stamped now: has to be said where staging or production becomes something less protected.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write into a database what it is for. Needed once where it holds rows."""
    from seedbed import api

    output = Output(json, quiet)
    read_environment(Said(environment, "seedbed stamp"))  # a wrong word needs no other question
    at = existing(output, profile, database_url)
    name = name_said(confirm, f"stamp it {environment}")
    verdict = api.stamp(at.url, environment, confirm=name, origin=origin)
    database, old = verdict.site.database, verdict.site.stamp
    was = old.environment if old else None
    now = str(verdict.environment)
    output.document({"database": database, "environment": now, "was": was})
    before = f"; it was stamped {was}" if was not in (None, now) else ""
    output.text(f"{database} is stamped {now}{before}")


def _print_destroyed(output: Output, done: Destroyed) -> None:
    output.document(
        {
            "database": done.database,
            "tables": dict(done.tables),
            "kept": dict(done.kept),
            "backup": str(done.backup) if done.backup else None,
            "seconds": round(done.seconds, 3),
        }
    )
    if done.backup:
        output.text(f"Backup: {done.backup}")
    output.table(("table", "deleted"), list(done.tables.items()), numbers=("deleted",))
    for table, rows in done.kept.items():
        output.text(f"{table}: {rows:,} edited rows stay, and are no longer seedbed's")
    deleted = sum(done.tables.values())
    output.text(f"{done.database}: {deleted:,} rows deleted ({done.seconds:.2f} s)")


def _document(found: Status, url: str) -> dict[str, object]:
    stamp = found.stamp
    return {
        "database": found.database,
        "url": redacted(url),
        "environment": found.environment,
        "stamp": stamp
        and {
            "environment": stamp.environment,
            "at": stamp.stamped_at.isoformat(),
            "by": stamp.stamped_by,
        },
        "profile": found.profile,
        "drifted": found.drifted,
        "tables": {
            name: {
                "rows": table.rows,
                "named": table.named,
                "edited": table.edited,
                "missing": table.missing,
                **({"problem": table.problem} if table.problem else {}),
            }
            for name, table in found.tables.items()
        },
        "runs": [
            {
                "number": run.number,
                "action": run.action,
                "outcome": run.outcome,
                "profile": run.profile,
                "as_of": run.as_of and run.as_of.isoformat(),
                "scale": run.scale,
                "seed": run.seed,
                "started_at": run.started_at.isoformat(),
                "seconds": round(run.seconds, 3),
                "by": run.who,
            }
            for run in found.runs
        ],
    }


def _print_status(output: Output, found: Status) -> None:
    stamp = found.stamp
    said = f"by {stamp.stamped_by} on {stamp.stamped_at:%Y-%m-%d %H:%M}" if stamp else "not stamped"
    output.text(f"Database     {found.database}")
    output.text(f"Environment  {found.environment} ({said})")
    output.text(f"Profile      {found.profile or 'none: it holds no rows of seedbed'}")
    output.text()
    if found.tables:
        columns = ("rows", "named", "edited", "missing")
        rows = [
            [name, *(getattr(table, column) for column in columns)]
            for name, table in found.tables.items()
        ]
        output.table(("table", *columns), rows, numbers=columns)
        for name, table in found.tables.items():
            if table.problem:
                output.text(f"{name}: {table.problem}")
        output.text("somebody edited or deleted rows of seedbed" if found.drifted else "no drift")
        output.text()
    output.table(
        ("run", "at", "action", "profile", "outcome", "seconds"),
        [
            (
                run.number,
                f"{run.started_at:%Y-%m-%d %H:%M:%S}",
                run.action,
                run.profile or "",
                run.outcome,
                f"{run.seconds:.2f}",
            )
            for run in found.runs
        ],
        numbers=("run", "seconds"),
    )
