"""Commands that are given no database: the embedded server, as somebody meets it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
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


def test_a_database_is_stamped_at_birth(seedbed: Run) -> None:
    """Before anything is in it: a profile that fails afterwards leaves it stamped as seedbed's own."""
    failed = seedbed("apply", "development", "--only", "nothing_of_that_name")
    assert failed.code == 2, failed.err
    url = seedbed("db", "url", "development", "--json").json["url"]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT environment, born FROM seedbed.stamp").fetchall() == [
            ("development", True)
        ]


def test_the_servers_first_database_is_stamped_at_birth(seedbed: Run) -> None:
    """The one that belongs to no profile is for development."""
    url = seedbed("db", "start", "--json").json["url"]
    with psycopg.connect(url) as connection:
        stamp = connection.execute("SELECT environment, born FROM seedbed.stamp").fetchone()
    assert stamp == ("development", True)


def test_what_restores_kept_of_one_of_several_databases_can_be_dropped(
    seedbed: Run, shop: Path
) -> None:
    """The only argument without a name is the FILE, which is not needed for that; the profile has an option."""
    file = shop / "profiles/__init__.py"
    file.write_text(file.read_text() + '\ntesting = Profile("testing")\n')
    with psycopg.connect(
        seedbed("db", "start", "--json").json["url"], autocommit=True
    ) as connection:
        connection.execute("CREATE DATABASE shop_development")
        connection.execute("CREATE DATABASE shop_testing")
    drop = ("restore", "--drop-old", "--confirm", "shop_development")
    assert "--profile development or --profile testing" in seedbed(*drop).err
    done = seedbed(*drop, "--profile", "development", "--no-backup")
    assert (done.code, done.out) == (0, "there was nothing to drop\n"), done.err
