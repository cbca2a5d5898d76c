"""Where a transaction that many share can go back to: they are one connection, each with a transaction of its own in mind.

Each one's beginning is a savepoint, and the last commit of any of them is one. A rollback goes back to where the one that asks began,
but never behind a commit, whoever made it: what a test has committed stays until its end.
"""

from __future__ import annotations

from collections.abc import Hashable

COMMITTED = "seedbed_committed"
"""The savepoint of the last commit, or of the beginning."""


class Marks:
    """The savepoints of one test's transaction, as they are on the server; each method returns what to send there, if anything.

    Attributes:
        clean: whether nothing has happened since the newest was set or gone back to.
    """

    def __init__(self) -> None:
        self._number = 0
        self._start()

    def _start(self) -> None:
        self.clean = True
        self._names = [COMMITTED]
        self._began: dict[Hashable, str] = {}

    def begin(self, who: Hashable) -> str | None:
        """Note that somebody's transaction or savepoint begins here."""
        if self.clean:
            self._began[who] = self._names[-1]
            return None
        self._number += 1
        name = f"seedbed_{self._number}"
        self._names.append(name)
        self._began[who] = name
        self.clean = True
        return f"SAVEPOINT {name}"

    def back(self, who: Hashable) -> str:
        """Undo what was done since somebody began, or since a later commit."""
        name = self._began.pop(who, COMMITTED)
        place = self._names.index(name) + 1
        undone, self._names = self._names[place:], self._names[:place]
        for other, began in self._began.items():
            if began in undone:  # it has nothing left to undo
                self._began[other] = name
        if self._needs(name):
            self.clean = True
            return f"ROLLBACK TO SAVEPOINT {name}"
        self._names.pop()
        self.clean = False
        return f"ROLLBACK TO SAVEPOINT {name};RELEASE SAVEPOINT {name}"

    def release(self, who: Hashable) -> str | None:
        """Forget where somebody began: what was done since belongs to whatever is around it."""
        name = self._began.pop(who, COMMITTED)
        if self._needs(name) or self._names[-1] != name:
            return None
        self._names.pop()
        self.clean = False
        return f"RELEASE SAVEPOINT {name}"

    def commit(self, *, inside: bool = False) -> str | None:
        """Keep what everybody has done so far.

        Args:
            inside: there are savepoints of somebody else's, which must stay.
        """
        if self.clean and len(self._names) == 1:
            return None
        self._start()
        fresh = f"SAVEPOINT {COMMITTED}"
        return fresh if inside else f"RELEASE SAVEPOINT {COMMITTED};{fresh}"

    def _needs(self, name: str) -> bool:
        return name == COMMITTED or name in self._began.values()
