"""The place where a backup is written before it has a name, and what is left of it when we are killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BEGINNING = ".seedbed-unfinished-"


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """Yield the name of a file to write, in a folder of its own that goes again whatever happens.

    The folder is locked while somebody works in it: those that runs left which were killed are not, and go now.

    Args:
        folder: where it is made, so that the file can be renamed into it.
    """
    _make(folder)
    _remove_abandoned(folder)
    fresh = Path(tempfile.mkdtemp(prefix=".seedbed-new-", dir=folder))
    lock = os.open(fresh, os.O_RDONLY)
    place = fresh
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only now it has a name that others look at.
        place = fresh.rename(folder / fresh.name.replace(".seedbed-new-", _BEGINNING))
        yield place / "dump"
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        ignored = folder / ".gitignore"  # a dump is not for a repository
        ignored.write_text("*\n", encoding="utf-8")


def _remove_abandoned(folder: Path) -> None:
    for place in folder.glob(f"{_BEGINNING}*"):
        if place.is_symlink() or not place.is_dir():
            continue
        with suppress(OSError):  # in use, or somebody else's
            lock = os.open(place, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(lock)
