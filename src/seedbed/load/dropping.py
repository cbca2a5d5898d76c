"""Dropping a project's tables, and nothing that the project does not describe.

PostgreSQL's DDL is transactional: what is dropped here is there again if the run fails. Nothing is ever dropped with CASCADE: whatever
depends on the tables and would have to go with them is listed instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from seedbed.dataset import TableName
from seedbed.errors import Finding
from seedbed.load.schema import executing, in_order

if TYPE_CHECKING:
    import sqlalchemy


@dataclass(frozen=True, slots=True)
class Live:
    """A table of the metadata that the database has.

    Attributes:
        kind: pg_class.relkind.
        home: whether it is where the metadata's table would be created.
        owner: its owner, quoted.
        owned: whether the connected role may drop it.
    """

    oid: int
    schema: str
    table: str
    kind: str
    home: bool
    owner: str
    owned: bool

    @property
    def name(self) -> TableName:
        """Its name, with its schema."""
        return TableName(self.table, self.schema)

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, for composing SQL."""
        return sql.Identifier(self.schema, self.table)


def live(connection: Connection[Any], metadata: sqlalchemy.MetaData) -> list[Live]:
    """Return those of the metadata's tables that the database has."""
    tables = metadata.tables.values()
    names = [sql.Identifier(*filter(None, (t.schema, t.name))).as_string() for t in tables]
    schemas = [table.schema for table in tables]
    with connection.cursor(row_factory=class_row(Live)) as cursor:
        return cursor.execute(_LIVE, {"names": names, "schemas": schemas}).fetchall()


_LIVE = """
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS table, c.relkind::text AS kind,
       n.nspname = coalesce(w.schema, current_schema()) AS home,
       quote_ident(pg_get_userbyid(c.relowner)) AS owner, pg_has_role(c.relowner, 'USAGE') AS owned
  FROM unnest(%(names)s::text[], %(schemas)s::text[]) w (name, schema)
  JOIN pg_class c ON c.oid = to_regclass(w.name) JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 2, 3"""


def unfit(connection: Connection[Any], tables: Iterable[Live]) -> list[Finding]:
    """Return why tables cannot be dropped and made again as the metadata says, as far as it lies in them."""
    row = connection.execute("SELECT quote_ident(current_user)").fetchone()
    role = row[0] if row else ""
    findings = []
    for one in tables:
        if one.kind not in "rp":
            findings.append(Finding(str(one.name), "is not a table, so it is not the project's"))
        elif not one.home:
            problem = "is found on the search path, but would be made again in another schema"
            findings.append(Finding(str(one.name), problem, "name its schema in the metadata"))
        elif not one.owned:
            grant = f"ALTER TABLE {one.identifier.as_string()} OWNER TO {role}"
            findings.append(Finding(str(one.name), f"belongs to {one.owner}, not to {role}", grant))
    return findings


def grants(connection: Connection[Any], tables: Iterable[Live]) -> list[str]:
    """Return, for people, what others than their owners may do with tables: DROP TABLE takes that away."""
    rows = connection.execute(_GRANTS, [[one.oid for one in tables]]).fetchall()
    return [f"what was granted went with the old table: {grant}" for (grant,) in rows]


_GRANTS = """
SELECT format('GRANT %%s ON %%s TO %%s', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), c.oid::regclass,
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
  FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.oid = ANY (%s::oid[]) AND a.grantee <> c.relowner GROUP BY c.oid, a.grantee ORDER BY 1"""


def drop(
    connection: Connection[Any], metadata: sqlalchemy.MetaData, tables: Sequence[Live]
) -> list[Finding]:
    """Drop tables and the types and sequences that their metadata makes, or return what depends on them; then roll back.

    What the metadata is told to do before and after tables are dropped is done.
    """
    if not tables:
        return []
    there = {one.name for one in tables}
    described = [
        table
        for table in in_order(metadata)
        if any(one.table == table.name and table.schema in (None, one.schema) for one in tables)
    ]
    _fire(connection, metadata, described, "before_drop")
    extra = _made_beside(connection, metadata)
    findings = _dependents(connection, [one.oid for one in tables], extra)
    if findings:
        return findings
    names = sql.SQL(", ").join(sql.Identifier(name.schema, name.name) for name in sorted(there))
    connection.execute(sql.SQL("DROP TABLE {}").format(names))
    _fire(connection, metadata, described, "after_drop")
    for one in extra:
        connection.execute(
            sql.SQL("DROP {} IF EXISTS {}").format(
                sql.SQL(one.kind), sql.Identifier(one.schema, one.name)
            )
        )
    return []


@dataclass(frozen=True, slots=True)
class _Beside:
    """Something that creating the metadata makes beside tables: a type, a domain or a sequence."""

    catalogue: str
    oid: int
    schema: str
    name: str
    kind: str


def _fire(
    connection: Connection[Any],
    metadata: sqlalchemy.MetaData,
    tables: list[sqlalchemy.Table],
    event: str,
) -> None:
    """Do what the metadata's and the tables' listeners want; the types that SQLAlchemy's own drop are ours to drop."""
    bind = executing(connection, leave_out=("DropEnumType", "DropDomainType"))
    for target in (metadata, *tables):
        listeners = getattr(target.dispatch, event)
        listeners(target, bind, tables=tables, checkfirst=False)


def _made_beside(connection: Connection[Any], metadata: sqlalchemy.MetaData) -> list[_Beside]:
    """Return the types, domains and sequences that creating the metadata would make, as far as they exist."""
    from sqlalchemy import create_mock_engine

    made: list[tuple[str, str]] = []
    kinds = {"CreateEnumType": "TYPE", "CreateDomainType": "DOMAIN", "CreateSequence": "SEQUENCE"}

    def note(statement: Any, *_: Any, **__: Any) -> None:
        """Keep the name and the kind of what a statement would make beside tables."""
        kind = kinds.get(type(statement).__name__)
        if kind:
            one = statement.element
            made.append((sql.Identifier(*filter(None, (one.schema, one.name))).as_string(), kind))

    metadata.create_all(create_mock_engine("postgresql+psycopg://", note), checkfirst=False)
    names, found = [name for name, _ in made], [kind for _, kind in made]
    with connection.cursor(row_factory=class_row(_Beside)) as cursor:
        return cursor.execute(_BESIDE, {"names": names, "kinds": found}).fetchall()


_BESIDE = """
SELECT 'pg_type' AS catalogue, t.oid::int8 AS oid, n.nspname AS schema, t.typname AS name, w.kind
  FROM unnest(%(names)s::text[], %(kinds)s::text[]) w (name, kind)
  JOIN pg_type t ON w.kind <> 'SEQUENCE' AND t.oid = to_regtype(w.name) JOIN pg_namespace n ON n.oid = t.typnamespace
 UNION
SELECT 'pg_class', c.oid::int8, n.nspname, c.relname, w.kind
  FROM unnest(%(names)s::text[], %(kinds)s::text[]) w (name, kind)
  JOIN pg_class c ON w.kind = 'SEQUENCE' AND c.oid = to_regclass(w.name) JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 1, 3, 4"""


def _dependents(
    connection: Connection[Any], tables: Sequence[int], extra: Sequence[_Beside]
) -> list[Finding]:
    """Return what a CASCADE would take along: objects that depend on what is dropped and are no part of it."""
    parameters = {
        "tables": list(tables),
        "types": [one.oid for one in extra if one.catalogue == "pg_type"],
        "sequences": [one.oid for one in extra if one.catalogue == "pg_class"],
    }
    rows = connection.execute(_DEPENDENTS, parameters).fetchall()
    return [
        Finding(who, f"depends on {what}", "drop it first, and make it again afterwards")
        for who, what in rows
    ]


# What goes with an object is linked to it as a(utomatic), i(nternal) or P/S (a partition's); a view is its rule's owner (i), and
# the rule depends n(ormally) on what the view reads.
_DEPENDENTS = """
WITH RECURSIVE dropped (classid, objid) AS (
     SELECT 'pg_class'::regclass::oid, unnest(%(tables)s::oid[] || %(sequences)s::oid[])
      UNION SELECT 'pg_type'::regclass::oid, unnest(%(types)s::oid[])
      UNION SELECT d.classid, d.objid FROM pg_depend d
              JOIN dropped o ON d.refclassid = o.classid AND d.refobjid = o.objid
             WHERE d.deptype IN ('a', 'i', 'P', 'S')),
found AS (
     SELECT coalesce(v.classid, d.classid) AS classid, coalesce(v.objid, d.objid) AS objid,
            CASE WHEN v.objid IS NULL THEN d.objsubid ELSE 0 END AS objsubid,
            d.refobjid = ANY (%(tables)s::oid[]) AS direct, pg_describe_object(d.refclassid, d.refobjid, 0) AS what
       FROM pg_depend d JOIN dropped o ON d.refclassid = o.classid AND d.refobjid = o.objid
       LEFT JOIN LATERAL (SELECT 'pg_class'::regclass::oid AS classid, r.ev_class AS objid FROM pg_rewrite r
                           WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid) v ON true
      WHERE d.deptype = 'n' AND NOT EXISTS (SELECT FROM dropped x WHERE x.classid = d.classid AND x.objid = d.objid))
SELECT pg_describe_object(classid, objid, objsubid), (array_agg(what ORDER BY direct DESC, what))[1]
  FROM found f
 WHERE objsubid = 0
    OR NOT EXISTS (SELECT FROM found w WHERE w.classid = f.classid AND w.objid = f.objid AND w.objsubid = 0)
 GROUP BY classid, objid, objsubid ORDER BY 1"""
