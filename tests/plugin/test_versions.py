"""A psycopg that keeps elsewhere what the plugin makes it forget."""

from __future__ import annotations

import pytest


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
