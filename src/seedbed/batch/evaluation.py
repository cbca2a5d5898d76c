"""How declarations become columns: fields at once, factory_boy's own declarations row by row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from factory.declarations import SKIP, BaseDeclaration, Iterator, Maybe, SelfAttribute, Transformer

from seedbed.batch import values
from seedbed.batch.batch import Batch
from seedbed.batch.row_wise import row_wise
from seedbed.batch.selection import Index
from seedbed.errors import InvalidInput
from seedbed.fields.base import Field
from seedbed.fields.relations import derived


def column_of(batch: Batch, name: str) -> pl.Series:
    """Return a batch's column: hand-picked values where given, the declaration's for the rest."""
    if batch.is_link(name):
        raise InvalidInput(
            f"{batch.factory.__name__}.{name} is another row, not a value.",
            remedy=f"Name one of its columns, such as {name + '.created_at'!r}.",
        )
    entry = batch.declarations[name]
    given, rest, picked = split(batch, name)
    if isinstance(entry.declaration, Transformer):  # it transforms what it is given, too
        picked = [entry.declaration.transform(value) for value in picked]
    if rest is not None and not len(rest):
        return values.merge(len(batch), [(given, values.series_of(picked))])
    made = evaluate(batch, rest, name, entry.declaration, entry.context)
    if rest is None:
        return made
    return values.merge(len(batch), [(given, values.series_of(picked)), (rest, made)])


def split(batch: Batch, name: str) -> tuple[Index, Index | None, list[Any]]:
    """Return the positions of hand-picked values, the positions of the rest (None: all), and the picked values."""
    if name not in batch.given:
        return np.empty(0, dtype=np.int64), None, []
    positions, picked = batch.given[name]
    return positions, np.setdiff1d(np.arange(len(batch)), positions), picked


def evaluate(
    batch: Batch, rows: Index | None, name: str, declaration: Any, context: Mapping[str, Any]
) -> pl.Series:
    """Return a declaration's values for some rows of a batch (None: all of them)."""
    if isinstance(declaration, pl.Expr):
        declaration = derived(declaration)
    if isinstance(declaration, Field) and not context:
        return declaration.values(batch.cells(name, rows))
    if isinstance(declaration, SelfAttribute):
        column = _attribute(batch, rows, declaration)
        return column if column is not None else row_wise(batch, rows, name, declaration, context)
    if isinstance(declaration, Maybe):
        return _either(batch, rows, name, declaration, context)
    if isinstance(declaration, Iterator):
        return _iterated(batch, rows, name, declaration)
    if isinstance(declaration, BaseDeclaration):
        return row_wise(batch, rows, name, declaration, context)
    return _repeat(declaration, len(batch) if rows is None else len(rows))


def _repeat(value: Any, height: int) -> pl.Series:
    single = values.series_of([None if value is SKIP else value])
    if single.dtype == pl.Object:
        return values.objects([value] * height)
    return single.new_from_index(0, height) if height else single.clear()


def _attribute(batch: Batch, rows: Index | None, declaration: SelfAttribute) -> pl.Series | None:
    """Return a SelfAttribute as a column, or None where only the row-wise way can tell."""
    from seedbed.batch.links import along

    *way, last = declaration.attribute_name.split(".")
    up = max(0, declaration.depth - 1)
    if rows is None and not up and not way and last in batch.declarations:
        return None if batch.is_link(last) else batch.column(last)
    if up > len(batch.lines[1]):
        return None
    link = along(batch, np.arange(len(batch)) if rows is None else rows, up, ())
    for name in way:
        if not all(found.is_link(name) for found, _ in link.target.parts):
            return None
        link = link.then(name)
    if (link.rows < 0).any() or any(
        last not in found.declarations or found.is_link(last) for found, _ in link.target.parts
    ):
        return None
    return values.gather(link.target.column(last), link.rows)


def choices(batch: Batch, rows: Index, name: str, declaration: Maybe) -> list[tuple[Index, Any]]:
    """Return the rows for which a Maybe says yes, and those for which it says no, each with the declaration for them."""
    decided = evaluate(batch, rows, name, declaration.decider, {})
    if decided.dtype == pl.Boolean:
        yes = decided.fill_null(False).to_numpy()
    else:
        yes = np.fromiter((bool(value) for value in decided.to_list()), dtype=bool, count=len(rows))
    return [(rows[yes], declaration.yes), (rows[~yes], declaration.no)]


def _either(
    batch: Batch, rows: Index | None, name: str, declaration: Maybe, context: Mapping[str, Any]
) -> pl.Series:
    everyone = np.arange(len(batch)) if rows is None else rows
    place = np.full(len(batch), -1, dtype=np.int64)
    place[everyone] = np.arange(len(everyone))
    parts = [
        (place[chosen], evaluate(batch, chosen, name, branch, context))
        for chosen, branch in choices(batch, everyone, name, declaration)
        if len(chosen)
    ]
    return values.merge(len(everyone), parts)


def _iterated(batch: Batch, rows: Index | None, name: str, declaration: Iterator) -> pl.Series:
    """Return an Iterator's values: row number i gets the i-th, so that more rows move nobody's value."""
    from seedbed.factory import first_values

    numbers = batch.numbers if rows is None else batch.numbers[rows]
    if not len(numbers):
        return pl.Series(dtype=pl.Null)
    pool = first_values(declaration, int(numbers.max()) + 1)
    if batch.labels and pool:  # hand-picked rows stand in no line that could be too long
        numbers = numbers % len(pool)
    if len(pool) <= numbers.max():
        raise InvalidInput(
            f"{batch.factory.__name__}.{name}: the Iterator ends after {len(pool)} values, and"
            f" {batch.label(int(numbers.argmax()))} needs another.",
            remedy="Give it more values, or let it cycle.",
        )
    if declaration.getter is not None:
        pool = [declaration.getter(value) for value in pool]
    return values.series_of([pool[number] for number in numbers.tolist()])
