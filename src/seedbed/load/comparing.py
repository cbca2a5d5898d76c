"""The difference between the profile and the database, row by row but never one at a time.

Digests decide first: a row whose digest and whose hash in the database are those of the last run needs no look. Only the others
are brought to the server and compared by value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from psycopg import Connection, sql

from seedbed.errors import Finding
from seedbed.ledger import EDITED, MISSING, SAME, UNKNOWN
from seedbed.load.arrays import fetch_arrays
from seedbed.load.digest import comparable, row_hash
from seedbed.load.failures import located
from seedbed.load.moving import move
from seedbed.load.rekeyed import find_rekeyed
from seedbed.load.staging import INT8, old_identity, on_identity, staged, values
from seedbed.load.uniqueness import natural_twins
from seedbed.load.updating import WIDE
from seedbed.load.work import Mask, Positions, Work, Works
from seedbed.target import Table


def compare(connection: Connection[Any], works: Works, work: Work) -> list[Finding]:
    """Decide what each row of a table needs; its parents must have been compared before."""
    find_rekeyed(connection, works, work)
    findings = _twins(connection, work) or _recognise(connection, works, work)
    suspects = _suspects(works, work)
    differing = _differing(connection, works, work, suspects)
    _split(work, suspects, differing)
    findings += move(connection, works, work)
    work.create = np.flatnonzero(~work.here)
    _left(work)
    return findings


def _twins(connection: Connection[Any], work: Work) -> list[Finding]:
    """Name rows that only the database takes for the same; where nothing changed, they were looked for before."""
    if not work.binding.natural_key or not work.size:
        return []
    if work.here.all() and (work.known.digests[work.place] == work.digests).all():
        return []
    with located(work, np.arange(work.size), work.binding.natural_key):
        pairs = natural_twins(connection, work)
    place, columns = work.binding.place, ", ".join(work.binding.natural_key)
    problem = f"the same natural key ({columns}) in {work.table.name}"
    return [
        Finding(f"{place(one)} and {place(other)}", problem, "the database finds them equal")
        for one, other in pairs
    ]


def _suspects(works: Works, work: Work) -> Positions:
    """Return the live rows that a digest or a hash says something happened to, or whose parent gets another key."""
    adopted = np.zeros(work.size, dtype=bool)
    adopted[work.adopt] = True
    ours = np.flatnonzero(work.here & ~adopted)
    place = work.place[ours]
    touched = (work.known.digests[place] != work.digests[ours]) | (work.known.states[place] != SAME)
    touched |= np.isin(work.known.keys[place], work.renamed)
    for link in work.binding.links:
        own = link.parent == work.table.name and set(link.parent_columns) & set(
            work.binding.compared
        )
        followed = ours[touched] if own else works[link.parent].moved
        touched |= np.isin(link.reference.rows[ours], followed)
    return np.sort(np.concatenate([ours[touched], work.adopt]))


def _differing(connection: Connection[Any], works: Works, work: Work, suspects: Positions) -> Mask:
    """Return which of the suspects differ in value, and keep which columns do."""
    differs = np.zeros(work.size, dtype=bool)
    names = work.binding.compared
    if not len(suspects) or not names:
        return differs
    for start in range(0, len(names), WIDE):
        part = range(start, min(start + WIDE, len(names)))
        columns = {
            "position": (INT8, pl.Series(suspects)),
            **old_identity(work, suspects),
            **values(works, work, names[part.start : part.stop], suspects),
        }
        with (
            located(work, suspects, names[part.start : part.stop]),
            staged(connection, columns) as stage,
        ):
            query = _comparison(work, names, part, stage)
            _note(work, part, len(names), fetch_arrays(connection, query))
    differs[list(work.changes)] = True
    _flag_pending(works, work, suspects, differs)
    return differs


def _comparison(
    work: Work, names: tuple[str, ...], part: range, stage: sql.Identifier
) -> sql.Composed:
    flags = [
        sql.SQL("({} IS DISTINCT FROM {})").format(
            comparable(sql.Identifier("t", names[at]), work.table.columns[names[at]].type),
            comparable(sql.Identifier("s", f"v{number}"), work.table.columns[names[at]].type),
        )
        for number, at in enumerate(part, 1)
    ]
    return sql.SQL(
        "SELECT array_agg(d.position), array_agg(d.hash), array_agg(d.flags) FROM ("
        "SELECT s.position, {} AS hash, translate(ARRAY[{}]::text, '{{,}}', '') AS flags"
        " FROM {} s JOIN {} t ON {}) d WHERE d.flags LIKE '%t%'"
    ).format(
        row_hash(work.table, names if len(names) <= WIDE else (), "t"),
        sql.SQL(", ").join(flags),
        stage,
        work.table.live,
        on_identity(work.table),
    )


def _note(work: Work, part: range, width: int, found: list[Any]) -> None:
    if found[0] is None:
        return
    for position, hashed, flags in zip(found[0].tolist(), found[1].tolist(), found[2], strict=True):
        before = work.changes.get(position, "f" * width)
        work.changes[position] = before[: part.start] + flags + before[part.stop :]
        if width <= WIDE:
            work.hashes[position] = hashed


def _flag_pending(works: Works, work: Work, suspects: Positions, differs: Mask) -> None:
    """A row that refers to a row to come differs, whatever the database holds there now."""
    names = work.binding.compared
    for column, mask in works.pending(work).items():
        if column not in names:
            continue
        at = names.index(column)
        for position in suspects[mask[suspects]].tolist():
            flags = work.changes.get(position, "f" * len(names))
            work.changes[position] = flags[:at] + "t" + flags[at + 1 :]
            differs[position] = True


def _split(work: Work, suspects: Positions, differs: Mask) -> None:
    """Three-way: a row that differs was edited if the database changed, or if nothing but the database can have."""
    mine = suspects[~np.isin(suspects, work.adopt)]
    place = work.place[mine]
    state, same = work.known.states[place], work.known.digests[place] == work.digests[mine]
    other = differs[mine]
    edited = other & (np.isin(state, (EDITED, MISSING)) | ((state == UNKNOWN) & same))
    work.edited = mine[edited]
    work.update = mine[other & ~edited]
    work.refresh = mine[~other]


def _left(work: Work) -> None:
    """Sort the ledger's rows that the profile no longer has."""
    known = work.known
    used = np.zeros(len(known.keys), dtype=bool)
    used[work.place[work.place >= 0]] = True
    left = np.flatnonzero(~used)
    states = known.states[left]
    work.forget = left[states == MISSING]
    work.gone_edited = left[np.isin(states, (EDITED, UNKNOWN))]
    work.gone = left[states == SAME]


def _recognise(connection: Connection[Any], works: Works, work: Work) -> list[Finding]:
    """Find rows the ledger does not know by their natural key: to adopt, or ours under another row key."""
    key = work.binding.natural_key
    new = np.flatnonzero(~work.here)
    if not key or not len(new) or work.empty:
        return []
    pending = works.pending(work)
    for column in set(key) & pending.keys():
        new = new[~pending[column][new]]  # a row to come is referred to, so nothing can match
    columns = {"position": (INT8, pl.Series(new)), **values(works, work, key, new)}
    identity = [sql.Identifier("t", name) for name in work.table.identity]
    kind = INT8 if work.table.serial else sql.SQL("text")
    with located(work, new, key), staged(connection, columns) as stage:
        query = sql.SQL("SELECT array_agg(s.position), {} FROM {} s JOIN {} t ON {}").format(
            sql.SQL(", ").join(sql.SQL("array_agg({}::{})").format(i, kind) for i in identity),
            stage,
            work.table.live,
            sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", f"v{n}"))
                for n, name in enumerate(key, 1)
            ),
        )
        found = fetch_arrays(connection, query)
    if found[0] is None:
        return []
    return _claim(work, found[0], found[1:])


def is_empty(connection: Connection[Any], table: Table) -> bool:
    """Return whether a table holds no row at all."""
    query = sql.SQL("SELECT NOT EXISTS (SELECT FROM {})").format(table.live)
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _claim(work: Work, positions: Positions, identities: list[Any]) -> list[Finding]:
    """Sort the matches: rows of others are adopted, rows of ours whose key left the profile are renamed."""
    findings = _ambiguous(work, positions)
    if findings:
        return findings
    found = list(zip(*(_plain_list(values) for values in identities), strict=True))
    owner = _owners(work)
    in_profile = set(work.place[work.place >= 0].tolist())
    adopt, renamed = [], []
    for at, (position, identity) in enumerate(zip(positions.tolist(), found, strict=True)):
        place = owner.get(identity)
        if place is None:
            adopt.append(at)
        elif place not in in_profile:  # else that row gives the key up in this run
            work.place[position] = place
            renamed.append(at)
    work.adopt = positions[adopt]
    work.renamed = work.known.keys[work.place[positions[renamed]]]
    claimed = np.array(sorted(adopt + renamed), dtype=np.int64)
    where = {
        name: pl.Series(values).gather(pl.Series(claimed))
        for name, values in zip(work.table.identity, identities, strict=True)
    }
    work.settle(positions[claimed], where, live=True)
    return findings


def _owners(work: Work) -> dict[tuple[Any, ...], int]:
    """Return which place in the ledger a live identity belongs to."""
    known = work.known
    columns: tuple[list[Any], ...] = (known.ids.tolist(),) if work.table.serial else known.pks
    return {identity: place for place, identity in enumerate(zip(*columns, strict=True))}


def _plain_list(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _ambiguous(work: Work, positions: Positions) -> list[Finding]:
    unique, counts = np.unique(positions, return_counts=True)
    key = ", ".join(work.binding.natural_key)
    return [
        Finding(
            work.binding.place(int(position)),
            f"{count} rows of {work.table.name} have its natural key ({key})",
            "the key has no unique index there; choose another or remove the doubles",
        )
        for position, count in zip(unique[counts > 1][:10], counts[counts > 1][:10], strict=True)
    ]
