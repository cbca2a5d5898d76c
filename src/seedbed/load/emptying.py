"""Emptying tables, whoever wrote their rows: what is in them, what else that would reach, and the deletion.

DELETE, children first, and never TRUNCATE: readers go on (TRUNCATE takes ACCESS EXCLUSIVE), a plan's counts stay what the
application's own triggers see deleted (TRUNCATE fires none for rows), the privilege is the one that pruning needs anyway, sequences
stay where they are, and no CASCADE is needed where a table outside merely has a foreign key, and no row, that refers to these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import namedtuple_row

from seedbed import ledger
from seedbed.dataset import TableName
from seedbed.errors import DatabaseFailure, Finding, so_many_rows
from seedbed.ledger import EDITED, UNKNOWN, Entry
from seedbed.load.order import parents_first
from seedbed.load.pruning import Owned
from seedbed.target import Table, own_rows


@dataclass(frozen=True, slots=True)
class Emptied:
    """A table to be emptied, and whose rows it holds.

    Attributes:
        entry: what the ledger knows of it, if anything.
        ours: rows that seedbed wrote, as it left them.
        edited: rows that seedbed wrote and somebody changed since.
        others: rows that seedbed did not write.
    """

    table: Table
    entry: Entry | None
    ours: int = 0
    edited: int = 0
    others: int = 0

    @property
    def rows(self) -> int:
        """How many rows go."""
        return self.ours + self.edited + self.others


def lock(connection: Connection[Any], tables: Sequence[Table]) -> None:
    """Keep everybody else from writing to tables, and from referring to their rows, until the transaction ends; reading goes on.

    What is counted is then what is deleted. EXCLUSIVE, for the check of a foreign key takes ROW SHARE on the table referred to.
    """
    ordered = sorted(tables, key=lambda table: table.name)
    parts = sql.SQL(", ").join(table.live for table in ordered)
    connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(parts))


def contents(
    connection: Connection[Any], tables: Sequence[Table], entries: Mapping[TableName, Entry]
) -> list[Emptied]:
    """Return whose rows tables hold."""
    return [_counted(connection, table, entries.get(table.name)) for table in tables]


def _counted(connection: Connection[Any], table: Table, entry: Entry | None) -> Emptied:
    query = sql.SQL("SELECT count(*), 0, 0 FROM {}").format(table.live)
    if entry and not ledger.other_key(entry, table) and not ledger.replaced(entry, table):
        query = sql.SQL(
            "SELECT count(*), count(r.key), count(*) FILTER (WHERE r.key IS NOT NULL AND {} IN ({}, {})) "
            "FROM {} t LEFT JOIN seedbed.rows r ON r.table_id = {} AND {}"
        ).format(
            ledger.state(entry, table),
            EDITED,
            UNKNOWN,
            table.live,
            entry.id,
            ledger.same_row(table),
        )
    row = connection.execute(query).fetchone()
    total, ours, edited = row if row else (0, 0, 0)
    return Emptied(table, entry, ours - edited, edited, total - ours)


def beyond(
    connection: Connection[Any], emptied: Sequence[Emptied], leaving: Mapping[TableName, Owned]
) -> list[Finding]:
    """Return what emptying tables would reach outside of them: rows that refer to theirs, and rows on another server.

    Args:
        emptied: the tables.
        leaving: tables outside whose rows of ours are deleted before; their kept ones count.
    """
    if not emptied:
        return []
    oids = [one.table.oid for one in emptied]
    abroad = connection.execute(_FOREIGN_PARTITIONS, {"emptied": oids}).fetchall()
    findings = [
        Finding(name, "a partition whose rows are on another server", "detach it first")
        for (name,) in abroad
    ]
    for key in _referrers(connection, oids):
        findings += _referring(connection, key, leaving.get(TableName(key.root, key.root_schema)))
    return findings


def _referrers(connection: Connection[Any], oids: Sequence[int]) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(_REFERRERS, {"emptied": oids}).fetchall()


_REFERRERS = """
SELECT k.oid, n.nspname AS schema, k.relname AS name, k.relkind = 'p' AS partitioned, c.confdeltype::text AS on_delete,
       rn.nspname AS root_schema, r.relname AS root, c.confrelid::regclass::text AS parent, k.oid::regclass::text AS shown,
       has_table_privilege(k.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS visible, quote_ident(current_user) AS role,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY u(attnum, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = u.attnum ORDER BY u.place) AS columns
  FROM pg_constraint c
  JOIN pg_class k ON k.oid = c.conrelid JOIN pg_namespace n ON n.oid = k.relnamespace
  JOIN pg_class r ON r.oid = coalesce(pg_partition_root(k.oid), k.oid) JOIN pg_namespace rn ON rn.oid = r.relnamespace
 WHERE c.contype = 'f' AND c.conparentid = 0
   AND coalesce(pg_partition_root(c.confrelid), c.confrelid) = ANY (%(emptied)s::oid[])
   AND r.oid <> ALL (%(emptied)s::oid[])
 ORDER BY 2, 3, c.conname"""
"""Foreign keys that lead from outside to the tables, also those of and to single partitions."""

_FOREIGN_PARTITIONS = """
SELECT c.oid::regclass::text AS partition
  FROM unnest(%(emptied)s::oid[]) root, pg_partition_tree(root) p JOIN pg_class c ON c.oid = p.relid
 WHERE c.relkind = 'f' ORDER BY 1"""

_FATES = {
    "c": "which would be deleted with it (ON DELETE CASCADE)",
    "n": "which would be changed (ON DELETE SET NULL)",
    "d": "which would be changed (ON DELETE SET DEFAULT)",
}


def _referring(connection: Connection[Any], key: Any, leaving: Owned | None) -> list[Finding]:
    if not key.visible:
        grant = f"GRANT SELECT ON {key.shown} TO {key.role}"
        return [Finding(key.parent, f"{key.shown} refers to it and cannot be read", grant)]
    query = sql.SQL("SELECT count(*) FROM {} c WHERE {}").format(
        own_rows(TableName(key.name, key.schema), key.partitioned),
        sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT NULL").format(sql.Identifier("c", name)) for name in key.columns
        ),
    )
    if leaving is not None:
        query += sql.SQL(" AND ") + leaving.none_but_kept
    row = connection.execute(query).fetchone()
    if not row or not row[0]:
        return []
    fate = _FATES.get(key.on_delete, "which it would leave without it")
    problem = (
        f"{so_many_rows(row[0])} of {key.shown} ({', '.join(key.columns)}) refer to it, {fate}"
    )
    return [Finding(key.parent, problem, f"{key.shown} is not emptied: delete these rows yourself")]


def empty(connection: Connection[Any], emptied: Sequence[Emptied]) -> None:
    """Delete every row of some tables, and what the ledger knows of them.

    Raises:
        DatabaseFailure: a trigger or a rule kept rows.
    """
    full = {one.table.name: one for one in emptied if one.rows}
    _delete(connection, full)
    # A second time, for a trigger may have answered a deletion with rows in a table that was empty already: a log.
    left = _not_empty(connection, emptied)
    _delete(connection, left)
    for one in _not_empty(connection, left.values()).values():
        raise DatabaseFailure(
            f"{one.table.name}: a trigger or rule kept rows from being deleted",
            remedy="Disable it or delete these rows yourself.",
        )
    entries = [one.entry.id for one in emptied if one.entry is not None]
    if entries:
        connection.execute("DELETE FROM seedbed.rows WHERE table_id = ANY (%s)", [entries])


def _delete(connection: Connection[Any], full: Mapping[TableName, Emptied]) -> None:
    """Delete in groups: tables that refer to each other in a circle by one statement, at whose end their keys are checked."""
    parents = {name: [key.parent for key in one.table.foreign_keys] for name, one in full.items()}
    for group in reversed(parents_first(full, parents)):
        *first, last = [sql.SQL("DELETE FROM {}").format(full[name].table.live) for name in group]
        parts = [
            sql.SQL("{} AS ({})").format(sql.Identifier(f"d{n}"), part)
            for n, part in enumerate(first)
        ]
        circle = sql.SQL("WITH {} ").format(sql.SQL(", ").join(parts)) if parts else sql.SQL("")
        connection.execute(circle + last)


def _not_empty(
    connection: Connection[Any], emptied: Collection[Emptied]
) -> dict[TableName, Emptied]:
    found = {}
    for one in emptied:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(one.table.live)
        if connection.execute(query).fetchone() == (True,):
            found[one.table.name] = one
    return found
