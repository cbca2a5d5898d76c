"""Two sets of server settings: one keeps what it is told, the other forgets quickly."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

_EVERYWHERE = {
    "cluster_name": "seedbed",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # The log must not become a place where rows' contents and passwords end up.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a server is set up.

    Attributes:
        name: what people call it.
        durable: whether it has to survive a power cut.
        settings: server parameters by name, as given to ``postgres -c``.
    """

    name: str
    durable: bool
    settings: MappingProxyType[str, str]


DURABLE = Tuning(
    "durable",
    durable=True,
    settings=MappingProxyType({**_EVERYWHERE, "shared_buffers": "128MB", "max_wal_size": "1GB"}),
)
"""For a server whose databases somebody wants to see again: PostgreSQL's own defaults."""

DISPOSABLE = Tuning(
    "disposable",
    durable=False,
    settings=MappingProxyType(
        {
            **_EVERYWHERE,
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "2GB",
            "checkpoint_timeout": "1h",
            "autovacuum": "off",
            "shared_buffers": "128MB",
            # Every worker holds some for each of its templates.
            "max_connections": "300",
        }
    ),
)
"""For tests: nothing is flushed, nothing runs in the background, a crash loses everything."""
