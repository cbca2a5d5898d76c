"""The embedded server: ``seedbed db start | stop | status | url | shell``."""

from __future__ import annotations

import typer

from seedbed.cli.options import DatabaseUrl, Json, Quiet, Whose
from seedbed.cli.output import Output

group = typer.Typer(name="db", help="The embedded PostgreSQL server.", rich_markup_mode=None)


@group.command()
def start(json: Json = False, quiet: Quiet = False) -> None:
    """Start the server, if it is not running."""
    from seedbed.servers import ensure_started

    output = Output(json, quiet)
    started = ensure_started()
    if started.created:
        from seedbed.birth import stamp_at_birth

        stamp_at_birth(started.url, "development")
    output.document({"url": started.url, "launched": started.launched})
    verb = "started" if started.launched else "already running"
    output.text(f"{started.server}, {verb}: {started.url}")


@group.command()
def stop(json: Json = False, quiet: Quiet = False) -> None:
    """Stop the server; its data stays."""
    from seedbed import servers

    output = Output(json, quiet)
    stopped = servers.stop()
    output.document({"stopped": stopped})
    output.text("stopped" if stopped else "it was not running")


@group.command()
def status(json: Json = False, quiet: Quiet = False) -> None:
    """Tell whether the server runs, where its files are and which databases it holds."""
    from seedbed import servers
    from seedbed.servers.databases import databases

    output = Output(json, quiet)
    found = servers.status()
    held = databases() if found.running else []
    output.document(
        {
            "running": found.running,
            "pid": found.pid,
            "version": found.major,
            "folder": str(found.folder),
            "log": str(found.log),
            "url": found.url,
            "tcp_url": found.tcp_url,
            "databases": held,
        }
    )
    state = f"running, process {found.pid}" if found.running else "not running"
    output.text(f"server     {state}")
    output.text(f"version    {found.major or 'none yet: it was never started'}")
    output.text(f"folder     {found.folder}")
    output.text(f"log        {found.log}")
    if found.running:
        output.text(f"databases  {', '.join(held)}")


@group.command()
def url(profile: Whose = None, database_url: DatabaseUrl = None, json: Json = False) -> None:
    """Print the URL of a database, without its password."""
    from seedbed.cli.database import existing_place
    from seedbed.project import find_project
    from seedbed.url import redacted

    output = Output(json)
    place = existing_place(Output(quiet=True), find_project(), database_url, profile)
    shown = place.url if place.embedded else redacted(place.url)
    output.document({"url": shown})
    output.text(shown)


@group.command()
def shell(profile: Whose = None, database_url: DatabaseUrl = None) -> None:
    """Open psql on a database."""
    from seedbed import servers
    from seedbed.cli.database import existing_place
    from seedbed.project import find_project

    place = existing_place(Output(), find_project(), database_url, profile)
    servers.shell(place.url)
