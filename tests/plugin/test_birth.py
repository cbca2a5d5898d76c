"""The databases that tests get went through the guard like any other: their template was stamped at birth."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from seedbed import api, errors
from seedbed.pytest_plugin import Seedbed


def test_the_template_is_stamped_for_tests_as_seedbeds_own(
    seedbed_psycopg: psycopg.Connection[Any],
) -> None:
    """Before its first row; see `seedbed.testdb.templates.fill`."""
    found = seedbed_psycopg.execute("SELECT environment, born FROM seedbed.stamp").fetchall()
    assert found == [("testing", True)]


@pytest.mark.seedbed(isolation="clone")
def test_a_copy_is_a_copy_for_the_guard_until_it_is_stamped(seedbed: Seedbed) -> None:
    """A test of what writes through seedbed itself says what its database is for, by name."""
    with pytest.raises(errors.Refused, match="carries the stamp of another database"):
        api.apply("testing", seedbed.url)
    api.stamp(seedbed.url, "testing", confirm=seedbed.name)
    assert not api.apply("testing", seedbed.url).changed
