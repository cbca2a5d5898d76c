"""In which order tables are written: parents first, tables that refer to each other in a circle together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seedbed.dataset import TableName


def parents_first(
    tables: Iterable[TableName], parents: Mapping[TableName, Iterable[TableName]]
) -> list[tuple[TableName, ...]]:
    """Return the tables in groups, each after the groups it refers to.

    A group of more than one table is a circle: its tables refer to each other. A table that refers to itself is a group of
    its own. Where nothing decides, the given order stays. (Tarjan's strongly connected components, without recursion.)

    >>> a, b, c = TableName("a"), TableName("b"), TableName("c")
    >>> parents_first([a, b, c], {a: [b], b: [c], c: []}) == [(c,), (b,), (a,)]
    True
    """
    walk = _Walk(list(tables), parents)
    return walk.groups()


class _Walk:
    def __init__(
        self, tables: list[TableName], parents: Mapping[TableName, Iterable[TableName]]
    ) -> None:
        self.tables = tables
        self.rank = {table: place for place, table in enumerate(tables)}
        self.parents = {
            table: sorted(
                {p for p in parents.get(table, ()) if p in self.rank}, key=self.rank.__getitem__
            )
            for table in tables
        }
        self.index: dict[TableName, int] = {}
        self.low: dict[TableName, int] = {}
        self.open: list[TableName] = []
        self.found: list[tuple[TableName, ...]] = []

    def groups(self) -> list[tuple[TableName, ...]]:
        for table in self.tables:
            if table not in self.index:
                self._visit(table)
        return self.found

    def _enter(self, table: TableName) -> None:
        self.index[table] = self.low[table] = len(self.index)
        self.open.append(table)

    def _visit(self, root: TableName) -> None:
        self._enter(root)
        stack = [(root, iter(self.parents[root]))]
        while stack:
            table, rest = stack[-1]
            for parent in rest:
                if parent not in self.index:
                    self._enter(parent)
                    stack.append((parent, iter(self.parents[parent])))
                    break
                if parent in self.open:
                    self.low[table] = min(self.low[table], self.index[parent])
            else:
                stack.pop()
                self._leave(table)
                if stack:
                    below = stack[-1][0]
                    self.low[below] = min(self.low[below], self.low[table])

    def _leave(self, table: TableName) -> None:
        if self.low[table] != self.index[table]:
            return
        place = self.open.index(table)
        group, self.open = self.open[place:], self.open[:place]
        self.found.append(tuple(sorted(group, key=self.rank.__getitem__)))
