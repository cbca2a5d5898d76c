"""docs/reliability.md lists every fault, and names the files that test it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TESTS = FOLDER.parent
PAGE = TESTS.parent / "docs/reliability.md"
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def listed() -> dict[int, set[str]]:
    """Return the files that the page names, by the fault's number."""
    rows = ROW.findall(PAGE.read_text())
    return {int(number): set(re.findall(r"`([^`]+\.py)`", files)) for number, files in rows}


def written() -> dict[int, set[str]]:
    """Return the files that have tests of a fault, by its number."""
    found: dict[int, set[str]] = {}
    for file in TESTS.rglob("test_*.py"):
        name = file.name if file.parent == FOLDER else str(file.relative_to(TESTS))
        for number in re.findall(r"def test_fault_(\d\d)_", file.read_text()):
            found.setdefault(int(number), set()).add(name)
    return found


def test_every_fault_is_listed():
    assert list(listed()) == list(range(1, 61))


@pytest.mark.parametrize("number", range(1, 61))
def test_a_fault_is_tested_where_the_page_says(number):
    assert written().get(number) == listed()[number]
