"""What runs that were killed left on this machine, where what watches over them was killed, too: files in memory, and servers."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seedbed.errors import SeedbedError
from seedbed.servers.place import Place
from seedbed.testdb.leases import Lease

PREFIX = "seedbed-run-"
OWNER, ROOT = "owner", "root"
"""The lease of the process that began a run, in its folder; where a server's files are, in each server's folder inside."""


def remove_leftovers() -> None:
    """Remove what runs of ours left whose first process has ended; a living one's is not touched, nor a stranger's."""
    for folder in _ended():
        for file in folder.glob(f"*/{ROOT}"):
            with suppress(OSError):  # it is being removed
                _remove(Path(file.read_text()))
        shutil.rmtree(folder, ignore_errors=True)


def _ended() -> Iterator[Path]:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            owner = Lease(**json.loads((folder / OWNER).read_text()))
            ours = folder.stat().st_uid == os.geteuid()
        except (OSError, ValueError, TypeError):
            continue
        if ours and owner.ended:
            yield folder


def _remove(root: Path) -> None:
    """Remove a server's files; the one in them, if it runs, is ended first."""
    try:
        Place.at(root).stop()
    except SeedbedError:
        return
    shutil.rmtree(root, ignore_errors=True)
