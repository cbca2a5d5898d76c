"""What a live table is, as far as writing to it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import sql

from seedbed.dataset import TableName

INTEGERS = frozenset({"int2", "int4", "int8"})


@dataclass(frozen=True, slots=True)
class Type:
    """A column's type, seen through its domains.

    Attributes:
        name: as PostgreSQL writes it, schema-qualified where it has to be, with its modifier: ``numeric(20,8)``.
        base: the catalogue's name of the type below all domains: ``int4``, ``varchar``; of an array, its element's.
        kind: pg_type.typtype of that type: b(ase), e(num), r(ange), m(ultirange), c(omposite).
        modifier: pg_attribute.atttypmod, or the domain's.
        array: whether it is an array of `base`.
        labels: an enum's labels.
        not_null: whether a domain forbids NULL.
    """

    name: str
    base: str
    kind: str = "b"
    modifier: int = -1
    array: bool = False
    labels: tuple[str, ...] = ()
    not_null: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it holds and who fills it when nobody gives a value.

    Attributes:
        default: the default as an SQL expression with qualified names, or None.
        identity: ``a`` for GENERATED ALWAYS AS IDENTITY, ``d`` for BY DEFAULT, else empty.
        sequence: oid of the sequence that the default draws from, or 0.
        increment: that sequence's step.
        collation: as SQL, where it is not the type's own.
        exact: whether texts that are equal under the collation are the same.
    """

    name: str
    type: Type
    nullable: bool
    default: str | None = None
    identity: str = ""
    generated: bool = False
    sequence: int = 0
    increment: int = 1
    collation: str = ""
    exact: bool = True

    @property
    def fills_itself(self) -> bool:
        """Whether an INSERT that leaves the column out gives it a value of its own."""
        return bool(self.default is not None or self.identity or self.generated)


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A unique index: what it promises, and why it cannot stand for a row's identity if it cannot.

    Attributes:
        columns: those it is on by themselves.
        parts: of an index on expressions or of some rows, everything it is on, as SQL over the table's columns.
        where: the condition of the rows it is about, as SQL; empty for all.
        read: the columns that `parts` and `where` are made of.
    """

    name: str
    columns: tuple[str, ...]
    primary: bool = False
    weakness: str = ""
    parts: tuple[str, ...] = ()
    where: str = ""
    read: tuple[str, ...] = ()

    @property
    def made_of(self) -> frozenset[str]:
        """The columns that a row's place in the index hangs on."""
        return frozenset((*self.columns, *self.read))


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of one table to another, or to itself.

    Attributes:
        columns, parent_columns: which of the one refer to which of the other.
        on_delete, on_update: pg_constraint.confdeltype and confupdtype: a (no action), r(estrict), c(ascade), n(ull) or d(efault).
        partitioned: whether the rows of the table that refers are in partitions.
    """

    name: str
    table: TableName
    columns: tuple[str, ...]
    parent: TableName
    parent_columns: tuple[str, ...]
    deferrable: bool = False
    on_delete: str = "a"
    on_update: str = "a"
    partitioned: bool = False

    @property
    def child(self) -> sql.Composable:
        """The rows of the table that refers, for composing SQL."""
        return own_rows(self.table, self.partitioned)

    @property
    def refers(self) -> sql.Composed:
        """The SQL that row `c` of this table refers to row `t` of the other."""
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("c", own), sql.Identifier("t", theirs))
            for own, theirs in zip(self.columns, self.parent_columns, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A live table.

    Attributes:
        oid: pg_class.oid.
        identity: the columns that tell one row from another: the primary key, else a unique key without NULLs, else none.
        privileges: what the connected role may do, of SELECT, INSERT, UPDATE, DELETE.
        triggers: events (INSERT, UPDATE, DELETE) for which a user's trigger fires.
        foreign_keys: keys of this table to others.
        referrers: keys of other tables, or of this one, to this table.
        codec: what Python calls the database's encoding, where that cannot hold every character.
        partitioned: whether its rows are in partitions.
    """

    oid: int
    name: TableName
    columns: Mapping[str, Column]
    identity: tuple[str, ...] = ()
    keys: tuple[UniqueKey, ...] = ()
    privileges: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()
    foreign_keys: tuple[ForeignKey, ...] = ()
    referrers: tuple[ForeignKey, ...] = ()
    codec: str = ""
    partitioned: bool = False

    @property
    def serial(self) -> bool:
        """Whether one integer column is the row's identity."""
        return len(self.identity) == 1 and _integer(self.columns[self.identity[0]].type)

    def leads_to(self, column: str) -> TableName | None:
        """Return the table whose keys a column holds, None where it is no foreign key of its own."""
        found = (key.parent for key in self.foreign_keys if key.columns == (column,))
        return next(found, None)

    @property
    def qualified(self) -> sql.Identifier:
        """The table's name, for composing SQL: of an INSERT or a COPY; for whatever meets rows that are there, see `live`."""
        return qualified(self.name)

    @property
    def live(self) -> sql.Composable:
        """The table's own rows, for composing SQL."""
        return own_rows(self.name, self.partitioned)


@dataclass(frozen=True, slots=True)
class Target:
    """The tables of a live database that a run has to do with.

    Attributes:
        tables: by qualified name.
        names: every user table there is; those on the search path also without their schema.
    """

    tables: Mapping[TableName, Table]
    names: Mapping[TableName, TableName] = field(default_factory=dict)

    def find(self, name: TableName) -> Table | None:
        """Return the table that a name means on this connection's search path, or None."""
        known = self.names.get(name)
        return self.tables.get(known) if known else None

    def shown(self, name: TableName) -> str:
        """Return a live table's name for people: without its schema where that is on the search path."""
        return name.name if self.names.get(TableName(name.name)) == name else str(name)


def qualified(name: TableName) -> sql.Identifier:
    """Return a table's name, quoted."""
    return sql.Identifier(name.schema, name.name) if name.schema else sql.Identifier(name.name)


def own_rows(name: TableName, partitioned: bool) -> sql.Composable:
    """Return a table's own rows, for composing SQL.

    Those of tables that inherit from it are not in it, but seen through its name; they may be another application's, or on another
    server. A partitioned table's are all in its partitions.
    """
    return qualified(name) if partitioned else sql.SQL("ONLY ") + qualified(name)


def _integer(kind: Type) -> bool:
    return kind.base in INTEGERS and not kind.array
