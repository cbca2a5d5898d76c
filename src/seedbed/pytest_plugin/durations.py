"""Where the time went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

_ORDER = ("server", "build", "clone", "connect", "drop")


def lines(spent: Iterable[tuple[str, float]]) -> Iterator[str]:
    """Yield a line for each kind of work: how often, the median and the sum."""
    found: dict[str, list[float]] = {}
    for what, seconds in spent:
        found.setdefault(what, []).append(seconds * 1000)
    for what in _ORDER:
        times = found.get(what)
        if times:
            yield f"{what:<8}{len(times):>6} x{median(times):>10.2f} ms{sum(times):>12.1f} ms in all"
