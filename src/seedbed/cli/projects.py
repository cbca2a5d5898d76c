"""Commands about the project, which need no database: profiles, preview, export, schema, init."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedbed.cli.database import find_project_aloud
from seedbed.cli.options import (
    AsOfElseNow,
    Json,
    Minimal,
    NoColor,
    Only,
    ProfileName,
    Quiet,
    Scale,
    Seed,
    Skip,
)
from seedbed.cli.output import Output
from seedbed.cli.report import program
from seedbed.cli.startup import imports_done
from seedbed.errors import InvalidInput, SeedbedError, nearest

if TYPE_CHECKING:
    from seedbed.dataset import Dataset, TableName
    from seedbed.export import Exported
    from seedbed.profile import Profile
    from seedbed.project import Project

TablesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="A database that has the tables, where no `schema` in [tool.seedbed] describes them; its rows are not read.",
    ),
]

SHOWN = 5
"""Rows `seedbed preview` shows: as many as fit side by side."""


class Format(StrEnum):
    """What `seedbed export` writes."""

    SQL = "sql"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    for command in (profiles, preview, export, schema, init):
        app.command()(command)


def profiles(json: Json = False, quiet: Quiet = False, no_color: NoColor = False) -> None:
    """List the profiles. With their environments and row counts."""
    output = Output(json, quiet, not no_color)
    project = find_project_aloud(output)
    every = project.profiles.values()
    project.seeds  # noqa: B018  # what is wrong there is wrong with every profile, and said once
    imports_done()
    described = [_described(project, profile) for profile in every]
    output.document({"project": str(project.root), "profiles": described})
    output.table(
        ("profile", "rows", "tables", "environments", "for"),
        [
            (
                p["name"],
                p.get("rows", ""),
                len(p["tables"]) if "tables" in p else "",
                ", ".join(p["environments"]),
                f"cannot be evaluated: {p['error']}" if "error" in p else p["description"],
            )
            for p in described
        ],
        numbers=("rows", "tables"),
    )
    if any("error" in p for p in described):
        raise typer.Exit(InvalidInput.exit_code)


def preview(
    profile: ProfileName,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="The table's name.")],
    rows: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many rows, the first ones.")
    ] = SHOWN,
    as_of: AsOfElseNow = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
    database_url: TablesFrom = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Show rows without a database. A column per row."""
    from seedbed.export import json_rows, texts

    output = Output(json, quiet, not no_color)
    project = find_project_aloud(output)
    dataset = _evaluated(project, profile, as_of, scale, seed, minimal)
    numbered = _numbered(project, dataset, database_url)
    name = _table_named(numbered.tables, table)
    frame, work = numbered.frame(name).head(rows), numbered.works[name]
    labels = [work.binding.rows.label(at) for at in range(len(frame))]
    output.document(
        {
            "profile": profile,
            "table": str(name),
            "as_of": dataset.as_of.isoformat(),
            "rows": [
                {"label": label, "values": values}
                for label, values in zip(labels, json_rows(frame, work.table), strict=True)
            ],
        }
    )
    headers = (str(name), *labels)
    output.table(headers, [(column, *cells) for column, cells in texts(frame, work.table).items()])


def export(
    profile: ProfileName,
    kind: Annotated[Format, typer.Option("--format", help="What to write.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", file_okay=False, help="The folder to write into.")
    ],
    as_of: AsOfElseNow = None,
    scale: Scale = 1.0,
    seed: Seed = None,
    minimal: Minimal = False,
    only: Only = None,
    skip: Skip = None,
    database_url: TablesFrom = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write rows as files. They are those that apply writes into an empty database."""
    from seedbed.export import write

    output = Output(json, quiet, not no_color)
    project = find_project_aloud(output)
    dataset = _evaluated(project, profile, as_of, scale, seed, minimal)
    numbered = _numbered(project, dataset, database_url, only or (), skip or ())
    files = write(dataset, numbered, kind.value, out)
    counts = {str(name): numbered.works[name].size for name in numbered.tables}
    output.document(
        {
            "profile": profile,
            "as_of": dataset.as_of.isoformat(),
            "format": kind.value,
            "files": [str(file) for file in files],
            "tables": counts,
        }
    )
    output.table(("table", "rows"), list(counts.items()), numbers=("rows",))
    output.text(f"Written: {', '.join(str(file) for file in files)}")


def schema(
    json_schema: Annotated[
        bool,
        typer.Option("--json-schema", help="JSON Schemas that complete and check the seed files."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Write TABLE.json for each table into this folder, for an editor to refer to.",
        ),
    ] = None,
) -> None:
    """Print JSON Schemas of the seed files. One JSON object, by table; or a file for each."""
    from json import dumps

    from seedbed.seeds import json_schema as describe

    if not json_schema:
        raise typer.BadParameter("say --json-schema: there is no other form yet")
    schemas = describe(find_project_aloud(Output()))
    if out is None:
        print(dumps(schemas, indent=2))
        return
    out.mkdir(parents=True, exist_ok=True)
    for table, described in schemas.items():
        (out / f"{table}.json").write_text(dumps(described, indent=2) + "\n", encoding="utf-8")
    print(f"Written: {len(schemas)} schemas into {out}")


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", file_okay=False, help="Where to; made if missing.")
    ] = Path(),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy the payroll project. A starting point for one of your own."""
    from seedbed.starter import copy_payroll

    output = Output(json, quiet)
    made = copy_payroll(folder)
    output.document({"made": [str(path) for path in made]})
    for path in made:
        output.text(f"made {path}")
    output.text(f"Next: edit profiles/ and seeds/, then {program()} plan development")


def _described(project: Project, profile: Profile) -> dict[str, Any]:
    """Return what there is to say of a profile; one that cannot be evaluated has an error instead of rows."""
    from seedbed.dataset import row_count
    from seedbed.request import now, source

    ready = source(project, profile)
    told: dict[str, Any] = {
        "name": profile.name,
        "environments": list(profile.environments),
        "as_of": ready.as_of and ready.as_of.isoformat(),
        "description": profile.description,
    }
    try:
        dataset = ready.evaluate(ready.as_of or now())
    except SeedbedError as error:
        print(f"seedbed: {profile.name}: {error}", file=sys.stderr)
        return {**told, "error": error.message}
    tables = {str(name): len(rows.keys) for name, rows in dataset.tables.items()}
    return {**told, "rows": row_count(dataset.tables.values()), "tables": tables}


def _evaluated(
    project: Project, profile: str, as_of: str | None, scale: float, seed: str | None, minimal: bool
) -> Dataset:
    from seedbed.request import now, source

    ready = source(
        project, project.profile(profile), as_of=as_of, scale=scale, seed=seed, minimal=minimal
    )
    imports_done()
    return ready.evaluate(ready.as_of or now())


def _numbered(
    project: Project,
    dataset: Dataset,
    database_url: str | None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> Exported:
    from seedbed.export import numbered, target_at

    if database_url is None and project.settings.schema is None:
        raise InvalidInput(
            f"the project in {project.root} does not say where its tables are described",
            remedy="Give a --database-url that has them, whose rows stay unread, or name the metadata in [tool.seedbed], such as "
            'schema = "factories.models:Base".',
        )
    tables = project.metadata() if database_url is None else target_at(database_url, dataset.tables)
    return numbered(dataset, tables, only=only, skip=skip)


def _table_named(tables: Sequence[TableName], wanted: str) -> TableName:
    known = {str(name): name for name in tables}
    if wanted not in known:
        raise InvalidInput(f"the profile has no table {wanted!r}: {nearest(wanted, list(known))}")
    return known[wanted]
