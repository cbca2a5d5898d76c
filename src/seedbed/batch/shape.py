"""What a factory writes: which of its attributes are columns, and which are references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedbed.batch.batch import Batch
from seedbed.batch.processors import Processor, processor_of
from seedbed.dataset import TableName
from seedbed.errors import Finding, InvalidInput, nearest

if TYPE_CHECKING:
    from seedbed.factory import Factory


@dataclass(frozen=True)
class Shape:
    """What a factory writes.

    Attributes:
        table: where.
        columns: attribute to column name.
        references: attribute to the foreign-key columns that it fills (None: the target will tell).
        key, insert_only: column or reference names.
        processors: by attribute, what the model's type makes of a value before the driver sees it.
    """

    table: TableName
    columns: Mapping[str, str]
    references: Mapping[str, tuple[str, ...] | None]
    key: tuple[str, ...]
    insert_only: frozenset[str]
    processors: Mapping[str, Processor | None]

    @property
    def written(self) -> set[str]:
        """The names of all that is written: columns and references."""
        return {*self.columns.values(), *self.references}


def table_name(factory: type[Factory[Any]]) -> TableName:
    """Return the table that a factory writes to."""
    meta = factory._meta
    if meta.table:
        schema, _, name = str(meta.table).rpartition(".")
        return TableName(name, schema)
    return TableName(meta.model.__table__.name, meta.model.__table__.schema or "")


def shape_of(batch: Batch, linked: set[str]) -> Shape:
    """Return what a batch's factory writes; `linked` are the attributes that are other rows in any batch of its table."""
    factory = batch.factory
    meta = factory._meta
    hidden = {*meta.exclude, *meta.parameters, *meta.ignored}
    names = [name for name in batch.declarations if name not in hidden]
    links = [name for name in names if name in linked]
    called = {name: meta.rename.get(name, name) for name in names}
    if meta.table:
        columns = {name: called[name] for name in names if name not in links}
        references: dict[str, tuple[str, ...] | None] = dict.fromkeys(links)
        processors: dict[str, Processor | None] = {}
    else:
        columns, references, processors = _mapped(factory, called, links)
    names_of = {**columns, **{name: name for name in references}}
    for option in ("key", "insert_only"):
        for name in getattr(meta, option):
            if name not in names_of:
                raise InvalidInput(
                    f"{factory.__name__}.Meta.{option} names {name!r}, which the factory does not declare.",
                    remedy=nearest(name, list(names_of)),
                )
    return Shape(
        table_name(factory),
        columns,
        references,
        tuple(names_of[name] for name in meta.key),
        frozenset(names_of[name] for name in meta.insert_only),
        processors,
    )


_Mapped = tuple[dict[str, str], dict[str, tuple[str, ...] | None], dict[str, Processor | None]]


def _mapped(
    factory: type[Factory[Any]], called: Mapping[str, str], links: Sequence[str]
) -> _Mapped:
    """Return columns, references and value processors according to the factory's SQLAlchemy model."""
    from sqlalchemy import inspect

    mapper = inspect(factory._meta.model)
    columns: dict[str, str] = {}
    references: dict[str, tuple[str, ...] | None] = {}
    processors: dict[str, Processor | None] = {}
    findings = []
    for name, attribute in called.items():
        if attribute in mapper.relationships:
            pairs = mapper.relationships[attribute].local_remote_pairs
            references[name] = tuple(local.name for local, _ in pairs)
        elif attribute in mapper.column_attrs:
            column = mapper.column_attrs[attribute].columns[0]
            if name in links:
                references[name] = (column.name,)
                continue
            columns[name] = column.name
            processors[name] = processor_of(column.type)
        else:
            remedy = nearest(attribute, list(mapper.all_orm_descriptors.keys()))
            findings.append(
                Finding(
                    f"{factory.__name__}.{name}",
                    f"{mapper.class_.__name__} has no such attribute",
                    remedy,
                )
            )
    if findings:
        raise InvalidInput(
            f"{factory.__name__} declares what its model does not have.",
            findings=findings,
            remedy="Put helper values into `class Params`, or name them in Meta.exclude.",
        )
    return columns, references, processors
