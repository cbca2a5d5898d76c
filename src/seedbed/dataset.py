"""What evaluating a profile yields: rows of tables, as columns, with references instead of foreign-key values.

This is the seam between the pure half of seedbed (factories, fields, batches, profiles) and the half that knows PostgreSQL
(target, ledger, load). Nothing here opens a connection or reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

Keys = npt.NDArray[np.int64]
"""Row keys: 64 bits each, held as signed integers because that is what a bigint column takes."""


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table's name; `schema` is empty for the connection's default schema."""

    name: str
    schema: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Reference:
    """Foreign-key columns whose values are rows of another table in the same dataset.

    Attributes:
        name: what the factory calls it, such as ``organization``.
        table: the table referred to.
        rows: int64, one per row: the position in that table's rows, -1 for NULL.
        columns: the local columns, where the factory's model tells; None leaves it to the target: the foreign key to `table`
            made of the column `name` or `name_id`, or the only foreign key there is to that table.
    """

    name: str
    table: TableName
    rows: npt.NDArray[np.int64]
    columns: tuple[str, ...] | None = None


class TableRows(Protocol):
    """The rows of one table. Columns are computed when asked for, and kept.

    A column is a polars Series of `len(keys)` values in whatever type came natural: integers, Float64, Decimal, String, Boolean,
    Date, Time, Duration, Datetime('us') naive or zoned, Binary, List, or Object for anything else a declaration returned (dict, list,
    UUID, ipaddress, psycopg Range, Enum ...). What the live column's type makes of it is the loader's business. A String is always
    acceptable: PostgreSQL's input syntax for that type (for json and jsonb: a JSON document).
    """

    @property
    def table(self) -> TableName:
        """Where the rows go."""

    @property
    def keys(self) -> Keys:
        """The rows' keys."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The plain columns: without those that a reference fills."""

    @property
    def references(self) -> Mapping[str, Reference]:
        """The references by name."""

    @property
    def natural_key(self) -> tuple[str, ...]:
        """Column names, foreign-key columns or reference names; empty where the table has no natural key."""

    @property
    def insert_only(self) -> frozenset[str]:
        """Columns set when the row is made and never touched after."""

    def column(self, name: str) -> pl.Series:
        """Return the values of a plain column."""

    def label(self, position: int) -> str:
        """Return a row's label path, such as ``horizon-relief/employees/7``."""

    def named(self) -> Mapping[int, str]:
        """Return the hand-picked rows: position to label."""

    def origin(self, position: int) -> str:
        """Return ``seeds/organizations.yaml:12`` for a hand-picked row, or the factory's name."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """All rows of one evaluated profile.

    Attributes:
        profile: the profile's name.
        version: the generator's version, part of every stream's key.
        environments: the environments the profile may be applied to.
        as_of: the moment the data is made for, naive UTC.
        tables: rows by table, in the order in which the recipe named them (not sorted by dependency).
    """

    profile: str
    environments: tuple[str, ...]
    as_of: datetime
    scale: float
    seed: str
    minimal: bool
    tables: Mapping[TableName, TableRows]
    version: int = 1
    production_safe: bool = False

    def generated(self) -> dict[str, int]:
        """Return how many rows of each table were made up, and not picked by hand; only tables that have some."""
        counts = {str(t): len(rows.keys) - len(rows.named()) for t, rows in self.tables.items()}
        return {table: count for table, count in counts.items() if count}


def row_count(tables: Iterable[TableRows]) -> int:
    """Return the number of rows in all the tables together."""
    return sum(len(rows.keys) for rows in tables)
