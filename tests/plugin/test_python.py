"""The plugin on another Python: 3.13 where the tests run on 3.11."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.plugin.test_runs import COUNTING
from tests.pythons import VERSION, other_python


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the interpreter; looked for before pytester moves the home folder."""
    return other_python()


def test_an_example_project_runs_on_another_python(python: Path, shop: pytest.Pytester) -> None:
    """Every isolation, asynchronous fixtures, two workers; warnings are errors."""
    shop.makepyfile(
        COUNTING,
        test_version=f"""
        import sys
        import pytest
        from sqlalchemy import text

        def test_version():
            assert sys.version.startswith("{VERSION}.")

        @pytest.mark.seedbed(isolation="shared")
        def test_shared(seedbed_session, count):
            assert count(seedbed_session) == 2

        @pytest.mark.asyncio
        async def test_async(seedbed_async_session):
            assert await seedbed_async_session.scalar(text("SELECT count(*) FROM users")) == 2
        """,
    )
    command = [python, "-m", "pytest", "-q", "-n", "2", "-W", "error"]
    done = subprocess.run(command, cwd=shop.path, capture_output=True, text=True)
    assert "15 passed" in done.stdout, done.stdout + done.stderr
