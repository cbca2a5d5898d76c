"""The server of one run, shared by all of its processes: chosen and started once, by whoever needs it first.

A run has a folder. Its first process makes the folder and holds the *leash*: the writing end of a named pipe that the operating
system closes when that process ends, however it ends. The server hangs on the other end.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from seedbed.errors import DatabaseFailure, InvalidInput
from seedbed.servers import Embedded, System, choose
from seedbed.servers.choose import Choice
from seedbed.servers.container import IMAGE, Container
from seedbed.servers.disposable import leashed, new_root
from seedbed.servers.launcher import LocalServer
from seedbed.servers.protocol import Backend, Unavailable
from seedbed.servers.tuning import DISPOSABLE
from seedbed.testdb.address import address
from seedbed.testdb.cache import Cache
from seedbed.testdb.leases import Lease
from seedbed.testdb.leftovers import OWNER, PREFIX, ROOT


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a server is to come from.

    Attributes:
        server: ``auto``, or a backend's name, or ``url``.
        url: the given server's, for ``url``.
        image: the container's image.
        cache: megabytes of templates kept between runs.
        project: whose templates.
    """

    server: str = "auto"
    url: str | None = None
    image: str = IMAGE
    cache: int = 512
    project: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A running server.

    Attributes:
        kind: ``url``, ``container``, ``embedded`` or ``system``.
        description: for people, with the reasons against others.
        version: PostgreSQL's.
        admin: the URL of a database that is always there.
        root: the folder of a local server of ours, else empty.
        keeper: the process that keeps a container of ours, else 0.
        warm: whether it came with templates of an earlier run.
    """

    kind: str
    description: str
    version: str
    admin: str
    root: str = ""
    keeper: int = 0
    warm: bool = False

    def url(self, database: str) -> str:
        """Return the URL of a database on this server."""
        return address(self.admin, database)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """What the processes of one run share.

    Attributes:
        path: the folder, closed to others.
        leash: the pipe's writing end in the process that made the folder, else -1.
    """

    path: Path
    leash: int = -1

    @classmethod
    def make(cls) -> RunFolder:
        """Return a new run's folder; this process holds its leash."""
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        (path / OWNER).write_text(json.dumps(asdict(Lease.own())))
        os.mkfifo(path / "leash", 0o600)
        # Opened for both, or opening would wait for a reader; closed on exec, so that only this process holds it.
        return cls(path, os.open(path / "leash", os.O_RDWR | os.O_CLOEXEC))

    @property
    def run(self) -> str:
        """The run's name, part of its databases' names."""
        return self.path.name.rpartition("-")[2].replace("_", "x").lower()

    @property
    def owner(self) -> Lease:
        """The process that began the run."""
        return Lease(**json.loads((self.path / OWNER).read_text()))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the run's other processes out meanwhile."""
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def host(self) -> Host | None:
        """Return the run's server, None where nobody needed one yet."""
        try:
            return Host(**json.loads((self.path / "server.json").read_text()))
        except FileNotFoundError:
            return None

    def note(self, name: str) -> None:
        """Leave a note that `noted` finds."""
        (self.path / name).touch()

    def noted(self, name: str) -> bool:
        """Say whether a process of the run left this note."""
        return (self.path / name).exists()

    def ensure_host(self, wanted: Wanted) -> Host:
        """Return the run's server, started if it is not.

        Args:
            wanted: where it is to come from.

        Raises:
            NoServer: there is none to be had.
            DatabaseFailure: it did not start.
        """
        with self.locked():
            found = self.host()
            if found is None:
                found = _start(self, wanted)
                draft = self.path / f"server.{secrets.token_hex(4)}"
                draft.touch(mode=0o600)
                draft.write_text(json.dumps(asdict(found)))
                draft.rename(self.path / "server.json")
        return found

    def let_go(self, *, keep: bool) -> None:
        """End the run: the server goes, unless it holds something to be kept."""
        if keep:
            os.write(self.leash, b"keep\n")
        os.close(self.leash)
        shutil.rmtree(self.path, ignore_errors=True)

    def reading_end(self) -> int:
        """Return the leash's reading end, for a process that hangs on it."""
        # Without O_NONBLOCK, opening would wait for ever where the run has just died; with it, a read would not wait at all.
        end = os.open(self.path / "leash", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(end, True)
        return end


def _start(folder: RunFolder, wanted: Wanted) -> Host:
    if wanted.server == "url":
        return _given(wanted)
    container: Backend = Container(wanted.image, glance=True)  # its keeper takes the closer look
    chosen = choose(wanted.server, backends=(container, Embedded(), System()))
    if chosen.backend is container:
        try:
            return _container(folder, wanted, chosen)
        except Unavailable as reason:
            container = _Refusing(reason=str(reason))
            chosen = choose(wanted.server, backends=(container, Embedded(), System()))
    return _local(folder, wanted, chosen)


@dataclass(frozen=True, slots=True)
class _Refusing(Container):
    """The container backend, once it is known that it cannot."""

    reason: str = ""

    def describe(self, *, major: int | None = None) -> str:
        raise Unavailable(self.reason)


def _given(wanted: Wanted) -> Host:
    from seedbed.testdb.connecting import connect

    if not wanted.url:
        raise InvalidInput("--seedbed-server url needs a --seedbed-url")
    with connect(wanted.url) as connection:
        version = str(connection.info.parameter_status("server_version")).split()[0]
        database = connection.info.dbname
    return Host("url", f"PostgreSQL {version} url", version, address(wanted.url, database))


def _local(folder: RunFolder, wanted: Wanted, chosen: Choice) -> Host:
    root = new_root()
    server = chosen.backend.server(root, DISPOSABLE)
    assert isinstance(server, LocalServer)
    (folder.path / ROOT).write_text(str(root))
    end = folder.reading_end()
    leashed(root, end).returncode = 0  # it outlives this process; nobody waits for it
    os.close(end)
    warm = _started(server, Cache.of(server, wanted.project, wanted.cache))
    name = chosen.backend.name
    return Host(name, str(chosen), server.version, server.url(), str(root), warm=warm)


def _started(server: LocalServer, cache: Cache) -> bool:
    """Start a server on what an earlier run kept, if it did and that works, else on nothing; says which."""
    try:
        with cache.lent(server.place) as warm:
            server.start()
    except (OSError, DatabaseFailure):
        if not server.place.data.exists():
            raise
        # Whatever is wrong with it, a server can be made without it.
        server.stop()
        shutil.rmtree(server.place.data)
        server.place.passfile.unlink(missing_ok=True)
        server.start()
        return False
    return warm


def _container(folder: RunFolder, wanted: Wanted, chosen: Choice) -> Host:
    end = folder.reading_end()
    keeper = subprocess.Popen(
        [sys.executable, "-m", "seedbed.testdb.keeper", wanted.image],
        stdin=end,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(end)
    assert keeper.stdout is not None
    with keeper.stdout as pipe:
        said = json.loads(pipe.readline() or '{"failure": "its keeper died"}')
    keeper.returncode = 0  # it outlives this process; nobody waits for it
    if "unavailable" in said:
        raise Unavailable(said["unavailable"])
    if "failure" in said:
        raise DatabaseFailure(said["failure"])
    return Host("container", str(chosen), said["version"], said["url"], keeper=keeper.pid)
