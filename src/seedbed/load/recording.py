"""The ledger told, after everything was written and every trigger has fired."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.dataset import Keys
from seedbed.ledger import Entry
from seedbed.load.arrays import fetch_arrays
from seedbed.load.copying import copy_in
from seedbed.load.digest import row_hash
from seedbed.load.staging import INT8, new_identity, on_identity, staged, taken
from seedbed.load.updating import Overtaken
from seedbed.load.work import Positions, Work, Works
from seedbed.target import Table

SPREAD = 4
"""Up to how many times as many ids as rows lie between the first and the last of new rows for them to be read as a range."""


def record(connection: Connection[Any], works: Works, work: Work, rows: Positions) -> None:
    """Write into the ledger what the profile says of some rows and what the database holds of them now."""
    entry = ledger.enter(connection, work.table, work.binding.compared)
    forget(connection, entry, np.concatenate([work.known.keys[work.forget], work.renamed]))
    if not len(rows):
        return
    ids = _range(work, rows)
    if ids is not None:
        _copy(connection, work, entry, rows, ids)
    else:
        _join(connection, works, work, entry, rows)


def _range(work: Work, rows: Positions) -> Keys | None:
    """Return the ids of rows that are all new to an empty ledger and lie close together, None for any others."""
    if not work.table.serial or len(work.known.keys) or len(rows) != len(work.create):
        return None
    (name,) = work.table.identity
    if name in work.binding.managed:
        return None
    ids: Keys = taken(work.ids[name], rows).to_numpy()
    return ids if int(ids.max()) - int(ids.min()) < SPREAD * len(ids) else None


def _copy(
    connection: Connection[Any], work: Work, entry: Entry, rows: Positions, ids: Keys
) -> None:
    """Fetch the hashes and COPY the entries, in the order of their index: half the work of a join in the server."""
    name = sql.Identifier("t", work.table.identity[0])
    live = fetch_arrays(
        connection,
        sql.SQL(
            "SELECT array_agg({}::bigint), array_agg({}) FROM {} t WHERE {} BETWEEN {} AND {}"
        ).format(
            name,
            row_hash(work.table, work.binding.compared, "t"),
            work.table.live,
            name,
            int(ids.min()),
            int(ids.max()),
        ),
    )
    keys = work.binding.rows.keys[rows]
    order = np.argsort(keys)
    frame = pl.DataFrame(
        {
            "table_id": np.full(len(rows), entry.id),
            "key": keys[order],
            "name": _names(work, rows).gather(order),
            "id": ids[order],
            "digest": work.digests[rows][order],
            "row_hash": _found(work, live, ids[order]),
        }
    )
    target = sql.Identifier("seedbed", "rows")
    copy_in(connection, target, frame.columns, len(frame), frame.slice)


def _found(work: Work, live: list[Any], ids: Keys) -> Keys:
    """Return the hash of each id out of the live ones, which may be more."""
    there, hashes = live if live[0] is not None else (ledger.NOTHING, ledger.NOTHING)
    order = np.argsort(there)
    place = np.searchsorted(there[order], ids)
    place[place == len(there)] = 0
    lost = int((there[order][place] != ids).sum()) if len(there) else len(ids)
    _refuse_lost(work, lost)
    found: Keys = hashes[order][place]
    return found


def _refuse_lost(work: Work, lost: int) -> None:
    if lost:
        raise Overtaken(f"{work.table.name}: {lost} rows are not where they were written")


def _join(
    connection: Connection[Any], works: Works, work: Work, entry: Entry, rows: Positions
) -> None:
    columns = {
        "key": (INT8, pl.Series(work.binding.rows.keys[rows])),
        "name": (sql.SQL("text"), _names(work, rows)),
        "digest": (INT8, pl.Series(work.digests[rows])),
        **new_identity(works, work, rows),
    }
    number, pk = ledger.own_identity(work.table)
    clash = sql.SQL(
        " ON CONFLICT (table_id, key) DO UPDATE SET name = excluded.name, id = excluded.id, pk = excluded.pk,"
        " digest = excluded.digest, row_hash = excluded.row_hash"
    )
    with staged(connection, columns) as stage:
        done = connection.execute(
            sql.SQL(
                "INSERT INTO seedbed.rows (table_id, key, name, id, pk, digest, row_hash) "
                "SELECT {}, s.key, s.name, {}, {}, s.digest, {} FROM {} s JOIN {} t ON {} ORDER BY s.key{}"
            ).format(
                entry.id,
                number,
                pk,
                row_hash(work.table, work.binding.compared, "t"),
                stage,
                work.table.live,
                on_identity(work.table),
                clash if len(work.known.keys) else sql.SQL(""),
            )
        ).rowcount
    _refuse_lost(work, len(rows) - done)


def _names(work: Work, rows: Positions) -> pl.Series:
    named = work.binding.rows.named()
    if not named:
        return pl.Series([None] * len(rows), dtype=pl.String)
    names: list[str | None] = [None] * work.size
    for position, name in named.items():
        names[position] = name
    return taken(pl.Series(names, dtype=pl.String), rows)


def forget(connection: Connection[Any], entry: ledger.Entry, keys: Positions) -> None:
    """Delete ledger rows whose live rows are gone or go on under another key."""
    if len(keys):
        connection.execute(
            "DELETE FROM seedbed.rows WHERE table_id = %s AND key = ANY (%s)",
            [entry.id, keys.tolist()],
        )


def forget_table(connection: Connection[Any], entry: ledger.Entry) -> None:
    """Delete what the ledger holds of a table that is no longer there."""
    connection.execute("DELETE FROM seedbed.rows WHERE table_id = %s", [entry.id])
    connection.execute("DELETE FROM seedbed.tables WHERE id = %s", [entry.id])


def remeasure(
    connection: Connection[Any], table: Table, entry: ledger.Entry, edited: Positions
) -> None:
    """Note what triggers made of rows of ours that we did not write, so that it is not taken for somebody's edit.

    Only tuples of this very transaction count: what the application changed meanwhile stays an edit.
    """
    names = [name for name, _ in entry.columns]
    if not set(names) <= table.columns.keys():
        return
    connection.execute(
        sql.SQL(
            "UPDATE seedbed.rows r SET row_hash = {hash} FROM {table} t WHERE r.table_id = {id} AND {same} "
            "AND t.xmin = pg_current_xact_id()::xid AND r.row_hash <> {hash} AND r.key <> ALL ({edited})"
        ).format(
            hash=row_hash(table, names, "t"),
            table=table.live,
            id=entry.id,
            same=ledger.same_row(table),
            edited=sql.Literal(edited.tolist()),
        )
    )
