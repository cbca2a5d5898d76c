"""Databases that tests left behind on purpose: ``seedbed test-db list | open | clean``."""

from __future__ import annotations

from typing import Annotated

import typer

from seedbed.cli.options import Json, Quiet
from seedbed.cli.output import Output

group = typer.Typer(
    name="test-db", help="Databases kept by pytest --seedbed-keep.", rich_markup_mode=None
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A database's name, its beginning, or a part of the test's name."
    ),
]


@group.command(name="list")
def list_(json: Json = False, quiet: Quiet = False) -> None:
    """List the databases that were kept, with the test each belonged to."""
    from seedbed.testdb import kept
    from seedbed.url import redacted

    output = Output(json, quiet)
    found = kept.listed()
    output.document(
        {
            "databases": [
                {
                    "name": each.name,
                    "test": each.test,
                    "kept_at": each.kept_at,
                    "url": redacted(each.url),
                }
                for each in found
            ]
        }
    )
    for each in found:
        output.text(f"{each.name}  {each.kept_at}  {each.test}")
    if not found:
        output.text("none")


@group.command(name="open")
def open_(name: Name) -> None:
    """Open psql on a database that was kept."""
    from seedbed import servers
    from seedbed.testdb import kept

    servers.shell(kept.find(name).url)


Forget = Annotated[
    bool, typer.Option("--forget", help="Strike those off the list that cannot be removed.")
]


Templates = Annotated[
    bool,
    typer.Option("--templates", help="Also remove the templates that are cached, every project's."),
]


@group.command()
def clean(
    forget: Forget = False, templates: Templates = False, json: Json = False, quiet: Quiet = False
) -> None:
    """Remove the databases that were kept, and the servers that were left running for them."""
    from seedbed.errors import DatabaseFailure
    from seedbed.testdb import cache, kept

    output = Output(json, quiet)
    gone, left = kept.clean(forget=forget)
    cleared = cache.clear() if templates else 0
    output.document({"removed": [each.name for each in gone], "templates": cleared})
    for each in gone:
        output.text(f"removed {each.name}")
    if cleared:
        output.text(f"removed the templates of {cleared} data directories")
    if left:
        raise DatabaseFailure(
            "not all kept databases can be removed",
            findings=left,
            remedy="If they are gone for good: seedbed test-db clean --forget",
        )
    if not gone and not cleared:
        output.text("there was nothing to remove")
