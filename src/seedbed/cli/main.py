"""The commands put together, and what happens around every one of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from seedbed.cli import (
    backups,
    failure,
    guarding,
    kept,
    projects,
    seeding,
    server,
    snapshots,
    upkeep,
)
from seedbed.cli.helping import fold_help
from seedbed.cli.output import Output
from seedbed.errors import InvalidInput

app = typer.Typer(
    name="seedbed",
    help="Fill PostgreSQL databases with data that is believable, repeatable and safe to re-apply.",
    rich_markup_mode=None,  # rich takes longer to import than a small apply takes to run
    pretty_exceptions_enable=False,
)
seeding.add_to(app)
upkeep.add_to(app)
backups.add_to(app)
projects.add_to(app)
app.add_typer(snapshots.group)
app.add_typer(server.group)
app.add_typer(kept.group)
app.add_typer(guarding.group)
fold_help(app)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code.

    Args:
        arguments: the command line, without the program's name.
    """
    output = Output(json="--json" in arguments)
    try:
        code = app(list(arguments) or ["--help"], prog_name="seedbed", standalone_mode=False)
        print(end="", flush=True)  # a full disk is met here, where it can be reported
    except BrokenPipeError:
        # Whoever read the result has seen enough; what is left in the buffer must not be tried again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = failure.BUG
    except (KeyboardInterrupt, typer.Abort):
        code = failure.INTERRUPTED
    except Exception as error:
        return _failed(error, output)
    return failure.interrupted(output) if code == failure.INTERRUPTED else code or 0


def _failed(error: Exception, output: Output) -> int:
    if not isinstance(error, typer.TyperException):
        return failure.report(error, output)
    context = getattr(error, "ctx", None)
    if context is not None:
        print(context.get_usage(), file=sys.stderr)
    path = context.command_path if context is not None else "seedbed"
    return failure.report(
        InvalidInput(error.format_message(), remedy=f"{path} --help shows what there is."), output
    )


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"seedbed {version('seedbed')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Options of seedbed itself."""
