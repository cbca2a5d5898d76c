"""From batches to tables: which attributes are columns, which are references, and where each batch's rows start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seedbed.batch import values
from seedbed.batch.batch import Batch
from seedbed.batch.links import factory_of, refers
from seedbed.batch.processors import processor_of
from seedbed.batch.row import Row
from seedbed.batch.row_wise import raised
from seedbed.batch.selection import Index
from seedbed.dataset import Keys, Reference, TableName
from seedbed.errors import Finding, InvalidInput, nearest
from seedbed.fields import unique

if TYPE_CHECKING:
    from seedbed.batch.world import World
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
    processors: Mapping[str, Any]


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
        processors: dict[str, Any] = {}
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


def _mapped(factory: type[Factory[Any]], called: Mapping[str, str], links: Sequence[str]) -> Any:
    """Return columns, references and value processors according to the factory's SQLAlchemy model."""
    from sqlalchemy import inspect

    mapper = inspect(factory._meta.model)
    columns, references, processors, findings = {}, {}, {}, []
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


@dataclass(eq=False)
class AssembledRows:
    """The rows of one table, out of one or more batches (see `seedbed.dataset.TableRows`)."""

    table: TableName
    batches: list[Batch]
    shapes: list[Shape]
    starts: list[int]
    tables: Mapping[int, tuple[AssembledRows, int]]
    keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        keys = [batch.keys for batch in self.batches]
        self.keys = np.concatenate(keys).view(np.int64)
        self._check_keys()
        first = self.shapes[0]
        for batch, shape in zip(self.batches, self.shapes, strict=True):
            if set(shape.columns.values()) | set(shape.references) != set(
                first.columns.values()
            ) | set(first.references):
                differing = (set(shape.columns.values()) | set(shape.references)) ^ (
                    set(first.columns.values()) | set(first.references)
                )
                raise InvalidInput(
                    f"{batch.factory.__name__} and {self.batches[0].factory.__name__} both write to {self.table}, but"
                    f" only one of them sets {', '.join(sorted(differing))}.",
                    remedy="Declare the same columns in both, None where there is nothing.",
                )
        self.column_names = tuple(first.columns.values())
        self.natural_key, self.insert_only = first.key, first.insert_only
        self._references: dict[str, Reference] | None = None

    @property
    def references(self) -> Mapping[str, Reference]:
        """The references by name."""
        if self._references is None:
            self._references = {n: self._reference(n) for n in self.shapes[0].references}
        return self._references

    def column(self, name: str) -> pl.Series:
        """Return the values of a plain column."""
        parts, claims = [], []
        for batch, shape in zip(self.batches, self.shapes, strict=True):
            attribute = next(a for a, column in shape.columns.items() if column == name)
            parts.append(_processed(batch, attribute, shape.processors.get(attribute)))
            declared = batch.declarations[attribute].declaration
            claims.append(np.full(len(batch), isinstance(declared, unique)))
        column = values.concatenate(parts).alias(name)
        if any(claim.any() for claim in claims) and not (
            len(claims) == 1 and self.batches[0].enumerated
        ):
            self._check_distinct(column, pl.Series(np.concatenate(claims)))
        return column

    def label(self, position: int) -> str:
        """Return a row's label path."""
        batch, row = self._place(position)
        return batch.label(row)

    def named(self) -> Mapping[int, str]:
        """Return position to label for the hand-picked rows."""
        return {
            start + row: label
            for start, batch in zip(self.starts, self.batches, strict=True)
            for row, label in enumerate(batch.labels)
        }

    def origin(self, position: int) -> str:
        """Return where a row is written down: file and line, or the factory's name."""
        batch, row = self._place(position)
        return batch.origins[row] if batch.origins else batch.factory.__name__

    def _place(self, position: int) -> tuple[Batch, int]:
        at = int(np.searchsorted(self.starts, position, side="right")) - 1
        return self.batches[at], position - self.starts[at]

    def _reference(self, name: str) -> Reference:
        rows, columns = [], self.shapes[0].references[name]
        target: AssembledRows | None = None
        for batch in self.batches:
            link = batch.link(name) if batch.is_link(name) else None
            if link is None or not len(link.target):
                rows.append(np.full(len(batch), -1, dtype=np.int64))
                continue
            places = []
            for parent, positions in link.target.parts:
                found, start = self.tables[id(parent)]
                if target is not None and found is not target:
                    raise InvalidInput(
                        f"{batch.factory.__name__}.{name} refers to rows of {target.table} and of {found.table}.",
                        remedy="A foreign key leads to one table: declare a reference for each.",
                    )
                target = found
                places.append(positions + start)
            everywhere = np.concatenate(places)
            rows.append(np.where(link.rows >= 0, everywhere[link.rows], -1))
        table = target.table if target is not None else self._declared(name)
        return Reference(name, table, np.concatenate(rows), columns)

    def _declared(self, name: str) -> TableName:
        """Return the table that a reference would lead to, where no row has one."""
        for factory in (batch.factory for batch in self.batches):
            own = factory._meta.pre_declarations
            if name in own and refers(own[name].declaration, own):
                return table_name(factory_of(own[name].declaration, own))
        return self.table

    def _check_distinct(self, column: pl.Series, claimed: pl.Series) -> None:
        """Refuse a value of `unique` that another row has, too: keys and people give values that may meet."""
        if column.dtype == pl.Object:
            return
        twice = column.is_duplicated() & column.is_not_null() & claimed
        if not twice.any():
            return
        rows = (column == column.filter(twice)[0]).arg_true()
        raise InvalidInput(
            f"{self.table}.{column.name}: {self.label(rows[0])} and {self.label(rows[1])} have the same value,"
            " and it is declared unique().",
            remedy="Widen its range or template: hand-picked rows and rows below parents need room for about the square of"
            " their number.",
        )

    def _check_keys(self) -> None:
        unique, counts = np.unique(self.keys, return_counts=True)
        if len(unique) == len(self.keys):
            return
        twice = np.flatnonzero(self.keys == unique[counts > 1][0]).tolist()
        makers = dict.fromkeys(self._place(at)[0].factory.__name__ for at in twice)
        of = f", of {' and '.join(makers)}" if len(makers) > 1 else ""
        raise InvalidInput(
            f"{self.table}: two rows have the path {self.label(twice[0])}{of}.",
            remedy="Two many() or each() calls make rows of one table in one place: give one of them a segment=.",
        )


def _processed(batch: Batch, attribute: str, process: Any) -> pl.Series:
    """Return an attribute's values as the driver takes them: what the model's type makes of them."""
    column = batch.column(attribute)
    if column.dtype != pl.Object and process is None:
        return column
    made = []
    for position, value in enumerate(column.to_list()):
        if isinstance(value, Row):
            raise InvalidInput(
                f"{batch.factory.__name__}.{attribute} gives a row, {value!r}, where a value is to be written.",
                remedy="Lead to it with follow() or SelfAttribute, or pick() it: then it is a reference.",
            )
        try:
            made.append(value if process is None else process(value))
        except Exception as error:
            raise raised(batch, position, attribute, error) from error
    return values.series_of(made)


def assemble(world: World) -> dict[TableName, AssembledRows]:
    """Return the tables of a finished evaluation, in the order in which they were first met."""
    world.finish()
    gathered: dict[TableName, list[Batch]] = {}
    for batch in world.batches:
        gathered.setdefault(table_name(batch.factory), []).append(batch)
    grouped = {
        name: [
            (batch, shape_of(batch, set().union(*(b.links for b in batches)))) for batch in batches
        ]
        for name, batches in gathered.items()
    }
    places: dict[int, tuple[AssembledRows, Index | int]] = {}
    tables = {}
    for name, members in grouped.items():
        sizes = [len(batch) for batch, _ in members]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int).tolist()
        rows = AssembledRows(
            name,
            [b for b, _ in members],
            [s for _, s in members],
            starts,
            places,  # type: ignore[arg-type]
        )
        tables[name] = rows
        for (batch, _), start in zip(members, starts, strict=True):
            places[id(batch)] = (rows, start)
    return tables
