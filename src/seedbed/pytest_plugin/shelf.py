"""The databases that a process holds open for its tests, few at a time: each has connections, and servers have not many."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedbed.pytest_plugin.bases import RollbackBase, SharedBase

    Base = RollbackBase | SharedBase

MOST = 8
"""How many are open at a time."""


class Shelf(OrderedDict[tuple[str, str], "Base"]):
    """Bases by template and isolation; one too many sends away the one that was used longest ago.

    Args:
        let_go: drops a base's database.
    """

    def __init__(self, let_go: Callable[[Base], None]) -> None:
        super().__init__()
        self._let_go = let_go

    def find(self, key: tuple[str, str]) -> Base | None:
        """Return a base, which thereby is the one used last."""
        found = self.get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def put(self, key: tuple[str, str], base: Base) -> None:
        """Put a new one there."""
        self[key] = base
        if len(self) > MOST:
            _, oldest = self.popitem(last=False)
            oldest.close()
            self._let_go(oldest)
