"""A row of a batch, as factory_boy's declarations see it: attributes, and a step that leads to its containers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from factory import enums

if TYPE_CHECKING:
    from seedbed.batch.batch import Batch, BatchCells


class Row:
    """One row: an attribute is that column's value, or the row it refers to."""

    __slots__ = ("_batch", "_position")

    def __init__(self, batch: Batch, position: int) -> None:
        self._batch, self._position = batch, position

    def __getattr__(self, name: str) -> Any:
        batch, position = self._batch, self._position
        lists = batch._lists
        if name in lists:
            return lists[name][position]
        if name not in batch.declarations:
            raise AttributeError(f"{batch.factory.__name__} does not declare {name!r}.")
        if batch.is_link(name):
            link = batch.link(name)
            return _row_of(link.target, int(link.rows[position]))
        return batch.listed(name)[position]

    @property
    def factory_parent(self) -> Row | None:
        """The row that contains this one, if any."""
        container = self._batch.container
        if container is None:
            return None
        return _row_of(container.target, int(container.rows[self._position]))

    def __getitem__(self, name: str) -> Any:
        """Return an attribute: what `build()` makes for a table without a model is a dict."""
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self._batch is other._batch and self._position == other._position

    def __hash__(self) -> int:
        return hash((id(self._batch), self._position))

    def __repr__(self) -> str:
        return f"<{self._batch.factory.__name__} {self._batch.label(self._position)}>"


def _row_of(target: Any, at: int) -> Row | None:
    if at < 0:
        return None
    for batch, rows in target.parts:
        if at < len(rows):
            return Row(batch, int(rows[at]))
        at -= len(rows)
    raise AssertionError("a link beyond its selection")


class RowStep:
    """What factory_boy calls a build step, for a row of a batch."""

    def __init__(self, row: Row, field: str, sequence: int) -> None:
        self.stub, self.batch, self.position = row, row._batch, row._position
        self.field, self.sequence = field, sequence
        self.owner, self.context = self.batch.factory.__name__, self.batch.world.context
        self.places: defaultdict[str, int] = defaultdict(int)

    @property
    def key(self) -> np.uint64:
        """The row's key."""
        return np.uint64(self.batch.keys[self.position])

    @property
    def index(self) -> int:
        """The row's number among its siblings."""
        return int(self.batch.ordinals[self.position])

    @property
    def number(self) -> int:
        """Which of an Iterator's values the row takes."""
        return int(self.batch.numbers[self.position])

    @property
    def chain(self) -> tuple[Any, ...]:
        """The row and its containers, innermost first."""
        rows: list[Row] = []
        row: Row | None = self.stub
        while row is not None:
            rows.append(row)
            row = row.factory_parent
        return tuple(rows)

    @property
    def parent_step(self) -> None:
        """A row of a batch is where factory_boy's own recursion ends."""
        return None

    def cells(self, instance: Any) -> BatchCells:
        """Return what a field nested in a row-wise declaration sees."""
        return self.batch.cells(self.field, np.array([self.position]))

    def keep(self, column: Any) -> None:
        """Nothing to remember: a batch keeps its columns itself."""

    def recurse(self, factory: Any, declarations: Any, force_sequence: int | None = None) -> Any:
        """Build what a nested declaration asks for, such as a Dict."""
        from seedbed.factory import KeyedBuilder

        builder = KeyedBuilder(factory._meta, dict(declarations), enums.BUILD_STRATEGY)
        return builder.build(parent_step=self, force_sequence=force_sequence)
