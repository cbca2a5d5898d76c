"""Another Python than the one that runs the tests, with this seedbed and what its plugin needs."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = "3.11" if sys.version_info >= (3, 13) else "3.13"
"""3.13 where this is 3.11 or 3.12, and the other way round."""

_PLACE = ROOT / ".pytest_cache" / "d" / "pythons"
"""Where pytest's cache would put them; runs without a cache share them, too."""

_BESIDES = ("hatchling", "pytest-asyncio", "pytest-xdist")
"""What seedbed is built with, and what the plugin is tested together with."""


def other_python() -> Path:
    """Return the interpreter of a virtual environment; made once for each state of the constraints."""
    found = _interpreter()
    if found is None:
        pytest.skip(f"there is no Python {VERSION} on this machine")
    _PLACE.mkdir(parents=True, exist_ok=True)
    with _alone(_PLACE):
        return _installed(found, _PLACE) / "bin" / "python"


def _interpreter() -> str | None:
    """Return one of pyenv's, or the one on the path, which may be a shim that runs nothing."""
    own = sorted(Path.home().glob(f".pyenv/versions/{VERSION}*/bin/python"), reverse=True)
    found = str(own[0]) if own else shutil.which(f"python{VERSION}")
    runs = found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0
    return found if runs else None


def _installed(python: str, folder: Path) -> Path:
    constraints = ROOT / "constraints.txt"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    needs = [*project["dependencies"], *extras["test"], *extras["embedded"], *_BESIDES]
    state = hashlib.sha256(
        constraints.read_bytes() + repr((python, needs, ROOT)).encode()
    ).hexdigest()
    place = folder / f"{VERSION}-{state[:12]}"
    if not place.exists():
        making = folder / f"{place.name}.making"
        subprocess.run([python, "-m", "venv", "--clear", "--without-pip", making], check=True)
        pip = [sys.executable, "-m", "pip", "--python", making / "bin" / "python"]
        command = [*pip, "install", "--quiet"]
        options = ["--disable-pip-version-check", "--constraint", constraints]
        subprocess.run([*command, *options, *needs], check=True)
        itself = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
        subprocess.run([*command, *options, *itself], check=True)
        making.rename(place)
    return place


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep pytest-xdist's other workers from making the same meanwhile."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
