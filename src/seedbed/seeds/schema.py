"""JSON Schemas of the seed files, so that an editor completes and checks them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seedbed.seeds.reading import RELATIVE
from seedbed.seeds.tables import Attribute, tables_of

if TYPE_CHECKING:
    from seedbed.project import Project

_RELATIVE = f"^{RELATIVE.pattern}$"
_DATE = r"^\d{4}-\d\d-\d\d$"
_TIME = r"^\d{4}-\d\d?-\d\d?([Tt]|[ \t]+)\d\d?:\d\d:\d\d(\.\d*)?([ \t]*(Z|[-+]\d\d?(:?\d\d)?))?$"
_TYPES: dict[type, list[str]] = {
    int: ["integer"],
    float: ["number"],
    Decimal: ["number"],
    bool: ["boolean"],
    str: ["string", "number", "boolean"],  # which are taken as they were written
    time: ["string"],
}


def json_schema(project: Project) -> dict[str, dict[str, Any]]:
    """Return a JSON Schema (draft 2020-12) for each table's seed file, by table name.

    References are completed with the labels that stand in the files.
    """
    labels = {table: sorted(rows) for table, rows in project.seeds.items()}
    return {
        table: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"Hand-picked rows of {table}",
            "type": ["object", "null"],
            "additionalProperties": {
                "type": ["object", "null"],
                "properties": {
                    name: _property(attribute, labels) for name, attribute in known.items()
                },
                "additionalProperties": False,
            },
        }
        for table, known in tables_of(project.factories, project.described).items()
    }


def _property(attribute: Attribute, labels: dict[str, list[str]]) -> dict[str, Any]:
    if attribute.refers_to:
        known = labels.get(attribute.refers_to, [])
        described = f"The label of a row of {attribute.refers_to}."
        return {"enum": [*known, None], "description": described}
    if attribute.allowed:
        return {"enum": [*attribute.allowed, *([None] if attribute.nullable else [])]}
    if attribute.kind in (datetime, date):
        example = "2026-03-01" if attribute.kind is date else "2026-03-01 09:30:00"
        patterns = (_DATE, _RELATIVE) if attribute.kind is date else (_DATE, _TIME, _RELATIVE)
        text = {"type": "string", "description": f"Such as {example} or as_of - 2h30m."}
        shapes = [{**text, "pattern": pattern} for pattern in patterns]
        return {"anyOf": [*shapes, *([{"type": "null"}] if attribute.nullable else [])]}
    kinds = _TYPES.get(attribute.kind) if attribute.kind else None
    if kinds is None:
        return {}
    return {"type": [*kinds, "null"] if attribute.nullable else kinds}
