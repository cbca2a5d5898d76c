"""What the guard makes of a database: ``seedbed guard explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seedbed.cli.database import existing
from seedbed.cli.options import DatabaseUrl, Environment, Json, NoColor, Quiet
from seedbed.cli.output import Output
from seedbed.errors import Refused
from seedbed.url import redacted

if TYPE_CHECKING:
    from seedbed.environment import Verdict

group = typer.Typer(
    name="guard", help="What a database is taken for, and why.", rich_markup_mode=None
)

Candidate = Annotated[
    str | None,
    typer.Argument(
        metavar="PROFILE",
        help="Judge whether this profile may go there: exit 3 if not. On the embedded server, its database is meant.",
    ),
]

_COUNTS = {
    "says": "in full",
    "hints": "as a name",
    "warns": "if protected",
    "tells": "no",
}
"""What people are told of the weight of a piece of evidence."""


@group.command()
def explain(
    profile: Candidate = None,
    database_url: DatabaseUrl = None,
    environment: Environment = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Print what a database is taken for, and all the evidence. Writes nothing.

    Exit code 0 whatever the verdict is; with a PROFILE, 3 where it may not be applied there.
    """
    from seedbed.environment import read_patterns
    from seedbed.explaining import explain as judge

    output = Output(json, quiet, not no_color)
    at = existing(output, profile, database_url, environment)
    verdict = judge(
        at.url,
        at.project.profile(profile) if profile else None,
        said=at.said,
        patterns=read_patterns(at.project.settings.environments),
    )
    output.document(_document(verdict, at.url, profile))
    _print(output, verdict, profile)
    if profile and verdict.refusal:
        raise typer.Exit(Refused.exit_code)


def _document(verdict: Verdict, url: str, profile: str | None) -> dict[str, object]:
    site = verdict.site
    return {
        "database": site.database,
        "url": redacted(url),
        "host": site.host,
        "address": site.address,
        "local": site.local,
        "managed_by": site.managed or None,
        "system_identifier": site.system_identifier,
        "database_oid": site.database_oid,
        "environment": str(verdict.environment),
        "protected": verdict.protected,
        "stamped": site.stamped,
        "created_by_seedbed": verdict.born,
        "tables_with_rows": list(site.occupied),
        "profile": profile,
        "writable": not verdict.refusal,
        "refusal": verdict.refusal,
        "remedy": verdict.remedy,
        "evidence": [
            {
                "source": each.source,
                "says": str(each.says),
                "detail": each.detail,
                "counts": str(each.weight),
            }
            for each in verdict.evidence
        ],
    }


def _print(output: Output, verdict: Verdict, profile: str | None) -> None:
    site = verdict.site
    whose = ", created by seedbed" if verdict.born else ""
    output.text(f"Database     {site.database} on {site.place}{whose}")
    output.text(f"Environment  {verdict.environment}{_beside(verdict)}")
    if verdict.refusal:
        output.text(f"Refused      {verdict.refusal}")
        if verdict.remedy:
            output.text(f"             {verdict.remedy}")
    else:
        output.text(f"Writable     yes{f', for the profile {profile}' if profile else ''}")
    output.text()
    rows = [
        (each.source, str(each.says), _COUNTS[each.weight], each.detail)
        for each in verdict.evidence
    ]
    if rows:
        output.table(("evidence", "says", "counts", "detail"), rows)
    else:
        output.text("There is no evidence.")


def _beside(verdict: Verdict) -> str:
    if verdict.environment == "unknown":
        return (
            ", which counts as production"
            if verdict.refusal
            else ": it is empty, and becomes what its first profile is for"
        )
    return ", to be stamped by its first apply" if verdict.unstamped else ""
