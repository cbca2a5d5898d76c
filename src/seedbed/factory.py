"""`Factory`: a factory_boy factory whose rows have keys, bound to a SQLAlchemy model or to a table by name."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import factory as factory_boy
import numpy as np
from factory import enums, errors
from factory.alchemy import SQLAlchemyModelFactory, SQLAlchemyOptions
from factory.base import BaseDictFactory, BaseListFactory, OptionDefault
from factory.builder import BuildStep, DeclarationSet, StepBuilder, parse_declarations

from seedbed import randomness, streams

T = TypeVar("T")


DEFAULT_SEED = "seedbed"


@dataclass(frozen=True, slots=True)
class Context:
    """What values depend on besides their place: the seed, and the moment that times are relative to (naive UTC)."""

    seed: str = DEFAULT_SEED
    as_of: datetime = datetime(2026, 1, 1)


_context: contextvars.ContextVar[Context] = contextvars.ContextVar("context")
_DEFAULT = Context()


def current_context() -> Context:
    """Return the context that `build()` and `create()` work in."""
    return _context.get(_DEFAULT)


@contextlib.contextmanager
def using(context: Context) -> Iterator[None]:
    """Let `build()` and `create()` work in another context.

    >>> with using(Context(seed="other", as_of=datetime(2026, 7, 1))):
    ...     current_context().seed
    'other'
    """
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


class Record(dict[str, Any]):
    """A row of a factory without a model: a dict whose items are attributes too, as a model's would be."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class FactoryOptions(SQLAlchemyOptions):
    """What `class Meta` takes: factory_boy's options and ours.

    table: the table's name, for a factory without a model (``schema.table`` where it is not in the search path); rows are Records.
    key: the natural key: attributes that tell rows apart.
    insert_only: attributes that are set when the row is made and never updated after, such as last_login.
    ignored: attributes that are not written at all.
    """

    table: str | None
    key: tuple[str, ...]
    insert_only: tuple[str, ...]
    ignored: tuple[str, ...]
    exclude: tuple[str, ...]
    rename: dict[str, str]

    def _build_default_options(self) -> list[OptionDefault]:
        return [
            *super()._build_default_options(),
            OptionDefault("table", None, inherit=True),
            OptionDefault("key", (), inherit=True),
            OptionDefault("insert_only", (), inherit=True),
            OptionDefault("ignored", (), inherit=True),
        ]

    def get_model_class(self) -> Any:
        """Return the model, or Record for a factory bound to a table by name."""
        return Record if self.model is None and self.table else self.model


class Factory(SQLAlchemyModelFactory, Generic[T]):
    """A factory_boy factory with row keys: build one object, or let a profile make columns of a million.

    >>> class BadgeFactory(Factory):
    ...     class Meta:
    ...         table = "badges"
    ...         key = ("code",)
    ...     code = factory_boy.Sequence("B-{:04}".format)
    >>> BadgeFactory.build(__sequence=7)
    {'code': 'B-0007'}
    """

    _options_class = FactoryOptions
    _meta: FactoryOptions

    class Meta:
        abstract = True

    @classmethod
    def path(cls) -> str:
        """Return the path segment of the factory's rows: the table's name."""
        meta = cls._meta
        if meta.table:
            return str(meta.table)
        table = getattr(meta.model, "__table__", None)
        return str(table.fullname) if table is not None else str(meta.model.__name__).lower()

    @classmethod
    def _generate(cls, strategy: str, params: dict[str, Any]) -> Any:
        if cls._meta.abstract:
            raise errors.FactoryError(
                f"{cls.__name__} is abstract: give its Meta a model or a table."
            )
        with randomness.keyed() as reseed:
            return KeyedBuilder(cls._meta, params, strategy, reseed).build()

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        if model_class is Record:
            raise errors.FactoryError(
                f"{cls.__name__} is bound to a table by name and has no model to create; use build()."
            )
        return super()._create(model_class, *args, **kwargs)


class KeyedBuilder(StepBuilder):
    """factory_boy's builder, with a row key for every object that it makes."""

    def __init__(
        self, factory_meta: Any, extras: dict[str, Any], strategy: str, reseed: Any = None
    ) -> None:
        super().__init__(factory_meta, extras, strategy)
        self.reseed = reseed or (lambda declaration, word: None)

    def recurse(self, factory_meta: Any, extras: dict[str, Any]) -> KeyedBuilder:
        """Return the builder of a nested object."""
        return type(self)(factory_meta, extras, self.strategy, self.reseed)

    def build(self, parent_step: Any = None, force_sequence: int | None = None) -> Any:
        """Return one object; the steps are those of `factory.builder.StepBuilder.build`."""
        meta = self.factory_meta
        pre, post = parse_declarations(
            self.extras, base_pre=meta.pre_declarations, base_post=meta.post_declarations
        )
        forced = self.force_init_sequence if force_sequence is None else force_sequence
        step = KeyedStep(self, meta.next_sequence() if forced is None else forced, parent_step)
        step.resolve(pre)
        args, kwargs = meta.prepare_arguments(step.attributes)
        instance = meta.instantiate(step=step, args=args, kwargs=kwargs)
        results = {
            name: post[name].declaration.evaluate_post(
                instance=instance, step=step, overrides=post[name].context
            )
            for name in post.sorted()
        }
        meta.use_postgeneration_results(instance=instance, step=step, results=results)
        return instance


class KeyedStep(BuildStep):
    """The making of one object: a row key, and the fields that are being computed."""

    def __init__(self, builder: KeyedBuilder, sequence: int, parent_step: Any = None) -> None:
        super().__init__(builder, sequence, parent_step)
        self.pending: list[str] = []
        made = builder.factory_meta.factory
        container = issubclass(made, BaseDictFactory | BaseListFactory)
        if parent_step is not None and container:  # a Dict or List is a part of its row
            self.key, self.owner = parent_step.key, parent_step.owner
            self.prefix, self.context = f"{parent_step.field}.", parent_step.context
            return
        self.owner, self.prefix, self.context = made.__name__, "", current_context()
        if parent_step is None:
            above, segment, index = streams.ROOT, _path(made), sequence
        else:
            above, segment, index = parent_step.key, parent_step.field, 0
            self.context = parent_step.context
        self.key = streams.child_keys(above, segment, np.array([index]))[0]

    @property
    def field(self) -> str:
        """The field being computed, with the Dicts around it: ``profile.theme``."""
        return self.prefix + (self.pending[-1] if self.pending else "")

    def resolve(self, declarations: DeclarationSet) -> None:
        """Evaluate all declarations."""
        self.stub = Resolver(self, declarations)
        for name in declarations:
            self.attributes[name] = getattr(self.stub, name)

    def word(self) -> int:
        """Return the draw of the field being computed, to seed shared generators with."""
        stream = streams.stream_key(self.context.seed, self.owner, self.field)
        return int(streams.draw(stream, np.array([self.key]))[0])

    def cells(self, instance: Any) -> SingleCells:
        """Return what a field sees of the one row."""
        return SingleCells(self, instance)


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
        value = self._declarations[name].declaration
        if enums.get_builder_phase(value) == enums.BuilderPhase.ATTRIBUTE_RESOLUTION:
            value = self._evaluated(name, value)
        self._values[name] = value
        return value

    def _evaluated(self, name: str, declaration: Any) -> Any:
        step = self._step
        if name in step.pending:
            circle = " needs ".join([*step.pending[step.pending.index(name) :], name])
            raise errors.CyclicDefinitionError(
                f"{step.owner}: the definition is circular: {circle}"
            )
        step.pending.append(name)
        try:
            step.builder.reseed(declaration, step.word())
            return declaration.evaluate_pre(
                instance=self, step=step, overrides=self._declarations[name].context
            )
        finally:
            step.pending.pop()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("The attributes of an object being made cannot be set.")


class SingleCells:
    """What a field sees when one object is built: that row, no children, no siblings."""

    enumerated = True

    def __init__(self, step: KeyedStep, instance: Any) -> None:
        self.step, self.instance = step, instance
        self.where = f"{step.owner}.{step.field}"
        self.keys = np.array([step.key], dtype=np.uint64)
        self.ordinals = np.array([step.sequence], dtype=np.int64)
        self.as_of = step.context.as_of
        self.enumerated = step.parent_step is None

    @property
    def stream(self) -> np.uint64:
        """The key of this field's stream."""
        return streams.stream_key(self.step.context.seed, self.step.owner, self.step.field)

    def column(self, name: str) -> Any:
        """Return another attribute as a column of one value."""
        from seedbed.batch.values import series_of

        virtual = {"@as_of": self.as_of, "@index": self.step.sequence}
        if name == "@key":
            import polars as pl

            return pl.Series(self.keys)
        if name in virtual:
            return series_of([virtual[name]])
        return series_of([factory_boy.declarations.deepgetattr(self.instance, name)])

    def children(self, factory: str, via: str, names: Any) -> Any:
        """Return no rows: a single object has no children yet."""
        import polars as pl

        return pl.DataFrame({name: [] for name in ["@parent", *names]})

    def family(self, over: str, names: Any) -> Any:
        """Return the row itself: a single object has no siblings."""
        import polars as pl

        columns = [self.column(name).alias(name) for name in names]
        return pl.DataFrame([pl.Series("@parent", [0]), pl.Series("@here", [0]), *columns])


def _path(made: Any) -> str:
    return str(made.path()) if hasattr(made, "path") else str(made.__name__)
