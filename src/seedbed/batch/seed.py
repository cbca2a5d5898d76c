"""A hand-picked row, as written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class AsOf:
    """A time relative to the moment the data is made for: ``as_of - 2h30m``."""

    offset: timedelta


@dataclass(frozen=True, slots=True)
class Seed:
    """A hand-picked row: a label, and the values that were written down.

    Attributes:
        label: what other rows and recipes call it.
        values: by attribute of the factory; a reference is the other row's label.
        origin: file and line, such as ``seeds/users.yaml:12``.
        lines: the line of each value.
    """

    label: str
    values: Mapping[str, Any]
    origin: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    def resolved(self, as_of: datetime) -> dict[str, Any]:
        """Return the values with relative times made absolute."""
        return {
            name: as_of + value.offset if isinstance(value, AsOf) else value
            for name, value in self.values.items()
        }

    def origin_of(self, name: str) -> str:
        """Return file and line of one value."""
        path = self.origin.rpartition(":")[0]
        return f"{path}:{self.lines[name]}" if name in self.lines else self.origin
