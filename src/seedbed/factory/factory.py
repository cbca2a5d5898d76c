"""`Factory`: a factory_boy factory whose rows have keys, bound to a SQLAlchemy model or to a table by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

from factory import errors
from factory.alchemy import SQLAlchemyModelFactory, SQLAlchemyOptions
from factory.base import OptionDefault

from seedbed.creating import current_creating
from seedbed.errors import InvalidInput
from seedbed.factory.building import KeyedBuilder

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default="Record")  # what rows are where there is no model to name
else:
    from typing import TypeVar

    T = TypeVar("T")

_NOWHERE = "{}.create() has no session to write to"
_ASK = (
    "A test asks for the fixture `seedbed` (or seedbed_session); a fixture that creates asks for it, too, for fixtures are made in the "
    "order in which they are asked for. setup_method and setup_class run before all of them: write a fixture with autouse=True instead. "
    "Where there is no test, build() makes a row without a database, or the Meta of a factory with a model names a sqlalchemy_session."
)


class Record(dict[str, Any]):
    """A row of a factory without a model: a dict whose items are attributes too, as a model's would be."""

    _of = ""
    """The table that has the row; empty where it is in none."""

    @classmethod
    def of(cls, table: str, row: Mapping[str, Any]) -> Record:
        """Return a row that a table has."""
        found = cls(row)
        found._of = table
        return found

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

    sqlalchemy_session: Any
    sqlalchemy_session_factory: Any
    sqlalchemy_session_persistence: str | None
    sqlalchemy_get_or_create: tuple[str, ...]
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

    def _get_counter_reference(self) -> Any:
        """Return whose Sequence numbers this factory shares: a base's, where both make the same rows."""
        base = self.base_factory._meta if self.base_factory is not None else None
        if base is not None and self.table != getattr(base, "table", None):
            return self
        return super()._get_counter_reference()

    def get_model_class(self) -> Any:
        """Return the model, or Record for a factory bound to a table by name."""
        return Record if self.model is None and self.table else self.model


class Factory(SQLAlchemyModelFactory, Generic[T]):
    """A factory_boy factory with row keys: build one object, or let a profile make columns of a million.

    ``class UserFactory(Factory[User])`` lets a type checker know what its rows are; without a model they are Records.

    >>> import factory
    >>> class BadgeFactory(Factory):
    ...     class Meta:
    ...         table = "badges"
    ...         key = ("code",)
    ...     code = factory.Sequence("B-{:04}".format)
    >>> BadgeFactory.build(__sequence=7)
    {'code': 'B-0007'}
    """

    _options_class = FactoryOptions
    _meta: FactoryOptions

    class Meta:
        abstract = True

    if TYPE_CHECKING:

        @classmethod
        def build(cls, **kwargs: Any) -> T:
            """Return an object; nothing is written."""

        @classmethod
        def build_batch(cls, size: int, **kwargs: Any) -> list[T]:
            """Return so many."""

        @classmethod
        def create(cls, **kwargs: Any) -> T:
            """Return an object that is in a session, in a test its own."""

        @classmethod
        def create_batch(cls, size: int, **kwargs: Any) -> list[T]:
            """Return so many."""

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
        creating = current_creating()
        if creating is not None:
            creating.count(cls)
        cls._original_params = params  # what sqlalchemy_get_or_create looks rows up by
        return KeyedBuilder(cls._meta, params, strategy).build()

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        meta, creating = cls._meta, current_creating()
        own = meta.sqlalchemy_session or meta.sqlalchemy_session_factory
        if own and model_class is not Record:
            return super()._create(model_class, *args, **kwargs)
        if creating is None:
            raise InvalidInput(_NOWHERE.format(cls.__name__), remedy=_ASK)
        session = creating.session()
        if model_class is Record:
            made = creating.insert(session, cls, kwargs)
            creating.written(session)
            return made
        save = cls._get_or_create if meta.sqlalchemy_get_or_create else cls._save
        made = save(model_class, session, args, kwargs)
        if meta.sqlalchemy_session_persistence is None:
            creating.written(session)
        return made


def every_factory() -> list[type[Factory[Any]]]:
    """Return all factories that have been defined so far, abstract ones too; first those that derive from `Factory` itself."""
    found: list[type[Factory[Any]]] = []
    waiting = [*Factory.__subclasses__()]
    while waiting:
        factory = waiting.pop(0)
        waiting.extend(factory.__subclasses__())
        found.append(factory)
    return list(dict.fromkeys(found))
