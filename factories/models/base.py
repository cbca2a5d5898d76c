"""What the payroll models share: declarative base, column shorthands, updated_at triggers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import (
    TIMESTAMP,
    CheckConstraint,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column
from sqlalchemy.schema import DDL

Money = Annotated[Decimal, mapped_column(Numeric(20, 8))]
"""An amount of XAH; 8 places hold a drop (0.000001) with two to spare."""

Rate = Annotated[Decimal, mapped_column(Numeric(10, 2))]
"""XAH per hour, or hours."""

Json = dict[str, Any]

ZERO = text("0")

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}
"""Constraint names a person can guess; migrations need them stable."""


class Base(DeclarativeBase):
    """Root of the payroll models; its metadata creates the tables with indexes and triggers."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: TIMESTAMP(timezone=False),
        int: Integer(),
        str: Text(),
        Json: JSONB(none_as_null=True),
    }


class Created:
    """A row that remembers when it was made."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)


class Updated(Created):
    """A row that remembers when it was last changed; a trigger keeps `updated_at`."""

    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)


def parent(
    table: str, *, ondelete: str = "CASCADE", index: bool = True, unique: bool = False
) -> MappedColumn[Any]:
    """Return a foreign-key column to another table's id.

    Args:
        table: the table referred to.
        ondelete: what the database does with this row when the parent goes.
        index: False where another index already begins with this column.
        unique: at most one row per parent.
    """
    return mapped_column(
        ForeignKey(f"{table}.id", ondelete=ondelete), index=index or None, unique=unique or None
    )


def closed_word(
    name: str, values: Sequence[str], *, length: int = 20, default: str | None = None
) -> MappedColumn[str]:
    """Return a varchar column whose words the database checks.

    Args:
        name: the column's name; the check constraint is named after it.
        values: the words allowed.
        length: the varchar's length.
        default: the server default.
    """
    return mapped_column(
        String(length),
        CheckConstraint(f"{name} IN ({', '.join(map(repr, values))})", name=name),
        server_default=default,
        info={"vocabulary": tuple(values)},
    )


def open_word(values: Sequence[str], *, length: int = 50) -> MappedColumn[Any]:
    """Return a varchar column whose words are the backend's; the database takes any text."""
    return mapped_column(String(length), info={"vocabulary": tuple(values)})


_FUNCTION = DDL(  # type: ignore[no-untyped-call]
    """\
CREATE OR REPLACE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$"""
)

_TRIGGER = DDL(  # type: ignore[no-untyped-call]
    """\
CREATE OR REPLACE TRIGGER set_updated_at BEFORE UPDATE ON %(fullname)s
FOR EACH ROW EXECUTE FUNCTION set_updated_at()"""
)


@event.listens_for(Base.metadata, "after_create")
def create_updated_at_triggers(
    _metadata: MetaData, connection: Connection, *, tables: Sequence[Table], **_: object
) -> None:
    """Give every table just created that has `updated_at` the trigger that sets it.

    Nothing is done when no table was created: replacing a function needs its owner, and
    `create_all` over a complete schema must work for anybody.
    """
    stamped = [table for table in tables if "updated_at" in table.columns]
    if stamped:
        connection.execute(_FUNCTION)
    for table in stamped:
        connection.execute(_TRIGGER.against(table))
