"""Reading seed files, and everything that can be wrong with them, all at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.batch import AsOf, Seed
from seedbed.errors import Finding, InvalidInput, nearest
from seedbed.factory import Factory
from seedbed.seeds.tables import Attribute, mismatch, tables_of
from seedbed.seeds.yaml import Written, read_rows

if TYPE_CHECKING:
    from sqlalchemy import MetaData

Labels = Mapping[str, Collection[str] | None]
"""The labels there are in each table; None where nobody can tell, because its file cannot be read or is one of two."""

RELATIVE = re.compile(r"as_of(?:\s*([+-])\s*((?:\d+[wdhms]\s*)+))?")
"""How a time relative to the moment the data is made for is written: ``as_of``, ``as_of - 2h30m``."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}

_NO_FACTORIES = "there are none: factories are looked for in the packages of profiles and schema in [tool.seedbed], and in `factories`"


def read_seeds(
    folder: Path, factories: Sequence[type[Factory[Any]]], metadata: MetaData | None = None
) -> dict[str, dict[str, Seed]]:
    """Return the hand-picked rows by table and label.

    Args:
        folder: where the files are; none is the same as an empty one.
        factories: the project's factories: what the files' names and columns are checked against.
        metadata: what describes the tables of factories that have no model; None where nothing does.

    Raises:
        InvalidInput: a file, label, column or value is wrong; all of them, with file and line.
    """
    tables, findings = tables_of(factories, metadata), []
    files: dict[str, str] = {}
    rows: dict[str, dict[str, Written]] = {}
    labels: dict[str, Collection[str] | None] = {}
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        name, table = f"{folder.name}/{path.name}", path.stem
        if table not in tables:
            remedy = nearest(table, list(tables)) if tables else _NO_FACTORIES
            findings.append(Finding(name, f"no factory makes rows of {table!r}", remedy))
        elif table in files:
            findings.append(Finding(name, f"{files[table]} holds rows of {table!r} already"))
            labels[table] = None
        else:
            files[table] = name
            read, broken = read_rows(path, name, tables[table])
            rows[table], labels[table] = read or {}, read
            findings.extend(broken)
    seeds = {
        table: {
            label: _seed(files[table], label, row, tables[table], labels, findings)
            for label, row in written.items()
        }
        for table, written in rows.items()
    }
    if findings:
        raise InvalidInput(f"The seed files in {folder} are not right.", findings=findings)
    return seeds


def _seed(
    file: str,
    label: str,
    row: Written,
    known: Mapping[str, Attribute],
    labels: Labels,
    findings: list[Finding],
) -> Seed:
    values = {
        column: _checked(file, label, row, column, known, labels, findings) for column in row.values
    }
    return Seed(label, values, f"{file}:{row.line}", row.lines)


def _unknown(
    where: str, label: str, column: str, known: Mapping[str, Attribute], table: str
) -> Finding:
    """Return the finding for a column that no factory declares; the table may well have it."""
    close = nearest(column, list(known))
    if close.startswith("did you mean"):
        return Finding(where, f"{label} has an unknown column {column!r}", close)
    return Finding(
        where,
        f"{label} has a column {column!r} that no factory of {table} declares",
        f"declare it there, such as {column} = None; declared: {', '.join(sorted(known)) or 'nothing'}",
    )


def _checked(
    file: str,
    label: str,
    row: Written,
    column: str,
    known: Mapping[str, Attribute],
    labels: Labels,
    findings: list[Finding],
) -> Any:
    """Return a value ready to use; what is wrong with it goes to the findings."""
    where, value = f"{file}:{row.lines[column]}", row.values[column]
    if column not in known:
        findings.append(_unknown(where, label, column, known, Path(file).stem))
        return value
    attribute = known[column]
    if attribute.refers_to:
        there = labels.get(attribute.refers_to, ())
        if there is None:  # what is wrong with that file is said already
            return value
        if value is not None and not (isinstance(value, str) and value in there):
            remedy = nearest(str(value), list(there))
            problem = f"{label}.{column}: {attribute.refers_to} has no row labelled {value!r}"
            findings.append(Finding(where, problem, remedy))
        return value
    if attribute.kind in (None, datetime, date) and isinstance(value, str):
        relative = relative_time(value)
        if relative is not None:
            return relative
    problem = mismatch(attribute, value)
    if problem:
        findings.append(Finding(where, f"{label}.{column} {problem}"))
    if attribute.kind is datetime and type(value) is date:
        return datetime(value.year, value.month, value.day)
    return value


def relative_time(text: str) -> AsOf | None:
    """Return ``as_of - 2h30m`` as a time relative to the moment the data is made for; None for any other text.

    >>> relative_time("as_of - 1d 6h").offset
    datetime.timedelta(days=-2, seconds=64800)
    """
    match = RELATIVE.fullmatch(text.strip())
    if match is None:
        return None
    offset = timedelta()
    for number, unit in re.findall(r"(\d+)([wdhms])", match[2] or ""):
        offset += timedelta(**{_UNITS[unit]: int(number)})
    return AsOf(-offset if match[1] == "-" else offset)
