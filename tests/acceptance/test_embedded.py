"""Commands that are given no database: the embedded server, as somebody meets it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import Ran, run_seedbed

Run = Callable[..., Ran]


@pytest.fixture
def seedbed(shop: Path) -> Iterator[Run]:
    """Return a function that runs the command line in the small project, on a server of its own."""
    home = Path(tempfile.mkdtemp(prefix="seedbed-embedded-", dir="/tmp"))
    home.chmod(0o755)  # the server's account must be able to pass

    def run(*arguments: str) -> Ran:
        return run_seedbed(shop, *arguments, HOME=str(home), XDG_DATA_HOME=str(home / "data"))

    yield run
    run("db", "stop")
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("command", [("plan",), ("apply", "--dry-run")], ids=" ".join)
def test_a_plan_makes_no_database(seedbed: Run, command: tuple[str, ...]) -> None:
    """It says what apply would do to the database that is not there yet, and leaves none behind."""
    planned = seedbed(*command, "development", "--json")
    assert planned.code == 0, planned.err
    assert planned.json["tables"]["orders"]["create"] == 23
    assert "shop_development" in planned.json["database"]
    assert seedbed("db", "status", "--json").json["databases"] == []
