"""The live database, as far as writing to it asks: tables, columns, types, keys, triggers, privileges."""

from seedbed.target.catalogue import INDEX_READ, read
from seedbed.target.model import (
    INTEGERS,
    Column,
    ForeignKey,
    Table,
    Target,
    Type,
    UniqueKey,
    own_rows,
    qualified,
)

__all__ = [
    "INDEX_READ",
    "INTEGERS",
    "Column",
    "ForeignKey",
    "Table",
    "Target",
    "Type",
    "UniqueKey",
    "own_rows",
    "qualified",
    "read",
]
