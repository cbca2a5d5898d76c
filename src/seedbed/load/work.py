"""One table's way through a run: its values, its identities, and what is to be done with each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed.dataset import Keys, TableName
from seedbed.ledger import MISSING, NONE_KNOWN, NOTHING, Entry, Known
from seedbed.load.binding import Binding, Link
from seedbed.load.limits import Fault, unknown_characters
from seedbed.load.values import fit
from seedbed.target import Table

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Work:
    """What a run knows of one table, and decides: a record that the run's steps fill one after the other.

    1. `examining` the values, maybe in another thread: `digests`.
    2. `preparing` looks the rows up in the ledger (`locate`): `known`, `entry`, `place`, `here`, `at`, `ids`, `empty`.
    3. `comparing` decides: `create`, `update`, `adopt`, `edited`, `refresh`, `gone`, `gone_edited`, `forget`, `renamed`, with `changes`
       and `hashes` as the grounds. Where nothing was there before, `preparing` sets `create` to all rows, and 1 may come after it.
    4. `carry_out` does it: `moving` fills `moved`, and each row that is written gets its `ids` and is `here` (`settle`).

    Until its step, a field holds nothing.

    Attributes:
        place: for each row its place in `known`, -1 where the ledger does not know it.
        here: for each row whether the live row exists.
        at: identity columns: where the live row is now; null for rows to come.
        ids: identity columns nobody manages: `at`, and what was drawn for the rows to come.
        create, update, adopt, edited: positions.
        refresh: rows as they should be whose ledger entry is out of date.
        gone: places in `known` of rows that left the profile, `gone_edited` those somebody edited.
        forget: places in `known` of rows that left both the profile and the database.
        renamed: keys in the ledger whose row goes on under another key.
        moved: positions of `create` whose old rows, in `gone`, have another key.
        changes: position to a flag for each compared column, for rows that differ.
        hashes: position to the live row's hash at the time of comparing.
        empty: whether the live table had no row at all.
    """

    binding: Binding
    entry: Entry | None = None
    known: Known = NONE_KNOWN
    place: Positions = field(default_factory=lambda: NOTHING)
    here: Mask = field(default_factory=lambda: np.empty(0, dtype=bool))
    at: dict[str, pl.Series] = field(default_factory=dict)
    ids: dict[str, pl.Series] = field(default_factory=dict)
    digests: Keys = field(default_factory=lambda: NOTHING)
    create: Positions = field(default_factory=lambda: NOTHING)
    update: Positions = field(default_factory=lambda: NOTHING)
    adopt: Positions = field(default_factory=lambda: NOTHING)
    edited: Positions = field(default_factory=lambda: NOTHING)
    refresh: Positions = field(default_factory=lambda: NOTHING)
    gone: Positions = field(default_factory=lambda: NOTHING)
    gone_edited: Positions = field(default_factory=lambda: NOTHING)
    forget: Positions = field(default_factory=lambda: NOTHING)
    renamed: Keys = field(default_factory=lambda: NOTHING)
    moved: Positions = field(default_factory=lambda: NOTHING)
    changes: dict[int, str] = field(default_factory=dict)
    hashes: dict[int, int] = field(default_factory=dict)
    empty: bool = False
    _fitted: dict[str, pl.Series] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        """The live table."""
        return self.binding.table

    @property
    def size(self) -> int:
        """The number of rows the profile has here."""
        return len(self.binding.rows.keys)

    @property
    def recreated(self) -> int:
        """How many of the rows to come somebody had deleted."""
        return int((self.place[self.create] >= 0).sum())

    @property
    def edited_keys(self) -> Keys:
        """The ledger's keys of the rows somebody edited, those that left the profile included."""
        known = self.known.keys
        keys: Keys = np.concatenate([known[self.place[self.edited]], known[self.gone_edited]])
        return keys

    def shown(self, key: int) -> str:
        """Return a row of the ledger for people: its label, or where it is once it left the profile."""
        place = int(self.known.place(np.array([key]))[0])
        for position in np.flatnonzero(self.place == place).tolist():
            return self.binding.rows.label(position)
        return self.known.identity(place)

    def move(self, positions: Sequence[int]) -> None:
        """Make rows anew under another key and let the old ones go."""
        self.moved = np.array(positions, dtype=np.int64)
        self.update = np.setdiff1d(self.update, self.moved)
        nothing = {
            name: pl.Series([None] * len(positions), dtype=series.dtype)
            for name, series in self.at.items()
        }
        self.settle(self.moved, nothing, live=True)
        self.here[self.moved] = False
        self.place[self.moved] = -1
        for position in positions:
            del self.changes[position]

    def column(self, name: str) -> pl.Series:
        """Return a plain column's values, fit for the live column."""
        if name not in self._fitted:
            self.check(name)
        return self._fitted[name]

    def check(self, name: str) -> list[Fault]:
        """Fetch a plain column, keep it, and return what is wrong with it."""
        series = self.binding.rows.column(name)
        fitted, faults = fit(series, self.table.columns[name])
        self._fitted[name] = fitted
        return faults + unknown_characters(fitted, self.table.codec)

    def locate(self, known: Known, entry: Entry | None) -> None:
        """Find the rows in the ledger, and with it in the table."""
        self.known, self.entry = known, entry
        self.place = known.place(self.binding.rows.keys)
        found = self.place >= 0
        self.here = found.copy()
        self.here[found] = known.states[self.place[found]] != MISSING
        for number, name in enumerate(self.table.identity):
            if self.table.serial:
                values = np.zeros(self.size, dtype=np.int64)
                values[self.here] = known.ids[self.place[self.here]]
                series = pl.Series(values).set(pl.Series(~self.here), None)
            else:
                texts = pl.Series(known.pks[number] if known.pks else [], dtype=pl.String)
                where = pl.Series(np.where(self.here, self.place, 0)).set(
                    pl.Series(~self.here), None
                )
                series = (
                    texts.gather(where)
                    if len(texts)
                    else pl.Series([None] * self.size, dtype=pl.String)
                )
            self.at[name] = series
            self.ids[name] = series

    def settle(self, positions: Positions, values: Mapping[str, pl.Series], *, live: bool) -> None:
        """Note where rows are: adopted ones (`live`) or ones whose identity has just been drawn."""
        where = pl.Series(positions)
        for name, series in values.items():
            if live:
                self.at[name] = self.at[name].clone().scatter(where, series)
            self.ids[name] = self.ids[name].clone().scatter(where, series)
        if live:
            self.here[positions] = True


class Works(dict[TableName, Work]):
    """The tables of a run, by live name."""

    def __init__(self, works: Mapping[TableName, Work]) -> None:
        super().__init__(works)
        self._asked: list[tuple[TableName, str]] = []

    def value(self, work: Work, column: str) -> pl.Series:
        """Return the values of a column as they are to be, null also where they are not known yet."""
        binding = work.binding
        if column in binding.plain:
            return work.column(column)
        filling = binding.filling(column)
        if not filling:
            return work.ids[column]
        self._asked.append((work.table.name, column))
        try:
            # Several references fill one column where it refers to another table in each row, as a log's entity_id does,
            # and where it is part of several keys, as a tenant's id is. What is being asked for already adds nothing.
            found = [
                self.linked(link, number)
                for link, number in filling
                if (link.parent, link.parent_columns[number]) not in self._asked
            ]
        finally:
            self._asked.pop()
        return self._handed_down(work, column, found)

    def _handed_down(self, work: Work, column: str, found: list[pl.Series]) -> pl.Series:
        """Put together what several references say; of rows that refer to their own table, also what those rows have."""
        if not found:
            return pl.Series([None] * work.size, dtype=pl.Null)
        values = found[0] if len(found) == 1 else pl.select(pl.coalesce(found)).to_series()
        for link in work.binding.own(column):
            rows = link.reference.rows
            index = pl.Series(rows).set(pl.Series(rows < 0), None)
            while (missing := values.null_count()) and len(values):
                values = pl.select(pl.coalesce(values, values.gather(index))).to_series()
                if values.null_count() == missing:
                    break
        return values

    def linked(self, link: Link, number: int) -> pl.Series:
        """Return the values of one of a link's columns."""
        rows = link.reference.rows
        parent = self[link.parent]
        index = pl.Series(rows).set(pl.Series(rows < 0), None)
        values = self.value(parent, link.parent_columns[number])
        return (
            values.gather(index)
            if len(values)
            else pl.Series([None] * len(rows), dtype=values.dtype)
        )

    def pending(self, work: Work) -> dict[str, Mask]:
        """Return, by column, the rows that refer to a row whose identity is not known yet."""
        found: dict[str, Mask] = {}
        for link in work.binding.links:
            set_ = link.reference.rows >= 0
            for number, column in enumerate(link.columns):
                missing = self.linked(link, number).is_null().to_numpy() & set_
                if missing.any():
                    found[column] = missing | found.get(column, False)
        return found
