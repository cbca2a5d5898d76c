"""Where a database comes from when the user gives no URL.

For the command line, `ensure_started` is all that ``apply`` without a URL needs; with `stop`, `status`, `url` and `shell` it is
``seedbed db``::

    started = ensure_started()          # idempotent; .url, .server (what runs, and why not another), .launched, .created
    status().running                    # .folder, .major, .pid, .url, .tcp_url, .log
    shell(url())                        # becomes psql
    stop()                              # True if there was something to stop

For tests, `disposable` runs a throw-away server for the length of a block::

    with disposable(choose().backend) as server:
        server.url("postgres")

What speaks to a running server is imported when it is first used: pytest's header asks where one would come from, in every run.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from seedbed.servers.choose import BACKENDS, Choice, NoServer, choose
from seedbed.servers.disposable import disposable
from seedbed.servers.embedded import Embedded
from seedbed.servers.protocol import Backend, Server, Unavailable
from seedbed.servers.system import System
from seedbed.servers.tuning import DISPOSABLE, DURABLE, Tuning

if TYPE_CHECKING:
    from seedbed.servers.client import psql, shell
    from seedbed.servers.development import (
        DATABASE,
        Started,
        Status,
        ensure_started,
        status,
        stop,
        url,
    )
    from seedbed.servers.extensions import missing_extensions

__all__ = [
    "BACKENDS",
    "DATABASE",
    "DISPOSABLE",
    "DURABLE",
    "Backend",
    "Choice",
    "Embedded",
    "NoServer",
    "Server",
    "Started",
    "Status",
    "System",
    "Tuning",
    "Unavailable",
    "choose",
    "disposable",
    "ensure_started",
    "missing_extensions",
    "psql",
    "shell",
    "status",
    "stop",
    "url",
]

_HOMES = {
    "client": ("psql", "shell"),
    "development": ("DATABASE", "Started", "Status", "ensure_started", "status", "stop", "url"),
    "extensions": ("missing_extensions",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
