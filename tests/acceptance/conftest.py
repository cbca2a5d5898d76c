"""The small project, and the command line in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.program import FILES, Ran, run_seedbed, write_files


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the folder of a small project."""
    folder = tmp_path / "shop"
    write_files(folder, FILES)
    return folder


@pytest.fixture
def seedbed(shop: Path) -> Callable[..., Ran]:
    """Return a function that runs the command line in the small project."""

    def run(*arguments: str, **more: Any) -> Ran:
        return run_seedbed(shop, *arguments, **more)

    return run
