"""The documentation's examples are executed; what they print is what they show."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.documents import Step, follow, settled, steps

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


def commanded(page: str, *, at_least: int) -> list[Step]:
    """Return a page's steps, of which so many are commands at least: a page that is not understood has none."""
    told = list(steps(ROOT / page))
    assert sum(bool(step.command) for step in told) >= at_least
    return told


def does_what_it_shows(
    page: str, told: Sequence[Step], folder: Path, environment: dict[str, str]
) -> None:
    """Follow a page's steps one after the other, and compare what each of them prints."""
    for step in told:
        printed = follow(step, folder, environment)
        assert settled(printed) == settled(step.expected), f"{page}:{step.line}"


def test_the_tutorial_does_what_it_shows(reader: dict[str, str], tmp_path: Path) -> None:
    """Every file of the tutorial is written, every command run, and its output compared, in the tutorial's order."""
    folder = tmp_path / "bookshop"
    folder.mkdir()
    told = commanded("docs/tutorial.md", at_least=10)
    does_what_it_shows("docs/tutorial.md", told, folder, reader)


def test_the_safety_page_does_what_it_shows(reader: dict[str, str], tmp_path: Path) -> None:
    """An operator's first hour with a staging database: refusals, the stamp, the apply, and everything that takes rows away."""
    told = commanded("docs/safety.md", at_least=20)
    does_what_it_shows("docs/safety.md", told, tmp_path, reader)


def test_the_page_about_backups_does_what_it_shows(reader: dict[str, str], tmp_path: Path) -> None:
    """On the demo, on the embedded server, in the page's order."""
    folder = tmp_path / "payroll"
    folder.mkdir()
    told = commanded("docs/backup.md", at_least=10)
    does_what_it_shows("docs/backup.md", told, folder, reader)


def test_the_readme_shows_what_make_demo_prints(reader: dict[str, str], tmp_path: Path) -> None:
    """The demo as of the moment that the README shows, applied anew: the same rows, the same cast, the same hints."""
    shown = next(s for s in steps(ROOT / "README.md") if s.command == "make demo").expected
    moment = re.search(r"as of (\S+) (\S+) UTC", shown)
    assert moment is not None
    apply = Step(0, command=f"seedbed apply demo --as-of {moment[1]}T{moment[2]}")
    printed = follow(apply, tmp_path, reader)
    assert settled(printed) == settled(shown.replace(".venv/bin/seedbed", "seedbed"))


def test_the_readme_s_tasks_do_what_they_show(reader: dict[str, str], tmp_path: Path) -> None:
    """From the task that starts a project on, in an empty folder."""
    tasks = [s for s in steps(ROOT / "README.md") if s.command and s.command != "make demo"]
    assert tasks[0].command == "seedbed init --quiet"
    does_what_it_shows("README.md", tasks, tmp_path, reader)


def test_the_readme_s_profile_makes_rows(reader: dict[str, str], tmp_path: Path) -> None:
    """The project that the README shows, previewed: its shifts belong to its employees."""
    example = next(s for s in steps(ROOT / "README.md") if s.file)
    follow(example, tmp_path, reader)
    (tmp_path / "pyproject.toml").write_text('[tool.seedbed]\nprofiles = "profiles"\n')
    previewed = Step(0, command="seedbed profiles --json")
    printed = json.loads(follow(previewed, tmp_path, reader))
    tables = printed["profiles"][0]["tables"]
    assert tables["employees"] == 24
    assert 24 * 5 <= tables["shifts"] <= 24 * 20


def test_the_session_in_describing_data_gives_what_it_shows() -> None:
    """The page is one Python session; every expression is evaluated and its value compared."""
    page = ROOT / "docs" / "describing-data.md"
    failed, attempted = doctest.testfile(str(page), module_relative=False)
    assert (failed, attempted > 10) == (0, True)
