"""One database for the tests of a module (or a class, or a run), which see what those before them did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest

from factories import UserFactory
from seedbed.pytest_plugin import Seedbed


@pytest.fixture(scope="module")
def cleared(seedbed_clone: Callable[..., AbstractContextManager[Seedbed]]) -> Iterator[Seedbed]:
    """Return a database after something that takes long."""
    with seedbed_clone(profile="testing") as database, psycopg.connect(database.dsn) as connection:
        connection.execute("DELETE FROM sessions")
        connection.commit()
        yield database


def test_clearing(cleared: Seedbed) -> None:
    """The handle is as a test's own."""
    assert cleared.psycopg.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    UserFactory.create(display_name="Made by the first")


def test_after_it(cleared: Seedbed) -> None:
    """The rows of the test before."""
    names = "SELECT count(*) FROM users WHERE display_name = 'Made by the first'"
    assert cleared.psycopg.execute(names).fetchone() == (1,)
