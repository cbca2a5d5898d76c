"""How long a run waits: for locks, for a statement, for the server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from given import applied, execute, prepare, rows
from psycopg import sql

from seedbed.errors import DatabaseFailure, InvalidInput, Locked
from seedbed.ledger import LOCK
from seedbed.load.session import Limits, connect, take_lock, transaction


def settings(url, limits):
    """Return the two timeouts as they are in a run's transaction."""
    with connect(url, limits) as connection, transaction(connection, keep=True, limits=limits):
        take_lock(connection, wait=True)
        query = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        return connection.execute(query).fetchone()


def limit_database(url, setting):
    name = sql.Identifier(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    statement = sql.SQL("ALTER DATABASE {} SET {} TO '3s'").format(name, sql.Identifier(setting))
    execute(url, statement.as_string())


class TestDefaults:
    def test_are_ten_seconds_for_a_lock_and_a_quarter_of_an_hour_for_a_statement(self, database):
        assert settings(database, Limits()) == ("10s", "15min")

    def test_give_way_to_the_statement_timeout_that_a_role_or_database_has(self, database):
        limit_database(database, "statement_timeout")
        assert settings(database, Limits()) == ("10s", "3s")


class TestLimits:
    def test_win_over_what_the_database_says(self, database):
        limit_database(database, "statement_timeout")
        assert settings(database, Limits(lock=0.5, statement=90)) == ("500ms", "90s")

    def test_of_0_are_none(self, database):
        assert settings(database, Limits(lock=0, statement=0)) == ("0", "0")

    def test_are_kept_after_waiting_for_another_run(self, database):
        """Which has a patience of its own."""
        with psycopg.connect(database) as holder, ThreadPoolExecutor(1) as threads:
            holder.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            run = threads.submit(settings, database, Limits(lock=0.5, statement=90))
            waiting = (
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
            )
            while not run.done() and holder.execute(waiting).fetchone() == (False,):
                holder.execute("SELECT pg_sleep(0.01)")
            holder.rollback()
        assert run.result() == ("500ms", "90s")

    @pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
    @pytest.mark.parametrize("name", ["lock", "statement", "connect"])
    def test_are_numbers_of_seconds(self, name, value):
        with pytest.raises(InvalidInput, match=f"{name} timeout"):
            Limits(**{name: value})

    def test_leave_nothing_behind_on_the_connection(self, database):
        with connect(database) as connection:
            with transaction(connection, keep=True, limits=Limits(lock=1, statement=1)):
                pass
            assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)
            assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


@pytest.mark.parametrize(
    ("limits", "error"),
    [(Limits(lock=0.05), Locked), (Limits(lock=0, statement=0.1), DatabaseFailure)],
    ids=["lock", "statement"],
)
def test_a_run_ends_at_its_limit(database, limits, error):
    prepare(database, "CREATE TABLE users (id serial PRIMARY KEY, name text)")
    with psycopg.connect(database) as application:
        application.execute("LOCK TABLE users")
        with pytest.raises(error):
            applied(database, rows("users", ["ann"], {"name": ["ann"]}), limits=limits)
