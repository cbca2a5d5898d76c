"""Ctrl-C and SIGTERM as one of our errors: rolled back, and said so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import psycopg

from seedbed.errors import Interrupted, OutcomeUnknown, SeedbedError


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM inside a block into `Interrupted`, after psycopg has cancelled the running statement.

    The signal is remembered: the cancel request may reach the server when it is at the ROLLBACK already, and what comes up then is
    a 57014 in place of the KeyboardInterrupt.
    """
    stop = _Stop()
    replaced = _heard_by(stop)
    try:
        yield
    except OutcomeUnknown:
        raise
    except (KeyboardInterrupt, SeedbedError, psycopg.Error) as error:
        received = stop.received
        if not received and not isinstance(error, KeyboardInterrupt):
            raise
        raise Interrupted(signal_number=received[0] if received else signal.SIGINT) from None
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


def too_late() -> None:
    """Say that what the block does is done for good: a signal that still comes has nothing to roll back, and is let pass."""
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if isinstance(handler, _Stop) and threading.current_thread() is threading.main_thread():
            handler.deaf = True
            handler.received.clear()


class _Stop:
    """A handler that raises what psycopg answers by cancelling."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.deaf = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.deaf:
            self.received.append(number)
            raise KeyboardInterrupt


def _heard_by(stop: _Stop) -> dict[int, Any]:
    """Install a handler where the program has none of its own; return what to put back."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    ours = [number for number, handler in usual.items() if signal.getsignal(number) is handler]
    return {number: signal.signal(number, stop) for number in ours}
