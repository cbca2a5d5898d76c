"""Values computed and checked in a thread of their own, ahead of whoever needs them, while the server works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from types import TracebackType

from seedbed.errors import Finding
from seedbed.load.examining import examine
from seedbed.load.work import Work, Works

TellTable = Callable[[Work], None]
"""Is told the table whose values are about to be checked."""


class Checks:
    """Evaluates and checks tables, parents first, in one thread; use it as a context manager.

    Only this thread asks the dataset for columns, so that nothing in it needs to be safe for several.
    """

    def __init__(
        self, works: Works, written: Sequence[Work], told: TellTable = lambda _: None
    ) -> None:
        self.works, self.written, self.told = works, list(written), told
        self.results: dict[int, Future[list[Finding]]] = {
            id(work): Future() for work in self.written
        }
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._work, name="seedbed-values", daemon=True)

    def __enter__(self) -> Checks:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        self.thread.join()

    def of(self, work: Work) -> list[Finding]:
        """Wait for a table's values and return what is wrong with them; what computing any table's raised is raised here."""
        try:
            return self.results[id(work)].result()
        except CancelledError:
            assert self.failure is not None
            raise self.failure from None

    def all(self) -> list[Finding]:
        """Wait for every table."""
        return [finding for work in self.written for finding in self.of(work)]

    def _work(self) -> None:
        for work in self.written:
            result = self.results[id(work)]
            try:
                if not self.stop.is_set():
                    self.told(work)
                result.set_result(examine(self.works, work, self._go_on))
            except BaseException as failure:  # raised again where the result is asked for
                self.failure = self.failure or failure
                result.set_exception(failure)
                self.stop.set()

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise CancelledError
