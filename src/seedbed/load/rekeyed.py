"""Rows whose key somebody changed by hand: the ledger misses them where they were, and they are not gone.

Without a look for them they would be made anew, and what was there would be nobody's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.load.arrays import fetch_arrays
from seedbed.load.digest import hash_of, hashable
from seedbed.load.staging import INT8, staged, type_of, values
from seedbed.load.updating import WIDE
from seedbed.load.work import Positions, Work, Works


def find_rekeyed(connection: Connection[Any], works: Works, work: Work) -> None:
    """Note where rows are that the ledger misses: by the part of the key that the database gave them, else by all other values.

    A row is taken for ours where it is the only one like it, and no other row of ours.
    """
    lost = np.flatnonzero((work.place >= 0) & ~work.here)
    identity, managed = work.table.identity, work.binding.managed
    if not len(lost) or work.entry is None or not set(identity) & set(managed):
        return
    given = [name for name in identity if name not in managed]
    rest = tuple(name for name in work.binding.compared if name not in identity)
    if not given and not 0 < len(rest) <= WIDE:
        return
    columns: dict[str, tuple[sql.Composable, pl.Series]] = {"position": (INT8, pl.Series(lost))}
    if given:
        place = pl.Series(work.place[lost])
        for number, name in enumerate(given, 1):
            texts = pl.Series(work.known.pks[identity.index(name)], dtype=pl.String)
            columns[f"v{number}"] = (type_of(work.table, name), texts.gather(place))
    else:
        columns |= values(works, work, rest, lost)
    with staged(connection, columns) as stage:
        found = fetch_arrays(connection, _alike(work, work.entry, tuple(given) or rest, stage))
    if found[0] is not None:
        _settle(work, found[0], found[1:])


def _settle(work: Work, positions: Positions, identities: list[Any]) -> None:
    where = zip(work.table.identity, identities, strict=True)
    work.settle(positions, {name: pl.Series(each) for name, each in where}, live=True)


def _alike(
    work: Work, entry: ledger.Entry, names: tuple[str, ...], stage: sql.Identifier
) -> sql.Composed:
    kind = INT8 if work.table.serial else sql.SQL("text")
    identity = [sql.Identifier("t", name) for name in work.table.identity]
    return sql.SQL(
        "SELECT array_agg(d.position), {arrays} FROM (SELECT s.position, {keys}, "
        "count(*) OVER (PARTITION BY s.position) AS rows, count(*) OVER (PARTITION BY {identity}) AS claims "
        "FROM {stage} s JOIN {table} t ON {ours} = {live} WHERE NOT EXISTS "
        "(SELECT FROM seedbed.rows r WHERE r.table_id = {id} AND {same})) d WHERE d.rows = 1 AND d.claims = 1"
    ).format(
        arrays=sql.SQL(", ").join(
            sql.SQL("array_agg(d.k{}::{})").format(n, kind) for n in range(1, len(identity) + 1)
        ),
        keys=sql.SQL(", ").join(
            sql.SQL("{} AS k{}").format(i, n) for n, i in enumerate(identity, 1)
        ),
        identity=sql.SQL(", ").join(identity),
        stage=stage,
        table=work.table.live,
        ours=_hash(work, names, [sql.Identifier("s", f"v{n}") for n in range(1, len(names) + 1)]),
        live=_hash(work, names, [sql.Identifier("t", name) for name in names]),
        id=entry.id,
        same=ledger.same_row(work.table),
    )


def _hash(work: Work, names: tuple[str, ...], found: list[sql.Identifier]) -> sql.Composed:
    return hash_of(
        hashable(value, work.table.columns[name].type)
        for name, value in zip(names, found, strict=True)
    )
