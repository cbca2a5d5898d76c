"""Servers and disks of a test's own, for what cannot be done to those that others use."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import pytest

from seedbed.servers import DISPOSABLE, Embedded, System
from seedbed.servers.disposable import leashed, new_root
from seedbed.servers.launcher import LocalServer


def missing(reason: str, *, takes_root: bool = False) -> NoReturn:
    """Skip a test for want of something; where that is promised (SEEDBED_CONTAINERS=required), fail it.

    Args:
        reason: what there is not.
        takes_root: whether it is promised to root only.
    """
    promised = os.environ.get("SEEDBED_CONTAINERS") == "required"
    if promised and (os.geteuid() == 0 or not takes_root):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def disk(size: str) -> Iterator[Path]:
    """Mount some memory as a disk for the length of a block; only root may.

    Args:
        size: as mount takes it, such as ``160m``.
    """
    folder = new_root()
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=711", "seedbed-disk", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        missing(f"no disk to fill up: {done.stderr.strip()}", takes_root=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def machine(
    backend: Embedded | System, settings: Mapping[str, str] | None = None, root: Path | None = None
) -> Iterator[LocalServer]:
    """Give a server, not yet started, for the length of a block; it and its files are gone afterwards, whatever happens.

    Args:
        settings: server parameters, over those of a disposable server.
        root: its folder; one in memory by default.
    """
    root = root or new_root()
    tuning = replace(
        DISPOSABLE, settings=MappingProxyType({**DISPOSABLE.settings, **(settings or {})})
    )
    leash = leashed(root, subprocess.PIPE)
    try:
        yield backend.server(root, tuning)
    finally:
        leash.communicate()


def run(server: LocalServer, program: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's programs as the account the server runs as."""
    _run(server, server.binaries.bin / program, *arguments)


def move_out(server: LocalServer, name: str, to: Path) -> None:
    """Put a part of the data directory elsewhere, as ``initdb --waldir`` does."""
    _run(server, "mv", server.place.data / name, to)
    _run(server, "ln", "-s", to, server.place.data / name)


def _run(server: LocalServer, *command: str | Path) -> None:
    done = server.place.account.run(command)
    assert done.returncode == 0, done.stdout
