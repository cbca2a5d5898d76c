"""Clones of one template, made ahead of time and dropped behind the back of the tests."""

from __future__ import annotations

import threading
from collections import deque

from seedbed.errors import SeedbedError
from seedbed.testdb.registry import BEAT, Registry, Template
from seedbed.testdb.templates import copying_strategy, create_database

_AHEAD_OF_NAMES = 32
"""Names reserved at a time: writing one down costs as much as a short query."""

_MOST_UNDROPPED = 16
"""Used clones that may wait for a quiet moment; beyond, dropping goes before making."""


class Pool:
    """Keeps a few clones ready.

    Args:
        registry: for this pool alone: its thread uses the connection.
        template: what is copied.
        size: how many clones are ready at best.
    """

    def __init__(self, registry: Registry, template: Template, size: int) -> None:
        self._registry, self._template, self._size = registry, template, max(1, size)
        self._strategy = copying_strategy(registry)
        self._ready: deque[str] = deque()
        self._used: deque[str] = deque()
        self._names: list[str] = []
        self._failure: SeedbedError | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._waiting = 0
        self._thread = threading.Thread(target=self._work, name="seedbed-clones", daemon=True)
        self._thread.start()

    def take(self) -> str:
        """Return the name of a clone that nobody else has.

        Raises:
            SeedbedError: none can be made.
        """
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ready or self._failure or self._ended)
            self._waiting -= 1
            if self._failure and not self._ready:
                raise self._failure
            name = self._ready.popleft()
            self._changed.notify_all()
            return name

    def give_back(self, name: str) -> None:
        """Let a clone be dropped some time."""
        with self._changed:
            self._used.append(name)
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread; what it made is dropped with the run."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()
        self._registry.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._something_to_do, timeout=BEAT)
                if self._ended:
                    return
                wanting = len(self._ready) < self._size
                overdue = len(self._used) > _MOST_UNDROPPED and not self._waiting
                drop = self._used.popleft() if self._used and (overdue or not wanting) else None
            try:
                if drop is not None:
                    self._registry.drop(drop, force=True)
                elif wanting:
                    self._make()
                else:
                    self._registry.beat()
            except SeedbedError as failure:
                with self._changed:
                    self._failure = failure
                    self._changed.notify_all()
                return

    def _something_to_do(self) -> bool:
        return self._ended or bool(self._used) or len(self._ready) < self._size

    def _make(self) -> None:
        if not self._names:
            self._names = self._registry.reserve("clone", _AHEAD_OF_NAMES)
        name = self._names.pop()
        create_database(self._registry, name, self._template.name, self._strategy)
        with self._changed:
            self._ready.append(name)
            self._changed.notify_all()
