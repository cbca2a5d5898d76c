"""What runs after an object is made: related rows, which a batch can have, and hooks on instances, which it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from factory.declarations import SKIP, Maybe, RelatedFactory, RelatedFactoryList

from seedbed import randomness, streams
from seedbed.batch.batch import Batch
from seedbed.batch.evaluation import choices
from seedbed.batch.selection import Index, Selection
from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    from seedbed.batch.world import World

_HOOKS = ("_adjust_kwargs", "_create", "_build", "_after_postgeneration")


def check_hooks(batch: Batch) -> None:
    """Refuse what only makes sense on objects: hooks that would run on an instance, which a batch never has."""
    from seedbed.factory import Factory

    for name in batch.post_declarations:
        entry = batch.post_declarations[name]
        for declaration in _branches(entry.declaration):
            if not isinstance(declaration, RelatedFactory):
                raise InvalidInput(
                    f"{batch.factory.__name__}.{name} is a {type(declaration).__name__}; a profile makes columns, not objects.",
                    remedy="Use rows.each() for related rows, and a field or LazyAttribute for values.",
                )
        if entry.context.get("") is not None:
            raise InvalidInput(
                f"{batch.factory.__name__}.{name} was given {entry.context['']!r}; it makes rows of its own.",
                remedy=f"Leave it out, or give {name}=None for none.",
            )
    for hook in _HOOKS:
        if getattr(batch.factory, hook).__func__ is not getattr(Factory, hook).__func__:
            raise InvalidInput(
                f"{batch.factory.__name__} overrides {hook}(), which a profile does not call: it makes columns, not objects.",
                remedy="Use a field or LazyAttribute for the value that the hook sets.",
            )


def _branches(declaration: Any) -> Iterator[Any]:
    if isinstance(declaration, Maybe):
        yield from _branches(declaration.yes)
        yield from _branches(declaration.no)
    elif declaration is not None and declaration is not SKIP:
        yield declaration


def make_related(world: World, batch: Batch) -> None:
    """Make the rows that a batch's RelatedFactory declarations call for."""
    for name in batch.post_declarations:
        entry = batch.post_declarations[name]
        if "" not in entry.context:
            everyone = np.arange(len(batch), dtype=np.int64)
            _related(world, batch, everyone, name, entry.declaration, entry.context)


def _related(
    world: World,
    batch: Batch,
    rows: Index,
    name: str,
    declaration: Any,
    context: Mapping[str, Any],
) -> None:
    if isinstance(declaration, Maybe):
        for chosen, branch in choices(batch, rows, name, declaration):
            _related(world, batch, chosen, name, branch, context)
    elif isinstance(declaration, RelatedFactory) and len(rows):
        world.below(
            Selection(((batch, rows),)),
            declaration.get_factory(),
            _sizes(batch, rows, name, declaration),
            via=declaration.name,
            segment=name,
            overrides={**declaration.defaults, **context},
            when=None,
            maker=f"{batch.factory.__name__}.{name}",
        )


def _sizes(batch: Batch, rows: Index, name: str, declaration: RelatedFactory) -> Index:
    size = declaration.size if isinstance(declaration, RelatedFactoryList) else 1
    if isinstance(size, int):
        return np.full(len(rows), size, dtype=np.int64)
    sizes = []
    with randomness.keyed() as reseed:
        for word in streams.draw(batch.cells(name).stream, batch.keys[rows]).tolist():
            reseed(word)
            sizes.append(size())
    return np.array(sizes, dtype=np.int64)
