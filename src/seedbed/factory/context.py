"""What values depend on besides their place."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from seedbed.creating import FIRST, current_creating

DEFAULT_SEED = "seedbed"


@dataclass(frozen=True, slots=True)
class Context:
    """What values depend on besides their place: the seed, and the moment that times are relative to (naive UTC).

    Attributes:
        numbering: the seed of the rows that numbered values go on from, which are numbered below `first`; None: there are none.
        first: the number of the first row.
    """

    seed: str = DEFAULT_SEED
    as_of: datetime = datetime(2026, 1, 1)
    numbering: str | None = None
    first: int = 0


_context: contextvars.ContextVar[Context | None] = contextvars.ContextVar("context")
_DEFAULT = Context()


def current_context() -> Context:
    """Return the context that `build()` and `create()` work in."""
    context, creating = _context.get(None), current_creating()
    if context is None and creating is not None:
        return Context(creating.seed, creating.as_of, creating.numbering, FIRST)
    return context or _DEFAULT


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
