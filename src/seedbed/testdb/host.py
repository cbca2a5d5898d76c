"""A server of a run: chosen and started, and tied to the run's leash (`seedbed.testdb.run`)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

from seedbed.errors import DatabaseFailure, InvalidInput
from seedbed.servers.choose import Choice
from seedbed.servers.container import IMAGE, Container
from seedbed.servers.disposable import KEEP, leashed, new_root
from seedbed.servers.launcher import LocalServer
from seedbed.servers.protocol import Backend, Unavailable
from seedbed.servers.tuning import DISPOSABLE
from seedbed.testdb.address import address
from seedbed.testdb.cache import Cache
from seedbed.testdb.choosing import choice
from seedbed.testdb.leftovers import ROOT

LEASH = "leash"
"""The pipe in a run's folder."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a server is to come from.

    Attributes:
        server: ``auto``, or a backend's name, or ``url``.
        url: the given server's, for ``url``.
        image: the container's image.
        cache: megabytes of templates kept between runs.
        project: whose templates.
        clear: forget the templates of earlier runs that are on a given server.
    """

    server: str = "auto"
    url: str | None = None
    image: str = IMAGE
    cache: int = 512
    project: str = ""
    clear: bool = False

    @property
    def name(self) -> str:
        """A name for it, the same in all processes."""
        digest = hashlib.blake2b(repr(astuple(self)).encode(), digest_size=8)
        return f"{self.server}-{digest.hexdigest()}"


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
        keep: a file that lets a server of ours outlive the run if somebody makes it, else empty.
        warm: whether it came with templates of an earlier run.
    """

    kind: str
    description: str
    version: str
    admin: str
    root: str = ""
    keeper: int = 0
    keep: str = ""
    warm: bool = False

    def url(self, database: str) -> str:
        """Return the URL of a database on this server."""
        return address(self.admin, database)


def start(wanted: Wanted, folder: Path) -> Host:
    """Start a server, or look at the given one.

    Args:
        wanted: where it is to come from.
        folder: the server's, inside the run's.

    Raises:
        NoServer: there is none to be had.
        DatabaseFailure: it did not start.
    """
    if wanted.server == "url":
        return _given(wanted)
    container: Backend = Container(wanted.image, glance=True)  # its keeper takes the closer look
    chosen = choice(wanted.server, container)
    if chosen.backend is container:
        try:
            return _container(folder, wanted, chosen)
        except Unavailable as reason:
            chosen = choice(wanted.server, _Refusing(reason=str(reason)))
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


def _local(folder: Path, wanted: Wanted, chosen: Choice) -> Host:
    root = new_root()
    server = chosen.backend.server(root, DISPOSABLE)
    assert isinstance(server, LocalServer)
    (folder / ROOT).write_text(str(root))
    end = _reading_end(folder.parent / LEASH)
    leashed(root, end).returncode = 0  # it outlives this process; nobody waits for it
    os.close(end)
    warm = _started(server, Cache.of(server, wanted.project, wanted.cache))
    return Host(
        chosen.backend.name,
        str(chosen),
        server.version,
        server.url(),
        root=str(root),
        keep=str(root / KEEP),
        warm=warm,
    )


def _started(server: LocalServer, cache: Cache) -> bool:
    """Start a server on what an earlier run kept, if it did and that works, else on nothing; says which."""
    try:
        with cache.lent(server.place) as warm:
            server.start()
    except (OSError, DatabaseFailure):
        # Whatever is wrong with it, a server can be made without it.
        server.stop()
        shutil.rmtree(server.place.data, ignore_errors=True)
        server.place.passfile.unlink(missing_ok=True)
        server.start()
        return False
    return warm


def _container(folder: Path, wanted: Wanted, chosen: Choice) -> Host:
    keep = str(new_root())
    end = _reading_end(folder.parent / LEASH)
    keeper = subprocess.Popen(
        [sys.executable, "-m", "seedbed.testdb.keeper", wanted.image, keep],
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
    return Host(
        "container", str(chosen), said["version"], said["url"], keeper=keeper.pid, keep=keep
    )


def _reading_end(leash: Path) -> int:
    """Return the leash's reading end, for a process that hangs on it."""
    # Without O_NONBLOCK, opening would wait for ever where the run has just died; with it, a read would not wait at all.
    end = os.open(leash, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(end, True)
    return end
