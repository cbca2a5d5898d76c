"""Runs that write users, in this process and in others, and waiting for what the server says of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from given import applied, rows

from seedbed.errors import SeedbedError
from tests.canary import bare

DDL = "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, name text);"
WAITING = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"
PATIENCE = 12_000
"""How often a server is asked before a test gives up."""
ALONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'seedbed' AND datname = current_database())"


def users(*names):
    """Return users of these names, in this order."""
    return rows("users", names, {"email": list(names), "name": list(names)}, key=["email"])


def process(url, *names, **options):
    """Start a process that applies users, prints what became of how many, or its error, and ends with the error's exit code."""
    return subprocess.Popen(
        [sys.executable, "-m", "seeders", bare(url), repr(names), repr(options)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def main():
    """Do what `process` says."""
    _, url, names, options = sys.argv
    try:
        done = applied(url, users(*eval(names)), **eval(options)).tables["users"]
    except SeedbedError as error:
        print(error)
        sys.exit(error.exit_code)
    print(done.create, done.unchanged)


def wait_for(url: str, condition: str) -> None:
    """Wait until a query says true; what never does fails after some minutes."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(PATIENCE):
            if connection.execute(condition).fetchone()[0]:
                return
            connection.execute("SELECT pg_sleep(0.01)")
    raise AssertionError(f"this never came true: {condition}")


class Outcome:
    """What became of a run in another thread: its error, if any, once the block is over."""

    error: SeedbedError | None = None


@contextmanager
def meanwhile(run: Callable[[], object]) -> Iterator[Outcome]:
    """Run something in a thread for the length of a block, and to its end."""
    outcome = Outcome()

    def guarded() -> None:
        try:
            run()
        except SeedbedError as error:
            outcome.error = error

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join()


if __name__ == "__main__":
    main()
