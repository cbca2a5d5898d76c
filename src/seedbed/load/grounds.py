"""Columns whose values are other rows' values, which are these rows' values again: nobody gives them one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from seedbed.dataset import TableName
from seedbed.errors import Finding

if TYPE_CHECKING:
    from seedbed.load.binding import Binding

Place = tuple[TableName, str]


def groundless(bindings: Iterable[Binding]) -> list[Finding]:
    """Return a finding for each circle of columns that only take their values from each other.

    Foreign keys may run in circles, and do (see `seedbed.load.circles`): ids are drawn before the first row is written. A value
    that is a copy of itself cannot be drawn.
    """
    sources = {
        (binding.table.name, column): [
            (link.parent, link.parent_columns[number]) for link, number in binding.filling(column)
        ]
        for binding in bindings
        for column in binding.managed
        if binding.filling(column)
    }
    lost = _without_ground(sources)
    findings = []
    while lost:
        circle = _circle(min(lost), sources, lost)
        findings.append(_finding(circle))
        lost = {place for place in lost if not _leads_to(place, circle[0], sources)}
    return findings


def _without_ground(sources: Mapping[Place, list[Place]]) -> set[Place]:
    lost = set(sources)
    while grounded := {place for place in lost if any(at not in lost for at in sources[place])}:
        lost -= grounded
    return lost


def _circle(start: Place, sources: Mapping[Place, list[Place]], lost: set[Place]) -> list[Place]:
    way = [start]
    while True:
        after = next(place for place in sources[way[-1]] if place in lost)
        if after in way:
            return way[way.index(after) :]
        way.append(after)


def _leads_to(place: Place, goal: Place, sources: Mapping[Place, list[Place]]) -> bool:
    seen, open_ = set(), [place]
    while open_:
        at = open_.pop()
        if at == goal:
            return True
        if at not in seen:
            seen.add(at)
            open_ += sources.get(at, [])
    return False


def _finding(circle: list[Place]) -> Finding:
    names = [f"{table}.{column}" for table, column in circle]
    others = " and that the value of ".join([*names[1:], names[0]])
    return Finding(
        names[0],
        f"takes the value of {others}: a circle in which nobody gives it one",
        "give one of these columns a value in its factory",
    )
