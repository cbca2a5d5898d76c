"""What the processes of one run share: a folder, and in it one for each of the run's servers.

The run's first process makes the folder and holds the *leash*: the writing end of a named pipe that the operating system closes when
that process ends, however it ends. All servers of ours hang on the other end.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from seedbed.testdb.host import LEASH, Host, Wanted, start
from seedbed.testdb.leases import Lease
from seedbed.testdb.leftovers import OWNER, PREFIX

_SERVER = "server.json"
_REFUSAL = "refusal"


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
        os.mkfifo(path / LEASH, 0o600)
        # Opened for both, or opening would wait for a reader; closed on exec, so that only this process holds it.
        return cls(path, os.open(path / LEASH, os.O_RDWR | os.O_CLOEXEC))

    @property
    def name(self) -> str:
        """The run's name, part of its databases' names."""
        return self.path.name.rpartition("-")[2].replace("_", "x").lower()

    @property
    def owner(self) -> Lease:
        """The process that began the run."""
        return Lease(**json.loads((self.path / OWNER).read_text()))

    def server(self, wanted: Wanted) -> ServerFolder:
        """Return what the processes share about a server, which need not have been started."""
        path = self.path / wanted.name
        path.mkdir(mode=0o700, exist_ok=True)
        return ServerFolder(path)

    def servers(self) -> list[ServerFolder]:
        """Return those that have been started."""
        return [ServerFolder(file.parent) for file in sorted(self.path.glob(f"*/{_SERVER}"))]

    def refuse(self, why: str) -> None:
        """Let the process that began the run know that it must not go on."""
        (self.path / _REFUSAL).write_text(why)

    def refusal(self) -> str:
        """Return why the run must not go on, empty where nobody says so."""
        file = self.path / _REFUSAL
        return file.read_text() if file.exists() else ""

    def let_go(self) -> None:
        """End the run: its servers go, except those to be kept."""
        os.close(self.leash)
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class ServerFolder:
    """What the processes of one run share about one of its servers.

    Attributes:
        path: a folder inside the run's.
    """

    path: Path

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
        """Return the server, None where nobody needed it yet."""
        try:
            return Host(**json.loads((self.path / _SERVER).read_text()))
        except FileNotFoundError:
            return None

    def ensure_host(self, wanted: Wanted) -> Host:
        """Return the server, started if it is not.

        Args:
            wanted: where it is to come from.

        Raises:
            NoServer: there is none to be had.
            DatabaseFailure: it did not start.
        """
        with self.locked():
            found = self.host()
            if found is None:
                found = start(wanted, self.path)
                draft = self.path / f"server.{secrets.token_hex(4)}"
                draft.touch(mode=0o600)
                draft.write_text(json.dumps(asdict(found)))
                draft.rename(self.path / _SERVER)
        return found

    def note(self, name: str) -> None:
        """Leave a note that `noted` finds."""
        (self.path / name).touch()

    def noted(self, name: str) -> bool:
        """Say whether a process of the run left this note."""
        return (self.path / name).exists()
