"""Rows in 64 bits: what the profile says, computed here, and what the database holds, computed there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl
from psycopg import sql

from seedbed.dataset import Keys
from seedbed.streams import mix
from seedbed.target import Table, Type

# Types whose extended hash is the same in every database; an enum's is not: it hashes the label's oid.
HASHED = frozenset(
    {"int2", "int4", "int8", "float4", "float8", "numeric", "bool", "uuid", "bytea", "jsonb"}
    | {"date", "time", "timetz", "timestamp", "timestamptz", "interval", "inet", "cidr", "macaddr"}
)
TEXTS = frozenset({"text", "varchar", "bpchar"})
# Of the rest, these have an equality to compare by without going through text.
EQUAL = HASHED | TEXTS | {"name", "varbit", "bit", "macaddr8", "tsvector", "pg_lsn", "money"}


def profile_digests(columns: Mapping[str, pl.Series], length: int) -> Keys:
    """Return a digest per row of what the profile says about it.

    Not stable across polars versions, nor meant to be: a digest that differs only makes the row be compared by value.

    Args:
        columns: fitted columns and the keys of referenced rows, by column or reference name.
    """
    total = np.zeros(length, dtype=np.uint64)
    for name, series in columns.items():
        seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())
        values = series.hash(seed=seed & 0xFFFF_FFFF).to_numpy()
        # Mixed once more, so that sums of hashes do not cancel each other out.
        total += mix(values ^ np.uint64(seed))
    return total.view(np.int64)


def row_hash(table: Table, columns: Iterable[str], alias: str) -> sql.Composable:
    """Return the SQL for a hash of what the database holds in some columns of a row.

    The hash functions are those of hash partitioning, which PostgreSQL keeps stable across versions.
    """
    values = [hashable(sql.Identifier(alias, name), table.columns[name].type) for name in columns]
    return hash_of(values) if values else sql.SQL("0::bigint")


def hash_of(values: Iterable[sql.Composable]) -> sql.Composed:
    """Return the SQL for a hash of some values, each in a form that has one (`hashable`)."""
    return sql.SQL("pg_catalog.hash_record_extended(ROW({}), 0)").format(sql.SQL(", ").join(values))


def hashable(value: sql.Composable, kind: Type) -> sql.Composable:
    """Return a value in a form that has an extended hash, the same after a dump and restore."""
    if kind.kind == "b" and kind.base in TEXTS and not kind.array:
        return sql.SQL('{} COLLATE "C"').format(value)
    if kind.kind == "b" and kind.base in HASHED:
        return value
    return sql.SQL("{}::text").format(value)


def comparable(value: sql.Composable, kind: Type) -> sql.Composable:
    """Return a value in a form that has an equality, of texts one that tells all of them apart."""
    if kind.kind == "b" and kind.base in TEXTS:
        return sql.SQL('{} COLLATE "C"').format(value)
    if kind.kind in "erm" or (kind.kind == "b" and kind.base in EQUAL):
        return value
    return sql.SQL("{}::text").format(value)
