"""The options that several commands share, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seedbed.options import Edits


def _profile_names(incomplete: str) -> list[str]:
    """Return the profiles a shell may complete to; of a broken project, none."""
    from seedbed.errors import SeedbedError
    from seedbed.project import find_project

    try:
        names = list(find_project().profiles)
    except SeedbedError:
        return []
    return [name for name in names if name.startswith(incomplete)]


ProfileName = Annotated[
    str,
    typer.Argument(metavar="PROFILE", help="The profile's name.", autocompletion=_profile_names),
]
Whose = Annotated[
    str | None,
    typer.Argument(
        metavar="PROFILE", help="Whose database, where the embedded server holds several."
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The database. Without it: [tool.seedbed], DATABASE_URL, the embedded server.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        metavar="MOMENT",
        help="The moment the rows are made for: an ISO date or time (UTC where it names no zone), or now. "
        "Without it: the profile's own, else the moment of its first apply to this database.",
    ),
]
AsOfElseNow = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="MOMENT",
        help="The moment the rows are made for: an ISO date or time (UTC where it names no zone), or now. "
        "Without it: the profile's own, else now, so that each run gives other moments.",
    ),
]
Scale = Annotated[
    float, typer.Option(metavar="NUMBER", help="What the profile's counts are multiplied by.")
]
Seed = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Another seed makes other rows of the same shape."),
]
Minimal = Annotated[bool, typer.Option("--minimal", help="Only the hand-picked rows.")]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="TABLE", help="Only this table. Repeatable."),
]
Skip = Annotated[
    list[str] | None, typer.Option(metavar="TABLE", help="Not this table. Repeatable.")
]
Environment = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What this database is for, such as development."),
]
Confirm = Annotated[
    str | None,
    typer.Option(metavar="DATABASE", help="The database's name, to say that you mean this one."),
]
Origin = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="ENVIRONMENT",
        help="The environment the rows are of, to say that you mean them although this database is for another one.",
    ),
]
BackupFirst = Annotated[
    bool | None,
    typer.Option(
        "--backup/--no-backup",
        help="Make a backup first, in ./backups, or go without. One of them must be said, unless seedbed created the database.",
        show_default=False,
    ),
]
BackupDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", file_okay=False, help="Make a backup first, in this folder."),
]
KeepEdits = Annotated[
    bool, typer.Option("--keep-edits", help="Leave rows that somebody changed since as they are.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Do not wait for another run's lock: exit 5.")
]
LockTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="How long to wait for a table or row that somebody else has locked: exit 5. Without it: 10; 0 is for ever.",
    ),
]
StatementTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="How long one statement may take: exit 6. Without it: what the role or database sets, else 900; 0 is for ever.",
    ),
]
ConnectTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="How long to wait for the server: exit 6. Without it: what the URL says, else 10; 0 is for ever.",
    ),
]
Detail = Annotated[bool, typer.Option("--detail", help="Show the rows and fields, too.")]
ExitCode = Annotated[
    bool,
    typer.Option(
        "--exit-code", help="Exit 4 where the database is not as it should be, for scripts."
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on standard output, all else on standard error."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours on a terminal.")]


def edits_of(keep: bool, overwrite: bool) -> Edits:
    """Return what was said about rows that somebody changed since.

    Raises:
        InvalidInput: both.
    """
    from seedbed.errors import InvalidInput

    if keep and overwrite:
        raise InvalidInput("--keep-edits and --overwrite-edits exclude each other")
    return "keep" if keep else "overwrite" if overwrite else "refuse"
