"""Commands that compare and write: plan and apply."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seedbed.cli.database import find_project_aloud, operator_says, place_for, place_to_compare
from seedbed.cli.options import (
    AsOf,
    Confirm,
    DatabaseUrl,
    Detail,
    Environment,
    Json,
    Minimal,
    NoColor,
    NoWait,
    Only,
    ProfileName,
    Quiet,
    Scale,
    Seed,
    Skip,
)
from seedbed.cli.output import Output
from seedbed.cli.progress import shown
from seedbed.cli.report import document, print_cast, print_plan, print_way_in
from seedbed.cli.startup import imports_done
from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from seedbed.api import Wishes
    from seedbed.dataset import Dataset
    from seedbed.options import Options
    from seedbed.profile import Profile
    from seedbed.project import Project
    from seedbed.source import Source

NoCreate = Annotated[bool, typer.Option("--no-create", help="Never create the project's tables.")]
Adopt = Annotated[
    bool,
    typer.Option("--adopt", help="Take over rows with our natural key that seedbed did not write."),
]
KeepEdits = Annotated[
    bool, typer.Option("--keep-edits", help="Leave rows that somebody changed since as they are.")
]
OverwriteEdits = Annotated[
    bool,
    typer.Option(
        "--overwrite-edits",
        help="Restore rows that somebody changed since; delete those of them that left the profile.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    app.command()(apply)
    app.command()(plan)


def plan(
    profile: ProfileName,
    database_url: DatabaseUrl = None,
    as_of: AsOf = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
    only: Only = None,
    skip: Skip = None,
    no_create: NoCreate = False,
    environment: Environment = None,
    detail: Detail = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Show what apply would change. Nothing is written."""
    wishes: Wishes = {
        "as_of": as_of,
        "scale": scale,
        "seed": seed,
        "minimal": minimal,
        "only": only or (),
        "skip": skip or (),
        "create": not no_create,
        "detail": detail,
    }
    run = _Run(Output(json, quiet, not no_color), profile, database_url, environment, wishes)
    run.plan()


def apply(
    profile: ProfileName,
    database_url: DatabaseUrl = None,
    as_of: AsOf = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
    only: Only = None,
    skip: Skip = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the difference, as seedbed plan does.")
    ] = False,
    keep_edits: KeepEdits = False,
    overwrite_edits: OverwriteEdits = False,
    adopt: Adopt = False,
    no_create: NoCreate = False,
    environment: Environment = None,
    confirm: Confirm = None,
    no_wait: NoWait = False,
    detail: Detail = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Make a database hold a profile's rows. Rows that seedbed did not write stay as they are."""
    wishes: Wishes = {
        "as_of": as_of,
        "scale": scale,
        "seed": seed,
        "minimal": minimal,
        "only": only or (),
        "skip": skip or (),
        "edits": _edits(keep_edits, overwrite_edits),
        "adopt": adopt,
        "create": not no_create,
        "confirm": confirm,
        "wait": not no_wait,
        "detail": detail,
    }
    run = _Run(Output(json, quiet, not no_color), profile, database_url, environment, wishes)
    if dry_run:
        run.plan()
    else:
        run.apply()


@dataclasses.dataclass(frozen=True, slots=True)
class _Run:
    """One plan or apply from the command line."""

    output: Output
    profile: str
    database_url: str | None
    environment: str | None
    wishes: Wishes

    def plan(self) -> None:
        """Compare, and print the difference."""
        from seedbed.plan import plan as compare

        project, _, source, options = self._prepared()
        with place_to_compare(self.output, project, self.database_url, self.profile) as (
            place,
            url,
        ):
            imports_done()
            found = compare(source, url, options)
        self.output.document(document(found, place.url))
        print_plan(self.output, found, done=False)

    def apply(self) -> None:
        """Write, and print what was done and how to look at it."""
        from seedbed.apply import apply as carry_out

        project, profile, prepared, options = self._prepared()
        place = place_for(self.output, project, self.database_url, self.profile, options.said)
        imports_done()
        source, made = _remembering(prepared)
        with shown(self.output) as progress:
            done = carry_out(source, place.url, options, progress)
        self.output.document(document(done, place.url))
        print_plan(self.output, done, done=True)
        if profile.cast is not None and made:
            print_cast(self.output, profile.cast(made[-1]))
        print_way_in(self.output, place, self.profile)

    def _prepared(self) -> tuple[Project, Profile, Source, Options]:
        from seedbed import api

        project = find_project_aloud(self.output)
        profile = project.profile(self.profile)
        said = operator_says(project, self.environment)
        wishes: Wishes = {**self.wishes, "project": project, "environment": said}
        return project, profile, api.prepared(profile, wishes), api.chosen(wishes)


def _edits(keep: bool, overwrite: bool) -> Literal["refuse", "keep", "overwrite"]:
    if keep and overwrite:
        raise InvalidInput("--keep-edits and --overwrite-edits exclude each other")
    return "keep" if keep else "overwrite" if overwrite else "refuse"


def _remembering(source: Source) -> tuple[Source, list[Dataset]]:
    """Return a source that keeps what it was evaluated to, for the cast."""
    made: list[Dataset] = []

    def evaluate(moment: datetime) -> Dataset:
        made[:] = [source.evaluate(moment)]
        return made[0]

    return dataclasses.replace(source, evaluate=evaluate), made
