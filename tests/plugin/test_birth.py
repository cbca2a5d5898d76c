"""The databases that tests get went through the guard like any other: their template was stamped at birth."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from seedbed import api
from seedbed.pytest_plugin import Seedbed


def test_the_template_is_stamped_for_tests_as_seedbeds_own(
    seedbed_psycopg: psycopg.Connection[Any],
) -> None:
    """Before its first row; see `seedbed.testdb.templates.fill`."""
    found = seedbed_psycopg.execute("SELECT environment, born FROM seedbed.stamp").fetchall()
    assert found == [("testing", True)]


@pytest.mark.seedbed(isolation="clone")
def test_a_clone_is_stamped_too_so_that_tests_may_call_seedbed_on_it(seedbed: Seedbed) -> None:
    """The guard takes it for the tests' own, and not for a copy of another database."""
    assert not api.apply("testing", seedbed.url).changed
