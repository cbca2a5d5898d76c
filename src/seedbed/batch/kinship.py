"""Who refers to whom among batches: what rollups and running values look their rows up by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seedbed.batch import values
from seedbed.batch.batch import Batch
from seedbed.batch.selection import Index, Link
from seedbed.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from seedbed.factory import Factory


def names_of(batch: Batch) -> set[str]:
    """Return what a batch's rows may be asked for by: its table, its factory, and those that this derives from."""
    return {batch.factory.path(), *(base.__name__ for base in batch.factory.__mro__)}


def check_children(name: str, via: str, where: str) -> None:
    """Refuse a rollup over a factory or an attribute that nobody wrote down: it would be empty, and look as if that were so."""
    from seedbed.factory import Factory

    known: dict[str, list[type[Factory[Any]]]] = {}
    waiting = [*Factory.__subclasses__()]
    while waiting:
        factory = waiting.pop()
        waiting.extend(factory.__subclasses__())
        known.setdefault(factory.__name__, []).append(factory)
    if name not in known:
        raise InvalidInput(
            f"{where}: there is no factory {name!r}.", remedy=nearest(name, list(known))
        )
    declared = [n for factory in known[name] for n in factory._meta.pre_declarations]
    if via not in declared:
        raise InvalidInput(
            f"{where}: {name} does not declare {via!r}.", remedy=nearest(via, declared)
        )


def towards_of(link: Link, batch: Batch) -> Index:
    """Return, per row of a link, the row of one batch that it refers to, or -1."""
    towards, start = np.full(len(link.rows), -1, dtype=np.int64), 0
    for target, rows in link.target.parts:
        if target is batch and len(rows):
            inside = (link.rows >= start) & (link.rows < start + len(rows))
            towards[inside] = rows[link.rows[inside] - start]
        start += len(rows)
    return towards


def stacked(parts: Sequence[Sequence[pl.Series]], names: Sequence[str]) -> pl.DataFrame:
    """Return columns of several batches as one frame, with the columns it would have without any."""
    if not parts:
        return pl.DataFrame({name: [] for name in names})
    return pl.DataFrame(
        [values.concatenate(columns).alias(n) for n, *columns in zip(names, *parts, strict=True)]
    )
