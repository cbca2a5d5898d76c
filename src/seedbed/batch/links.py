"""How declarations become links: rows that were given, picked, made, or lead to by another link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from factory.builder import DeclarationSet
from factory.declarations import SKIP, Dict, List, Maybe, SelfAttribute, SubFactory

from seedbed import streams
from seedbed.batch.batch import Batch
from seedbed.batch.evaluation import choices, split
from seedbed.batch.selection import Index, Link, Selection
from seedbed.errors import InvalidInput, nearest
from seedbed.fields.relations import follow, pick, reference

DEEPEST = 50
"""How many SubFactories may hang below each other; more of them have no end."""


def refers(
    declaration: Any, declarations: DeclarationSet, above: Sequence[DeclarationSet] = ()
) -> bool:
    """Tell whether a declaration gives another row, rather than a value.

    Args:
        declaration: any value in a factory.
        declarations: those of the rows that have it.
        above: those of the rows' containers, innermost first.
    """
    if isinstance(declaration, Maybe):
        return any(refers(d, declarations, above) for d in (declaration.yes, declaration.no))
    if isinstance(declaration, SelfAttribute):
        return _end_of(declaration, declarations, above) is not None
    if isinstance(declaration, Dict | List):
        return False
    if isinstance(declaration, reference):
        return True
    if makes(declaration):
        from seedbed.factory import Factory

        return issubclass(
            _imported(declaration), Factory
        )  # any other one makes a value, such as a dict
    return isinstance(declaration, pick | Selection | follow)


def makes(declaration: Any) -> bool:
    """Tell whether a declaration that gives other rows may make them."""
    if isinstance(declaration, Maybe):
        return makes(declaration.yes) or makes(declaration.no)
    return isinstance(declaration, SubFactory) and not isinstance(declaration, pick | reference)


def factory_of(
    declaration: Any, declarations: DeclarationSet, above: Sequence[DeclarationSet] = ()
) -> Any:
    """Return the factory of the rows that a declaration gives: one that `refers`, with the same arguments."""
    if isinstance(declaration, Maybe):
        yes = refers(declaration.yes, declarations, above)
        return factory_of(declaration.yes if yes else declaration.no, declarations, above)
    if isinstance(declaration, SelfAttribute):
        return _end_of(declaration, declarations, above)
    if isinstance(declaration, follow):
        return _followed_factory(declaration, declarations)
    return declaration.factory if isinstance(declaration, Selection) else _imported(declaration)


def _imported(declaration: SubFactory) -> Any:
    try:
        return declaration.get_factory()
    except (ImportError, AttributeError) as error:
        named = declaration.factory_wrapper
        raise InvalidInput(
            f"{type(declaration).__name__}('{named.module}.{named.name}') names no factory: {error}."
        ) from error


def _followed_factory(declaration: follow, declarations: DeclarationSet) -> Any:
    made: Any = None
    for name in declaration.path:
        known = [n for n in declarations if refers(declarations[n].declaration, declarations)]
        if name not in known:
            raise InvalidInput(
                f"follow({'.'.join(declaration.path)!r}): {name!r} is not another row.",
                remedy=nearest(name, known),
            )
        made = factory_of(declarations[name].declaration, declarations)
        declarations = made._meta.pre_declarations
    return made


def _end_of(
    declaration: SelfAttribute, declarations: DeclarationSet, above: Sequence[DeclarationSet]
) -> Any:
    """Return the factory of the rows that a SelfAttribute leads to, None where it leads to a value."""
    lines = [declarations, *above]
    up = max(0, declaration.depth - 1)
    if up >= len(lines):
        return None
    made, known, beyond = None, lines[up], lines[up + 1 :]
    for name in declaration.attribute_name.split("."):
        step = known[name].declaration if name in known else None
        if step is declaration or not refers(step, known, beyond):
            return None
        made = factory_of(step, known, beyond)
        known, beyond = made._meta.pre_declarations, []
    return made


def link_of(batch: Batch, name: str) -> Link:
    """Return the rows that a batch's attribute refers to."""
    entry = batch.declarations[name]
    given, rest, labels = split(batch, name)
    if rest is None:
        return _link(batch, np.arange(len(batch)), name, entry.declaration, entry.context)
    target = factory_of(entry.declaration, *batch.lines)
    parts = [(given, batch.world.named_link(target, labels, f"{batch.factory.__name__}.{name}"))]
    if len(rest):
        parts.append((rest, _link(batch, rest, name, entry.declaration, entry.context)))
    return Link.join(len(batch), parts)


def _link(
    batch: Batch, rows: Index, name: str, declaration: Any, context: Mapping[str, Any]
) -> Link:
    if isinstance(declaration, Maybe):
        parts = [
            (np.searchsorted(rows, chosen), _link(batch, chosen, name, branch, context))
            for chosen, branch in choices(batch, rows, name, declaration)
            if len(chosen)
        ]
        return Link.join(len(rows), parts)
    if isinstance(declaration, SelfAttribute):
        up = max(0, declaration.depth - 1)
        return along(batch, rows, up, declaration.attribute_name.split("."))
    if isinstance(declaration, follow):
        return along(batch, rows, 0, declaration.path)
    if declaration is None or declaration is SKIP:
        return Link(Selection(()), np.full(len(rows), -1, dtype=np.int64))
    if makes(declaration):
        return _made(batch, rows, name, declaration, context)
    if isinstance(declaration, reference) and not context:
        return _link(batch, rows, name, None, context)
    if context:
        raise InvalidInput(
            f"{batch.factory.__name__}: {name}__{next(iter(context))} cannot be set: a profile picks that row, it makes none.",
            remedy="Set it where the row is made, or make one with SubFactory.",
        )
    if isinstance(declaration, Selection) and len(declaration) == 1:
        return Link(declaration, np.zeros(len(rows), dtype=np.int64))
    if isinstance(declaration, pick | Selection):
        return _pick(batch, rows, name, declaration)
    raise InvalidInput(
        f"{batch.factory.__name__}.{name} is another row and cannot be {declaration!r}.",
        remedy="Give rows of a recipe, a SubFactory, pick() or None.",
    )


def along(batch: Batch, rows: Index, up: int, path: Sequence[str]) -> Link:
    """Return the rows at the end of a way: some containers up, then from link to link."""
    link = Link(Selection(((batch, rows),)), np.arange(len(rows), dtype=np.int64))
    for _ in range(up):
        link = link.above()
    for name in path:
        link = link.then(name)
    return link


def _made(
    batch: Batch, rows: Index, name: str, declaration: SubFactory, context: Mapping[str, Any]
) -> Link:
    """Return rows made for a SubFactory: one below each row."""
    where = f"{batch.factory.__name__}.{name}"
    if len(batch.lines[1]) >= DEEPEST:
        raise InvalidInput(
            f"{where} makes rows below rows without end.",
            remedy=f"Stop it somewhere, such as SubFactory(..., {name}=None).",
        )
    made = batch.world.add(
        Batch(
            batch.world,
            declaration.get_factory(),
            streams.child_keys(batch.keys[rows], name, np.zeros(len(rows), dtype=np.int64)),
            np.zeros(len(rows), dtype=np.int64),
            segment=name,
            container=Link(batch.all(), rows),
            overrides={**declaration._defaults, **context},
        ),
        where,
    )
    return Link(made.all(), np.arange(len(rows), dtype=np.int64))


def _pick(batch: Batch, rows: Index, name: str, declaration: pick | Selection) -> Link:
    where = f"{batch.factory.__name__}.{name}"
    pool = declaration.pool if isinstance(declaration, pick) else declaration
    if not isinstance(pool, Selection):
        pool = batch.world.pool(factory_of(declaration, batch.declarations), where)
    if not len(pool):
        raise InvalidInput(
            f"{where}: there are no rows to pick from.", remedy="Add some to the recipe before."
        )
    weight = declaration.weight if isinstance(declaration, pick) else None
    ring = batch.world.ring(pool, weight, where)
    if not len(ring.points):
        raise InvalidInput(
            f"{where}: every row to pick from has the weight 0.",
            remedy="Give a weight of about 1 to an ordinary row.",
        )
    stream = batch.cells(name).stream
    if isinstance(declaration, pick) and declaration.distinct:
        return Link(pool, _distinct(batch, rows, ring, stream, where))
    return Link(pool, ring.pick(streams.draw(stream, batch.keys[rows])))


def _distinct(
    batch: Batch, rows: Index, ring: streams.Ring, stream: np.uint64, where: str
) -> Index:
    """Return picks that differ among rows below one parent: each draws by itself and walks on past what others have."""
    if batch.labels:  # hand-picked rows are nobody's siblings
        return ring.pick(streams.draw(stream, batch.keys[rows]))
    parents, ordinals = np.full(len(rows), streams.ROOT), batch.ordinals[rows]
    if batch.container is not None:
        parents = batch.container.target.keys[batch.container.rows[rows]]
    above, families = np.unique(parents, return_inverse=True)
    # Siblings that are not among these rows (when=, Maybe) choose too, so that it is no matter to the others.
    needed = np.zeros(len(above), dtype=np.int64)
    np.maximum.at(needed, families, ordinals + 1)
    most, found = int(needed.max(initial=0)), len(np.unique(ring.owners))
    if most > found:
        raise InvalidInput(
            f"{where}: {most} different rows are needed, and there are {found}.",
            remedy="Enlarge the pool or ask for fewer rows below a parent.",
        )
    first = np.cumsum(needed) - needed
    everyone = np.repeat(np.arange(len(above), dtype=np.int64), needed)
    numbers = np.arange(len(everyone)) - first[everyone]
    keys = streams.child_keys(above[everyone], batch.segment, numbers)
    picks: Index = ring.distinct(streams.draw(stream, keys), everyone)[first[families] + ordinals]
    return picks
