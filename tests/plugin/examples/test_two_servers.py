"""Two servers in one run: the run's own, and another that a marker asks for, such as another version's."""

from __future__ import annotations

import pytest

from factories import UserFactory
from seedbed.pytest_plugin import Seedbed

ELSEWHERE = pytest.mark.seedbed(server="embedded")  # or image="postgres:16-alpine", or url=...


@pytest.mark.parametrize("where", ["here", pytest.param("elsewhere", marks=ELSEWHERE)])
def test_finding(seedbed: Seedbed, where: str) -> None:
    """The same rows on both; ``seedbed.server`` is the one the test is on."""
    assert seedbed.server.version
    assert seedbed.row(UserFactory, "tess-admin") in seedbed.rows(UserFactory)
