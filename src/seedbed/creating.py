"""Where ``create()`` writes when a factory's Meta names no session: for the length of a test, to the test's.

A module of its own, because it is imported by every test that uses a database and factories are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FIRST = 1_000_000
"""Where Sequence starts in each test: above the profile's rows, and the same in whatever order tests run."""


@dataclass(eq=False)
class Creating:
    """What ``create()`` works with for a while.

    Attributes:
        session: gives the session; asked when something is created.
        commits: whether what is created is committed at once, for other connections to see; else it is flushed.
        seed: what drawn values depend on.
        numbering: the seed of the profile's rows, which numbered values (`seedbed.fields.unique`) go on from.
        as_of: the moment that times are relative to, naive UTC.
        insert: writes a row of a factory without a model by the session, and returns it.
        counted: the factories whose Sequence has begun anew.
    """

    session: Callable[[], Any]
    seed: str
    numbering: str
    as_of: datetime
    insert: Callable[[Any, Any, dict[str, Any]], Any]
    commits: bool = False
    counted: set[type] = field(default_factory=set)

    def count(self, factory: Any) -> None:
        """Let a factory's Sequence begin anew, once."""
        if factory not in self.counted:
            self.counted.add(factory)
            factory.reset_sequence(FIRST, force=True)

    def written(self, session: Any) -> None:
        """Send what has been created, so that it has its key; no object of the session's expires by that."""
        if not self.commits:
            session.flush()
            return
        usual, session.expire_on_commit = session.expire_on_commit, False
        try:
            session.commit()
        finally:
            session.expire_on_commit = usual

    def begin(self) -> None:
        """Let ``create()`` work with this, in every thread and event loop of this process."""
        _current.append(self)

    def end(self) -> None:
        """Let it work with what it did before."""
        _current.remove(self)


_current: list[Creating] = []


def current_creating() -> Creating | None:
    """Return what holds now; None outside of tests."""
    return _current[-1] if _current else None
