"""Where ``create()`` writes when a factory's Meta names no session: for the length of a test, to the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from seedbed.factory import context

FIRST = 1_000_000
"""Where Sequence starts in each test: above the profile's rows, and the same in whatever order tests run."""


@dataclass
class Creating:
    """What ``create()`` works with for a while.

    Attributes:
        session: gives the session; asked when something is created.
        counted: the factories whose Sequence has begun anew.
    """

    session: Callable[[], Any]
    counted: set[type] = field(default_factory=set)

    def count(self, factory: Any) -> None:
        """Let a factory's Sequence begin anew, once."""
        if factory not in self.counted:
            self.counted.add(factory)
            factory.reset_sequence(FIRST, force=True)


_current: list[Creating] = []


def current_creating() -> Creating | None:
    """Return what holds now; None outside of tests."""
    return _current[-1] if _current else None


@contextmanager
def creating_through(session: Callable[[], Any], values: context.Context) -> Iterator[None]:
    """Let ``create()`` write through a session, in every thread and event loop of this process.

    Args:
        session: gives the session.
        values: what drawn values depend on.
    """
    _current.append(Creating(session))
    before = context.set_ambient(values)
    try:
        yield
    finally:
        context.set_ambient(before)
        _current.pop()
