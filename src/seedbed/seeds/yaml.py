"""Seed files as rows, with the line of every value; keys that stand twice are errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seedbed.errors import Finding
from seedbed.seeds.loader import NULL, Loader, value_of
from seedbed.seeds.tables import Attribute


@dataclass(frozen=True, slots=True)
class Written:
    """A row as it stands in a file: its values, and the line of the row and of each value."""

    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int]


def read_rows(
    path: Path, name: str, known: Mapping[str, Attribute]
) -> tuple[dict[str, Written] | None, list[Finding]]:
    """Return the rows of a file by label, None where it cannot be read as rows at all, and what is wrong with it.

    Args:
        path: the file.
        name: how findings call it, such as ``seeds/users.yaml``.
        known: the columns there are.
    """
    findings: list[Finding] = []
    try:
        loader = Loader(path.read_bytes().decode("utf-8"))
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Finding(f"{name}:{line}", f"is not YAML: {error.problem}")]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return None, [Finding(name, f"is not YAML in UTF-8: {str(error).splitlines()[0]}")]
    except OSError as error:
        return None, [Finding(name, f"cannot be read: {error.strerror}")]
    if root is None or root.tag == NULL:
        return {}, []
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1
        return None, [Finding(f"{name}:{line}", "is not a mapping of labels and their rows")]
    rows: dict[str, Written] = {}
    for label, line, node in _items(root, name, findings):
        if not label or {"/", "\n"} & set(label):  # labels are parts of paths
            problem = f"{label!r} is no label, which is a text of one line without a slash"
            findings.append(Finding(f"{name}:{line}", problem))
        if isinstance(node, yaml.MappingNode):
            values, lines = _row(loader, node, known, name, label, findings)
            rows[label] = Written(line, values, lines)
            continue
        rows[label] = Written(line, {}, {})  # also of what is no row: others may refer to it
        if node.tag != NULL:
            findings.append(Finding(f"{name}:{line}", f"{label}: a row maps columns to values"))
    return rows, findings


def _row(
    loader: Any,
    node: Any,
    known: Mapping[str, Attribute],
    name: str,
    label: str,
    findings: list[Finding],
) -> tuple[dict[str, Any], dict[str, int]]:
    values, lines = {}, {}
    for column, at, value in _items(node, name, findings):
        attribute = known.get(column, Attribute())
        try:
            values[column], lines[column] = value_of(loader, value, attribute), at
        except (
            yaml.YAMLError,
            ValueError,
            RecursionError,
        ) as error:  # such as 2026-02-30; [*itself]
            problem = str(getattr(error, "problem", error))
            findings.append(Finding(f"{name}:{at}", f"{label}.{column}: {problem}"))
    return values, lines


def _items(node: Any, name: str, findings: list[Finding]) -> list[tuple[str, int, Any]]:
    """Return a mapping's entries with their lines; a key that stands twice is a finding."""
    found: dict[str, tuple[int, Any]] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            findings.append(Finding(f"{name}:{line}", "a key must be a plain text"))
        elif key.value in found:
            first = found[key.value][0]
            findings.append(
                Finding(f"{name}:{line}", f"{key.value!r} stands in line {first} already")
            )
        else:
            found[key.value] = (line, value)
    return [(key, line, value) for key, (line, value) in found.items()]
