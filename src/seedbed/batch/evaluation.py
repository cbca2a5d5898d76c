"""How declarations become columns and links: fields at once, factory_boy's own declarations row by row."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from factory.builder import DeclarationSet
from factory.declarations import (
    SKIP,
    BaseDeclaration,
    Dict,
    Iterator,
    List,
    Maybe,
    SelfAttribute,
    SubFactory,
)

from seedbed import randomness, streams
from seedbed.batch import values
from seedbed.batch.batch import Batch, Index, Link, Selection
from seedbed.batch.row import Row, RowStep
from seedbed.errors import InvalidInput, SeedbedError, nearest
from seedbed.fields.base import Field
from seedbed.fields.relations import derived, follow, pick

ITERATOR_WINDOW = 97
"""How many values of an Iterator serve rows that have no place in a row of siblings."""


def refers(declaration: Any) -> bool:
    """Tell whether a declaration gives another row, rather than a value."""
    if isinstance(declaration, Maybe):
        return refers(declaration.yes) or refers(declaration.no)
    if isinstance(declaration, Dict | List):
        return False
    return isinstance(declaration, SubFactory | Selection | follow)


def column_of(batch: Batch, name: str) -> pl.Series:
    """Return a batch's column: hand-picked values where given, the declaration's for the rest."""
    if batch.is_link(name):
        raise InvalidInput(
            f"{batch.factory.__name__}.{name} is another row, not a value.",
            remedy=f"Name one of its columns, such as {name + '.created_at'!r}.",
        )
    entry = batch.declarations[name]
    given, rest, picked = _split(batch, name)
    if rest is not None and not len(rest):
        return values.merge(len(batch), [(given, values.series_of(picked))])
    made = evaluate(batch, rest, name, entry.declaration, entry.context)
    if rest is None:
        return made
    return values.merge(len(batch), [(given, values.series_of(picked)), (rest, made)])


def link_of(batch: Batch, name: str) -> Link:
    """Return the rows that a batch's attribute refers to."""
    entry = batch.declarations[name]
    given, rest, labels = _split(batch, name)
    if rest is None:
        return _link(batch, np.arange(len(batch)), name, entry.declaration, entry.context)
    declared = entry.declaration
    if declared is None:  # overridden for the rest, where the factory would have a parent
        declared = batch.factory._meta.pre_declarations[name].declaration
    target = factory_of(declared, batch.declarations)
    parts = [(given, batch.world.named_link(target, labels, f"{batch.factory.__name__}.{name}"))]
    if len(rest):
        parts.append((rest, _link(batch, rest, name, entry.declaration, entry.context)))
    return Link.join(len(batch), parts)


def _split(batch: Batch, name: str) -> tuple[Index, Index | None, list[Any]]:
    """Return the positions of hand-picked values, the positions of the rest (None: all), and the picked values."""
    if name not in batch.given:
        return np.empty(0, dtype=np.int64), None, []
    positions, picked = batch.given[name]
    return positions, np.setdiff1d(np.arange(len(batch)), positions), picked


def factory_of(declaration: Any, declarations: DeclarationSet) -> Any:
    """Return the factory of the rows that a declaration gives.

    Args:
        declaration: one that gives other rows, see `refers`.
        declarations: those of the rows that have it, by which `follow` finds its way.
    """
    if isinstance(declaration, Maybe):
        branch = declaration.yes if refers(declaration.yes) else declaration.no
        return factory_of(branch, declarations)
    if isinstance(declaration, follow):
        made: Any = None
        for name in declaration.path:
            if name not in declarations or not refers(declarations[name].declaration):
                raise InvalidInput(
                    f"follow({'.'.join(declaration.path)!r}): {name!r} is not another row.",
                    remedy=nearest(
                        name, [n for n in declarations if refers(declarations[n].declaration)]
                    ),
                )
            made = factory_of(declarations[name].declaration, declarations)
            declarations = made._meta.pre_declarations
        return made
    return declaration.factory if isinstance(declaration, Selection) else declaration.get_factory()


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
        return _iterated(batch, rows, declaration)
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
    path, at = declaration.attribute_name, rows
    for _ in range(max(0, declaration.depth - 1)):
        if batch.container is None or len(batch.container.target.parts) != 1:
            return None
        (parent, positions) = batch.container.target.parts[0]
        steps = batch.container.rows if at is None else batch.container.rows[at]
        batch, at = parent, positions[steps]
    head = path.partition(".")[0]
    if head not in batch.declarations or (batch.is_link(head) and head == path):
        return None
    if "." in path and not batch.is_link(head):
        return None
    column = batch.column(path)
    return column if at is None else values.gather(column, at)


def _choices(
    batch: Batch, rows: Index | None, name: str, declaration: Maybe
) -> tuple[Index, Index]:
    """Return the rows for which a Maybe says yes, and those for which it says no."""
    everyone = np.arange(len(batch)) if rows is None else rows
    decided = evaluate(batch, rows, name, declaration.decider, {})
    yes = np.fromiter((bool(value) for value in decided.to_list()), dtype=bool, count=len(everyone))
    return everyone[yes], everyone[~yes]


def _either(
    batch: Batch, rows: Index | None, name: str, declaration: Maybe, context: Mapping[str, Any]
) -> pl.Series:
    everyone = np.arange(len(batch)) if rows is None else rows
    place = np.full(len(batch), -1, dtype=np.int64)
    place[everyone] = np.arange(len(everyone))
    parts = [
        (place[chosen], evaluate(batch, chosen, name, branch, context))
        for chosen, branch in zip(
            _choices(batch, rows, name, declaration), (declaration.yes, declaration.no), strict=True
        )
        if len(chosen)
    ]
    return values.merge(len(everyone), parts)


def _iterated(batch: Batch, rows: Index | None, declaration: Iterator) -> pl.Series:
    """Return an Iterator's values: row number i gets the i-th, so that more rows move nobody's value."""
    numbers = batch.ordinals if rows is None else batch.ordinals[rows]
    if batch.labels:
        keys = batch.keys if rows is None else batch.keys[rows]
        numbers = (keys % np.uint64(ITERATOR_WINDOW)).astype(np.int64)
    source = declaration.iterator_builder()
    pool = list(itertools.islice(source, int(numbers.max(initial=-1)) + 1))
    if declaration.getter is not None:
        pool = [declaration.getter(value) for value in pool]
    return values.series_of([pool[number % len(pool)] for number in numbers])


def row_wise(
    batch: Batch, rows: Index | None, name: str, declaration: Any, context: Mapping[str, Any]
) -> pl.Series:
    """Return a declaration's values by evaluating it for one row after the other, as `build()` would."""
    positions = range(len(batch)) if rows is None else rows.tolist()
    words = streams.draw(batch.cells(name).stream, batch.keys).tolist()
    sequence = batch.sequence.tolist()
    results = []
    with randomness.keyed() as reseed:
        for position in positions:
            row = Row(batch, position)
            step = RowStep(row, batch, position, name, sequence[position], reseed)
            reseed(declaration, words[position])
            try:
                value = declaration.evaluate_pre(instance=row, step=step, overrides=dict(context))
            except SeedbedError:
                raise
            except Exception as error:
                raise _raised(batch, position, name, error) from error
            results.append(None if value is SKIP else value)
    return values.series_of(results)


def _raised(batch: Batch, position: int, name: str, error: Exception) -> InvalidInput:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return InvalidInput(
        f"{batch.factory.__name__}.{name} raised {type(error).__name__} for row {batch.label(position)}: {error}"
        f" ({Path(frame.filename).name}, line {frame.lineno}).",
        remedy="Mend the declaration; nothing was written.",
    )


def _link(
    batch: Batch, rows: Index, name: str, declaration: Any, context: Mapping[str, Any]
) -> Link:
    if isinstance(declaration, Maybe):
        parts = [
            (np.searchsorted(rows, chosen), _link(batch, chosen, name, branch, context))
            for chosen, branch in zip(
                _choices(batch, rows, name, declaration),
                (declaration.yes, declaration.no),
                strict=True,
            )
            if len(chosen)
        ]
        return Link.join(len(rows), parts)
    if isinstance(declaration, Selection) and len(declaration) == 1:
        return Link(declaration, np.zeros(len(rows), dtype=np.int64))
    if isinstance(declaration, pick | Selection):
        return _pick(batch, rows, name, declaration)
    if isinstance(declaration, follow):
        return _followed(batch, rows, declaration)
    if isinstance(declaration, SubFactory):
        return _made(batch, rows, name, declaration, context)
    if declaration is None or declaration is SKIP:
        return Link(Selection(()), np.full(len(rows), -1, dtype=np.int64))
    raise InvalidInput(
        f"{batch.factory.__name__}.{name} is another row and cannot be {declaration!r}.",
        remedy="Give rows of a recipe, a SubFactory, pick() or None.",
    )


def _followed(batch: Batch, rows: Index, declaration: follow) -> Link:
    """Return the rows at the end of a path of links."""
    head, *onward = declaration.path
    link = batch.link(head)
    link = Link(link.target, link.rows[rows])
    for name in onward:
        link = link.then(name)
    return link


def _made(
    batch: Batch, rows: Index, name: str, declaration: SubFactory, context: Mapping[str, Any]
) -> Link:
    """Return rows made for a SubFactory: one below each row."""
    made = batch.world.add(
        Batch(
            batch.world,
            declaration.get_factory(),
            streams.child_keys(batch.keys[rows], name, np.zeros(len(rows), dtype=np.int64)),
            np.zeros(len(rows), dtype=np.int64),
            segment=name,
            container=Link(batch.all(), rows),
            overrides={**declaration._defaults, **context},
        )
    )
    return Link(made.all(), np.arange(len(rows), dtype=np.int64))


def _pick(batch: Batch, rows: Index, name: str, declaration: pick | Selection) -> Link:
    where = f"{batch.factory.__name__}.{name}"
    source = declaration.pool if isinstance(declaration, pick) else declaration
    pool = (
        source
        if isinstance(source, Selection)
        else batch.world.pool(factory_of(declaration, batch.declarations), where)
    )
    if not len(pool):
        raise InvalidInput(
            f"{where}: there are no rows to pick from.", remedy="Add some to the recipe before."
        )
    weight = declaration.weight if isinstance(declaration, pick) else None
    ring = batch.world.ring(pool, weight, where)
    stream = batch.cells(name).stream
    if isinstance(declaration, pick) and declaration.distinct:
        return Link(pool, _distinct(batch, rows, ring, stream, where))
    return Link(pool, ring.pick(streams.draw(stream, batch.keys[rows])))


def _distinct(
    batch: Batch, rows: Index, ring: streams.Ring, stream: np.uint64, where: str
) -> Index:
    """Return picks that differ among rows below one parent: the i-th sibling gets the i-th owner met from a common start."""
    parents = (
        np.full(len(batch), streams.ROOT, dtype=np.uint64)
        if batch.container is None
        else batch.container.target.keys[batch.container.rows]
    )[rows]
    ordinals = batch.ordinals[rows]
    chosen = np.empty(len(rows), dtype=np.int64)
    for parent in np.unique(parents):
        inside = parents == parent
        start = int(streams.draw(stream, np.array([parent]))[0])
        owners = ring.distinct(start, int(ordinals[inside].max()) + 1)
        if len(owners) <= ordinals[inside].max():
            raise InvalidInput(
                f"{where}: {int(ordinals[inside].max()) + 1} different rows are needed, and there are {len(owners)}.",
                remedy="Enlarge the pool or ask for fewer rows below a parent.",
            )
        chosen[inside] = np.asarray(owners)[ordinals[inside]]
    return chosen


def check_hooks(batch: Batch) -> None:
    """Refuse what only makes sense on objects: hooks that would run on an instance, which a batch never has."""
    from seedbed.factory import Factory

    for name in batch.post_declarations:
        raise InvalidInput(
            f"{batch.factory.__name__}.{name} is a post-generation declaration; a profile makes columns, not objects.",
            remedy="Use rows.each() for related rows, and a field or LazyAttribute for values.",
        )
    for hook in ("_adjust_kwargs", "_create", "_build"):
        if getattr(batch.factory, hook).__func__ is not getattr(Factory, hook).__func__:
            raise InvalidInput(
                f"{batch.factory.__name__} overrides {hook}(), which a profile does not call: it makes columns, not objects.",
                remedy="Use a field or LazyAttribute for the value that the hook sets.",
            )
