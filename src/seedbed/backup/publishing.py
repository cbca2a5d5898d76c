"""Giving a verified dump its name, which nothing else has."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from seedbed.backup.manifest import Manifest, manifest_path


def publish(dump: Path, folder: Path, manifest: Manifest) -> tuple[Path, Manifest]:
    """Move a dump to a free name, and put its manifest beside it; returns both as they are now.

    Args:
        dump: the file, on the folder's file system.
        folder: where it goes.
        manifest: of the dump; its `file` is filled in.

    Raises:
        OSError: it could not be done; there is neither file then.
    """
    dump.chmod(0o600)
    with dump.open("rb") as file:
        os.fsync(file.fileno())
    for name in _names(manifest):
        named = replace(manifest, file=name)
        with suppress(FileExistsError):
            _move(dump, folder / name, named)
            break
    _sync(folder)
    return folder / name, named


def _names(manifest: Manifest) -> Iterator[str]:
    database = re.sub(r"[^\w.-]+", "_", manifest.database).lstrip(".-") or "database"
    first = f"{database}-{manifest.made_at:%Y%m%dT%H%M%SZ}"
    yield f"{first}.dump"
    yield from (f"{first}-{number}.dump" for number in count(2))


def _move(dump: Path, path: Path, manifest: Manifest) -> None:
    """The manifest goes first: who makes it has the name, and there is no dump without one.

    Raises:
        FileExistsError: somebody else has the name.
    """
    beside = manifest_path(path)
    manifest.write(beside)
    try:
        if os.path.lexists(path):
            raise FileExistsError(path)
        dump.rename(path)
    except BaseException:
        beside.unlink()
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
