"""Building one object at a time: factory_boy's builder, with a row key for every object and a draw for every field."""

from __future__ import annotations

import contextlib
import contextvars
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from factory import enums, errors
from factory.base import BaseDictFactory, BaseListFactory
from factory.builder import BuildStep, DeclarationSet, StepBuilder, parse_declarations
from factory.declarations import BaseDeclaration, Maybe
from factory.declarations import Iterator as Iterated

from seedbed import randomness, streams
from seedbed.batch.values import series_of
from seedbed.factory.context import current_context
from seedbed.fields.base import Field
from seedbed.fields.relations import derived

_cell: contextvars.ContextVar[Any] = contextvars.ContextVar("cell")


@contextlib.contextmanager
def building(step: Any) -> Iterator[None]:
    """Let objects that a user's function builds while a step's field is computed hang below that field."""
    outer = _cell.set(step)
    try:
        yield
    finally:
        _cell.reset(outer)


class KeyedBuilder(StepBuilder):
    """factory_boy's builder, with a row key for every object that it makes."""

    def build(self, parent_step: Any = None, force_sequence: int | None = None) -> Any:
        """Return one object."""
        if isinstance(parent_step, KeyedStep) and not parent_step.drawing:
            return self._build(parent_step, force_sequence, parent_step.reseed)
        with randomness.keyed() as reseed:
            return self._build(parent_step, force_sequence, reseed)

    def _build(self, parent_step: Any, force_sequence: int | None, reseed: Any) -> Any:
        """Take the steps of `factory.builder.StepBuilder.build`."""
        meta = self.factory_meta
        pre, post = parse_declarations(
            self.extras, base_pre=meta.pre_declarations, base_post=meta.post_declarations
        )
        forced = self.force_init_sequence if force_sequence is None else force_sequence
        step = KeyedStep(self, forced, parent_step, reseed)
        step.resolve(pre)
        args, kwargs = meta.prepare_arguments(step.attributes)
        instance = meta.instantiate(step=step, args=args, kwargs=kwargs)
        step.made[id(instance)] = (instance, step.stub)
        results = {
            name: step.computed(name, post[name].declaration, post[name].context, instance)
            for name in post.sorted()
        }
        meta.use_postgeneration_results(instance=instance, step=step, results=results)
        return instance


class KeyedStep(BuildStep):
    """The making of one object: a row key, and the fields that are being computed."""

    def __init__(
        self, builder: KeyedBuilder, forced: int | None, parent_step: Any, reseed: Any
    ) -> None:
        super().__init__(builder, forced, parent_step)
        self.pending: list[str] = []
        self.reseed = reseed
        self.drawing = False  # whether what is being computed may draw after it made an object
        self.places: defaultdict[str, int] = defaultdict(int)
        made = builder.factory_meta.factory
        above = _cell.get(None) if parent_step is None else parent_step
        self.owner, self.prefix, self.top = made.__name__, "", above is None
        self.context = current_context() if above is None else above.context
        self.made: dict[int, tuple[Any, Any]] = getattr(above, "made", {})
        self.columns: dict[str, pl.Series] = {}
        self.number: int | None = None if above is None else above.number
        if above is None:
            self.sequence = builder.factory_meta.next_sequence() if forced is None else forced
            self.index = self.sequence - first_sequence(made)
            self.key = _key(streams.ROOT, _path(made), self.index)
        elif parent_step is not None and issubclass(made, BaseDictFactory | BaseListFactory):
            # A Dict or List is a part of its row.
            self.key, self.index, self.owner = above.key, above.index, above.owner
            self.prefix = f"{above.field}."
            self.sequence = above.sequence if forced is None else forced
        else:
            segment = above.field if parent_step is not None else f"{above.field}/{_path(made)}"
            self.index = above.places[segment]
            above.places[segment] += 1
            self.key = _key(above.key, segment, self.index)
            self.sequence = int(keyed_sequence(self.key)) if forced is None else forced

    @property
    def field(self) -> str:
        """The field being computed, with the Dicts around it: ``profile.theme``."""
        return self.prefix + (self.pending[-1] if self.pending else "")

    def resolve(self, declarations: DeclarationSet) -> None:
        """Evaluate all declarations."""
        self.stub = Resolver(self, declarations)
        for name in declarations:
            self.attributes[name] = getattr(self.stub, name)

    def computed(
        self, name: str, declaration: Any, context: dict[str, Any], instance: Any = None
    ) -> Any:
        """Return a declaration's value, drawn by row and field alone; with an instance, it runs after the object is made."""
        if name in self.pending:
            circle = " needs ".join([*self.pending[self.pending.index(name) :], name])
            raise errors.CyclicDefinitionError(
                f"{self.owner}: the definition is circular: {circle}"
            )
        # A cell that asks for another goes on drawing where it was: the other has generators of its own.
        generators = randomness.keyed() if self.pending else contextlib.nullcontext(self.reseed)
        outer = self.reseed, self.drawing
        self.pending.append(name)
        try:
            with building(self), generators as self.reseed:
                if instance is None:
                    return self._evaluated(declaration, context)
                self.drawing = True
                self.reseed(self.word())
                return declaration.evaluate_post(instance=instance, step=self, overrides=context)
        finally:
            self.reseed, self.drawing = outer
            self.pending.pop()

    def _evaluated(self, declaration: Any, context: dict[str, Any]) -> Any:
        while isinstance(declaration, Maybe):
            decided = self._evaluated(declaration.decider, {})
            declaration = declaration.yes if decided else declaration.no
        if not isinstance(declaration, BaseDeclaration):
            return declaration
        if isinstance(declaration, Iterated) and self.number is not None:
            value = first_values(declaration, self.number + 1)[self.number]
            return value if declaration.getter is None else declaration.getter(value)
        self.drawing = not (isinstance(declaration, Field) or randomness.draws_nothing(declaration))
        if self.drawing:
            self.reseed(self.word())
        return declaration.evaluate_pre(instance=self.stub, step=self, overrides=context)

    def word(self) -> int:
        """Return the draw of the field being computed, to seed shared generators with."""
        stream = streams.stream_key(self.context.seed, self.owner, self.field)
        return int(streams.draw(stream, np.array([self.key]))[0])

    def attribute(self, row: Any, name: str) -> Any:
        """Return an attribute of this row or of an object made for it: also what only its factory knows (`class Params`)."""
        stub = self._stub(row)
        if stub is not None and name in stub._declarations:
            return getattr(stub, name)
        return None if row is None else getattr(row, name)

    def column(self, row: Any, name: str) -> pl.Series:
        """Return an attribute as a column of one value; NULL has the type that the field gave it, as in a batch."""
        value, stub = self.attribute(row, name), self._stub(row)
        if value is None and stub is not None and name in stub._step.columns:
            typed: pl.Series = stub._step.columns[name]
            return typed
        return series_of([value])

    def _stub(self, row: Any) -> Any:
        """Return what an object was made from, None where it was not made here."""
        return row if isinstance(row, Resolver) else self.made.get(id(row), (None, None))[1]

    def keep(self, column: pl.Series) -> None:
        """Remember the column of one value that the field being computed gave."""
        if column.dtype != pl.Object:
            self.columns[self.field] = column

    def cells(self, instance: Any) -> SingleCells:
        """Return what a field sees of the one row."""
        return SingleCells(self, instance)


def keyed_sequence(key: Any) -> Any:
    """Return what Sequence counts below other rows: a running number would change with other parents' children.

    Args:
        key: one row's key, or an array of them.
    """
    return (key >> np.uint64(11)).astype(np.int64)


def first_values(declaration: Iterated, count: int) -> list[Any]:
    """Return an Iterator's first values. It may be a generator, so they are kept where `build()` finds them too."""
    if declaration.iterator is None:
        declaration.iterator = declaration.iterator_builder()
    source = declaration.iterator
    for value in itertools.islice(source.iterator, max(0, count - len(source.past_elements))):
        source.past_elements.append(value)
        source.next_elements.append(value)
    return list(source.past_elements)


def first_sequence(made: Any) -> int:
    """Return the number at which a factory's Sequence starts."""
    return int(made._setup_next_sequence())


def _key(above: np.uint64, segment: str, index: int) -> np.uint64:
    key: np.uint64 = streams.child_keys(above, segment, np.array([index]))[0]
    return key


class Resolver:
    """The attributes of one object, each computed when first asked for."""

    def __init__(self, step: KeyedStep, declarations: DeclarationSet) -> None:
        self.__dict__.update(_step=step, _declarations=declarations, _values={})

    @property
    def factory_parent(self) -> Any:
        """The object that contains this one, if any."""
        return self._step.parent_step.stub if self._step.parent_step else None

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self._declarations:
            raise AttributeError(f"{self._step.owner} does not declare {name!r}.")
        value, context = self._declarations[name].declaration, self._declarations[name].context
        if isinstance(value, pl.Expr):
            value = derived(value)
        if enums.get_builder_phase(value) == enums.BuilderPhase.ATTRIBUTE_RESOLUTION:
            value = self._step.computed(name, value, dict(context))
        self._values[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("The attributes of an object being made cannot be set.")


class SingleCells:
    """What a field sees when one object is built: that row, no children, no siblings."""

    def __init__(self, step: KeyedStep, instance: Any) -> None:
        self.step, self.instance = step, instance
        self.where = f"{step.owner}.{step.field}"
        self.keys = np.array([step.key], dtype=np.uint64)
        self.ordinals = np.array([step.index], dtype=np.int64)
        self.as_of, self.enumerated = step.context.as_of, step.top

    @property
    def stream(self) -> np.uint64:
        """The key of this field's stream."""
        return streams.stream_key(self.step.context.seed, self.step.owner, self.step.field)

    @property
    def numbering(self) -> np.uint64:
        """The key of the stream in which numbers are given away: that of the profile, whose rows have taken some."""
        context = self.step.context
        seed = context.seed if context.numbering is None else context.numbering
        return streams.stream_key(seed, self.step.owner, self.step.field)

    def numbers(self, size: int) -> Any:
        """Return the row's number; where it is too high for the room, counted down from the room's end, where the profile comes last."""
        created = self.step.index - self.step.context.first
        high = self.step.index >= size and created >= 0
        return np.array([size - 1 - created if high and created < size else self.step.index])

    def column(self, name: str) -> Any:
        """Return another attribute as a column of one value."""
        virtual = {"@as_of": self.as_of, "@index": self.step.index}
        if name == "@key":
            return pl.Series(self.keys)
        if name in virtual:
            return series_of([virtual[name]])
        *path, last = name.split(".")
        row = self.instance
        for part in path:
            row = self.step.attribute(row, part)
        return self.step.column(row, last)

    def children(self, factory: str, via: str, names: Any) -> Any:
        """Return no rows: a single object has no children yet."""
        return pl.DataFrame({name: [] for name in ["@parent", *names]})

    def family(self, over: str, names: Any) -> Any:
        """Return the row itself: a single object has no siblings."""
        columns = [self.column(name).alias(name) for name in names]
        return pl.DataFrame([pl.Series("@parent", [0]), pl.Series("@here", [0]), *columns])


def _path(made: Any) -> str:
    return str(made.path()) if hasattr(made, "path") else str(made.__name__)
