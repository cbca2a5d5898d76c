"""The Docker daemon: whether it is there and what it has, asked without importing what talks to it for real.

pytest's header tells in every run where a server would come from; importing testcontainers for that would take half a second.
"""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

from seedbed.servers.protocol import Unavailable
from seedbed.settings import docker_host

USUAL = "unix:///var/run/docker.sock"
_SOCKETS = ("/var/run/docker.sock", "~/.docker/run/docker.sock", "~/.docker/desktop/docker.sock")
_ELSEWHERE = ("~/.testcontainers.properties", "~/.docker/contexts")
"""Where testcontainers may have been told of a daemon in a way that is not read here."""

_PATIENCE = 2.0


def address() -> str | None:
    """Return where the daemon listens; None where only testcontainers can tell.

    Raises:
        Unavailable: nobody said anything, and it is in none of the usual places.
    """
    said = docker_host()
    if said:
        return said
    for name in _SOCKETS:
        path = Path(name).expanduser()
        if path.exists():
            return f"unix://{path}"
    if any(Path(name).expanduser().exists() for name in _ELSEWHERE):
        return None
    raise Unavailable(f"no Docker daemon at {USUAL}")


def find() -> str | None:
    """Return the address of a daemon that answers, or None as `address` does.

    Raises:
        Unavailable: there is none.
    """
    found = address()
    if found is not None and _status(found, "/_ping") not in (None, 200):
        raise Unavailable(f"no Docker daemon at {found}")
    return found


def lacks(image: str) -> bool:
    """Tell whether the daemon said that it would have to pull an image."""
    found = address()
    return found is not None and _status(found, f"/images/{quote(image)}/json") == 404


def is_here() -> bool:
    """Say whether the daemon is on this machine, so that containers can listen on its loopback address alone."""
    return urlsplit(docker_host() or USUAL).scheme in ("unix", "npipe")


def _status(where: str, path: str) -> int | None:
    """Return the status of the daemon's answer: 0 where there is none, None where it cannot be asked in plain HTTP."""
    parts = urlsplit(where)
    if parts.scheme != "unix":
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(parts.path)
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            return int(connection.recv(64).split()[1])
    except (OSError, ValueError, IndexError):
        return 0
