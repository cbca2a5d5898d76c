"""A database of its own, for code that commits on connections of its own or in other processes."""

from __future__ import annotations

import psycopg
import pytest

from seedbed.pytest_plugin import Seedbed


@pytest.mark.seedbed(isolation="clone")
def test_another_connection(seedbed: Seedbed, seedbed_psycopg: psycopg.Connection) -> None:
    """What is committed is seen by everybody who has the URL."""
    seedbed_psycopg.execute("DELETE FROM sessions")
    seedbed_psycopg.commit()
    with psycopg.connect(seedbed.dsn) as other:
        assert other.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
