"""A TCP proxy before a server, that cuts the line at a chosen moment."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg


class Proxy:
    """Passes bytes on until the client sends a text, or something for the nth time.

    Args:
        server: the address of the server: a socket's path, or host and port.
        trigger: the bytes to wait for, or which of the client's messages.
        forward: whether the server still gets them; the client gets no answer in either case.
        close: whether nobody can connect any more afterwards.
    """

    def __init__(
        self, server: str | tuple[str, int], trigger: bytes | int, *, forward: bool, close: bool
    ) -> None:
        self.sent = 0
        self.server, self.trigger, self.forward, self.close = server, trigger, forward, close
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.sprung = threading.Event()
        self.ends = [self.door]
        self.threads: list[threading.Thread] = []
        self._start(self._serve)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        self.threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self.threads[-1].start()

    def end(self) -> None:
        """Hang up everywhere."""
        for close in (_shut, socket.socket.close):
            for end in self.ends:
                close(end)
            for thread in self.threads:
                thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            family = socket.AF_UNIX if isinstance(self.server, str) else socket.AF_INET
            server = socket.socket(family)
            server.connect(self.server)
            self.ends += [client, server]
            cut = threading.Event()
            for work in (self._up, self._down):
                self._start(work, client, server, cut)

    def _up(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self.sent += 1
                if self._is_it(data) and not self.sprung.is_set():
                    cut.set()
                    self._spring(client, server, data)
                    return
                server.sendall(data)
        _shut(server)

    def _is_it(self, data: bytes) -> bool:
        return self.sent == self.trigger if isinstance(self.trigger, int) else self.trigger in data

    def _spring(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        self.sprung.set()
        if self.close:
            _shut(self.door)
        if self.forward:
            server.sendall(data)
            server.shutdown(socket.SHUT_WR)  # the server does what it was told and hangs up
        else:
            _shut(server)
        _shut(client)

    def _down(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while (data := server.recv(65536)) and not cut.is_set():
                client.sendall(data)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def through_proxy(
    url: str, trigger: bytes | int = b"COMMIT\0", *, forward: bool, close: bool = False
) -> Iterator[str]:
    """Give the URL of the same database behind a proxy."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    host, port = str(parts.get("host", "localhost")), int(parts.get("port", 5432))
    server = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
    proxy = Proxy(server, trigger, forward=forward, close=close)
    try:
        yield f"postgresql://{parts.get('user', 'postgres')}@127.0.0.1:{proxy.port}/{parts['dbname']}"
    finally:
        proxy.end()
