"""Which files a template is built from: whatever is opened or listed meanwhile, as Python's audit events tell."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_INSTALLED = {"site-packages", "dist-packages"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
_LISTING = ("os.scandir", "os.listdir")
_OURS = Path(__file__).parents[1]


@dataclass(slots=True)
class Readings:
    """What was read in a block.

    Attributes:
        read: files opened to be read, by path.
        written: files opened to be written.
        listed: folders whose names were asked for.
    """

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)

    def of_project(self, root: Path) -> Iterator[Path]:
        """Yield what was read of a project or of the repository it is in, as `file_digest` takes it.

        Files that were written, too, are no sources. A folder that was listed counts by the names that end as a file does
        that was read there: a new one would have been read as well.

        Args:
            root: the project's folder.
        """
        area = _repository(root)
        sources = [
            path
            for path in map(Path, sorted(self.read - self.written))
            if path.is_relative_to(area) and not foreign(_within(path, root, area))
        ]
        yield from (path for path in sources if path.is_file())
        yield from {
            path.with_name(f"*{path.suffix}")
            for path in sources
            if path.suffix not in ("", ".py", ".pyc") and str(path.parent) in self.listed
        }


@contextmanager
def noting() -> Iterator[Readings]:
    """Note what is opened and listed in a block, by any thread."""
    global _current
    _listen()
    _current = found = Readings()
    try:
        yield found
    finally:
        _current = None


def imported(root: Path) -> Iterator[Path]:
    """Yield the files that are loaded as modules; test modules, installed packages, Python's own and seedbed apart.

    Args:
        root: the project's folder; what is elsewhere counts as well, such as a package beside it.
    """
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if not name or not name.endswith(".py"):
            continue
        path = Path(name)
        if path.is_relative_to(root):
            if not foreign(path.relative_to(root)):
                yield path
        elif not (_is_test(path) or _is_installed(path) or path.is_relative_to(_OURS)):
            yield path


def foreign(path: Path) -> bool:
    """Tell whether a file is installed, hidden, or a test's: what only tests import counts, for a profile may import it, too.

    Args:
        path: the file, relative to the project's folder.
    """
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return hidden or not _INSTALLED.isdisjoint(path.parts) or _is_test(path)


def _is_test(path: Path) -> bool:
    stem = path.stem if path.suffix == ".py" else ""
    return stem == "conftest" or stem.startswith("test_") or stem.endswith("_test")


def _is_installed(path: Path) -> bool:
    places = sysconfig.get_paths()
    stdlib = {places["stdlib"], places["platstdlib"]}
    return not _INSTALLED.isdisjoint(path.parts) or any(map(path.is_relative_to, stdlib))


def _within(path: Path, root: Path, area: Path) -> Path:
    return path.relative_to(root if path.is_relative_to(root) else area)


def _repository(root: Path) -> Path:
    """Return the folder of the repository that a project is in, the project's own where there is none."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


_current: Readings | None = None


@cache
def _listen() -> None:
    """Hear Python's audit events from now on: nobody can stop that again."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    found = _current
    if found is None or (event != "open" and event not in _LISTING):
        return
    place = arguments[0]
    if isinstance(place, int):  # a file that is open already
        return
    path = os.path.abspath(os.fsdecode(place or "."))  # noqa: PTH100 - asks the disk nothing
    if event != "open":
        found.listed.add(path)
    elif _writes(arguments[1], arguments[2]):
        found.written.add(path)
    else:
        found.read.add(path)


def _writes(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return not {"w", "a", "x", "+"}.isdisjoint(mode)
    return isinstance(flags, int) and bool(flags & _WRITING)
