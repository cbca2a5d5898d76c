"""Hand-picked texts that only PostgreSQL can judge (addresses, ranges, dates ...), judged all at once and before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import psycopg
from psycopg import Connection, errors, sql

from seedbed.errors import Finding
from seedbed.load.examining import at_row
from seedbed.load.failures import reason
from seedbed.load.limits import LIMITS, Fault
from seedbed.load.literals import TEXTS
from seedbed.load.work import Positions, Work


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts for a column.

    Attributes:
        positions: the rows they are of.
    """

    work: Work
    column: str
    positions: Positions
    values: tuple[str, ...]

    def halves(self) -> tuple[Texts, Texts]:
        """Return the first half of them, and the second."""
        at = len(self.values) // 2
        return (
            replace(self, positions=self.positions[:at], values=self.values[:at]),
            replace(self, positions=self.positions[at:], values=self.values[at:]),
        )


def refused_texts(connection: Connection[Any], works: Iterable[Work]) -> list[Finding]:
    """Return the hand-picked values that the server cannot read, of rows that are new or changed, each with its row."""
    every = [texts for work in works for texts in _unread(work)]
    if not every or _refusal(connection, every) is None:
        return []
    return [finding for texts in every for finding in _findings(connection, texts)]


def _unread(work: Work) -> Iterator[Texts]:
    """Yield the texts for columns whose types have an input syntax that only the server knows."""
    rows = _new_or_changed(work)
    for name in work.binding.plain if len(rows) else ():
        kind, series = work.table.columns[name].type, work.column(name)
        checked = kind.kind == "e" or kind.base in TEXTS or kind.base in LIMITS
        if series.dtype == pl.String and (kind.array or not checked):
            picked = series.gather(rows)
            given = (~picked.str.contains("\0", literal=True)).fill_null(False)
            if given.any():
                yield Texts(work, name, rows[given.to_numpy()], tuple(picked.filter(given)))


def _new_or_changed(work: Work) -> Positions:
    rows = np.array(sorted(work.binding.rows.named()), dtype=np.int64)
    place = work.place[rows]
    if not len(work.digests) or not (place >= 0).any():
        return rows
    changed: Positions = rows[(place < 0) | (work.known.digests[place] != work.digests[rows])]
    return changed


def _findings(connection: Connection[Any], texts: Texts) -> Iterator[Finding]:
    error = _refusal(connection, [texts])
    if error is None:
        return
    if len(texts.values) == 1:
        yield at_row(texts.work.binding, texts.column, Fault(texts.positions, reason(error)))
        return
    for half in texts.halves():
        yield from _findings(connection, half)


def _refusal(connection: Connection[Any], every: Sequence[Texts]) -> errors.DataError | None:
    """Have the server read texts as their columns' types, and return what it says against one of them."""
    counts = [
        sql.SQL("(SELECT count(v::{}) FROM unnest(%s::text[]) v)").format(
            sql.SQL(texts.work.table.columns[texts.column].type.name)
        )
        for texts in every
    ]
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("SELECT {}").format(sql.SQL(", ").join(counts)),
                [list(texts.values) for texts in every],
            )
    except errors.DataError as error:
        return error
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError:  # such as a domain's check: whoever writes the row says it better
        return None
    return None
