"""Several who write at once: runs among themselves, runs and the application. Faults 14 to 16, 18 and 19.

Fault 17 is with the destructive commands, fault 20 with the plugin (tests/plugin/test_runs.py).
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from contents import meaning_of
from given import applied, counts, execute, prepare, rows
from seeders import ALONE, DDL, WAITING, meanwhile, process, users, wait_for

from seedbed.errors import DatabaseFailure, Drift, Locked
from seedbed.ledger import LOCK
from seedbed.load.session import Limits


def test_fault_14_of_eight_processes_one_writes_and_the_others_find_nothing_to_do(database):
    names = [f"user-{number}" for number in range(200)]
    prepare(database, DDL)
    processes = [process(database, *names) for _ in range(8)]
    answers = sorted(each.communicate()[0].strip() for each in processes)
    assert answers == ["0 200"] * 7 + ["200 0"]
    assert execute(database, "SELECT count(*), max(id) FROM users") == [(200, 200)]
    together = meaning_of(database)
    execute(database, "DROP TABLE users; DROP SCHEMA seedbed CASCADE")
    prepare(database, DDL)
    applied(database, users(*names))
    assert meaning_of(database) == together


def test_fault_14_of_eight_that_do_not_wait_one_writes(database):
    """The others met it, and end with 5, or came later and find nothing to do; the state is that of one run."""
    names = [f"user-{number}" for number in range(200)]
    prepare(database, DDL)

    def run(_):
        try:
            return applied(database, users(*names), wait=False).tables["users"].create
        except Locked as busy:
            return busy.exit_code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(run, range(8)))
    assert outcomes.count(200) == 1
    assert set(outcomes) <= {200, 5, 0}
    assert execute(database, "SELECT count(*), max(id) FROM users") == [(200, 200)]


def test_fault_14_not_waiting_names_the_holder(database):
    prepare(database, DDL)
    with psycopg.connect(database) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        with pytest.raises(Locked, match=rf"process {holder.info.backend_pid}\b") as caught:
            applied(database, users("ann"), wait=False)
    assert caught.value.exit_code == 5
    assert execute(database, "SELECT * FROM users") == []


OPPOSITE = """
CREATE TABLE a (id int PRIMARY KEY, note text);
CREATE TABLE b (id int PRIMARY KEY, note text);
"""


def test_fault_15_runs_with_opposite_row_and_table_orders(database):
    """They start together; each does all of its work, and the server has met no deadlock."""
    prepare(database, OPPOSITE)

    def tables(note, order):
        numbers = list(range(50))[::order]
        labels = [str(number) for number in numbers]
        return [rows(name, labels, {"id": numbers, "note": [note] * 50}) for name in "ab"[::order]]

    applied(database, *tables("first", 1))
    with psycopg.connect(database) as gate:
        gate.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        with (
            meanwhile(lambda: applied(database, *tables("up", 1))) as up,
            meanwhile(lambda: applied(database, *tables("down", -1))) as down,
        ):
            wait_for(
                database,
                "SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()",
            )
            gate.commit()
    assert (up.error, down.error) == (None, None)
    notes = execute(database, "SELECT note FROM a UNION SELECT note FROM b")
    assert notes in ([("up",)], [("down",)])
    assert deadlocks(database) == 0


def test_fault_15_rows_are_updated_by_ascending_key_in_whatever_order_the_profile_has_them(
    database,
):
    """An application that goes by key waits for the run, or the run for it; never both."""
    prepare(database, OPPOSITE)
    numbers = list(range(2000))[::-1]
    labels = [str(number) for number in numbers]

    def table(note):
        return rows("a", labels, {"id": numbers, "note": [note] * 2000})

    applied(database, table("first"))
    with psycopg.connect(database) as application:
        application.execute("UPDATE a SET note = note WHERE id = 0")
        with meanwhile(lambda: applied(database, table("second"))) as run:
            wait_for(database, WAITING)
            application.execute("UPDATE a SET note = note WHERE id = 1999")
            application.commit()
    assert run.error is None
    assert deadlocks(database) == 0


def deadlocks(url):
    """Return how many deadlocks the server has resolved in this database; runs tell theirs when they leave."""
    wait_for(url, ALONE)
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return execute(url, query)[0][0]


FAILING = """
CREATE SEQUENCE attempts;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF nextval('attempts') <= 2 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NULL; END $$;
CREATE TRIGGER f AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()
"""


def test_fault_16_a_serialization_failure_is_tried_again_but_not_for_ever(database):
    prepare(database, DDL + FAILING)
    assert counts(applied(database, users("ann"))) == {"users": {"create": 1}}
    execute(database, "ALTER SEQUENCE attempts RESTART WITH 1 MAXVALUE 2 CYCLE")
    with pytest.raises(DatabaseFailure, match="gave up after 3 attempts") as caught:
        applied(database, users("ann", "bob"))
    assert caught.value.exit_code == 6
    assert execute(database, "SELECT email FROM users") == [("ann",)]


PAUSE = """
CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text);
CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.name = 'ann' THEN PERFORM pg_advisory_xact_lock(7); END IF; RETURN NULL; END $$;
CREATE TRIGGER pause AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION pause();
"""


def test_fault_16_a_deadlock_with_the_application_is_tried_again(database):
    """The application holds posts and wants a user that the run has made; the run holds users and wants posts."""
    prepare(database, DDL + PAUSE)
    name = execute(database, "SELECT quote_ident(current_database())")[0][0]
    execute(database, f"ALTER DATABASE {name} SET deadlock_timeout = '10ms'")
    posts = rows("posts", ["1"], {"title": ["hello"]}, refs={"user": ("users", [0])})
    with psycopg.connect(database) as gate, psycopg.connect(database) as application:
        gate.execute("SELECT pg_advisory_xact_lock(7)")
        application.execute("SET deadlock_timeout = '1h'")  # so that it is the run that is chosen
        application.execute("LOCK TABLE posts IN EXCLUSIVE MODE")
        with meanwhile(lambda: applied(database, users("ann"), posts)) as run:
            wait_for(database, WAITING)
            with meanwhile(lambda: insert(application)):
                wait_for(
                    database,
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted)",
                )
                gate.commit()
            application.rollback()
    assert run.error is None
    assert deadlocks(database) == 1
    assert execute(database, "SELECT email, title FROM users JOIN posts ON user_id = users.id") == [
        ("ann", "hello")
    ]


def insert(application):
    """Wait for the run's user of the same key; once it is rolled back there is room."""
    application.execute("INSERT INTO users (email, name) VALUES ('ann', 'theirs')")


def test_fault_18_a_table_locked_by_the_application(database):
    """Exit 5 and the process that holds it, after lock_timeout."""
    prepare(database, DDL)
    with psycopg.connect(database) as application:
        application.execute("LOCK TABLE users")
        pid = application.info.backend_pid
        with pytest.raises(Locked, match=rf"process {pid}\b.*users") as caught:
            applied(database, users("ann"), limits=Limits(lock=0.05))
    assert caught.value.exit_code == 5


def test_fault_19_the_same_natural_key_inserted_in_mid_run(database):
    """No duplicate, and the row belongs to who wrote it."""
    prepare(database, DDL)
    with psycopg.connect(database) as application:
        application.execute("INSERT INTO users (email, name) VALUES ('bob', 'theirs')")
        with meanwhile(lambda: applied(database, users("ann", "bob"))) as run:
            wait_for(database, WAITING)
            application.commit()
    assert isinstance(run.error, Drift)
    assert "users bob: a row with its natural key (email) is there" in str(run.error)
    assert execute(database, "SELECT email, name FROM users") == [("bob", "theirs")]


def test_fault_19_a_row_changed_between_our_look_and_our_write(database):
    prepare(database, DDL)
    applied(database, users("ann"))
    changed = rows("users", ["ann"], {"email": ["ann"], "name": ["Ann"]}, key=["email"])
    with psycopg.connect(database) as application:
        application.execute("UPDATE users SET name = 'theirs'")
        with meanwhile(lambda: applied(database, changed)) as run:
            wait_for(database, WAITING)
            application.commit()
    assert isinstance(run.error, Drift)
    assert re.search("users ann: edited since.*: name", str(run.error))
    assert execute(database, "SELECT name FROM users") == [("theirs",)]
