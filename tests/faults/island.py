"""A program for a network of its own (``unshare --net``): a run there loses the network in the middle, without anybody hanging up.

Packets are neither delivered nor refused any more, as behind a dead switch; only TCP's own timers end the wait.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import threading
from contextlib import suppress

from given import applied
from psycopg.conninfo import conninfo_to_dict
from seeders import users
from wire import Point, Struck, hang_up, pour, through_wire

from seedbed.errors import SeedbedError

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
PLAIN = "sslmode=disable&gssencmode=disable"
QUICK = "tcp_user_timeout=1000&keepalives_idle=1&keepalives_interval=1&keepalives_count=1"


def turn_network(on: bool) -> None:
    """Bring the loopback interface, the only one here, up or down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name = b"lo".ljust(16, b"\0")
        request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, name + bytes(24))
        flags = struct.unpack("16xh", request[:18])[0]
        flags = flags | IFF_UP if on else flags & ~IFF_UP
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, name + struct.pack("h", flags) + bytes(22))


def serve(door: socket.socket, path: str) -> None:
    """Pass TCP connections on to a Unix socket."""
    with suppress(OSError):
        while True:
            client, _ = door.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pour, args=ends, daemon=True).start()


def main() -> None:
    """Apply to the database of a URL; the network goes at a statement. End with the error's exit code."""
    _, url, statement, when = sys.argv

    def strike(who: Struck) -> bool:
        turn_network(on=False)
        return True

    turn_network(on=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        through_wire(url, Point(statement, when), strike) as (line, _),  # type: ignore[arg-type]
    ):
        parts = conninfo_to_dict(line)
        path = f"{parts['host']}/.s.PGSQL.5432"
        threading.Thread(target=serve, args=(door, path), daemon=True).start()
        port = door.getsockname()[1]
        far = f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}?{PLAIN}&{QUICK}"
        try:
            applied(far, users("ann"))
        except SeedbedError as error:
            print(error)
            sys.stdout.flush()
            sys.exit(error.exit_code)
        finally:
            hang_up(door)


if __name__ == "__main__":
    main()
