"""The sign of life of a run, for other machines: they cannot look whether its processes are still there."""

from __future__ import annotations

import threading
from contextlib import suppress

from seedbed.errors import SeedbedError
from seedbed.testdb.registry import Registry

BEAT = 60.0
"""Seconds from one to the next; `seedbed.testdb.registry.SILENCE` is ten of them."""


class Heartbeat:
    """Says in the background that a run is alive, whatever its tests do meanwhile.

    Args:
        registry: where it says so.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry, self._ended = registry, threading.Event()
        self._thread = threading.Thread(target=self._work, name="seedbed-heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(SeedbedError):  # whoever needs the server next will say what is wrong
                self._registry.beat()
