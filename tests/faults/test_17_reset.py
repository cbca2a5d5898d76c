"""apply against reset: one after the other, never half of either. Fault 17."""

from __future__ import annotations

import threading

import psycopg
import pytest
import sqlalchemy as sa
from contents import bytes_of, meaning_of
from given import execute, rows, source
from psycopg import sql
from seeders import WAITING, meanwhile, wait_for

from seedbed.apply import apply
from seedbed.errors import DatabaseFailure, InvalidInput, Locked
from seedbed.ledger import LOCK
from seedbed.load.session import Limits
from seedbed.options import Options
from seedbed.reset import reset

OLD, NEW = [f"old-{n}" for n in range(50)], [f"new-{n}" for n in range(50)]


def metadata():
    made = sa.MetaData()
    sa.Table(
        "users",
        made,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String, unique=True),
    )
    sa.Table(
        "posts",
        made,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.ForeignKey("users.id")),
    )
    return made


def world(names):
    users = rows("users", names, {"email": names}, key=["email"])
    posts = rows("posts", names, {}, refs={"user": ("users", range(len(names)))})
    return source(users, posts, metadata=metadata)


def seeded(url, names):
    return apply(world(names), url, Options(environment="testing"))


def reset_to(url, names, **options):
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    said = Options(environment="testing", confirm=name, backup=False, **options)
    return reset(world(names), url, said)


def emails(url):
    return [email for (email,) in execute(url, "SELECT email FROM users ORDER BY id")]


BOTH_WAIT = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_fault_17_they_wait_for_each_other_and_the_last_one_decides(database):
    """Whichever is last; each sees what the other left, and both succeed."""
    seeded(database, OLD)
    done = []
    with psycopg.connect(database) as application:
        application.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        runs = [
            threading.Thread(target=lambda: done.append(("apply", seeded(database, OLD)))),
            threading.Thread(target=lambda: done.append(("reset", reset_to(database, NEW)))),
        ]
        for run in runs:
            run.start()
        wait_for(database, BOTH_WAIT)
        application.rollback()
        for run in runs:
            run.join()
    assert {name for name, _ in done} == {"apply", "reset"}
    order = [
        action for (action,) in execute(database, "SELECT action FROM seedbed.runs ORDER BY id")
    ]
    last = order[-1]
    assert emails(database) == (NEW if last == "reset" else OLD)
    assert execute(database, "SELECT count(*) FROM posts JOIN users u ON u.id = user_id") == [(50,)]
    assert not seeded(database, NEW if last == "reset" else OLD).changed


def test_fault_17_the_result_is_that_of_the_two_in_a_row(database):
    seeded(database, OLD)
    reset_to(database, NEW)
    in_a_row = meaning_of(database)
    execute(database, "DROP TABLE posts, users; DROP SCHEMA seedbed CASCADE")
    seeded(database, OLD)
    with psycopg.connect(database) as reader:
        reader.execute(
            "SELECT count(*) FROM users"
        )  # the reset waits for this lock, with the advisory one in hand
        with meanwhile(lambda: reset_to(database, NEW)) as outcome:
            wait_for(database, WAITING)
            with meanwhile(lambda: seeded(database, NEW)) as after:
                wait_for(database, "SELECT count(*) = 2 FROM pg_locks WHERE NOT granted")
                reader.rollback()
    assert (outcome.error, after.error) == (None, None)
    assert meaning_of(database) == in_a_row


def test_fault_17_readers_see_the_old_state_until_the_new_one_is_whole(database):
    """The table they read is the one they began with."""
    seeded(database, OLD)
    with psycopg.connect(database) as reader:
        reader.execute("SELECT FROM users")
        with meanwhile(lambda: reset_to(database, NEW)) as outcome:
            wait_for(database, WAITING)
            found = reader.execute("SELECT email FROM users ORDER BY id").fetchall()
            assert [email for (email,) in found] == OLD
            reader.rollback()
    assert outcome.error is None
    assert emails(database) == NEW


def test_fault_17_a_table_that_is_in_use_for_too_long_ends_the_reset(database):
    """Exit 5, the process that has it, and the old state is whole."""
    seeded(database, OLD)
    before = bytes_of(database)
    with psycopg.connect(database) as application:
        application.execute("SELECT FROM users")
        with pytest.raises(Locked, match="holds a lock on a table or row") as caught:
            reset_to(database, NEW, limits=Limits(lock=0.05))
    assert caught.value.exit_code == 5
    assert bytes_of(database) == before


def test_fault_17_not_waiting_for_the_other_one_is_exit_5(database):
    seeded(database, OLD)
    before = bytes_of(database)
    with psycopg.connect(database) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        with pytest.raises(Locked, match=rf"process {holder.info.backend_pid}\b"):
            reset_to(database, NEW, wait=False)
    assert bytes_of(database) == before


@pytest.mark.parametrize("when", ["dropping", "writing"])
def test_fault_17_a_reset_whose_backend_is_killed_leaves_the_old_state(database, when):
    """Before its tables are dropped, and after they were made again."""
    seeded(database, OLD)
    before = bytes_of(database)
    blocker = "SELECT FROM users" if when == "dropping" else "SELECT pg_advisory_lock(7)"
    wanted = world(NEW)
    if when == "writing":
        made = metadata()
        trigger = sa.DDL(
            "CREATE FUNCTION pg_temp.f() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;"
            "CREATE TRIGGER f BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION pg_temp.f()"
        )
        sa.event.listen(made.tables["posts"], "after_create", trigger)
        wanted = source(*world(NEW).evaluate(wanted.as_of).tables.values(), metadata=lambda: made)
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    said = Options(environment="testing", confirm=name, backup=False)
    with psycopg.connect(database) as application:
        application.execute(sql.SQL(blocker))
        with meanwhile(lambda: reset(wanted, database, said)) as outcome:
            wait_for(database, WAITING)
            execute(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database()",
            )
    assert isinstance(outcome.error, DatabaseFailure)
    assert bytes_of(database) == before


def test_fault_17_rows_that_do_not_fit_leave_the_old_state(database):
    seeded(database, OLD)
    before = bytes_of(database)
    wrong = source(rows("users", ["ann"], {"emial": ["x"]}), metadata=metadata)
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with pytest.raises(InvalidInput, match="did you mean 'email'"):
        reset(wrong, database, Options(environment="testing", confirm=name, backup=False))
    assert bytes_of(database) == before
