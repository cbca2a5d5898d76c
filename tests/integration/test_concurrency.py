"""Several who write at once: runs among themselves, runs and the application. Faults 14 to 19 and 22 to 26."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from given import applied, counts, execute, ledger, prepare, rows, source, traces

from seedbed.apply import apply
from seedbed.errors import DatabaseFailure, Drift, Interrupted, Locked
from seedbed.ledger import LOCK
from seedbed.options import Options

DDL = "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, name text);"

PROGRAM = """
import sys
sys.path.insert(0, {here!r})
from given import applied, rows
names = [f"user-{{n}}" for n in range({size})]
done = applied({url!r}, rows("users", names, {{"email": names, "name": names}}, key=["email"]))
print(done.tables["users"].create, done.tables["users"].unchanged)
"""


def program(url, size=200):
    """Start a process that applies some users."""
    code = PROGRAM.format(here=str(Path(__file__).parent), url=url, size=size)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def users(*names):
    return rows("users", names, {"email": list(names), "name": list(names)}, key=["email"])


def wait_for(url, condition):
    """Wait until a query says true; the server is asked, no clock is watched."""
    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute(condition).fetchone()[0]:
            connection.execute("SELECT pg_sleep(0.01)")


WAITING = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"


class TestRuns:
    def test_eight_processes_at_once(self, database):
        """Fault 14: one writes, the others wait and find nothing to do."""
        prepare(database, DDL)
        processes = [program(database) for _ in range(8)]
        answers = sorted(process.communicate()[0].strip() for process in processes)
        assert answers == ["0 200"] * 7 + ["200 0"]
        assert execute(database, "SELECT count(*), max(id) FROM users") == [(200, 200)]

    def test_not_waiting_names_the_holder(self, database):
        prepare(database, DDL)
        with psycopg.connect(database) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            with pytest.raises(Locked, match=rf"process {holder.info.backend_pid}\b"):
                applied(database, users("ann"), wait=False)

    def test_nothing_is_left_behind_on_the_connection(self, database):
        """Fault 54: no session lock, no setting, no temporary table, no prepared statement."""
        prepare(database, DDL)
        applied(database, users("ann"))
        assert execute(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [
            (0,)
        ]
        assert execute(
            database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'seedbed_%'"
        ) == [(0,)]


class TestApplication:
    def test_a_table_locked_by_the_application(self, database, monkeypatch):
        """Fault 18: exit 5 and the process that holds it."""
        monkeypatch.setitem(session_settings(), "lock_timeout", "50ms")
        prepare(database, DDL)
        with psycopg.connect(database) as application:
            application.execute("LOCK TABLE users")
            with pytest.raises(Locked, match=rf"process {application.info.backend_pid}\b"):
                applied(database, users("ann"))

    def test_the_same_natural_key_inserted_in_mid_run(self, database):
        """Fault 19: no duplicate, and the row belongs to who wrote it."""
        prepare(database, DDL)
        failures = []

        def run():
            try:
                applied(database, users("ann", "bob"))
            except Drift as drift:
                failures.append(str(drift))

        with psycopg.connect(database) as application:
            application.execute("INSERT INTO users (email, name) VALUES ('bob', 'theirs')")
            thread = threading.Thread(target=run)
            thread.start()
            wait_for(database, WAITING)
            application.commit()
            thread.join()
        assert "users bob: a row with its natural key (email) is there" in failures[0]
        assert execute(database, "SELECT email, name FROM users") == [("bob", "theirs")]

    def test_a_row_changed_between_our_look_and_our_write(self, database):
        prepare(database, DDL)
        applied(database, users("ann"))
        changed = rows("users", ["ann"], {"email": ["ann"], "name": ["Ann"]}, key=["email"])
        failures = []

        def run():
            try:
                applied(database, changed)
            except Drift as drift:
                failures.append(str(drift))

        with psycopg.connect(database) as application:
            application.execute("UPDATE users SET name = 'theirs'")
            thread = threading.Thread(target=run)
            thread.start()
            wait_for(database, WAITING)
            application.commit()
            thread.join()
        assert "users ann: edited since: name" in failures[0]
        assert execute(database, "SELECT name FROM users") == [("theirs",)]

    def test_a_serialization_failure_is_tried_again_but_not_for_ever(self, database):
        """Fault 16."""
        prepare(
            database,
            DDL
            + "CREATE SEQUENCE attempts; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN IF nextval('attempts') <= 2 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NULL; END $$;"
            "CREATE TRIGGER f AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
        )
        assert counts(applied(database, users("ann"))) == {"users": {"create": 1}}
        execute(database, "ALTER SEQUENCE attempts RESTART WITH 1 MAXVALUE 2 CYCLE")
        with pytest.raises(DatabaseFailure, match="gave up after 3 attempts"):
            applied(database, users("ann", "bob"))
        assert execute(database, "SELECT email FROM users") == [("ann",)]


def session_settings():
    from seedbed.load import session

    return session.SETTINGS


def killed_by(database, statement):
    """Apply while another connection holds a row back, and run a statement against the run's backend."""
    prepare(database, DDL)
    before = traces(database, "users")["users"], ledger(database)
    failure = []

    def run():
        try:
            applied(database, users("ann", "bob"))
        except Exception as error:
            failure.append(error)

    with psycopg.connect(database) as application:
        application.execute("INSERT INTO users (email) VALUES ('bob')")
        thread = threading.Thread(target=run)
        thread.start()
        wait_for(database, WAITING)
        execute(database, statement)
        thread.join()
        application.rollback()
    assert (traces(database, "users")["users"], ledger(database)) == before
    return failure[0]


class TestCrashes:
    """Either the old state or the complete new one."""

    def test_a_terminated_backend(self, database):
        """Fault 24."""
        error = killed_by(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        )
        assert isinstance(error, DatabaseFailure)

    def test_a_cancelled_statement(self, database):
        """Fault 29."""
        error = killed_by(
            database,
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        )
        assert isinstance(error, DatabaseFailure)
        assert "canceling statement" in str(error)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_rolls_back_and_frees_the_lock(self, database, number):
        """Fault 22."""
        prepare(database, DDL)
        before = traces(database, "users")["users"]
        code = textwrap.dedent("""
            import sys
            from seedbed.errors import SeedbedError
            try:
                exec(sys.argv[1])
            except SeedbedError as error:
                print(error)
                sys.exit(error.exit_code)
            """)
        inner = PROGRAM.format(here=str(Path(__file__).parent), url=database, size=10)
        with psycopg.connect(database) as application:
            application.execute("INSERT INTO users (email) VALUES ('user-5')")
            process = subprocess.Popen(
                [sys.executable, "-c", code, inner], stdout=subprocess.PIPE, text=True
            )
            wait_for(database, WAITING)
            process.send_signal(number)
            out, _ = process.communicate()
            application.rollback()
        assert process.returncode == 128 + number
        assert "rolled back" in out
        assert traces(database, "users")["users"] == before
        assert counts(applied(database, users("ann"), wait=False)) == {"users": {"create": 1}}

    def test_a_signal_that_comes_up_as_another_error_is_still_a_signal(self, database):
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

    @pytest.mark.parametrize("committed", [True, False])
    def test_a_signal_at_commit_is_answered_by_what_became_of_it(
        self, database, monkeypatch, committed
    ):
        """Fault 22: the server is asked, so that rows that are there are never called rolled back."""
        prepare(database, DDL)
        commit = psycopg.Connection.commit

        def interrupted(connection):
            monkeypatch.undo()
            if committed:
                commit(connection)
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(psycopg.Connection, "commit", interrupted)
        with nullcontext() if committed else pytest.raises(Interrupted, match="rolled back"):
            applied(database, users("ann"))
        assert execute(database, "SELECT email FROM users") == [("ann",)] * committed

    def test_a_killed_client_commits_nothing_late(self, database):
        """Faults 21 and 23."""
        prepare(database, DDL)
        with psycopg.connect(database) as application:
            application.execute("INSERT INTO users (email) VALUES ('user-5')")
            process = program(database)
            wait_for(database, WAITING)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            wait_for(
                database,
                "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'seedbed')",
            )
            application.rollback()
        assert execute(database, "SELECT * FROM users") == []
        assert counts(applied(database, users("ann"), wait=False)) == {"users": {"create": 1}}

    def test_an_interrupt_in_the_callers_own_code(self, database):
        prepare(database, DDL)

        def evaluate(as_of):
            raise KeyboardInterrupt

        with pytest.raises(Interrupted) as caught:
            apply(replace(source(), evaluate=evaluate), database, Options(environment="testing"))
        assert caught.value.exit_code == 130
