"""Reports and queries: nothing is written, so nothing has to be undone."""

from __future__ import annotations

import psycopg
import pytest

pytestmark = pytest.mark.seedbed(isolation="shared", profile="demo", scale=0.1)


def test_counting(seedbed_psycopg: psycopg.Connection) -> None:
    """A larger profile costs its seeding once."""
    row = seedbed_psycopg.execute("SELECT count(*) FROM employees").fetchone()
    assert row is not None
    assert row[0] > 0
