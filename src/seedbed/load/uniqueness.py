"""What a unique index makes unique: columns or expressions, of all rows or some, as the database finds them equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from psycopg import Connection, sql

from seedbed.load.arrays import fetch_arrays
from seedbed.load.examining import key_part
from seedbed.load.limits import told_apart
from seedbed.load.staging import INT8, staged, type_of, values
from seedbed.load.work import Positions, Work, Works
from seedbed.target import INDEX_READ

AT = sql.Identifier("@position")
"""A row's position, under a name that no column of the table has."""

INDEX = f"""
SELECT ARRAY(SELECT pg_get_indexdef(i.indexrelid, place, false) FROM generate_series(1, i.indnkeyatts) place),
       ARRAY(SELECT coalesce((SELECT ' COLLATE ' || k.oid::regcollation FROM pg_collation k
                               WHERE k.oid = (i.indcollation::oid[])[place - 1]), '')
               FROM generate_series(1, i.indnkeyatts) place),
       i.indexprs IS NULL AND i.indpred IS NULL,
       pg_get_expr(i.indpred, i.indrelid),
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
       {INDEX_READ}
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE i.indisunique AND n.nspname = %s AND t.relname = %s AND c.relname = %s"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """Expressions of which no two rows have the same values.

    Attributes:
        parts: the expressions as SQL.
        collations: for each what is to be said of its collation.
        columns: of the table, those the expressions and the condition are made of.
        plain: whether it is about columns of all rows.
        where: the condition of a partial index, else empty.
        nulls: whether NULLs are the same (NULLS NOT DISTINCT).
    """

    work: Work
    name: str
    parts: tuple[str, ...]
    collations: tuple[str, ...]
    columns: tuple[str, ...]
    plain: bool = True
    where: str = ""
    nulls: bool = False

    def __str__(self) -> str:
        return f"the unique key {self.name} ({', '.join(self.parts)})"

    @property
    def is_natural(self) -> bool:
        """Whether it is about the natural key's columns of all rows, by which rows were looked for already."""
        return self.plain and set(self.columns) == set(self.work.binding.natural_key)

    def stage_columns(
        self, works: Works, positions: Positions
    ) -> dict[str, tuple[sql.Composable, pl.Series]]:
        """Return the columns of a stage to compare rows by; those that the profile does not fill are left out."""
        return {
            "position": (INT8, pl.Series(positions)),
            **values(works, self.work, self._managed, positions),
        }

    def twins(self, connection: Connection[Any], stage: sql.Identifier) -> list[tuple[int, int]]:
        """Return the first pairs of rows of a stage that are the same."""
        keyed = self._keyed(self._rows(stage), AT)
        query = sql.SQL(
            "SELECT array_agg(one), array_agg(other) FROM (SELECT a.{at} AS one, b.{at} AS other FROM {keyed} a "
            "JOIN {keyed} b ON {same} AND a.{at} < b.{at} ORDER BY 1, 2 LIMIT 10) d"
        ).format(at=AT, keyed=keyed, same=self._same())
        one, other = fetch_arrays(connection, query)
        return [] if one is None else list(zip(one.tolist(), other.tolist(), strict=True))

    def holders(self, connection: Connection[Any], stage: sql.Identifier) -> list[tuple[int, str]]:
        """Return rows of a stage, each with the identity of a live row that is the same, for people."""
        identity = sql.SQL("'(' || concat_ws(', ', {}) || ')' AS {}").format(
            sql.SQL(", ").join(
                sql.SQL("{}::text").format(sql.Identifier(n)) for n in self.work.table.identity
            ),
            AT,
        )
        query = sql.SQL(
            "SELECT array_agg(position), array_agg(identity) FROM (SELECT a.{at} AS position, b.{at} AS identity "
            "FROM {ours} a JOIN {live} b ON {same} ORDER BY 1 LIMIT 1000) d"
        ).format(
            at=AT,
            ours=self._keyed(self._rows(stage), AT),
            live=self._keyed(self.work.table.live, identity),
            same=self._same(),
        )
        positions, identities = fetch_arrays(connection, query)
        return [] if positions is None else list(zip(positions.tolist(), identities, strict=True))

    @property
    def _managed(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name in self.work.binding.managed)

    def _rows(self, stage: sql.Identifier) -> sql.Composed:
        """Return the stage under the table's names; columns that the profile does not fill have their defaults."""
        columns = [sql.SQL("position AS {}").format(AT)]
        for number, name in enumerate(self._managed, 1):
            columns.append(
                sql.SQL("{} AS {}").format(sql.Identifier(f"v{number}"), sql.Identifier(name))
            )
        for name in self.columns:
            if name not in self._managed:
                default = sql.SQL(self.work.table.columns[name].default or "NULL")
                kind = sql.SQL(self.work.table.columns[name].type.name)
                columns.append(
                    sql.SQL("({})::{} AS {}").format(default, kind, sql.Identifier(name))
                )
        return sql.SQL("(SELECT {} FROM {}) r").format(sql.SQL(", ").join(columns), stage)

    def _keyed(self, rows: sql.Composable, first: sql.Composable) -> sql.Composed:
        parts = [
            sql.SQL("{} AS {}").format(sql.SQL(part + collation), sql.Identifier(f"@{number}"))
            for number, (part, collation) in enumerate(
                zip(self.parts, self.collations, strict=True)
            )
        ]
        return sql.SQL("(SELECT {} FROM {} WHERE {})").format(
            sql.SQL(", ").join([first, *parts]), rows, sql.SQL(self.where or "true")
        )

    def _same(self) -> sql.Composed:
        equal = sql.SQL("IS NOT DISTINCT FROM" if self.nulls else "=")
        return sql.SQL(" AND ").join(
            sql.SQL("a.{n} {equal} b.{n}").format(n=sql.Identifier(f"@{number}"), equal=equal)
            for number in range(len(self.parts))
        )


def read_uniqueness(
    connection: Connection[Any], work: Work, about: tuple[str, str, str]
) -> Uniqueness | None:
    """Return what an index makes unique, None where there is no such index.

    Args:
        work: the table; the index may be one of its partitions'.
        about: the schema, table and name of the index.
    """
    row = connection.execute(INDEX, about).fetchone()
    if row is None:
        return None
    parts, collations, plain, where, nulls, columns = row
    return Uniqueness(
        work, about[2], tuple(parts), tuple(collations), tuple(columns), plain, where or "", nulls
    )


def natural_twins(connection: Connection[Any], work: Work) -> list[tuple[int, int]]:
    """Return rows of the profile whose natural keys only the database finds equal, such as 1.0 and 1.00."""
    names = work.binding.natural_key
    plain = [name for name in names if name in work.binding.plain]
    if all(told_apart(work.column(name), work.table.columns[name]) for name in plain):
        return []
    parts = tuple(sql.Identifier(name).as_string() for name in names)
    key = Uniqueness(work, "", parts, ("",) * len(names), names)
    columns: dict[str, tuple[sql.Composable, pl.Series]] = {
        "position": (INT8, pl.int_range(0, work.size, eager=True))
    }
    for number, name in enumerate(key.columns, 1):
        plainly = name in work.binding.plain
        kind = type_of(work.table, name) if plainly else INT8
        columns[f"v{number}"] = (kind, key_part(work, name))
    with staged(connection, columns) as stage:
        return key.twins(connection, stage)
