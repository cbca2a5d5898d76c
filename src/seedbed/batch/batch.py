"""Batches: the rows of one factory, as columns that are computed when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from factory.builder import DeclarationSet, parse_declarations
from factory.errors import InvalidDeclarationError

from seedbed import streams
from seedbed.batch import values
from seedbed.batch.selection import Index, Link, Selection
from seedbed.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from seedbed.batch.world import World
    from seedbed.factory import Factory

ITERATOR_WINDOW = 97
"""How many values of an Iterator serve hand-picked rows, which have no place in a line."""


class Batch:
    """The rows of one factory made in one go: keys, and columns on demand.

    Args:
        world: the evaluation that the batch belongs to.
        factory: what the rows are made by.
        keys: one key per row.
        ordinals: the rows' numbers among their siblings.
        segment: the path segment below the container; empty for hand-picked rows.
        container: the parents that the rows hang below, or None at the top.
        overrides: declarations or values that replace the factory's own.
        given: hand-picked values by column: the positions that have one, and the values.
        labels: the labels of hand-picked rows.
        origins: where hand-picked rows are written down.
    """

    def __init__(
        self,
        world: World,
        factory: type[Factory[Any]],
        keys: streams.Words,
        ordinals: Index,
        *,
        segment: str = "",
        container: Link | None = None,
        overrides: Mapping[str, Any] | None = None,
        given: Mapping[str, tuple[Index, list[Any]]] | None = None,
        labels: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> None:
        self.world, self.factory, self.keys, self.ordinals = world, factory, keys, ordinals
        self.segment, self.container = segment, container
        self.given, self.labels, self.origins = dict(given or {}), labels, origins
        try:
            declarations, post = parse_declarations(
                dict(overrides or {}),
                base_pre=factory._meta.pre_declarations,
                base_post=factory._meta.post_declarations,
            )
        except InvalidDeclarationError as error:
            raise InvalidInput(f"{factory.__name__}: {error}") from error
        self.declarations, self.post_declarations = declarations, post
        self._columns: dict[str, pl.Series] = {}
        self._links: dict[str, Link] = {}
        self._lists: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def enumerated(self) -> bool:
        """Whether these are the factory's ordinary rows at the top, which ordinals alone tell apart."""
        ordinary = self.segment == self.factory.path()
        return self.container is None and not self.labels and ordinary

    @property
    def sequence(self) -> Index:
        """What factory_boy's Sequence counts: the row's number at the top, elsewhere a number from its key."""
        from seedbed.factory import first_sequence, keyed_sequence

        if self.enumerated:
            return self.ordinals + first_sequence(self.factory)
        numbers: Index = keyed_sequence(self.keys)
        return numbers

    @cached_property
    def numbers(self) -> Index:
        """Which of an Iterator's values a row takes: its own number, counted on from that of the row above."""
        if self.labels:
            return (self.keys % np.uint64(ITERATOR_WINDOW)).astype(np.int64)
        if self.container is None or not len(self):
            return self.ordinals
        above = [batch.numbers[rows] for batch, rows in self.container.target.parts]
        return self.ordinals + np.concatenate(above)[self.container.rows]

    @property
    def lines(self) -> tuple[DeclarationSet, list[DeclarationSet]]:
        """The declarations of the rows, and those of their containers, innermost first."""
        above, batch = [], self
        while batch.container is not None and batch.container.target.parts:
            batch = batch.container.target.parts[0][0]
            above.append(batch.declarations)
        return self.declarations, above

    def is_below(self, other: Batch) -> bool:
        """Tell whether the rows hang below rows of another batch, at any depth."""
        above = () if self.container is None else self.container.target.parts
        return any(batch is other or batch.is_below(other) for batch, _ in above)

    def label(self, position: int) -> str:
        """Return a row's label path."""
        if self.labels:
            return self.labels[position]
        number = int(self.ordinals[position])
        if self.container is None:
            return f"{self.segment}/{number}"
        parents, row = self.container.target, int(self.container.rows[position])
        for batch, rows in parents.parts:
            if row < len(rows):
                return f"{batch.label(int(rows[row]))}/{self.segment}/{number}"
            row -= len(rows)
        raise AssertionError("a row below no parent")

    def all(self) -> Selection:
        """Return all rows as a selection."""
        return Selection(((self, np.arange(len(self), dtype=np.int64)),))

    def cells(self, field: str, rows: Index | None = None) -> BatchCells:
        """Return what a field sees of the batch, or of some of its rows."""
        return BatchCells(self, field, rows)

    def column(self, name: str) -> pl.Series:
        """Return a column; a dotted name leads over parents, ``@as_of``, ``@index`` and ``@key`` are always there."""
        if name not in self._columns:
            self._columns[name] = self._compute(name)
        return self._columns[name]

    def listed(self, name: str) -> list[Any]:
        """Return a column as a list of Python values, kept for row-wise declarations."""
        if name not in self._lists:
            self._lists[name] = self.column(name).to_list()
        return self._lists[name]

    def link(self, name: str) -> Link:
        """Return the rows that an attribute refers to."""
        from seedbed.batch.links import link_of

        if name not in self._links:
            nobody = name in self.declarations and self.declarations[name].declaration is None
            if not (nobody or self.is_link(name)):
                raise self._unknown(name, "is not another row", self.links)
            with self.world.computing(self, name):
                self._links[name] = link_of(self, name)
        return self._links[name]

    def is_link(self, name: str) -> bool:
        """Tell whether an attribute is another row, rather than a value."""
        from seedbed.batch.links import refers

        if name not in self.declarations:
            return False
        declaration = self.declarations[name].declaration
        if declaration is None:  # no parent this time, where the factory would have one
            own = self.factory._meta.pre_declarations
            return name in own and refers(own[name].declaration, own)
        return refers(declaration, *self.lines)

    @cached_property
    def links(self) -> Sequence[str]:
        """The names of the attributes that are other rows."""
        return [name for name in self.declarations if self.is_link(name)]

    def _compute(self, name: str) -> pl.Series:
        from seedbed.batch.evaluation import column_of

        if name.startswith("@"):
            return self._virtual(name)
        head, _, rest = name.partition(".")
        if rest:
            link = self.link(head)
            return values.gather(link.target.column(rest), link.rows)
        if name not in self.declarations:
            raise self._unknown(name, "is not declared")
        with self.world.computing(self, name):
            column = column_of(self, name)
        assert len(column) == len(self), f"{self.factory.__name__}.{name}"
        return column.alias(name)

    def _virtual(self, name: str) -> pl.Series:
        if name == "@as_of":
            return pl.Series([self.world.as_of], dtype=pl.Datetime("us")).new_from_index(
                0, len(self)
            )
        if name == "@index":
            return pl.Series(self.ordinals)
        if name == "@key":
            return pl.Series(self.keys)
        raise self._unknown(
            name, "is not one of @as_of, @index and @key", ["@as_of", "@index", "@key"]
        )

    def _unknown(self, name: str, why: str, known: Sequence[str] = ()) -> InvalidInput:
        return InvalidInput(
            f"{self.factory.__name__}.{name} {why}.",
            remedy=nearest(name, known or list(self.declarations)),
        )


class BatchCells:
    """What a field sees: some rows of a batch (see `seedbed.fields.Cells`)."""

    def __init__(self, batch: Batch, field: str, rows: Index | None) -> None:
        self.batch, self.field, self.rows = batch, field, rows
        self.where = f"{batch.factory.__name__}.{field}"
        self.keys = batch.keys if rows is None else batch.keys[rows]
        self.ordinals = batch.ordinals if rows is None else batch.ordinals[rows]
        self.enumerated = batch.enumerated
        self.as_of = batch.world.as_of

    @property
    def stream(self) -> np.uint64:
        """The key of this field's stream."""
        return streams.stream_key(self.batch.world.seed, self.batch.factory.__name__, self.field)

    numbering = stream
    """The key of the stream in which numbers are given away."""

    def numbers(self, size: int) -> Index:
        """Return the rows' numbers."""
        return self.ordinals

    def column(self, name: str) -> pl.Series:
        """Return another column of the same rows."""
        column = self.batch.column(name)
        return column if self.rows is None else values.gather(column, self.rows)

    def children(self, factory: str, via: str, names: Sequence[str]) -> pl.DataFrame:
        """Return columns of the rows of a factory that refer to these rows, and ``@parent``."""
        return self.batch.world.children(self.batch, self.rows, factory, via, names, self.where)

    def family(self, over: str, names: Sequence[str]) -> pl.DataFrame:
        """Return columns of the rows that share a parent with these, with ``@parent`` and ``@here``."""
        return self.batch.world.family(self.batch, self.rows, over, names, self.where)
