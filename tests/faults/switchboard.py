"""A TCP proxy before several servers: the first connection reaches the first, the next one the next, and so on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict


@contextmanager
def switched(*urls: str) -> Iterator[str]:
    """Give one URL for several databases of one name: each connection reaches the next, and those after the last the last."""
    parts = [conninfo_to_dict(url) for url in urls]
    switch = _Switch([f"{part['host']}/.s.PGSQL.{part['port']}" for part in parts])
    try:
        name, user = parts[0]["dbname"], parts[0].get("user", "postgres")
        yield f"postgresql://{user}@127.0.0.1:{switch.port}/{name}"
    finally:
        switch.end()


class _Switch:
    def __init__(self, sockets: Sequence[str]) -> None:
        self.sockets = list(sockets)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.ends = [self.door]
        self.threads: list[threading.Thread] = []
        self._start(self._serve)

    def end(self) -> None:
        """Hang up everywhere."""
        for end in self.ends:
            _hang_up(end)
        for thread in self.threads:
            thread.join()
        for end in self.ends:
            end.close()

    def _start(self, work: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self.threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # the door was shut
            while True:
                client, _ = self.door.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.sockets[0])
                self.sockets = self.sockets[1:] or self.sockets
                self.ends += [client, server]
                self._start(_pour, client, server)
                self._start(_pour, server, client)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
