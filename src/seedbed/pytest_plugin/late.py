"""What is committed where other tests would see it while no test runs: it is nobody's failure, and the end of the run tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedbed.pytest_plugin.watching import BETWEEN

if TYPE_CHECKING:
    from seedbed.pytest_plugin.bases import RollbackBase
    from seedbed.pytest_plugin.shelf import Shelf

TITLE = "committed where other tests would have seen it, when no test ran (seedbed)"


class Late(list[str]):
    """What people are told.

    Attributes:
        possible: whether a fixture of somebody's has ended since the last test's visit.
    """

    possible = False

    def ask(self, bases: Shelf) -> None:
        """Let the base that was used last find out; `RollbackBase.hear` takes the answer."""
        self.possible = False
        base = next(reversed(bases.values()), None)
        if base is not None:
            base.ask()

    def note(self, base: RollbackBase, before: str = "") -> None:
        """Write down what a base has heard between two tests, and let no other test begin there.

        Args:
            base: where it was committed.
            before: the test that came next.
        """
        if not base.late:
            return
        what = ", ".join(sorted(each.removeprefix(BETWEEN) for each in base.late))
        when = [f"after the end of {base.last}"] if base.last else []
        when += [f"before {before}"] if before else []
        self.append(f"{what}: {', '.join(when)}")
        base.late.clear()
        base.spoilt = True

    def hear(self, bases: Shelf) -> None:
        """Find out what was committed after the last tests."""
        if not bases:
            return
        from seedbed.pytest_plugin.bases import RollbackBase

        for base in bases.values():
            if isinstance(base, RollbackBase):
                base.hear_all()
                self.note(base)
