"""Start and stop a PostgreSQL server from its programs: ``initdb`` once, then ``postgres`` itself.

``pg_ctl`` is left out because its waiting alone costs 100 ms. The server is started through a shell that ends at
once, so that it belongs to init: it outlives the caller, and leaves no zombie in a caller that lives longer.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import DatabaseFailure, Finding
from seedbed.servers.binaries import Binaries, reachable
from seedbed.servers.homes import cache_home
from seedbed.servers.place import SUPERUSER, Place
from seedbed.servers.postmaster import Postmaster, is_alive
from seedbed.servers.tuning import Tuning

_START_SECONDS = 60.0
_POLL_SECONDS = 0.002
_TRANSIENT = (
    "could not create any TCP/IP sockets",  # somebody took the free port in between
    "pre-existing shared memory block",  # the backends of a killed server are still leaving
    "could not create Unix-domain socket",
)


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server of this machine, run from binaries; see `seedbed.servers.protocol.Server`.

    Attributes:
        binaries: the programs it runs.
        place: its files.
        tuning: its settings.
    """

    binaries: Binaries
    place: Place
    tuning: Tuning

    @property
    def version(self) -> str:
        """PostgreSQL's version."""
        return self.binaries.version

    @property
    def running(self) -> Postmaster | None:
        """The server's process, None while there is none."""
        return Postmaster.of(self.place.data)

    def start(self) -> None:
        """Return when the server accepts connections, having made its data directory if it has none.

        Raises:
            DatabaseFailure: it could not be made or started; the message has the server's own last words.
        """
        with self.place.locked():
            self.place.prepare()
            if not (self.place.data / "PG_VERSION").exists():
                initialise(self.binaries, self.place, self.tuning)
            found = self.running
            deadline = time.monotonic() + _START_SECONDS
            if found is None or not _became_ready(self.place, found.pid, deadline):
                self._launch()

    def stop(self) -> None:
        """Return when the server is gone; does nothing if it already is."""
        self.place.stop()

    def url(self, database: str = "postgres") -> str:
        """Return a database's URL through the Unix socket."""
        return self.place.url(database, self._port())

    def tcp_url(self, database: str = "postgres") -> str:
        """Return a database's URL through 127.0.0.1."""
        return self.place.tcp_url(database, self._port())

    def _port(self) -> int:
        found = self.running
        if found is None:
            raise DatabaseFailure(f"the server in {self.place.root} is not running")
        return found.port

    def _launch(self) -> None:
        """Start the program, again while what is in its way is known to pass."""
        place, deadline = self.place, time.monotonic() + _START_SECONDS
        _forget_dead_server(place)
        while True:
            command = _command(self.binaries, place, self.tuning, _free_port(place))
            with place.log.open("w") as log:
                place.log.chmod(0o600)
                shell = ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command]
                pid = int(place.account.run(shell, errors=log.fileno()).stdout)
            if _became_ready(place, pid, deadline):
                return
            last_words = place.log.read_text(errors="replace")
            passes = any(text in last_words for text in _TRANSIENT)
            if not passes or time.monotonic() > deadline:
                raise _failure(f"{self.binaries} did not start in {place.root}", last_words)
            time.sleep(0.05)


def local_server(binaries: Binaries, root: Path, tuning: Tuning) -> LocalServer:
    """Return a server, not yet started, run from binaries as an account that can reach them (or a copy)."""
    place = Place.at(root)
    programs = reachable(binaries, place.account, cache_home(place.account))
    return LocalServer(programs, place, tuning)


def initialise(binaries: Binaries, place: Place, tuning: Tuning) -> None:
    """Make the data directory, complete or not at all.

    Raises:
        DatabaseFailure: ``initdb`` failed; the message has what it said.
    """
    draft = place.root / "data.new"
    shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed; the lock is ours
    draft.mkdir(mode=0o700)
    place.account.give(draft)
    with tempfile.NamedTemporaryFile("w", dir=place.socket, prefix=".password") as password:
        password.write(place.password)
        password.flush()
        place.account.give(Path(password.name))
        command = _initdb(binaries, tuning, Path(password.name))
        answer = place.account.run([*command, f"--pgdata={draft}"])
    if answer.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise _failure(f"initdb of {binaries} failed in {place.root}", answer.stdout)
    draft.rename(place.data)


def _initdb(binaries: Binaries, tuning: Tuning, password: Path) -> list[str]:
    command = [str(binaries.bin / "initdb"), f"--username={SUPERUSER}", f"--pwfile={password}"]
    command += ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    # Rows sort the same on every machine; letters beyond ASCII still have upper and lower case.
    if binaries.major >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        command += ["--lc-ctype=C.UTF-8" if sys.platform == "linux" else "--lc-ctype=UTF-8"]
    if not tuning.durable:
        command += ["--no-sync", "--wal-segsize=1"]  # what is copied for every run is small
    return command


def _command(binaries: Binaries, place: Place, tuning: Tuning, port: int) -> list[str]:
    quoted_socket = '"' + str(place.socket).replace('"', '""') + '"'
    settings = {
        **tuning.settings,
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": quoted_socket,
        "hba_file": str(place.hba),
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries.bin / "postgres"), "-D", str(place.data), *options]


def _became_ready(place: Place, pid: int, deadline: float) -> bool:
    """Wait for a starting server; False when it ended, or the time has."""
    while time.monotonic() < deadline:
        alive = is_alive(pid)
        found = Postmaster.of(place.data)
        if found is not None and found.ready:
            return True
        if not alive:
            return False
        time.sleep(_POLL_SECONDS)
    return False


def _forget_dead_server(place: Place) -> None:
    """Remove the records of a server that did not end properly; the caller knows that none is running.

    PostgreSQL does that itself unless their process id is in use: by another program of the same account, or by the dead server
    where nobody has collected it yet, as in many containers.
    """
    for record in (place.data / "postmaster.pid", *place.socket.glob(".s.PGSQL.*.lock")):
        record.unlink(missing_ok=True)


def _free_port(place: Place) -> int:
    """Return the port this server had last time, so that URLs stay valid, or a free one."""
    record = place.root / "port"
    last = int(record.read_text()) if record.exists() else 0
    for wanted in (last, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
            record.write_text(str(port))
            return port
    raise DatabaseFailure("no free port on 127.0.0.1")


def _failure(message: str, said: str) -> DatabaseFailure:
    lines = [line for line in said.splitlines() if line.strip()]
    last = lines[-5:] or ["it ended without a word"]
    return DatabaseFailure(message, findings=[Finding("", line) for line in last])
