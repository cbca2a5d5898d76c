"""One evaluation of a profile: all batches, who refers to whom, and the order in which cells may be asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from seedbed import streams
from seedbed.batch.batch import Batch
from seedbed.batch.handpicked import hand_picked
from seedbed.batch.hooks import check_hooks, make_related
from seedbed.batch.kinship import check_children, children_of, family_of, names_of
from seedbed.batch.links import factory_of, makes
from seedbed.batch.seed import Seed
from seedbed.batch.selection import Index, Link, Selection
from seedbed.errors import InvalidInput, nearest
from seedbed.fields.base import evaluate, frame, roots

if TYPE_CHECKING:
    from seedbed.factory import Context, Factory

HEAVIEST = 1_000_000.0
"""How much the weights of a pool may add up to: each unit takes 48 places on the ring."""


class World:
    """All batches of one evaluation.

    Args:
        context: seed and `as_of`.
        seeds: hand-picked rows by table name and label.
    """

    def __init__(self, context: Context, seeds: Mapping[str, Mapping[str, Seed]]) -> None:
        self.context, self.seeds = context, seeds
        self.seed, self.as_of = context.seed, context.as_of
        self.batches: list[Batch] = []
        self._named: dict[tuple[str, str], tuple[Batch, int]] = {}
        self._pending: list[tuple[Batch, str]] = []
        self._read: dict[str, str] = {}
        self._complete: set[Batch] = set()
        self._rings: dict[Any, streams.Ring] = {}

    def add(self, batch: Batch, maker: str = "") -> Batch:
        """Take a new batch in; refused once somebody has looked at all rows of its factory.

        Args:
            batch: the new rows.
            maker: the declaration that makes them, where it is not a recipe.
        """
        check_hooks(batch)
        for name in names_of(batch):
            if name in self._read:
                by = f" by {maker}" if maker else ""
                raise InvalidInput(
                    f"{batch.factory.__name__}: more rows are made{by} after {self._read[name]} has already looked at all of them.",
                    remedy="Make them in the recipe beforehand, and pick() them there."
                    if maker
                    else "Move that where() or pick() behind the rows it reads.",
                )
        self.batches.append(batch)
        return batch

    @contextlib.contextmanager
    def computing(self, batch: Batch, name: str) -> Iterator[None]:
        """Mark a cell as being computed; meeting it again means that the definition is circular."""
        cell = (batch, name)
        if cell in self._pending:
            circle = [*self._pending[self._pending.index(cell) :], cell]
            raise InvalidInput(
                "The definition is circular: "
                + " needs ".join(f"{b.factory.__name__}.{n}" for b, n in circle)
                + "."
            )
        self._pending.append(cell)
        try:
            yield
        finally:
            self._pending.pop()

    def named(self, factory: type[Factory[Any]], labels: Sequence[str], where: str) -> Selection:
        """Return hand-picked rows, made on first mention; all of the table's without labels."""
        table = self.seeds.get(factory.path(), {})
        labels = list(dict.fromkeys(labels)) or list(table)
        for label in labels:
            if label not in table:
                raise InvalidInput(
                    f"{where}: there is no row {label!r} in {_file_of(factory, table)}.",
                    remedy=nearest(label, list(table)),
                )
        fresh = [label for label in labels if (factory.path(), label) not in self._named]
        if fresh:
            self._pick_by_hand(factory, [table[label] for label in fresh])
        places = [self._named[factory.path(), label] for label in labels]
        found = tuple((batch, np.array([row])) for batch, row in places)
        return Selection(found, factory).compact()

    def _pick_by_hand(self, factory: type[Factory[Any]], seeds: Sequence[Seed]) -> None:
        batch = self.add(hand_picked(self, factory, seeds))
        for position, seed in enumerate(seeds):
            self._named[factory.path(), seed.label] = (batch, position)
        # The rows that they name are there from now on, for whoever picks among all.
        for name, (_, labels) in batch.given.items():
            if batch.is_link(name):
                target = factory_of(batch.declarations[name].declaration, *batch.lines)
                self.named_link(target, labels, f"{factory.__name__}.{name}")

    def named_link(
        self, factory: type[Factory[Any]], labels: Sequence[str | None], where: str
    ) -> Link:
        """Return references by label; None refers to nothing."""
        wanted = list(dict.fromkeys(label for label in labels if label is not None))
        target = self.named(factory, wanted, where) if wanted else Selection(())
        at = {label: position for position, label in enumerate(wanted)}
        rows = [-1 if label is None else at[label] for label in labels]
        return Link(target, np.array(rows, dtype=np.int64))

    def below(
        self,
        parents: Selection,
        factory: type[Factory[Any]],
        counts: Index,
        *,
        via: str,  # empty where the new rows refer to nothing
        segment: str,
        overrides: Mapping[str, Any],
        when: pl.Expr | None,
        maker: str = "",
    ) -> Selection:
        """Return new rows below parents: `counts` of them each; `maker` is the declaration that calls for them."""
        rows = np.repeat(np.arange(len(parents), dtype=np.int64), counts)
        ordinals = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        keys = streams.child_keys(parents.keys[rows], segment, ordinals)

        def batch_of(kept: Index | slice) -> Batch:
            """Return those of the rows that are kept; each has the key and the number that it has among all."""
            container = Link(parents, rows[kept])
            batch = Batch(
                self,
                factory,
                keys[kept],
                ordinals[kept],
                segment=segment,
                container=container,
                overrides={**overrides, via: parents} if via else overrides,
            )
            if via:
                batch._links[via] = container
            return batch

        everyone = batch_of(slice(None))
        if when is None:
            return self.add(everyone, maker).all()
        return self.add(batch_of(self._passing(everyone, when))).all()

    def _passing(self, candidates: Batch, when: pl.Expr) -> Index:
        """Return the rows for which a condition holds, and forget those that were made below candidates to find out.

        What SubFactory makes below rows is made again for those that stay.
        """
        cells = candidates.cells("when")
        passed = evaluate(when, frame(cells, roots(when)), cells.where, pl.Boolean)
        self.batches = [b for b in self.batches if not b.is_below(candidates)]
        return np.flatnonzero(passed.fill_null(False).to_numpy())

    def settle(self) -> None:
        """Make all rows that SubFactory and RelatedFactory call for, except where that is being done right now."""
        seen = 0
        while seen < len(self.batches):
            batch = self.batches[seen]
            for name in batch.links:
                made = makes(batch.declarations[name].declaration)
                if made and name not in batch._links and (batch, name) not in self._pending:
                    batch.link(name)
            if batch not in self._complete:
                self._complete.add(batch)
                make_related(self, batch)
            seen += 1

    def finish(self) -> None:
        """Make all rows that are still to be made, and then all links: a pick has all rows to pick from, wherever it is declared."""
        self.settle()
        for batch in self.batches:
            for name in batch.links:
                batch.link(name)

    def pool(self, factory: type[Factory[Any]], where: str) -> Selection:
        """Return all rows of a factory."""
        self._read.setdefault(factory.__name__, where)
        return Selection(
            tuple(
                (b, np.arange(len(b), dtype=np.int64))
                for b in self.batches
                if issubclass(b.factory, factory)
            )
        )

    def ring(self, pool: Selection, weight: pl.Expr | None, where: str) -> streams.Ring:
        """Return the consistent-hash ring of a pool, kept for the next pick from it."""
        name = (tuple((b, rows.tobytes()) for b, rows in pool.parts), str(weight))
        if name not in self._rings:
            weights = None if weight is None else _weights(pool, weight, where)
            self._rings[name] = streams.Ring.of(pool.keys, weights)
        return self._rings[name]

    def children(
        self,
        batch: Batch,
        rows: Index | None,
        factory: str,
        via: str,
        names: Sequence[str],
        where: str,
    ) -> pl.DataFrame:
        """Return columns of the rows of a factory that refer to a batch's rows, and ``@parent``, their position there."""
        self.settle()
        self._read.setdefault(factory, where)
        check_children(factory, via, where)
        return children_of(batch, rows, self.batches, factory, via, names)

    def family(
        self, batch: Batch, rows: Index | None, over: str, names: Sequence[str], where: str
    ) -> pl.DataFrame:
        """Return columns of all rows of a batch's factory, ``@parent`` (the same for siblings) and ``@here``."""
        self.settle()
        if batch not in self.batches:
            raise InvalidInput(
                f"{where} looks at its siblings, which when= is about to choose.",
                remedy="Choose them by other columns, or with where() afterwards.",
            )
        self._read.setdefault(batch.factory.path(), where)
        return family_of(batch, rows, self.batches, over, names)


def _weights(pool: Selection, weight: pl.Expr, where: str) -> npt.NDArray[np.float64]:
    columns = [pool.column(root).alias(root) for root in roots(weight)]
    table = pl.DataFrame([pl.Series("@row", np.arange(len(pool))), *columns])
    series = evaluate(weight, table, where, pl.Float64)
    weights = series.fill_null(0).fill_nan(0).to_numpy()
    if weights.sum() > HEAVIEST:
        raise InvalidInput(
            f"{where}: the weights of {len(pool)} rows add up to {weights.sum():.0f}.",
            remedy="A weight of 1 is an ordinary row's: divide the weights by what is ordinary.",
        )
    return weights


def _file_of(factory: type[Factory[Any]], table: Mapping[str, Seed]) -> str:
    """Return the seed file that a factory's rows were read from, or the one they would be in."""
    origin = next((seed.origin for seed in table.values()), "")
    return origin.rpartition(":")[0] or f"seeds/{factory.path()}.yaml"
