"""A running server as its ``postmaster.pid`` describes it: PostgreSQL's own record in the data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = {signal.SIGINT: 30.0, signal.SIGQUIT: 10.0, signal.SIGKILL: 5.0}
"""Seconds each signal is given: fast shutdown, immediate shutdown, no shutdown at all."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The process that owns a data directory.

    Attributes:
        pid: its process id.
        port: where it listens, on TCP and in the socket's name.
        ready: whether it accepts connections.
    """

    pid: int
    port: int
    ready: bool

    @classmethod
    def of(cls, data: Path) -> Postmaster | None:
        """Return the live process of a data directory; None where there is none or the record is stale."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            pid, port = int(lines[0]), int(lines[3])
        except (OSError, IndexError, ValueError):
            return None
        if not is_postgres(pid, data):
            return None
        return cls(pid, port, ready=len(lines) > 7 and lines[7].strip() == "ready")

    def stop(self, data: Path) -> None:
        """End the process, politely first, and return when it is gone.

        Raises:
            PermissionError: it belongs to somebody else.
        """
        for number, seconds in _PATIENCE.items():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return
            deadline = time.monotonic() + seconds
            while is_postgres(self.pid, data):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.005)
            else:
                return


def is_alive(pid: int) -> bool:
    """Say whether a process runs: one that is dead but not yet collected does not.

    Asked of a process just started. `is_postgres` would be wrong about it: a process has no arguments for a moment while its
    program is replaced.
    """
    if sys.platform == "linux":
        try:
            status = Path("/proc", str(pid), "stat").read_text()
        except OSError:
            return False
        return status.rpartition(")")[2].split()[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def is_postgres(pid: int, data: Path) -> bool:
    """Say whether a process id, which may have been given to another program since, is this server's.

    A dead process that nobody has collected yet has neither arguments nor a working directory, so it is not.
    """
    if sys.platform != "linux":
        command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
        return os.fsencode(data) in subprocess.run(command, capture_output=True).stdout
    process = Path("/proc", str(pid))
    try:
        return (
            os.fsencode(data) in (process / "cmdline").read_bytes().split(b"\0")
            or (process / "cwd").readlink() == data  # started by hand, with another spelling
        )
    except OSError:
        return False
