"""The rows that are ours: what we made of them, and whether that is what the database still holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection, sql

from seedbed.dataset import Keys
from seedbed.ledger.tables import Entry
from seedbed.load.arrays import fetch_arrays
from seedbed.load.digest import row_hash
from seedbed.target import Table

MISSING, SAME, EDITED, UNKNOWN = 0, 1, 2, 3
"""What a ledger's row says of the live row it stands for; UNKNOWN where the hashed columns are no longer comparable."""


@dataclass(frozen=True, slots=True)
class Known:
    """The ledger's rows of one table, with a look at the live rows they stand for; sorted by key.

    Attributes:
        keys, digests: int64, one per row.
        states: MISSING, SAME, EDITED or UNKNOWN.
        ids: the identity column's values; empty where the identity is not one integer column.
        pks: one list of texts per identity column otherwise.
    """

    keys: Keys
    digests: Keys
    states: Keys
    ids: Keys
    pks: tuple[list[str], ...] = ()

    def identity(self, place: int) -> str:
        """Return where a row is, for people: its identity in the database."""
        parts = [pk[place] for pk in self.pks] if self.pks else [str(self.ids[place])]
        return f"({', '.join(parts)})"

    def place(self, keys: Keys) -> npt.NDArray[np.int64]:
        """Return the position of each key here, -1 where the ledger has none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        found = np.searchsorted(self.keys, keys)
        found[found == len(self.keys)] = 0
        return np.where(self.keys[found] == keys, found, -1)


NOTHING = np.empty(0, dtype=np.int64)
NONE_KNOWN = Known(NOTHING, NOTHING, NOTHING, NOTHING)


def known_rows(connection: Connection[Any], entry: Entry, table: Table) -> Known:
    """Read the ledger's rows of a table and judge the live ones."""
    parts: list[sql.Composable] = [
        sql.SQL("array_agg(r.key)"),
        sql.SQL("array_agg(r.digest)"),
        sql.SQL("array_agg({}::bigint)").format(state(entry, table)),
    ]
    if table.serial:
        parts.append(sql.SQL("array_agg(r.id)"))
    else:
        places = range(1, len(entry.identity) + 1)
        parts += [sql.SQL("array_agg(r.pk[{}])").format(place) for place in places]
    query = sql.SQL(
        "SELECT {} FROM seedbed.rows r LEFT JOIN {} t ON {} WHERE r.table_id = {}"
    ).format(sql.SQL(", ").join(parts), table.live, same_row(table), entry.id)
    row = fetch_arrays(connection, query)
    if row[0] is None:
        return NONE_KNOWN
    order = np.argsort(row[0], kind="stable")
    keys, digests, states = (values[order] for values in row[:3])
    if table.serial:
        return Known(keys, digests, states, row[3][order])
    return Known(keys, digests, states, NOTHING, tuple([v[i] for i in order] for v in row[3:]))


def count(connection: Connection[Any], entry: Entry) -> int:
    """Return how many rows of a table are ours."""
    query = "SELECT count(*) FROM seedbed.rows WHERE table_id = %s"
    row = connection.execute(query, [entry.id]).fetchone()
    return int(row[0]) if row else 0


def names(connection: Connection[Any], entry: Entry) -> dict[int, str]:
    """Return the names of the hand-picked rows of a table, by key."""
    return dict(
        connection.execute(
            "SELECT key, name FROM seedbed.rows WHERE table_id = %s AND name IS NOT NULL",
            [entry.id],
        ).fetchall()
    )


def state(entry: Entry, table: Table) -> sql.Composable:
    """Return the SQL that judges live row `t` against ledger row `r`."""
    same = all(
        name in table.columns and table.columns[name].type.name == kind
        for name, kind in entry.columns
    )
    if not same:
        verdict: sql.Composable = sql.Literal(UNKNOWN)
    else:
        hashed = row_hash(table, [name for name, _ in entry.columns], "t")
        verdict = sql.SQL("CASE WHEN {} = r.row_hash THEN {} ELSE {} END").format(
            hashed, SAME, EDITED
        )
    absent = sql.Identifier("t", table.identity[0])
    return sql.SQL("CASE WHEN {} IS NULL THEN {} ELSE {} END").format(absent, MISSING, verdict)


def same_row(table: Table, live: str = "t") -> sql.Composable:
    """Return the SQL that joins a live row, by its alias, with ledger row `r` for it."""
    if table.serial:
        return sql.SQL("{} = {}").format(
            sql.Identifier(live, table.identity[0]), sql.Identifier("r", "id")
        )
    terms = [
        sql.SQL("{} = {}[{}]::{}").format(
            sql.Identifier(live, name),
            sql.Identifier("r", "pk"),
            place,
            sql.SQL(table.columns[name].type.name),
        )
        for place, name in enumerate(table.identity, 1)
    ]
    return sql.SQL(" AND ").join(terms)


def own_identity(table: Table) -> tuple[sql.Composable, sql.Composable]:
    """Return the SQL for what the ledger holds of the identity of live row `t`: (id, pk)."""
    if table.serial:
        return sql.Identifier("t", table.identity[0]), sql.SQL("NULL::text[]")
    parts = [sql.SQL("{}::text").format(sql.Identifier("t", name)) for name in table.identity]
    return sql.SQL("NULL::bigint"), sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(parts))
