"""seedbed's own factory_boy declarations: they draw from keyed streams and work on whole columns.

All of factory_boy's declarations work beside them; these are faster, and what they give stays put when anything else changes.
"""

from seedbed.fields.base import Cells, Field
from seedbed.fields.draws import choice, decimal, faker, integer, moment, scaled
from seedbed.fields.relations import col, derived, follow, pick, reference, rollup, running
from seedbed.fields.texts import pattern, unique

__all__ = [
    "Cells",
    "Field",
    "choice",
    "col",
    "decimal",
    "derived",
    "faker",
    "follow",
    "integer",
    "moment",
    "pattern",
    "pick",
    "reference",
    "rollup",
    "running",
    "scaled",
    "unique",
]
