"""The databases that a process holds open for its tests, few at a time: each has connections, and servers have not many."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedbed.pytest_plugin.bases import RollbackBase, SharedBase

    Base = RollbackBase | SharedBase

MOST = 8
"""How many are open at a time."""


Key = tuple[str, str, str]
"""Where a base is found: its server, its template, the isolation."""


class Shelf(OrderedDict[Key, "Base"]):
    """Bases; one too many sends away the one that was used longest ago."""

    def find(self, key: Key) -> Base | None:
        """Return a base, which thereby is the one used last."""
        found = self.get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def put(self, key: Key, base: Base) -> None:
        """Put a new one there."""
        self[key] = base
        if len(self) > MOST:
            _, oldest = self.popitem(last=False)
            oldest.close()
            oldest.databases.give_back(oldest.name)
