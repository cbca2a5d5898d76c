"""A unique key was taken: by which row? Found out afterwards, in a new transaction, for the server names only the value."""

from __future__ import annotations

from typing import Any

import polars as pl
import psycopg
from psycopg import Connection, sql

from seedbed.errors import DatabaseFailure, Drift, Finding, InvalidInput, SeedbedError
from seedbed.ledger import fetch_arrays
from seedbed.load.failures import Clash
from seedbed.load.session import transaction
from seedbed.load.staging import INT8, staged, values
from seedbed.load.updating import Overtaken
from seedbed.load.work import Work, Works


def explain(connection: Connection[Any], works: Works, clash: Clash) -> SeedbedError | Overtaken:
    """Return the error to raise for a clash: both rows named, or a reason to try again where the other row is gone."""
    columns = next((k.columns for k in clash.work.table.keys if k.name == clash.constraint), ())
    if not columns or not set(columns) <= set(clash.work.binding.managed):
        return DatabaseFailure(str(clash))
    try:
        with transaction(connection, keep=True):
            return _explained(connection, works, clash, columns)
    except psycopg.Error:
        return DatabaseFailure(str(clash))


def _explained(
    connection: Connection[Any], works: Works, clash: Clash, columns: tuple[str, ...]
) -> SeedbedError | Overtaken:
    work = clash.work
    with staged(
        connection,
        {
            "position": (INT8, pl.int_range(0, work.size, eager=True)),
            **values(works, work, columns, pl.int_range(0, work.size, eager=True).to_numpy()),
        },
    ) as stage:
        pairs = fetch_arrays(connection, _twins(stage, len(columns)))
        taken = fetch_arrays(connection, _holders(work, stage, columns))
    what = f"the unique key {clash.constraint} ({', '.join(columns)}) of {work.table.name}"
    place = work.binding.place
    if pairs[0] is not None:
        findings = [
            Finding(f"{place(int(a))} and {place(int(b))}", f"the same values in {what}")
            for a, b in zip(pairs[0], pairs[1], strict=True)
        ]
        return InvalidInput(f"rows of the profile share {what}", findings=findings)
    held = [(int(at), who) for at, who in zip(_list(taken[0]), taken[1] or (), strict=True)]
    ours = _ours(work)
    strangers = [(at, who) for at, who in held if who not in ours]
    if strangers and set(columns) != set(work.binding.natural_key):
        findings = [
            Finding(
                place(at),
                f"its values in {what} are held by row {who}, which seedbed did not write",
            )
            for at, who in strangers
        ]
        return Drift(f"{what} is already taken", findings=findings)
    exchanged = [(at, who) for at, who in held if who in ours and who != _itself(work, at)]
    if exchanged and not strangers:
        findings = [
            Finding(place(at), f"its values in {what} are those of row {who} of ours")
            for at, who in exchanged
        ]
        remedy = (
            "Columns that must not be NULL cannot be exchanged in one run. Make the key DEFERRABLE, or apply twice: first with a "
            f"value that no row has for {place(exchanged[0][0])}, then with the one you want."
        )
        return InvalidInput(f"rows exchange {what}", findings=findings, remedy=remedy)
    return Overtaken(f"{what} was taken in the meantime")


def _list(positions: Any) -> list[int]:
    return [] if positions is None else positions.tolist()


def _ours(work: Work) -> set[str]:
    return {work.known.identity(place) for place in range(len(work.known.keys))}


def _itself(work: Work, position: int) -> str:
    place = int(work.place[position])
    return work.known.identity(place) if place >= 0 else ""


def _twins(stage: sql.Identifier, columns: int) -> sql.Composed:
    same = sql.SQL(" AND ").join(
        sql.SQL("a.{c} = b.{c}").format(c=sql.Identifier(f"v{n}")) for n in range(1, columns + 1)
    )
    return sql.SQL(
        "SELECT array_agg(one), array_agg(other) FROM (SELECT a.position AS one, b.position AS other "
        "FROM {} a JOIN {} b ON {} AND a.position < b.position ORDER BY 1, 2 LIMIT 10) d"
    ).format(stage, stage, same)


def _holders(work: Work, stage: sql.Identifier, columns: tuple[str, ...]) -> sql.Composed:
    same = sql.SQL(" AND ").join(
        sql.SQL("t.{} = s.{}").format(sql.Identifier(name), sql.Identifier(f"v{n}"))
        for n, name in enumerate(columns, 1)
    )
    identity = sql.SQL(", ").join(
        sql.SQL("t.{}::text").format(sql.Identifier(n)) for n in work.table.identity
    )
    return sql.SQL(
        "SELECT array_agg(position), array_agg(identity) FROM (SELECT s.position, "
        "'(' || concat_ws(', ', {}) || ')' AS identity FROM {} s JOIN {} t ON {} ORDER BY 1 LIMIT 1000) d"
    ).format(identity, stage, work.table.qualified, same)
