"""What a conftest.py can provide."""

from __future__ import annotations

import pytest


@pytest.hookspec(firstresult=True)
def pytest_seedbed_schema(config: pytest.Config, url: str) -> object:
    """Make the tables in an empty database and return True; the first that does is the only one.

    Where none does (they return None), the tables are made as without the hook: from ``--seedbed-schema`` or the project's models.

    The file that holds the hook counts as a part of the schema: a change to it makes new templates.

    Args:
        config: the run's.
        url: the database, as ``postgresql://...``.
    """
