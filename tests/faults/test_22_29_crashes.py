"""A run is ended from outside: the old state or the complete new one, and the next run converges. Faults 22 to 24 and 26 to 29."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace

import psycopg
import pytest
from contents import bytes_of
from given import applied, counts, execute, ledger, prepare, source, traces
from machines import missing
from seeders import ALONE, DDL, WAITING, meanwhile, process, users, wait_for
from wire import Point, through_wire

from seedbed.apply import apply
from seedbed.errors import DatabaseFailure, Interrupted, OutcomeUnknown
from seedbed.options import Options
from tests.canary import bare


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_fault_22_a_signal_rolls_back_and_frees_the_lock(database, number):
    """Sent to a process that waits for the application, which holds one of its rows."""
    prepare(database, DDL)
    with psycopg.connect(database) as application:
        application.execute("INSERT INTO users (email) VALUES ('bob')")
        run = process(database, "ann", "bob")
        wait_for(database, WAITING)
        run.send_signal(number)
        said, _ = run.communicate()
        application.rollback()
    assert run.returncode == 128 + number
    assert "rolled back" in said
    assert traces(database, "users")["users"] == []
    assert counts(applied(database, users("ann"), wait=False)) == {"users": {"create": 1}}


def test_fault_22_a_signal_that_comes_up_as_another_error_is_still_a_signal(database):
    """The server may be at the ROLLBACK already when psycopg's cancel request reaches it: 57014."""
    prepare(database, DDL)

    def evaluate(as_of):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise psycopg.errors.QueryCanceled from None

    with pytest.raises(Interrupted) as caught:
        apply(replace(source(), evaluate=evaluate), database, Options(environment="testing"))
    assert caught.value.exit_code == 130


@pytest.mark.parametrize("committed", [False, True])
def test_fault_22_a_signal_at_commit_is_answered_by_what_became_of_it(database, committed):
    """The server is asked, so that rows that are there are never called rolled back."""
    prepare(database, DDL)

    def interrupt(who):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return committed

    point = Point("COMMIT", "after" if committed else "before")
    with (
        through_wire(database, point, interrupt) as (url, wire),
        nullcontext() if committed else pytest.raises(Interrupted, match="rolled back"),
    ):
        applied(url, users("ann"))
    assert wire.struck
    assert execute(database, "SELECT email FROM users") == [("ann",)] * committed


def test_fault_22_a_signal_after_commit_comes_too_late(database, monkeypatch):
    """What is there is not called rolled back: the run is told as done."""
    prepare(database, DDL)
    close = psycopg.Connection.close

    def interrupted(connection):
        monkeypatch.undo()
        signal.raise_signal(signal.SIGINT)
        close(connection)

    monkeypatch.setattr(psycopg.Connection, "close", interrupted)
    assert applied(database, users("ann")).changed
    assert execute(database, "SELECT email FROM users") == [("ann",)]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)  # and whoever runs us hears signals again


def test_fault_22_an_interrupt_in_the_callers_own_code(database):
    prepare(database, DDL)

    def evaluate(as_of):
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        apply(replace(source(), evaluate=evaluate), database, Options(environment="testing"))
    assert caught.value.exit_code == 130


def test_fault_23_a_client_that_dies_inside_a_long_statement(database):
    """The backend notices while it still waits, and commits nothing late."""
    prepare(database, DDL)
    with psycopg.connect(database) as application:
        application.execute("INSERT INTO users (email) VALUES ('bob')")
        run = process(database, "ann", "bob")
        wait_for(database, WAITING)
        run.kill()
        run.communicate()
        wait_for(database, ALONE)
        application.rollback()
    assert execute(database, "SELECT * FROM users") == []
    assert counts(applied(database, users("ann"), wait=False)) == {"users": {"create": 1}}


def ended_by(url, statement):
    """Apply while the application holds a row back, run a statement against the run's backend, and return the run's error."""
    prepare(url, DDL)
    before = traces(url, "users")["users"], ledger(url)
    with psycopg.connect(url) as application:
        application.execute("INSERT INTO users (email) VALUES ('bob')")
        with meanwhile(lambda: applied(url, users("ann", "bob"))) as run:
            wait_for(url, WAITING)
            execute(url, statement)
        application.rollback()
    assert (traces(url, "users")["users"], ledger(url)) == before
    assert isinstance(run.error, DatabaseFailure)
    assert run.error.exit_code == 6
    return str(run.error)


WAITERS = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_fault_24_a_terminated_backend(database):
    said = ended_by(database, f"SELECT pg_terminate_backend(pid) {WAITERS}")
    assert "terminating connection due to administrator command" in said


def lost(who):
    """Cut the line."""
    return False


def test_fault_26_a_commit_whose_answer_is_lost_is_found_to_be_done(database):
    prepare(database, DDL)
    with through_wire(database, Point("COMMIT", "after"), lost) as (url, wire):
        assert applied(url, users("ann")).changed
        assert wire.struck
    assert execute(database, "SELECT email FROM users") == [("ann",)]


def test_fault_26_a_commit_that_never_arrived_is_found_to_be_rolled_back(database):
    prepare(database, DDL)
    with (
        through_wire(database, Point("COMMIT", "before"), lost) as (url, _),
        pytest.raises(DatabaseFailure, match="during COMMIT; everything was rolled back") as caught,
    ):
        applied(url, users("ann"))
    assert caught.value.exit_code == 6
    assert execute(database, "SELECT email FROM users") == []


def test_fault_26_the_first_commit_that_never_arrived_took_the_ledger_with_it(database):
    """There is no record of runs to look at, and the transaction's status is known all the same."""
    execute(database, DDL)
    with (
        through_wire(database, Point("COMMIT", "before"), lost) as (url, _),
        pytest.raises(DatabaseFailure, match="during COMMIT; everything was rolled back"),
    ):
        applied(url, users("ann"))
    assert execute(database, "SELECT to_regclass('seedbed.runs')") == [(None,)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_fault_26_a_commit_nobody_can_be_asked_about_is_of_unknown_outcome(
    database, monkeypatch, when
):
    """Exit 7, and the next run settles it."""
    monkeypatch.setattr(importlib.import_module("seedbed.load.committing"), "ASKING", 0.5)
    prepare(database, DDL)

    def lost_for_good(who):
        wire.close()
        return False

    with (
        through_wire(database, Point("COMMIT", when), lost_for_good) as (url, wire),
        pytest.raises(OutcomeUnknown) as caught,
    ):
        applied(url, users("ann"))
    assert caught.value.exit_code == 7
    assert applied(database, users("ann")).changed == (when == "before")
    assert execute(database, "SELECT email FROM users") == [("ann",)]


@pytest.mark.parametrize("when", ["before", "within"])
def test_fault_27_a_connection_that_is_reset_in_mid_run(database, when):
    prepare(database, DDL)
    before = bytes_of(database)
    with (
        through_wire(database, Point("(COPY data)", when), lost) as (url, wire),
        pytest.raises(DatabaseFailure) as caught,
    ):
        applied(url, users("ann"))
    assert wire.struck
    assert caught.value.exit_code == 6
    wait_for(database, ALONE)
    assert bytes_of(database) == before
    assert applied(database, users("ann"), wait=False).changed


@pytest.mark.parametrize(("statement", "when"), [("(COPY data)", "before"), ("COPY", "after")])
def test_fault_27_a_network_that_swallows_everything(database, statement, when):
    """Before the server gets data, and when its answer is waited for: TCP's timers end the run, and nothing is written."""
    prepare(database, DDL)
    before = bytes_of(database)
    network = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*network, "true"], capture_output=True).returncode:
        missing("no network of one's own can be made here (unshare --net)")
    run = subprocess.run(
        [*network, sys.executable, "-m", "island", bare(database), statement, when],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 6, run.stdout + run.stderr
    assert "timed out" in run.stdout
    wait_for(database, ALONE)
    assert bytes_of(database) == before


def test_fault_27_a_server_that_accepts_and_never_answers(database):
    """The connection is not waited for longer than connect_timeout."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgresql://127.0.0.1:{deaf.getsockname()[1]}/x?connect_timeout=2"
        with pytest.raises(DatabaseFailure, match="no connection to the database") as caught:
            applied(url, users("ann"))
    assert caught.value.exit_code == 6


def test_fault_27_an_unreachable_server_and_a_missing_database_are_one_line(database):
    with pytest.raises(DatabaseFailure, match="no connection to the database") as caught:
        applied("postgresql://nobody:s3cret@127.0.0.1:1/none", users("ann"))
    assert "whether the server runs" in caught.value.remedy
    assert "s3cret" not in str(caught.value)
    missing = database.rsplit("/empty", 1)[0] + "/not_there?" + database.split("?", 1)[1]
    with pytest.raises(DatabaseFailure, match='"not_there" does not exist') as caught:
        applied(missing, users("ann"))
    assert "createdb" in caught.value.remedy


def test_fault_29_a_cancelled_statement(database):
    assert "canceling statement" in ended_by(database, f"SELECT pg_cancel_backend(pid) {WAITERS}")


def test_fault_29_a_statement_that_takes_too_long(database):
    """What the session brings along counts."""
    prepare(database, DDL)
    before = bytes_of(database)
    with psycopg.connect(database) as application:
        application.execute("LOCK TABLE users")
        with pytest.raises(DatabaseFailure, match="statement timeout") as caught:
            applied(f"{database}&options=-cstatement_timeout%3D500ms", users("ann"))
    assert caught.value.exit_code == 6
    assert bytes_of(database) == before


def test_fault_29_a_session_that_the_server_ends_for_being_idle(database):
    """The idle_in_transaction_session_timeout passes while the profile is evaluated."""
    prepare(database, DDL)
    before = bytes_of(database)
    given = source(users("ann"))

    def evaluate(as_of):
        wait_for(database, ALONE)
        return given.evaluate(as_of)

    url = f"{database}&options=-cidle_in_transaction_session_timeout%3D20ms"
    with pytest.raises(DatabaseFailure, match="idle-in-transaction timeout") as caught:
        apply(replace(given, evaluate=evaluate), url, Options(environment="testing"))
    assert caught.value.exit_code == 6
    assert bytes_of(database) == before
