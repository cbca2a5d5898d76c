"""The wheel, installed alone in a new virtual environment, used from an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import Ran, run_seedbed

REPOSITORY = Path(__file__).parents[2]

EDITED = """\
from factories import UserFactory
from seedbed import Profile

mine = Profile("mine", environments=["development"])


@mine.recipe
def people(rows):
    rows.named(UserFactory, {label!r})
    rows.many(UserFactory, 5)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and return it."""
    out = tmp_path_factory.mktemp("wheel")
    command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(REPOSITORY)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with its embedded server, and nothing else, and return its program."""
    venv = tmp_path_factory.mktemp("alone") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    constraints = REPOSITORY / "constraints.txt"
    what = ["--constraint", str(constraints), f"seedbed[embedded] @ {wheel.as_uri()}"]
    # Python compiles what is used when it is used: the dependencies have thousands of modules more.
    quick = ["install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", *quick, *what]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(pip, check=True, env=environment, cwd=venv)
    return venv / "bin" / "seedbed"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return the home of somebody who has never used seedbed; its server's account can pass through."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-home-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def seedbed(program: Path, home: Path) -> Iterator[Callable[..., Ran]]:
    """Return a function that runs the installed program in a folder; its server is stopped at the end."""

    def run(folder: Path, *arguments: str) -> Ran:
        return run_seedbed(
            folder,
            *arguments,
            command=(str(program),),
            HOME=str(home),
            XDG_DATA_HOME=str(home / "data"),
            XDG_CACHE_HOME=str(home / "cache"),
        )

    yield run
    run(home, "db", "stop")


def test_the_wheel_has_one_top_level_name_and_no_leftovers(wheel: Path) -> None:
    """The payroll project lies inside it, as data, without anything compiled."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].removesuffix("-0.1.0.dist-info") for name in names} == {"seedbed"}
    assert "seedbed/payroll/profiles/demo.py" in names
    assert "seedbed/payroll/seeds/users.yaml" in names
    assert "seedbed/py.typed" in names
    assert not [name for name in names if name.endswith(".pyc")]


def test_the_demo_runs_in_an_empty_folder(seedbed: Callable[..., Ran], tmp_path: Path) -> None:
    """The bundled payroll project, on a server of its own, twice; the second time nothing changes."""
    first = seedbed(tmp_path, "apply", "demo")
    assert first.code == 0, first.err
    assert "demo: applied" in first.out
    assert "The cast:" in first.out
    second = seedbed(tmp_path, "apply", "demo", "--json")
    assert second.json["changed"] is False
    assert list(tmp_path.iterdir()) == []


def test_a_copied_project_is_the_users_own(seedbed: Callable[..., Ran], tmp_path: Path) -> None:
    """`seedbed init`, an edited seed file and a profile of one's own."""
    assert seedbed(tmp_path, "init").code == 0
    users = tmp_path / "seeds" / "users.yaml"
    label = next(line for line in users.read_text().splitlines() if line[:1].isalpha()).rstrip(":")
    (tmp_path / "profiles" / "mine.py").write_text(EDITED.format(label=label))
    done = seedbed(tmp_path, "apply", "mine", "--json")
    assert done.code == 0, done.err
    assert done.json["tables"]["users"]["create"] == 6
    again = seedbed(tmp_path, "apply", "mine", "--json")
    assert again.json["changed"] is False
    (tmp_path / "profiles" / "mine.py").write_text(EDITED.format(label=label).replace("5", "3"))
    fewer = seedbed(tmp_path, "apply", "mine", "--json")
    assert fewer.json["tables"]["users"]["prune"] == 2


def test_folders_of_the_same_names_do_not_get_in_the_way(
    seedbed: Callable[..., Ran], tmp_path: Path
) -> None:
    """Somebody's own factories and profiles do not shadow the bundled ones, nor the other way round."""
    for name in ("factories", "profiles"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not a project')\n")
    done = seedbed(tmp_path, "profiles", "--json")
    assert done.code == 0, done.err
    assert "demo" in [profile["name"] for profile in done.json["profiles"]]
