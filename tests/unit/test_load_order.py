"""The order tables are written in, and the way through circles."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from seedbed.dataset import TableName
from seedbed.load.circles import route
from seedbed.load.order import parents_first
from seedbed.target import Column, ForeignKey, Table, Type

NAMES = [TableName(letter) for letter in "abcdef"]
EDGES = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)))


@given(EDGES)
def test_every_group_comes_after_those_it_refers_to(edges):
    parents = {name: [parent for child, parent in edges if child == name] for name in NAMES}
    groups = parents_first(NAMES, parents)
    assert sorted(name for group in groups for name in group) == NAMES
    place = {name: number for number, group in enumerate(groups) for name in group}
    assert all(place[parent] <= place[child] for child, parent in edges)


@given(EDGES)
def test_a_group_of_several_is_a_circle(edges):
    parents = {name: [parent for child, parent in edges if child == name] for name in NAMES}
    for group in parents_first(NAMES, parents):
        for one in group:
            assert len(group) == 1 or set(group) <= reachable(one, parents)


def reachable(start, parents):
    found, todo = set(), [start]
    while todo:
        for parent in parents[todo.pop()]:
            if parent not in found:
                found.add(parent)
                todo.append(parent)
    return found


def test_a_chain_of_ten_thousand_tables_needs_no_recursion():
    tables = [TableName(str(n)) for n in range(10_000)]
    parents = {table: [parent] for table, parent in itertools.pairwise(tables)}
    assert parents_first(tables, parents) == [(table,) for table in reversed(tables)]


def circle(*, nullable=False, deferrable=False):
    """Return two tables that refer to each other; the first one's key is of the kind asked for."""
    a, b = TableName("a"), TableName("b")
    to_b = ForeignKey("to_b", a, ("b_id",), b, ("id",), deferrable)
    to_a = ForeignKey("to_a", b, ("a_id",), a, ("id",))
    integer = Type("integer", "int4")

    def table(name, key, null):
        column = Column(key.columns[0], integer, null)
        columns = {"id": Column("id", integer, False), column.name: column}
        return Table(1, name, columns, ("id",), foreign_keys=(key,))

    return {a: table(a, to_b, nullable), b: table(b, to_a, False)}, to_b


class TestRoute:
    def test_a_deferrable_key_is_deferred(self):
        tables, key = circle(deferrable=True, nullable=True)
        way = route(tables)
        assert way.groups == ((TableName("a"),), (TableName("b"),))
        assert way.deferred == (key,)
        assert way.later == {}

    def test_a_nullable_key_is_filled_in_later(self):
        tables, _ = circle(nullable=True)
        way = route(tables)
        assert way.groups == ((TableName("a"),), (TableName("b"),))
        assert way.emptied(TableName("a")) == ("b_id",)

    def test_tables_with_no_way_out_are_written_together(self):
        tables, _ = circle()
        assert route(tables).groups == ((TableName("a"), TableName("b")),)
