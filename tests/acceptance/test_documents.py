"""The documentation's examples are executed; what they print is what they show."""

from __future__ import annotations

import doctest
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.documents import follow, settled, steps

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reader() -> Iterator[dict[str, str]]:
    """The environment of somebody who has just installed seedbed: nothing configured, no server started yet."""
    with tempfile.TemporaryDirectory(prefix="seedbed-reader-") as home:
        Path(home).chmod(0o755)  # the server's account must be able to pass
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {
            "PATH": programs,
            "HOME": home,
            "XDG_DATA_HOME": f"{home}/data",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
        }
        yield environment
        subprocess.run(["seedbed", "db", "stop"], env=environment, cwd=home, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def test_the_tutorial_does_what_it_shows(reader: dict[str, str], tmp_path: Path) -> None:
    """Every file of the tutorial is written, every command run, and its output compared, in the tutorial's order."""
    folder = tmp_path / "bookshop"
    folder.mkdir()
    done = list(steps(ROOT / "docs" / "tutorial.md"))
    assert sum(bool(step.command) for step in done) >= 10
    for step in done:
        printed = follow(step, folder, reader)
        assert settled(printed) == settled(step.expected), f"docs/tutorial.md:{step.line}"


def test_the_session_in_describing_data_gives_what_it_shows() -> None:
    """The page is one Python session; every expression is evaluated and its value compared."""
    page = ROOT / "docs" / "describing-data.md"
    failed, attempted = doctest.testfile(str(page), module_relative=False)
    assert (failed, attempted > 10) == (0, True)
