"""An operator with a small project and a command line, and what must be true after a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from contents import bytes_of

from seedbed import guard
from tests.acceptance.program import FILES, Ran, run_seedbed, write_files

PROFILES = """
    from factories.people import CustomerFactory
    from seedbed import Profile

    demo = Profile("demo")

    @demo.recipe
    def crowd(rows):
        rows.many(CustomerFactory, 2)

    staged = Profile("staged", environments=["staging"], extends=[demo])
    reference = Profile("reference", environments=["development"], production_safe=True)

    @reference.recipe
    def picked(rows):
        rows.named(CustomerFactory, "ann")
"""
PASSWORD = "canary-8f1c"


class Operator:
    """Runs seedbed in a project of its own, with nothing in the environment but what it is given.

    Args:
        folder: for the project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_files(folder, {**FILES, "profiles/more.py": PROFILES})

    def run(self, *arguments: str, **more: Any) -> Ran:
        """Run a command."""
        return run_seedbed(self.folder, *arguments, **more)

    def apply(self, url: str, *arguments: str, **more: Any) -> Ran:
        """Apply the profile ``development`` to a database."""
        return self.run("apply", "development", "--database-url", url, *arguments, **more)

    def refused(self, place: str, *arguments: str, **more: Any) -> str:
        """Run a command that must be refused; return what it said.

        Args:
            place: a URL that leads to the database directly, to see that nothing was written.
            arguments: the command.
            more: variables, or ``stdin``.
        """
        before = state(place)
        ran = self.run(*arguments, **more)
        said = ran.out + ran.err
        assert ran.code == 3, said
        assert "Traceback" not in said
        assert PASSWORD not in said
        assert state(place) == before
        return said

    def apply_refused(self, place: str, url: str, *arguments: str, **more: Any) -> str:
        """Apply the profile ``development``, which must be refused; see `refused`."""
        command = ("apply", "development", "--database-url", url, *arguments)
        return self.refused(place, *command, **more)


def state(url: str) -> dict[str, Any]:
    """Return every row of every table with its place and its transaction, the stamp's too, and the sequences."""
    with psycopg.connect(url) as connection:
        there = connection.execute("SELECT to_regclass('seedbed.stamp') IS NOT NULL").fetchone()
        stamp = (
            connection.execute("SELECT xmin::text, s::text FROM seedbed.stamp s").fetchall()
            if there == (True,)
            else []
        )
        sequences = connection.execute(
            "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
        )
        return {**bytes_of(url), "stamp": stamp, "sequences": sequences.fetchall()}


def name_of(url: str) -> str:
    """Return the name of the database a URL leads to."""
    with psycopg.connect(url) as connection:
        return connection.info.dbname


def stamped(url: str, environment: str, ddl: str = "SELECT 1") -> str:
    """Prepare a database and stamp it, whatever it holds; return its name."""
    with psycopg.connect(url) as connection:
        connection.execute(ddl)
        guard.stamp(connection, environment, confirm=connection.info.dbname, patterns=())
        return connection.info.dbname
