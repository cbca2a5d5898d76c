"""A psycopg that keeps elsewhere what the plugin makes it forget."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seedbed.pytest_plugin.manners import TESTED

ROOT = Path(__file__).parents[2]


def test_what_it_was_tested_with_is_what_is_installed_for_tests() -> None:
    """The oldest that users can have (make test-oldest installs them), and the newest that CI has."""
    bounds, newest = (ROOT / "pyproject.toml").read_text(), (ROOT / "constraints.txt").read_text()
    oldest = (ROOT / "Makefile").read_text()
    told = []
    for name, label in (("psycopg", "psycopg"), ("sqlalchemy", "SQLAlchemy")):
        lowest = re.search(rf'"{name}(?:\[binary\])?>=([\d.]+),<\d+"', bounds)
        highest = re.search(rf"(?im)^{name}==(\d+\.\d+)", newest)
        assert lowest is not None
        assert highest is not None
        assert re.search(rf"'{name}(\[binary\])?=={lowest[1]}'", oldest)
        told.append(f"{label} {lowest[1]} to {highest[1]}")
    assert ", ".join(told) == TESTED


def test_it_is_told_by_name(shop: pytest.Pytester) -> None:
    """What is missing, what the plugin was tested with, and what works all the same; not an AttributeError in each test."""
    conftest = shop.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
import psycopg

made = psycopg.Connection.__init__

def without(self, pgconn):
    made(self, pgconn)
    self.__dict__["_somewhere_else"] = self.__dict__.pop("_notify_handlers")

psycopg.Connection.__init__ = without
"""
    )
    shop.makepyfile(
        """
        import pytest

        def test_x(seedbed_session): pass

        @pytest.mark.seedbed(isolation="shared")
        def test_y(seedbed_psycopg): pass

        @pytest.mark.seedbed(isolation="clone")
        def test_z(seedbed_session, count): assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=1, errors=2)
    said = [
        "seedbed: psycopg * is not as the plugin knows it: a connection has no _notify_handlers",
        "Install a version that it was tested with (psycopg *), or say --seedbed-isolation=clone, *",
    ]
    result.stdout.fnmatch_lines(said * 2)
