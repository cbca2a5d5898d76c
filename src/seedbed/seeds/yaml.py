"""YAML with the line of every value, exact decimals, and duplicate keys as errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from seedbed.errors import Finding

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _ExactLoader(_Loader):  # type: ignore[misc]  # chosen at run time: libyaml is not everywhere
    """A safe loader that reads 12.50 as a Decimal: a float would not be the number that was written."""


def _decimal(loader: Any, node: Any) -> Decimal | float | str:
    text: str = loader.construct_scalar(node)
    try:
        return Decimal(text.replace("_", ""))
    except ArithmeticError:  # .inf, .nan and times of day
        value: float | str = text if ":" in text else loader.construct_yaml_float(node)
        return value


def _integer(loader: Any, node: Any) -> int | str:
    text: str = loader.construct_scalar(node)
    value: int | str = text if ":" in text else loader.construct_yaml_int(node)
    return value  # 12:30 is a time of day; YAML 1.1 counts it in base 60


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    written = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    found: dict[Any, Any] = loader.construct_mapping(node, deep=True)
    keys = [loader.construct_object(key, deep=True) for key in written]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise yaml.constructor.ConstructorError(problem=f"{twice!r} stands in it twice")
    return found


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _decimal)
_ExactLoader.add_constructor("tag:yaml.org,2002:int", _integer)
_ExactLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


@dataclass(frozen=True, slots=True)
class Written:
    """A row as it stands in a file: its values, and the line of the row and of each value."""

    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int]


def read_rows(path: Path, name: str) -> tuple[dict[str, Written] | None, list[Finding]]:
    """Return the rows of a file by label, None where it cannot be read as rows at all, and what is wrong with it.

    Args:
        path: the file.
        name: how findings call it, such as ``seeds/users.yaml``.
    """
    findings: list[Finding] = []
    try:
        loader = _ExactLoader(path.read_bytes().decode("utf-8"))
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Finding(f"{name}:{line}", f"is not YAML: {error.problem}")]
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return None, [Finding(name, f"is not YAML in UTF-8: {str(error).splitlines()[0]}")]
    except OSError as error:
        return None, [Finding(name, f"cannot be read: {error.strerror}")]
    if root is None or root.tag == "tag:yaml.org,2002:null":
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
            rows[label] = _row(loader, node, name, label, line, findings)
            continue
        rows[label] = Written(line, {}, {})  # also of what is no row: others may refer to it
        if node.tag != "tag:yaml.org,2002:null":
            findings.append(Finding(f"{name}:{line}", f"{label}: a row maps columns to values"))
    return rows, findings


def _row(
    loader: Any, node: Any, name: str, label: str, line: int, findings: list[Finding]
) -> Written:
    values, lines = {}, {}
    for column, at, value in _items(node, name, findings):
        try:
            values[column], lines[column] = loader.construct_object(value, deep=True), at
        except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
            problem = str(getattr(error, "problem", error))
            findings.append(Finding(f"{name}:{at}", f"{label}.{column}: {problem}"))
    return Written(line, {c: _tidy(v) for c, v in values.items()}, lines)


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


def _tidy(value: Any, top: bool = True) -> Any:
    """Return a value with the Decimals inside JSON-like structures as numbers again."""
    if isinstance(value, dict):
        return {key: _tidy(item, top=False) for key, item in value.items()}
    if isinstance(value, list):
        return [_tidy(item, top=False) for item in value]
    return float(value) if isinstance(value, Decimal) and not top else value
