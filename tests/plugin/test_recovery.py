"""Tests that are interrupted, or that change the connections and engines that others use after them, hurt nobody."""

from __future__ import annotations

import signal

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import event, text

from seedbed.pytest_plugin import Seedbed

TWICE = pytest.mark.parametrize("time", [1, 2])


class Interrupted(Exception):
    """As a plugin for timeouts raises it in the main thread."""


def interrupt(*_: object) -> None:
    raise Interrupted


@TWICE
def test_a_statement_may_be_interrupted(seedbed: Seedbed, time: int) -> None:
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    with pytest.raises(Interrupted):
        seedbed.session.execute(text("SELECT pg_sleep(60)"))
    signal.signal(signal.SIGALRM, before)


@TWICE
def test_the_server_may_hang_up(seedbed_psycopg: psycopg.Connection, time: int) -> None:
    with pytest.raises(psycopg.OperationalError):
        seedbed_psycopg.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@TWICE
@pytest.mark.parametrize("seedbed_isolation", ["rollback", "shared"])
def test_what_a_connection_is_taught_ends_with_the_test(
    seedbed: Seedbed, seedbed_psycopg: psycopg.Connection, time: int, seedbed_isolation: str
) -> None:
    assert seedbed_psycopg.execute("SELECT 1").fetchone() == (1,)
    assert seedbed_psycopg.prepare_threshold == 5
    seedbed_psycopg.row_factory, seedbed_psycopg.prepare_threshold = dict_row, None


@TWICE
@pytest.mark.parametrize("seedbed_isolation", ["rollback", "shared"])
def test_what_a_session_of_the_servers_holds_ends_with_the_test(
    seedbed: Seedbed, seedbed_psycopg: psycopg.Connection, time: int, seedbed_isolation: str
) -> None:
    said = seedbed_psycopg.execute(
        "SELECT current_setting('seedbed_test.mine', true), "
        "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
    ).fetchone()
    assert said in {(None, 0), ("", 0)}
    seedbed_psycopg.execute("SELECT pg_advisory_lock(42)")
    seedbed_psycopg.execute("SET seedbed_test.mine = 'on'")
    seedbed_psycopg.commit()


HEARD: list[object] = []


@TWICE
@pytest.mark.parametrize("seedbed_isolation", ["rollback", "shared"])
@pytest.mark.parametrize("name", ["before_cursor_execute", "checkout"])
def test_listeners_on_the_engine_end_with_the_test(
    seedbed: Seedbed, time: int, seedbed_isolation: str, name: str
) -> None:
    heard = len(HEARD)
    with seedbed.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert len(HEARD) == heard
    event.listen(seedbed.engine, name, lambda *said: HEARD.append(name))


@TWICE
@pytest.mark.seedbed(isolation="shared")
def test_a_shared_connection_may_be_closed(seedbed_psycopg: psycopg.Connection, time: int) -> None:
    with seedbed_psycopg as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
