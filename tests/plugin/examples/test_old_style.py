"""unittest's classes take no fixtures; what they would give is ``self.seedbed``."""

from __future__ import annotations

import unittest

import pytest

from factories import UserFactory
from seedbed.pytest_plugin import Seedbed


@pytest.mark.usefixtures("seedbed")
class TestUsers(unittest.TestCase):
    """Works with setUp, assertEqual and all."""

    seedbed: Seedbed

    def test_create(self) -> None:
        """Factories write through the test's session."""
        self.assertIn(UserFactory.create(), self.seedbed.session)  # noqa: PT009
