"""What a scalar in a seed file is: by YAML 1.2's core schema, and by the column that it is for.

YAML makes 1234 of ``01234`` and, before 1.2, false of ``no``. Here ``no`` and ``1_0`` are texts; a column of texts takes every scalar
as it was written; and where nobody knows the column's type yet, so does a number that would not be written as it was read:
PostgreSQL reads it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar

import yaml

from seedbed.seeds.tables import Attribute

BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

CORE = "tag:yaml.org,2002:"
NULL, BOOL, INT, FLOAT, TEXT, TIME, MERGE = (
    CORE + name for name in ("null", "bool", "int", "float", "str", "timestamp", "merge")
)
SCALARS = frozenset({BOOL, INT, FLOAT, TIME})

SCHEMA = {
    NULL: ("~|null|Null|NULL|", "~nN"),
    BOOL: ("true|True|TRUE|false|False|FALSE", "tTfF"),
    INT: ("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    FLOAT: (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    TIME: (
        r"\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?([Tt]|[ \t]+)\d\d?:\d\d:\d\d(\.\d*)?([ \t]*(Z|[-+]\d\d?(:?\d\d)?))?",
        "0123456789",
    ),
    MERGE: ("<<", "<"),
}
"""What each kind of plain scalar looks like, and its first characters."""

SWITCHES = {"yes": "true", "on": "true", "no": "false", "off": "false"}
"""What a column of booleans takes besides true and false."""

GROUPED = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?")
"""What a column of numbers takes besides numbers."""


class Loader(BASE):  # type: ignore[misc]  # chosen at run time: libyaml is not everywhere
    """A safe loader that reads 12.50 as a Decimal: a float would not be the number that was written."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


def _decimal(loader: Any, node: Any) -> Decimal | float:
    text: str = loader.construct_scalar(node)
    try:
        return Decimal(text)
    except ArithmeticError:  # .inf and .nan
        value: float = loader.construct_yaml_float(node)
        return value


def _integer(loader: Any, node: Any) -> int:
    text: str = loader.construct_scalar(node)
    return int(text, 0 if text[:2] in ("0x", "0o") else 10)


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    written = [key for key, _ in node.value if key.tag != MERGE]
    found: dict[Any, Any] = loader.construct_mapping(node, deep=True)
    keys = [loader.construct_object(key, deep=True) for key in written]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise yaml.constructor.ConstructorError(problem=f"{twice!r} stands in it twice")
    return found


for _tag, (_pattern, _first) in SCHEMA.items():
    Loader.add_implicit_resolver(
        _tag, re.compile(rf"(?:{_pattern})\Z"), [*_first, *([""] if _tag == NULL else [])]
    )
Loader.add_constructor(FLOAT, _decimal)
Loader.add_constructor(INT, _integer)
Loader.add_constructor(f"{CORE}map", _mapping)


def value_of(loader: Any, node: Any, attribute: Attribute) -> Any:
    """Return what a node says to a column.

    Raises:
        yaml.YAMLError, ValueError: it is not valid, or would not be what was written.
    """
    if attribute.takes_text:
        node = _as_text(node)
    elif _is_plain(node):
        node = _plain(loader, node, attribute.kind)
    else:
        _refuse_changed(node, exact=attribute.kind is not dict)
    value = loader.construct_object(node, deep=True)
    exact = isinstance(value, list) and attribute.kind is not dict
    return [_tidy(item) for item in value] if exact else _tidy(value)


def _is_plain(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style


def _as_text(node: Any) -> Any:
    """Return a node with every plain scalar in it as text, but for null."""
    if isinstance(node, yaml.SequenceNode):
        items = [_as_text(item) for item in node.value]
        return yaml.SequenceNode(node.tag, items, node.start_mark, node.end_mark)
    if _is_plain(node) and node.tag in SCALARS:
        return _scalar(TEXT, node.value, node)
    return node


def _scalar(tag: str, text: str, node: Any) -> Any:
    return yaml.ScalarNode(tag, text, node.start_mark, node.end_mark)


def _plain(loader: Any, node: Any, kind: type | None) -> Any:
    """Return a plain scalar as a column that is not of texts takes it."""
    text = node.value
    if kind is bool and text.lower() in SWITCHES:
        return _scalar(BOOL, SWITCHES[text.lower()], node)
    if kind in (int, float, Decimal):
        if "_" in text and GROUPED.fullmatch(text):
            text = text.replace("_", "")
            return _scalar(loader.resolve(yaml.ScalarNode, text, (True, False)), text, node)
        return node
    return _scalar(TEXT, text, node) if _changed(node) else node


def _changed(node: Any) -> bool:
    """Tell whether a number would not be written as it was read."""
    text: str = node.value
    if node.tag not in (INT, FLOAT) or text.lower().lstrip("+-") in (".inf", ".nan"):
        return False
    return text[:2] in ("0x", "0o") or str(Decimal(text)) != text


def _refuse_changed(node: Any, *, exact: bool) -> None:
    """Refuse numbers inside a list or a document that would not be written as they were read: what takes them is not known.

    Args:
        exact: also those with a fraction, which in a document are numbers however they are written.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _refuse_changed(key, exact=False)
            _refuse_changed(value, exact=False)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_changed(item, exact=exact)
    elif _is_plain(node) and node.tag in ((INT, FLOAT) if exact else (INT,)) and _changed(node):
        read = _integer_or_decimal(node.value)
        raise yaml.constructor.ConstructorError(
            problem=f"{node.value} would be read as {read}: put it in quotes if it is text, else write {read}"
        )


def _integer_or_decimal(text: str) -> str:
    return str(int(text, 0)) if text[:2] in ("0x", "0o") else format(Decimal(text), "f")


def _tidy(value: Any) -> Any:
    """Return a value with the Decimals inside JSON-like structures as numbers again."""
    if isinstance(value, dict):
        return {key: _number(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_number(item) for item in value]
    return value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else _tidy(value)
