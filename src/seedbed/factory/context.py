"""What values depend on besides their place."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

DEFAULT_SEED = "seedbed"


@dataclass(frozen=True, slots=True)
class Context:
    """What values depend on besides their place: the seed, and the moment that times are relative to (naive UTC)."""

    seed: str = DEFAULT_SEED
    as_of: datetime = datetime(2026, 1, 1)


_context: contextvars.ContextVar[Context | None] = contextvars.ContextVar("context")
_ambient = Context()


def current_context() -> Context:
    """Return the context that `build()` and `create()` work in."""
    return _context.get(None) or _ambient


def set_ambient(context: Context) -> Context:
    """Make a context hold where `using` says nothing, in every thread and event loop; return the one that held before."""
    global _ambient
    before, _ambient = _ambient, context
    return before


@contextlib.contextmanager
def using(context: Context) -> Iterator[None]:
    """Let `build()` and `create()` work in another context.

    >>> with using(Context(seed="other", as_of=datetime(2026, 7, 1))):
    ...     current_context().seed
    'other'
    """
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)
