"""Waiting for the end of processes that are not our children: blocked on the processes themselves."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

SECONDS = 180


def folder_of(url: str) -> Path:
    """Return the folder of the server a URL leads to."""
    found = re.search(r"host=(.*?)/socket", url)
    assert found
    return Path(found[1])


def wait_for_the_end_of(folder: Path) -> None:
    """Return when every process is gone that was told of a folder: the server in it, and what watches over it.

    Raises:
        psutil.TimeoutExpired: one is not.
    """
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in part for part in process.info["cmdline"] or ()):
            process.wait(timeout=SECONDS)
