"""A proxy that reads PostgreSQL's protocol: it counts what a client sends, and strikes at one place of it.

The client connects through a Unix socket, so that the operating system says which process it is. Only the first connection is
counted and struck; later ones, such as one that asks what became of a COMMIT, pass.
"""

from __future__ import annotations

import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psycopg.conninfo import conninfo_to_dict

When = Literal["before", "within", "after"]
STATEMENT_ENDS = b"QSdcf"
"""Frontend messages the server acts on: Query, Sync, CopyData, CopyDone, CopyFail."""
ANSWERED = b"ZG"
"""Backend messages after which it is the client's turn: ReadyForQuery, CopyInResponse."""


@dataclass(frozen=True)
class Point:
    """A place in what a client sends.

    Attributes:
        statement: which one, from 1, where a piece of COPY's data counts as one; or how the first such begins.
        when: before the server gets it, with half of it sent, or when the server has answered and the client has not heard it.
    """

    statement: int | str
    when: When

    def is_at(self, number: int, label: str) -> bool:
        """Say whether this is the statement, which begins so."""
        if isinstance(self.statement, int):
            return self.statement == number
        return label.startswith(self.statement)


@dataclass(frozen=True)
class Struck:
    """Who is at the ends of the line."""

    client: int
    backend: int


class Wire:
    """A listener before one server; see the module."""

    def __init__(
        self, server: str, point: Point | None, strike: Callable[[Struck], bool] | None
    ) -> None:
        self.server, self.point, self.strike = server, point, strike
        self.statements: list[str] = []
        self.struck = False
        self.folder = Path(tempfile.mkdtemp(prefix="seedbed-wire-"))
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(self.folder / ".s.PGSQL.5432"))
        self.door.listen()
        self.failures: list[BaseException] = []
        self.ends: list[socket.socket] = [self.door]
        self.threads: list[threading.Thread] = []
        self._start(self._serve)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except OSError:  # one of the ends hung up
                pass
            except BaseException as failure:  # told by `end`, in the test's own thread
                self.failures.append(failure)

        self.threads.append(threading.Thread(target=guarded, daemon=True))
        self.threads[-1].start()

    def end(self) -> None:
        """Hang up everywhere, and raise what went wrong in a thread."""
        for end in self.ends:
            hang_up(end)
        for thread in self.threads:
            thread.join()
        for end in self.ends:
            end.close()
        shutil.rmtree(self.folder)
        if self.failures:
            raise self.failures[0]

    def close(self) -> None:
        """Let nobody in any more."""
        hang_up(self.door)

    def _serve(self) -> None:
        first = True
        while True:
            client, _ = self.door.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.server)
            self.ends += [client, server]
            line = _Line(self, client, server) if first else _Plain(client, server)
            first = False
            for work in (line.up, line.down):
                self._start(work)


class _Plain:
    """A connection that is passed on as it is."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server

    def up(self) -> None:
        pour(self.client, self.server)

    def down(self) -> None:
        pour(self.server, self.client)


class _Line:
    """The connection that is counted."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self.wire, self.client, self.server = wire, client, server
        self.backend = 0
        self.waiting = threading.Event()  # for the answer that the client is not to hear

    def up(self) -> None:
        try:
            self.server.sendall(_first_message(self.client))
            group: list[bytes] = []
            for message in _messages(self.client):
                group.append(message)
                if message[0] in STATEMENT_ENDS:
                    if not self._pass_on(group):
                        return
                    group = []
            self.server.sendall(b"".join(group))  # Terminate
        finally:
            hang_up(self.server)

    def down(self) -> None:
        held = b""
        try:
            for message in _messages(self.server):
                if message[:1] == b"K":
                    self.backend = struct.unpack("!i", message[5:9])[0]
                held += message
                if self.waiting.is_set():
                    if message[0] not in ANSWERED:
                        continue
                    self.waiting.clear()
                    if not self._strike():
                        return
                self.client.sendall(held)
                held = b""
        finally:
            hang_up(self.client)

    def _pass_on(self, group: list[bytes]) -> bool:
        """Send one statement to the server; return whether the line still stands."""
        wire, data = self.wire, b"".join(group)
        wire.statements.append(_label(group))
        point = wire.point
        at = len(wire.statements), wire.statements[-1]
        if point is None or wire.struck or not point.is_at(*at):
            self.server.sendall(data)
            return True
        if point.when == "after":
            self.waiting.set()
            self.server.sendall(data)
            return True
        half = len(data) // 2 if point.when == "within" else 0
        self.server.sendall(data[:half])
        if not self._strike():
            return False
        self.server.sendall(data[half:])
        return True

    def _strike(self) -> bool:
        who = self.client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        assert self.wire.strike is not None
        self.wire.struck = True
        stands = self.wire.strike(Struck(struct.unpack("3i", who)[0], self.backend))
        if not stands:
            hang_up(self.server)
            hang_up(self.client)
        return stands


def _first_message(end: socket.socket) -> bytes:
    """Return the start-up message, which has no type."""
    length = _exactly(end, 4)
    return length + _exactly(end, struct.unpack("!i", length)[0] - 4)


def _messages(end: socket.socket) -> Iterator[bytes]:
    while kind := end.recv(1):
        length = _exactly(end, 4)
        yield kind + length + _exactly(end, struct.unpack("!i", length)[0] - 4)


def _exactly(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = end.recv(size - len(data))
        if not part:
            raise ConnectionError("hung up in the middle of a message")
        data += part
    return data


def pour(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, to its end."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    hang_up(sink)


def _label(group: list[bytes]) -> str:
    kinds = {b"d": "(COPY data)", b"c": "(COPY end)", b"f": "(COPY failed)", b"S": "(Sync)"}
    for message in group:
        if message[:1] == b"Q":
            return _text(message[5:])
        if message[:1] == b"P":
            return _text(message[5:].partition(b"\0")[2])
    return kinds[group[-1][:1]]


def _text(data: bytes) -> str:
    return " ".join(data.partition(b"\0")[0].decode(errors="replace").split())


def hang_up(end: socket.socket) -> None:
    """Close both directions of a socket that may be closed already."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def through_wire(
    url: str, point: Point | None = None, strike: Callable[[Struck], bool] | None = None
) -> Iterator[tuple[str, Wire]]:
    """Give the URL of the same database behind a `Wire`, and the wire.

    Args:
        point: where to strike.
        strike: what to do there; returns whether the line still stands afterwards.
    """
    parts = conninfo_to_dict(url)
    wire = Wire(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}", point, strike)
    try:
        user, name = parts.get("user", "postgres"), parts["dbname"]
        yield f"postgresql://{user}@/{name}?host={wire.folder}&port=5432&gssencmode=disable", wire
    finally:
        wire.end()
