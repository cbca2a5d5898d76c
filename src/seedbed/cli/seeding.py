"""Commands that compare and write: plan, apply and reset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedbed.cli.database import existing_place, find_project_aloud
from seedbed.cli.offering import choice_of
from seedbed.cli.options import (
    AsOf,
    BackupDir,
    BackupFirst,
    Confirm,
    ConnectTimeout,
    DatabaseUrl,
    Detail,
    Environment,
    ExitCode,
    Json,
    KeepEdits,
    LockTimeout,
    Minimal,
    NoColor,
    NoWait,
    Only,
    ProfileName,
    Quiet,
    Scale,
    Seed,
    Skip,
    StatementTimeout,
    edits_of,
)
from seedbed.cli.output import Output
from seedbed.cli.running import Seeding
from seedbed.errors import Drift

if TYPE_CHECKING:
    from seedbed.wishes import Wishes

NoCreate = Annotated[bool, typer.Option("--no-create", help="Never create the project's tables.")]
Adopt = Annotated[
    bool,
    typer.Option("--adopt", help="Take over rows with our natural key that seedbed did not write."),
]
OverwriteEdits = Annotated[
    bool,
    typer.Option(
        "--overwrite-edits",
        help="Restore rows that somebody changed since; delete those of them that left the profile.",
    ),
]


Clean = Annotated[
    bool,
    typer.Option(
        "--clean",
        help="Empty the profile's tables first, in the same transaction, also of rows that seedbed did not write.",
    ),
]
Save = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the plan to a file, for apply --plan."),
]
SavedPlan = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="Carry out this saved plan, and nothing if the database or the profile is no longer what it saw.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    app.command()(apply)
    app.command()(plan)
    app.command()(reset)


def plan(
    profile: ProfileName,
    database_url: DatabaseUrl = None,
    as_of: AsOf = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
    only: Only = None,
    skip: Skip = None,
    clean: Clean = False,
    no_create: NoCreate = False,
    environment: Environment = None,
    save: Save = None,
    lock_timeout: LockTimeout = None,
    statement_timeout: StatementTimeout = None,
    connect_timeout: ConnectTimeout = None,
    detail: Detail = False,
    exit_code: ExitCode = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Show what apply would change. Nothing is written to the database."""
    wishes: Wishes = {
        "as_of": as_of,
        "scale": scale,
        "seed": seed,
        "minimal": minimal,
        "only": only or (),
        "skip": skip or (),
        "create": not no_create,
        "clean": clean,
        "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout,
        "connect_timeout": connect_timeout,
        "detail": detail,
    }
    output = Output(json, quiet, not no_color)
    project = find_project_aloud(output)
    found = Seeding(output, project, profile, database_url, environment, wishes).plan(save)
    if exit_code and found.differs:
        raise typer.Exit(Drift.exit_code)


def apply(
    profile: ProfileName,
    database_url: DatabaseUrl = None,
    as_of: AsOf = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
    only: Only = None,
    skip: Skip = None,
    plan: SavedPlan = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the difference, as seedbed plan does.")
    ] = False,
    keep_edits: KeepEdits = False,
    overwrite_edits: OverwriteEdits = False,
    adopt: Adopt = False,
    clean: Clean = False,
    backup: BackupFirst = None,
    backup_dir: BackupDir = None,
    no_create: NoCreate = False,
    environment: Environment = None,
    confirm: Confirm = None,
    no_wait: NoWait = False,
    lock_timeout: LockTimeout = None,
    statement_timeout: StatementTimeout = None,
    connect_timeout: ConnectTimeout = None,
    detail: Detail = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Make a database hold a profile's rows. Rows that seedbed did not write stay as they are."""
    from seedbed.wishes import pinned

    wishes: Wishes = {
        "as_of": as_of,
        "scale": scale,
        "seed": seed,
        "minimal": minimal,
        "only": only or (),
        "skip": skip or (),
        "edits": edits_of(keep_edits, overwrite_edits),
        "adopt": adopt,
        "create": not no_create,
        "clean": clean,
        "backup": choice_of(backup, backup_dir),
        "confirm": confirm,
        "wait": not no_wait,
        "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout,
        "connect_timeout": connect_timeout,
        "detail": detail,
    }
    if plan:
        wishes = pinned(profile, plan, wishes)
    output = Output(json, quiet, not no_color)
    project = find_project_aloud(output)
    run = Seeding(output, project, profile, database_url, environment, wishes)
    if dry_run:
        run.plan()
    else:
        run.apply()


def reset(
    profile: Annotated[
        str | None,
        typer.Argument(metavar="PROFILE", help="The profile's name; the one applied last."),
    ] = None,
    database_url: DatabaseUrl = None,
    as_of: AsOf = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
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
    """Drop the project's tables, make them again, and apply. All of it or nothing."""
    from seedbed.load.session import Limits
    from seedbed.reset import active_profile

    output = Output(json, quiet, not no_color)
    project = find_project_aloud(output)
    place = existing_place(output, project, database_url, profile)
    wishes: Wishes = {
        "as_of": as_of,
        "scale": scale,
        "seed": seed,
        "minimal": minimal,
        "backup": choice_of(backup, backup_dir),
        "confirm": confirm,
        "wait": not no_wait,
        "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout,
        "connect_timeout": connect_timeout,
    }
    limits = Limits(lock_timeout, statement_timeout, connect_timeout)
    name = profile or active_profile(place.url, limits)
    Seeding(output, project, name, place.url, environment, wishes).reset(place)
