"""Which of the rows that the ledger knows a destroy deletes: those that are as seedbed left them, and what somebody said of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import Connection

from seedbed import ledger, target
from seedbed.dataset import Keys, TableName
from seedbed.errors import DatabaseFailure, Drift, Finding
from seedbed.ledger import EDITED, UNKNOWN, Entry, Known
from seedbed.load.privileges import lacking
from seedbed.load.pruning import Doomed, doom, hold_still
from seedbed.target import Table, Target

WAYS = "--keep-edits leaves these rows where they are, as nobody's; --overwrite-edits deletes them"
SHOWN = 20
"""How many rows of a table an error lists."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be deleted.

    Attributes:
        live: the tables.
        entries: what the ledger knows, also tables that are no longer there.
        doomed: the rows to delete, by table.
        kept: the ledger's keys of rows that stay and are no longer ours, by table.
    """

    live: Target
    entries: Mapping[TableName, Entry]
    doomed: Mapping[TableName, Doomed]
    kept: Mapping[TableName, Keys]


def choose(connection: Connection[Any], edits: str) -> Chosen:
    """Find the rows to delete, and keep others from changing them until the transaction ends.

    Args:
        edits: what becomes of rows that are not as seedbed left them: ``refuse``, ``keep`` or ``overwrite``.

    Raises:
        Drift: there are such rows and nobody has said, or the ledger does not fit the tables.
        DatabaseFailure: the role lacks privileges.
    """
    entries = ledger.entries(connection)
    live = target.read(connection, entries)
    there = {name: entry for name, entry in entries.items() if name in live.tables}
    findings = lacking(connection, [live.tables[name] for name in there], writing=True)
    if findings:
        raise DatabaseFailure("the role lacks privileges", findings=findings)
    ledger.refuse_misfits(_misfits(connection, live, entries))
    doomed = {name: doom(connection, live.tables[name], each, None) for name, each in there.items()}
    hold_still(connection, doomed)
    known = {
        name: ledger.known_rows(connection, entry, live.tables[name])
        for name, entry in there.items()
    }
    if edits == "overwrite":
        return Chosen(live, entries, doomed, {})
    changed = {name: _changed(each) for name, each in known.items() if len(_changed(each))}
    if changed and edits == "refuse":
        findings = [f for name in changed for f in _listed(live.shown(name), known[name])]
        raise Drift("rows are not as seedbed left them", findings=findings, remedy=WAYS)
    kept = {name: known[name].keys[places] for name, places in changed.items()}
    for name, keys in kept.items():
        rest = np.setdiff1d(known[name].keys, keys)
        doomed[name] = doom(connection, live.tables[name], there[name], rest)
    return Chosen(live, entries, doomed, kept)


def _misfits(
    connection: Connection[Any], live: Target, entries: Mapping[TableName, Entry]
) -> Iterator[Finding | None]:
    places = ledger.places_of(connection, entries.values())
    for name, entry in entries.items():
        table = live.tables.get(name)
        yield misfit(connection, entry, table, places)


def misfit(
    connection: Connection[Any], entry: Entry, table: Table | None, places: Mapping[int, str]
) -> Finding | None:
    """Return what is wrong with what the ledger knows of a table, if its rows cannot be looked for there.

    Args:
        table: the one that goes by its name now, if any.
        places: see `seedbed.ledger.places_of`.
    """
    if table is None:
        return ledger.other_name(entry, places)
    finding = ledger.other_key(entry, table)
    if finding or not ledger.replaced(entry, table):
        return finding
    return ledger.other_table(entry, table, ledger.known_rows(connection, entry, table), places)


def _changed(known: Known) -> Keys:
    """Return the places of the rows that are not, or may not be, what seedbed wrote, by where they are."""
    places: Keys = np.flatnonzero(np.isin(known.states, (EDITED, UNKNOWN)))
    if not known.pks:
        return places[np.argsort(known.ids[places])]
    return np.array(sorted(places.tolist(), key=known.identity), dtype=np.int64)


def _listed(table: str, known: Known) -> list[Finding]:
    """Return the rows that are not as seedbed left them; of many, the first."""
    why = {
        EDITED: "edited since",
        UNKNOWN: "cannot be compared with what seedbed wrote, for the table's columns are others now",
    }
    places = _changed(known)
    found = [
        Finding(f"{table} {known.identity(place)}", why[int(known.states[place])])
        for place in places[:SHOWN].tolist()
    ]
    more = len(places) - SHOWN
    return [*found, Finding(f"{table}, {more} more rows", "the same")] if more > 0 else found
