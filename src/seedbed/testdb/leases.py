"""Whether the process that made something is still there: a lease names it so that no later process is mistaken for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lease:
    """A process.

    Attributes:
        place: machine, its boot, and the process namespace: within one, a process id means something.
        pid: its number.
        born: when it began, in whatever unit the system counts, for numbers are given again.
    """

    place: str
    pid: int
    born: str

    @classmethod
    def own(cls) -> Lease:
        """Return this process's."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Lease:
        """Return that of a process of this machine."""
        return cls(_place(), pid, _born(pid))

    @property
    def ended(self) -> bool | None:
        """Whether the process has ended; None where that cannot be told from here."""
        if self.place != _place():
            return None
        return _born(self.pid) != self.born


@cache
def _place() -> str:
    if sys.platform == "linux":
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    said = subprocess.run(["/usr/sbin/sysctl", "-n", "kern.boottime"], capture_output=True)
    return f"{socket.gethostname()} {said.stdout.decode().strip()}"


def _born(pid: int) -> str:
    if sys.platform == "linux":
        try:
            fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in ("Z", "X") else fields[19]
    command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True).stdout.decode().strip()
