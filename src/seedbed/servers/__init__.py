"""Where a database comes from when the user gives no URL."""

from seedbed.servers.disposable import disposable
from seedbed.servers.embedded import Embedded
from seedbed.servers.protocol import Backend, Server, Unavailable
from seedbed.servers.system import System

__all__ = ["Backend", "Embedded", "Server", "System", "Unavailable", "disposable"]
