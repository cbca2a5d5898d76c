"""Reading live tables from PostgreSQL's catalogues.

docs/decisions/0005-catalogue-queries.md says why not through SQLAlchemy's inspector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

from psycopg import Connection, NotSupportedError
from psycopg.rows import namedtuple_row

from seedbed.dataset import TableName
from seedbed.target.model import Column, ForeignKey, Table, Target, Type, UniqueKey


def read(connection: Connection[Any], wanted: Iterable[TableName]) -> Target:
    """Read the named tables, those that refer to them and those they refer to.

    Args:
        connection: in a transaction; its search_path decides what a name without a schema means.
        wanted: names as a dataset or the ledger spells them; unknown ones are simply absent from the answer.
    """
    rows = _query(connection, TABLES)
    names = {TableName(row.name, row.schema): TableName(row.name, row.schema) for row in rows}
    names |= {TableName(row.name): TableName(row.name, row.schema) for row in rows if row.visible}
    by_oid = {row.oid: TableName(row.name, row.schema) for row in rows}
    meant = {names[name] for name in wanted if name in names}
    oids = [oid for oid, name in by_oid.items() if name in meant]
    with _qualified_names(connection):
        links = _foreign_keys(connection, oids, by_oid)
        near = {name for link in links for name in (link.table, link.parent)} | meant
        near_rows = [row for row in rows if by_oid[row.oid] in near]
        tables = _tables(connection, near_rows, links)
    return Target({table.name: table for table in tables}, names)


@contextmanager
def _qualified_names(connection: Connection[Any]) -> Iterator[None]:
    """Make pg_get_expr and format_type write qualified names in a block: search_path is empty, and put back after it."""
    row = connection.execute("SELECT current_setting('search_path')").fetchone()
    before = row[0] if row else ""
    connection.execute("SET LOCAL search_path TO ''")
    yield  # after a failure there is nothing to put back: the transaction is over
    connection.execute("SELECT pg_catalog.set_config('search_path', %s, true)", [before])


def _query(connection: Connection[Any], statement: LiteralString, *arguments: Any) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(statement, arguments).fetchall()


def _tables(
    connection: Connection[Any], rows: Sequence[Any], links: Sequence[ForeignKey]
) -> list[Table]:
    oids = [row.oid for row in rows]
    columns = _columns(connection, oids)
    keys = _keys(connection, oids)
    triggers = {row.oid: frozenset(row.events) for row in _query(connection, TRIGGERS, oids)}
    codec = _codec(connection)
    tables = []
    for row in rows:
        name = TableName(row.name, row.schema)
        own = columns.get(row.oid, {})
        tables.append(
            Table(
                oid=row.oid,
                name=name,
                columns=own,
                identity=_identity(keys.get(row.oid, ()), own),
                keys=keys.get(row.oid, ()),
                privileges=frozenset(row.privileges),
                triggers=triggers.get(row.oid, frozenset()),
                foreign_keys=tuple(link for link in links if link.table == name),
                referrers=tuple(link for link in links if link.parent == name),
                codec=codec,
                partitioned=row.partitioned,
            )
        )
    return tables


def _codec(connection: Connection[Any]) -> str:
    """Return Python's name of the database's encoding: psycopg knows it of the client's, so that is changed for a moment."""
    encoding = connection.info.parameter_status("server_encoding") or "UTF8"
    if encoding in ("UTF8", "SQL_ASCII"):
        return ""
    before = connection.info.parameter_status("client_encoding") or "UTF8"
    change = "SELECT pg_catalog.set_config('client_encoding', %s, true)"
    try:
        connection.execute(change, [encoding])
        return connection.info.encoding
    except NotSupportedError:  # EUC_TW and MULE_INTERNAL: the server will tell
        return ""
    finally:
        connection.execute(change, [before])


def _columns(connection: Connection[Any], oids: Sequence[int]) -> dict[int, dict[str, Column]]:
    found: dict[int, dict[str, Column]] = {}
    for row in _query(connection, COLUMNS, oids):
        kind = Type(
            name=row.type_name,
            base=row.base,
            kind=row.kind,
            modifier=row.modifier,
            array=row.is_array,
            labels=tuple(row.labels or ()),
            not_null=row.domain_not_null,
        )
        found.setdefault(row.oid, {})[row.name] = Column(
            name=row.name,
            type=kind,
            nullable=not (row.not_null or row.domain_not_null),
            default=None if row.generated else row.default_expression,
            identity=row.identity,
            generated=bool(row.generated),
            sequence=row.sequence or 0,
            increment=row.increment or 1,
            collation=row.collation or "",
            exact=row.exact,
        )
    return found


def _keys(connection: Connection[Any], oids: Sequence[int]) -> dict[int, tuple[UniqueKey, ...]]:
    found: dict[int, list[UniqueKey]] = {}
    for row in _query(connection, KEYS, oids):
        weaknesses = {
            "it is partial": row.partial,
            "it is on an expression": row.expressions,
            "it is deferrable": not row.immediate,
            "it is not valid": not row.valid,
        }
        weakness = next((text for text, holds in weaknesses.items() if holds), "")
        key = UniqueKey(
            row.name,
            tuple(row.columns),
            row.primary,
            weakness,
            tuple(row.parts or ()),
            row.condition or "",
            tuple(row.read or ()),
        )
        found.setdefault(row.oid, []).append(key)
    return {oid: tuple(keys) for oid, keys in found.items()}


def _identity(keys: Sequence[UniqueKey], columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Return the primary key's columns, also a deferrable one's, or those of the first unique key without NULLs."""
    for key in keys:
        if key.primary:
            return key.columns
    for key in keys:
        if not key.weakness and not any(columns[name].nullable for name in key.columns):
            return key.columns
    return ()


def _foreign_keys(
    connection: Connection[Any], oids: Sequence[int], by_oid: Mapping[int, TableName]
) -> list[ForeignKey]:
    found: dict[tuple[object, ...], ForeignKey] = {}
    for row in _query(connection, FOREIGN_KEYS, oids, oids):
        if row.child in by_oid and row.parent in by_oid:
            key = ForeignKey(
                name=row.name,
                table=by_oid[row.child],
                columns=tuple(row.columns),
                parent=by_oid[row.parent],
                parent_columns=tuple(row.parent_columns),
                deferrable=row.deferrable,
                on_delete=row.on_delete,
                on_update=row.on_update,
                partitioned=row.partitioned,
            )
            # Partitions made one by one may each have the same key.
            found.setdefault((key.table, key.columns, key.parent, key.parent_columns), key)
    return list(found.values())


# Partitions are left out: rows go through the partitioned table, which is what the application names.
TABLES = """
SELECT c.oid, n.nspname AS schema, c.relname AS name, pg_catalog.pg_table_is_visible(c.oid) AS visible,
       c.relkind = 'p' AS partitioned,
       ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
              WHERE has_table_privilege(c.oid, p)
                 OR (p IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege(c.oid, p))) AS privileges
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed') AND n.nspname !~ '^pg_t(emp|oast)'
 ORDER BY 2, 3"""

COLUMNS = """
SELECT a.attrelid AS oid, a.attname AS name, a.attnotnull AS not_null, a.attidentity::text AS identity,
       a.attgenerated::text AS generated,
       pg_get_expr(d.adbin, d.adrelid) AS default_expression,
       format_type(a.atttypid, a.atttypmod) AS type_name,
       coalesce(e.typname, b.typname)::text AS base,
       coalesce(e.typtype, b.typtype)::text AS kind,
       CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE domains.modifier END AS modifier,
       b.typcategory = 'A' AND b.typelem <> 0 AS is_array,
       domains.not_null AS domain_not_null,
       (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder)
          FROM pg_enum l WHERE l.enumtypid = coalesce(e.oid, b.oid)) AS labels,
       s.seqrelid AS sequence, s.seqincrement AS increment,
       CASE WHEN k.oid <> t.typcollation THEN k.oid::regcollation::text END AS collation,
       coalesce(k.collisdeterministic, true) AS exact
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_collation k ON k.oid = a.attcollation
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  CROSS JOIN LATERAL (
       WITH RECURSIVE chain (oid, base, modifier, not_null) AS (
            SELECT t.oid, t.typbasetype, t.typtypmod, t.typnotnull FROM pg_type t WHERE t.oid = a.atttypid
            UNION ALL
            SELECT t.oid, t.typbasetype, CASE WHEN c.modifier >= 0 THEN c.modifier ELSE t.typtypmod END,
                   c.not_null OR t.typnotnull
              FROM chain c JOIN pg_type t ON t.oid = c.base WHERE c.base <> 0)
       SELECT oid, modifier, not_null FROM chain WHERE base = 0) domains
  JOIN pg_type b ON b.oid = domains.oid
  LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A' AND b.typelem <> 0
  LEFT JOIN LATERAL (
       SELECT q.seqrelid, q.seqincrement
         FROM pg_depend p
         JOIN pg_sequence q ON q.seqrelid = CASE p.classid WHEN 'pg_attrdef'::regclass THEN p.refobjid ELSE p.objid END
        WHERE (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass)
           OR (p.classid = 'pg_class'::regclass AND p.deptype = 'i' AND p.refclassid = 'pg_class'::regclass
               AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND a.attidentity <> '')
        LIMIT 1) s ON true
 WHERE a.attrelid = ANY (%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum"""

INDEX_READ = """ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (
                    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))"""
"""The columns that an index `i` is on, its expressions and its condition included."""

KEYS = f"""
SELECT i.indrelid AS oid, c.relname AS name, i.indisprimary AS primary, i.indimmediate AS immediate,
       i.indisvalid AND i.indisready AS valid, i.indpred IS NOT NULL AS partial, i.indexprs IS NOT NULL AS expressions,
       ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
              WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS columns,
       CASE WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL THEN
            ARRAY(SELECT pg_get_indexdef(i.indexrelid, place, false) || coalesce((SELECT ' COLLATE ' || k.oid::regcollation
                    FROM pg_collation k WHERE k.oid = (i.indcollation::oid[])[place - 1]), '')
                    FROM generate_series(1, i.indnkeyatts) place) END AS parts,
       pg_get_expr(i.indpred, i.indrelid) AS condition,
       CASE WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL THEN
            {INDEX_READ} END AS read
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indisunique AND i.indrelid = ANY (%s::oid[])
 ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid"""  # noqa: S608 - of constants

# A partition's copy of a foreign key has a parent constraint (conparentid) and says nothing new. One that a single partition has, or
# that leads to one, is its table's here: rows go through that.
FOREIGN_KEYS = """
SELECT c.conname AS name, r.child, r.parent, c.condeferrable AS deferrable,
       c.confdeltype::text AS on_delete, c.confupdtype::text AS on_update,
       (SELECT k.relkind = 'p' FROM pg_class k WHERE k.oid = r.child) AS partitioned,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY k.place) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY k.place) AS parent_columns
  FROM pg_constraint c
 CROSS JOIN LATERAL (SELECT coalesce(pg_partition_root(c.conrelid), c.conrelid)::oid AS child,
                            coalesce(pg_partition_root(c.confrelid), c.confrelid)::oid AS parent) r
 WHERE c.contype = 'f' AND c.conparentid = 0 AND (r.child = ANY (%s::oid[]) OR r.parent = ANY (%s::oid[]))
 ORDER BY c.conrelid, c.conname"""

TRIGGERS = """
SELECT t.tgrelid AS oid,
       array_remove(ARRAY[CASE WHEN bool_or(t.tgtype & 4 <> 0) THEN 'INSERT' END,
                          CASE WHEN bool_or(t.tgtype & 8 <> 0) THEN 'DELETE' END,
                          CASE WHEN bool_or(t.tgtype & 16 <> 0) THEN 'UPDATE' END], NULL) AS events
  FROM pg_trigger t
 WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgrelid = ANY (%s::oid[])
 GROUP BY t.tgrelid"""
