"""A throw-away server: in memory where there is room, gone when its owner is, whatever ends the owner."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedbed.servers.account import Account
from seedbed.servers.protocol import Backend, Server
from seedbed.servers.tuning import DISPOSABLE

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ROOM = 512 * 1024 * 1024
"""Bytes that must be free in memory: a new server takes 40 MB, a seeded staging profile some 400."""

KEEP = "keep"
"""A file in a server's folder: once its owner is gone, the server stays."""

_LEASH = f"""
read -r end
[ -e "$1/{KEEP}" ] && exit
record=$1/data/postmaster.pid
pid=$(head -n 1 "$record" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
tries=0
while [ -e "$record" ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 500 ]; do
    sleep 0.02
    tries=$((tries + 1))
done
rm -rf -- "$1"
"""
"""Waits for the end of a pipe only the owner holds; the operating system closes it even after SIGKILL."""


@contextmanager
def disposable(backend: Backend) -> Iterator[Server]:
    """Run a server for the length of a block.

    It is stopped and its files are removed at the end of the block or of this process, also by SIGKILL.

    Args:
        backend: where the server comes from.

    Raises:
        Unavailable: the backend has none here.
        DatabaseFailure: it did not start.
    """
    root = new_root()
    with leashed(root, subprocess.PIPE):
        server = backend.server(root, DISPOSABLE)
        server.start()
        yield server


def new_root() -> Path:
    """Return the name of a folder for a throw-away server, not yet made."""
    return roomy_folder() / f"seedbed-{secrets.token_hex(8)}"


def leashed(root: Path, pipe: int) -> subprocess.Popen[bytes]:
    """Tie the server in a folder, started or not, to the far end of a pipe.

    Args:
        root: the server's folder, removed with it.
        pipe: what to read from (`subprocess.PIPE` or a descriptor): at its end the server goes, unless there is a file `KEEP`.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", _LEASH, "sh", str(root)],
        stdin=pipe,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def roomy_folder() -> Path:
    """Return the folder for files that may be lost: memory where there is enough of it, else a temporary one."""
    account, usual = Account.for_servers(), Path(tempfile.gettempdir())
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM and account.can_enter(_MEMORY):
        return _MEMORY
    return usual if account.can_enter(usual) else Path("/tmp")  # noqa: S108
