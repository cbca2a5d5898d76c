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
    from seedbed.factory import every_factory

    known: dict[str, list[type[Factory[Any]]]] = {}
    for factory in every_factory():
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


def children_of(
    batch: Batch,
    rows: Index | None,
    batches: Sequence[Batch],
    factory: str,
    via: str,
    names: Sequence[str],
) -> pl.DataFrame:
    """Return columns of the rows that refer to a batch's rows, and ``@parent``, their parent's position among these.

    Args:
        batch: the parents.
        rows: those of them that are meant; None: all.
        batches: where the children are among.
        factory: what they may be asked for by, see `names_of`.
        via: the attribute by which they refer to their parent.
        names: the columns.
    """
    parts = []
    for child in [b for b in batches if factory in names_of(b)]:
        if not child.is_link(via):
            continue
        parents = towards_of(child.link(via), batch)
        if rows is not None:
            place = np.full(len(batch), -1, dtype=np.int64)
            place[rows] = np.arange(len(rows))
            parents = np.where(parents >= 0, place[parents], -1)
        mine = np.flatnonzero(parents >= 0)
        columns = [values.gather(child.column(n), mine).alias(n) for n in names]
        parts.append([pl.Series("@parent", parents[mine]), *columns])
    return stacked(parts, ["@parent", *names])


def family_of(
    batch: Batch, rows: Index | None, batches: Sequence[Batch], over: str, names: Sequence[str]
) -> pl.DataFrame:
    """Return columns of all rows of a batch's factory, ``@parent`` and ``@here``.

    ``@parent`` is a number that siblings share; it says nothing else. ``@here`` is a row's position among those that are meant, -1 for
    others.

    Args:
        batch: the rows in question.
        rows: those of them that are meant; None: all.
        batches: where their siblings are among.
        over: the attribute by which they refer to their parent.
        names: the columns.
    """
    starts: dict[Batch, int] = {}
    total, parts = 0, []
    for sibling in [b for b in batches if b.factory.path() == batch.factory.path()]:
        if not sibling.is_link(over):
            continue
        codes = -2 - np.arange(total, total + len(sibling))  # without a parent: a family of one
        total += len(sibling)
        link = sibling.link(over)
        for parent, _ in link.target.parts:
            start = starts.setdefault(parent, sum(len(earlier) for earlier in starts))
            towards = towards_of(link, parent)
            codes = np.where(towards >= 0, towards + start, codes)
        here = np.full(len(sibling), -1, dtype=np.int64)
        if sibling is batch:
            mine = np.arange(len(batch)) if rows is None else rows
            here[mine] = np.arange(len(mine))
        columns = [sibling.column(n).alias(n) for n in names]
        parts.append([pl.Series("@parent", codes), pl.Series("@here", here), *columns])
    return stacked(parts, ["@parent", "@here", *names])


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
