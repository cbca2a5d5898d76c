"""A dataset's tables bound to live ones: which column gets what, and everything that does not fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seedbed.dataset import Dataset, Reference, TableName, TableRows
from seedbed.errors import Finding, nearest
from seedbed.load.grounds import groundless
from seedbed.target import ForeignKey, Table, Target, UniqueKey

CUT = "PostgreSQL cuts names after 63 bytes; shorten it"


@dataclass(frozen=True, slots=True)
class Link:
    """A reference and the columns it fills.

    Attributes:
        columns: the local columns.
        parent: the live table referred to.
        parent_columns: whose values the local columns take.
        key: the foreign key behind it; None where the database has none.
    """

    reference: Reference
    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    key: ForeignKey | None


@dataclass(frozen=True, slots=True)
class Binding:
    """A dataset's table and the live table its rows go to.

    Attributes:
        plain: the columns whose values the factory gives.
        links: the columns whose values are another row's.
        natural_key: the live columns of the natural key; empty without one.
        written: whether this run writes the table (--only, --skip).
    """

    rows: TableRows
    table: Table
    plain: tuple[str, ...]
    links: tuple[Link, ...]
    natural_key: tuple[str, ...] = ()
    written: bool = True

    @property
    def managed(self) -> tuple[str, ...]:
        """Every column the profile gives a value, in the table's order."""
        ours = {*self.plain, *(column for link in self.links for column in link.columns)}
        return tuple(name for name in self.table.columns if name in ours)

    def filling(self, column: str) -> list[tuple[Link, int]]:
        """Return the links that fill a column, each with its place in the link's columns."""
        return [(link, link.columns.index(column)) for link in self.links if column in link.columns]

    def own(self, column: str) -> list[Link]:
        """Return the links by which a column has the value it has in another row of the same table."""
        return [
            link
            for link, number in self.filling(column)
            if (link.parent, link.parent_columns[number]) == (self.table.name, column)
        ]

    @property
    def compared(self) -> tuple[str, ...]:
        """The managed columns that are kept as the profile says: all but the insert-only ones."""
        once = self.rows.insert_only
        links = {c for link in self.links if link.reference.name in once for c in link.columns}
        return tuple(name for name in self.managed if name not in once and name not in links)

    @property
    def key_index(self) -> UniqueKey | None:
        """The unique index over the natural key's columns, the strongest there is."""
        same = [key for key in self.table.keys if set(key.columns) == set(self.natural_key)]
        return min(same, key=lambda key: key.weakness, default=None)

    def place(self, position: int) -> str:
        """Return where a row comes from, for people: its origin and its label."""
        label, origin = self.rows.label(position), self.rows.origin(position)
        return label if label == origin else f"{origin}: {label}"


def chosen(
    dataset: Dataset, only: Sequence[str], skip: Sequence[str]
) -> tuple[frozenset[TableName], list[Finding]]:
    """Return the tables that --only and --skip leave, and a finding for each name they got wrong."""
    known = {str(name): name for name in dataset.tables} | {n.name: n for n in dataset.tables}
    findings = [
        Finding(option, f"the profile has no table {name!r}", nearest(name, sorted(known)))
        for option, names in (("--only", only), ("--skip", skip))
        for name in names
        if name not in known
    ]
    kept = {known[name] for name in only if name in known} if only else set(dataset.tables)
    left = kept - {known[name] for name in skip if name in known}
    if dataset.tables and not left and not findings:
        findings.append(Finding("--only, --skip", "they leave no table to write"))
    return frozenset(left), findings


def bind(
    dataset: Dataset, target: Target, written: Iterable[TableName]
) -> tuple[dict[TableName, Binding], list[Finding]]:
    """Bind the tables of a dataset, by the dataset's names; the findings are all there are.

    A table that is not written and that none refers to need not exist.
    """
    findings: list[Finding] = []
    bindings = {}
    chosen_tables = set(written)
    needed = chosen_tables | {
        reference.table
        for name, rows in dataset.tables.items()
        if target.find(name)
        for reference in rows.references.values()
    }
    for name, rows in dataset.tables.items():
        table = target.find(name)
        if table is None and name not in needed:
            continue
        if table is None:
            known = sorted({str(n) for n in target.names})
            problem = "the database has no such table"
            remedy = too_long(name.name) or too_long(name.schema) or nearest(str(name), known)
            findings.append(Finding(str(name), problem, remedy))
            continue
        binder = _Binder(dataset, target, rows, table, findings)
        bindings[name] = binder.bind(name in chosen_tables)
    return bindings, findings + groundless(bindings.values())


@dataclass(frozen=True, slots=True)
class _Binder:
    """Binds one table; what does not fit goes to the findings."""

    dataset: Dataset
    target: Target
    rows: TableRows
    table: Table
    findings: list[Finding]

    def bind(self, written: bool) -> Binding:
        """Return the binding, as far as the two fit."""
        plain = [name for name in self.rows.column_names if self._check_columns((name,))]
        found = [self._link(reference) for reference in self.rows.references.values()]
        links = tuple(link for link in found if link)
        for link in links:
            self._check_columns(link.columns)
        twice = {c for link in links for c in link.columns} & set(plain)
        for name in sorted(twice):
            self._say(name, "filled both by a value and by a reference", "leave one of them out")
        key = self._natural_key(links)
        binding = Binding(self.rows, self.table, tuple(plain), links, key, written)
        if written:
            self._check_table(binding)
        return binding

    def _say(self, column: str, problem: str, remedy: str = "") -> None:
        where = f"{self.table.name}.{column}" if column else str(self.table.name)
        self.findings.append(Finding(where, problem, remedy))

    def _check_columns(self, names: Sequence[str]) -> bool:
        """Tell whether the table has columns of these names that take a value, and say of the others what is wrong."""
        good = True
        for name in names:
            column = self.table.columns.get(name)
            if column is None:
                remedy = too_long(name) or self._row_meant(name)
                remedy = remedy or nearest(name, list(self.table.columns))
                self._say(name, "the table has no such column", remedy)
                good = False
            elif column.generated:
                self._say(name, "a generated column takes no value", "ignore it in the factory")
                good = False
        return good

    def _link(self, reference: Reference) -> Link | None:
        parent = self.target.find(reference.table)
        if reference.table not in self.dataset.tables or parent is None:
            if reference.table not in self.dataset.tables:
                self._say(
                    reference.name, f"refers to {reference.table}, which the profile has no rows of"
                )
            return None
        key = self._foreign_key(reference, parent)
        if key:
            return Link(reference, key.columns, parent.name, key.parent_columns, key)
        columns = reference.columns or self._columns_named(reference.name)
        if not columns or len(columns) != len(parent.identity):
            self._say(
                reference.name,
                f"nothing tells which columns refer to {parent.name}",
                f"there is no foreign key; name the column {reference.name}_id or give the columns in the model",
            )
            return None
        return Link(reference, tuple(columns), parent.name, parent.identity, None)

    def _foreign_key(self, reference: Reference, parent: Table) -> ForeignKey | None:
        keys = [key for key in self.table.foreign_keys if key.parent == parent.name]
        if reference.columns:
            wanted = set(reference.columns)
            return next((key for key in keys if set(key.columns) == wanted), None)
        names = (reference.name, f"{reference.name}_id")
        named = [key for key in keys if len(key.columns) == 1 and key.columns[0] in names]
        if named:
            return named[0]
        ending = [key for key in keys if key.columns[-1] in names]
        candidates = sorted(ending or keys, key=lambda key: key.columns)
        if len(candidates) > 1:
            self._say(
                reference.name,
                f"{len(candidates)} foreign keys lead to {parent.name}: "
                + ", ".join("(" + ", ".join(key.columns) + ")" for key in candidates),
                f"call it {' or '.join(key.columns[-1] for key in candidates)}, or without the _id",
            )
        return candidates[0] if candidates else None

    def _row_meant(self, name: str) -> str:
        """Return what to do where a value stands for a row: the table has a key of that name and an _id."""
        parent = self.table.leads_to(f"{name}_id")
        made = f"make it fields.reference, pick or SubFactory, or call it {name}_id"
        return f"{name}_id refers to {parent}: {made}" if parent else ""

    def _columns_named(self, name: str) -> tuple[str, ...]:
        return next(((n,) for n in (f"{name}_id", name) if n in self.table.columns), ())

    def _natural_key(self, links: Sequence[Link]) -> tuple[str, ...]:
        by_reference = {link.reference.name: link.columns for link in links}
        columns: list[str] = []
        for name in self.rows.natural_key:
            columns += by_reference.get(name, (name,))
        ours = {*self.rows.column_names, *(c for link in links for c in link.columns)}
        for name in columns:
            if name not in ours:
                self._say(name, "part of the natural key, but the factory gives it no value")
        return tuple(columns) if set(columns) <= ours else ()

    def _check_table(self, binding: Binding) -> None:
        if not self.table.identity:
            self._say(
                "",
                "the table has neither a primary key nor a unique key without NULLs",
                "add one: without it a row cannot be found again",
            )
        managed = set(binding.managed)
        for column in self.table.columns.values():
            if column.name not in managed and not column.nullable and not column.fills_itself:
                self._say(
                    column.name,
                    "NOT NULL, and neither the factory nor a default fills it",
                    "give it a value in the factory or a default in the database",
                )
        for name in self.table.identity:
            column = self.table.columns[name]
            if column.generated:
                self._say(name, "a generated column cannot be part of a seeded table's identity")


def too_long(name: str) -> str:
    """Return what to do about a name that PostgreSQL would cut, or nothing."""
    return CUT if len(name.encode()) > 63 else ""


def parents(bindings: Mapping[TableName, Binding]) -> dict[TableName, list[TableName]]:
    """Return, by live name, the tables whose rows each table refers to."""
    return {
        binding.table.name: [
            *(link.parent for link in binding.links),
            *(key.parent for key in binding.table.foreign_keys),
        ]
        for binding in bindings.values()
    }
