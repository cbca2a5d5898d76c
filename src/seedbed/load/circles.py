"""The way through foreign keys that run in circles: defer, fill in later, or write together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seedbed.dataset import TableName
from seedbed.load.order import parents_first
from seedbed.target import ForeignKey, Table


@dataclass(frozen=True, slots=True)
class Route:
    """In which order to write tables, and how to get round circles.

    Attributes:
        groups: tables, parents first; a group of several is written by one statement.
        deferred: constraints to defer.
        later: by table, the columns written as NULL first and filled in afterwards.
    """

    groups: tuple[tuple[TableName, ...], ...]
    deferred: tuple[ForeignKey, ...] = ()
    later: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)

    def emptied(self, table: TableName) -> tuple[str, ...]:
        """Return the columns of a table that are filled in afterwards."""
        return self.later.get(table, ())


def route(tables: Mapping[TableName, Table]) -> Route:
    """Plan the way: circles are broken where a key can be deferred, else where one may be NULL, else not at all."""
    groups: list[tuple[TableName, ...]] = []
    deferred: list[ForeignKey] = []
    later: dict[TableName, tuple[str, ...]] = {}
    for circle in parents_first(tables, _edges(tables, _keys(tables, tables))):
        keys = _keys(tables, circle)
        ways = [keys]
        if len(circle) > 1:
            ways.append([key for key in ways[-1] if not key.deferrable])
            ways.append([key for key in ways[-1] if not _nullable(tables[key.table], key)])
        for way in ways:
            ordered = parents_first(circle, _edges(tables, way))
            if max(map(len, ordered)) == 1:
                break
        groups += ordered
        dropped = [key for key in keys if key not in way]
        deferred += [key for key in dropped if key.deferrable]
        for key in dropped:
            if not key.deferrable:
                later[key.table] = (*later.get(key.table, ()), *_empties(tables[key.table], key))
    return Route(tuple(groups), tuple(deferred), later)


def _keys(tables: Mapping[TableName, Table], group: object) -> list[ForeignKey]:
    inside = set(group)  # type: ignore[call-overload]
    return [
        key
        for name in tables
        if name in inside
        for key in tables[name].foreign_keys
        if key.parent in inside and key.parent != key.table
    ]


def _edges(
    tables: Mapping[TableName, Table], keys: list[ForeignKey]
) -> dict[TableName, list[TableName]]:
    return {name: [key.parent for key in keys if key.table == name] for name in tables}


def _nullable(table: Table, key: ForeignKey) -> bool:
    return bool(_empties(table, key))


def _empties(table: Table, key: ForeignKey) -> tuple[str, ...]:
    """Return the columns of a key that can be NULL for a while: with one of them NULL it is not checked (MATCH SIMPLE)."""
    return tuple(
        name for name in key.columns if table.columns[name].nullable and name not in table.identity
    )
