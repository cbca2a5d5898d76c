"""A plan and what was done, for people and for programs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.cli.folding import fits
from seedbed.url import redacted

if TYPE_CHECKING:
    from seedbed.cli.database import Place
    from seedbed.cli.output import Output
    from seedbed.plan import Contents, Plan

COUNTS = ("create", "update", "unchanged", "adopt", "edited", "prune")


def document(plan: Plan, url: str) -> dict[str, object]:
    """Return a plan as the JSON object that --json prints."""
    return {
        "profile": plan.profile,
        "database": redacted(url),
        "environment": plan.environment,
        "as_of": plan.as_of.isoformat(),
        "scale": plan.scale,
        "seed": plan.seed,
        "minimal": plan.minimal,
        "seconds": round(plan.seconds, 3),
        "changed": plan.changed,
        "created_tables": list(plan.created),
        "dropped": {name: contents.counts for name, contents in plan.dropped.items()},
        "emptied": {name: contents.counts for name, contents in plan.emptied.items()},
        "backup": str(plan.backup) if plan.backup else None,
        "tables": {
            name: {**table.counts, **_rows(table.rows)} for name, table in plan.tables.items()
        },
        "obstacles": [str(finding) for finding in plan.obstacles],
        "refusals": [str(finding) for finding in plan.refusals],
        "notes": list(plan.notes),
    }


def print_plan(output: Output, plan: Plan, *, done: bool) -> None:
    """Print a plan's table and its sum in one sentence.

    Args:
        output: where to.
        plan: what is to be done, or was done.
        done: which of the two.
    """
    if plan.backup:
        output.text(f"Backup: {plan.backup}")
    _print_contents(output, "Dropped", plan.dropped)
    _print_contents(output, "Emptied" if done else "Would empty", plan.emptied)
    if plan.created:
        verb = "Created" if done else "Would create"
        output.text(f"{verb} the {len(plan.created)} tables: {', '.join(plan.created)}")
    counts = [table.counts for table in plan.tables.values()]
    rows = [
        [name, *(table.counts[count] for count in COUNTS)] for name, table in plan.tables.items()
    ]
    total = ["total", *(sum(each[count] for each in counts) for count in COUNTS)]
    output.table(("table", *COUNTS), [*rows, total], numbers=COUNTS, total=True)
    _print_details(output, plan)
    for note in plan.notes:
        output.text(f"note: {note}")
    for obstacle in plan.obstacles:
        output.text(f"in the way: {obstacle}")
    if plan.refusals and not done:
        output.text(f"apply would refuse: {'; '.join(map(str, plan.refusals))}")
    output.text(_sentence(plan, done))


def _print_contents(output: Output, verb: str, tables: Mapping[str, Contents]) -> None:
    """Print whose rows go with which tables."""
    if not tables:
        return
    counts = ("ours", "edited", "others")
    rows = [[name, *contents.counts.values()] for name, contents in tables.items()]
    output.table((verb, *counts), rows, numbers=counts)
    output.text()


def print_cast(output: Output, cast: Sequence[tuple[str, str]]) -> None:
    """Print who is who in a profile that is meant for people."""
    width = max((len(name) for name, _ in cast), default=0)
    output.text("\nThe cast:")
    lines = [f"  {name:{width}}  {what}" for name, what in cast]
    if not fits(lines, sys.stdout):
        lines = [f"  {name}\n    {what}" for name, what in cast]
    for line in lines:
        output.text(line)


def print_way_in(output: Output, place: Place, profile: str) -> None:
    """Print how to look at the rows, and how to stop the server where it is seedbed's own."""
    if not place.embedded:
        output.text(f"\nDatabase     {redacted(place.url)}")
        return
    output.text(f"\nDatabase     {place.url}")
    output.text(f"Look inside  {program()} db shell {profile}")
    output.text(f"Stop it      {program()} db stop")


def program() -> str:
    """Return what to type to run this program again: its name, or its path where that is not on the PATH."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m seedbed"
    found = shutil.which(called.name)
    return called.name if found and Path(found).samefile(called) else str(called)


def _rows(rows: Sequence[object]) -> dict[str, object]:
    from dataclasses import asdict

    return {"rows": [asdict(row) for row in rows]} if rows else {}  # type: ignore[call-overload]


def _print_details(output: Output, plan: Plan) -> None:
    for name, table in plan.tables.items():
        for row in table.rows:
            fields = f": {', '.join(row.fields)}" if row.fields else ""
            output.text(f"  {row.action:7} {name} {row.row}{fields}")


def _sentence(plan: Plan, done: bool) -> str:
    moment = f"as of {plan.as_of:%Y-%m-%d %H:%M:%S} UTC, {plan.seconds:.2f} s"
    if not done and (plan.obstacles or plan.refusals):
        return f"{plan.profile}: apply would refuse as things are; nothing was written ({moment})"
    if not plan.changed:
        return (
            f"{plan.profile}: nothing changed ({moment})"
            if done
            else (f"{plan.profile}: nothing to do ({moment})")
        )
    verb = "applied" if done else "would change the database; nothing was written"
    return f"{plan.profile}: {verb} ({moment})"
