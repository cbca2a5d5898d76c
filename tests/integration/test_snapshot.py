"""Snapshots: saved beside a database, and gone back to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest
from given import applied, counts, execute, prepare, rows
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from seedbed import guard, snapshot
from seedbed.backup import BackupUndecided
from seedbed.birth import stamp_at_birth
from seedbed.databases.marks import Mark
from seedbed.errors import DatabaseFailure, InvalidInput, Locked, Refused
from seedbed.load.session import connect

DDL = """
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1, 50) n;
"""


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def people(url: str) -> int:
    return int(execute(url, "SELECT count(*) FROM people")[0][0])


def names(url: str) -> list[str]:
    return [each.name for each in snapshot.saved(url)]


def databases(url: str) -> set[str]:
    return {name for (name,) in execute(url, "SELECT datname FROM pg_database")}


def test_a_database_is_again_what_it_was(database):
    prepare(database, DDL)
    before = databases(database)
    snapshot.save(database, "first")
    execute(database, "DROP TABLE people; CREATE TABLE newer ()")
    snapshot.restore(database, "first", confirm=name_of(database), backup=False)
    assert people(database) == 50
    assert execute(database, "SELECT to_regclass('newer')") == [(None,)]
    assert len(databases(database) - before) == 1, "the snapshot, and nothing of what was replaced"


def test_it_can_be_gone_back_to_again_and_again(database):
    prepare(database, DDL)
    snapshot.save(database, "first")
    for _ in range(3):
        execute(database, "DELETE FROM people")
        snapshot.restore(database, "first", confirm=name_of(database), backup=False)
        assert people(database) == 50


def test_seedbed_still_knows_its_rows_and_what_the_database_is_for(database):
    prepare(database, "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE)")
    ours = rows("users", ["ann", "bob"], {"id": [1, 2], "email": ["ann", "bob"]}, key=("email",))
    applied(database, ours)
    snapshot.save(database, "seeded")
    execute(database, "UPDATE users SET email = 'eve' WHERE id = 2")
    snapshot.restore(database, "seeded", confirm=name_of(database), backup=False)
    assert counts(applied(database, ours)) == {"users": {"unchanged": 2}}
    with psycopg.connect(database) as connection:
        verdict = guard.assess(connection)
    assert (verdict.environment, verdict.unstamped, verdict.refusal) == ("testing", False, "")


def test_settings_grants_and_comment_stay(database):
    name = name_of(database)
    prepare(database, DDL)
    execute(database, f"ALTER DATABASE {name} SET work_mem = '7MB'")
    execute(database, f"COMMENT ON DATABASE {name} IS 'the payroll'")
    snapshot.save(database, "first")
    snapshot.restore(database, "first", confirm=name, backup=False)
    query = "SELECT current_setting('work_mem'), shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    assert execute(database, query, name) == [("7MB", "the payroll")]


class TestSessions:
    def test_who_is_connected_is_told_and_stays(self, database):
        prepare(database, DDL)
        with (
            psycopg.connect(database, application_name="the app") as app,
            psycopg.connect(database, application_name="the app"),
            psycopg.connect(database, application_name="psql"),
        ):
            with pytest.raises(Locked, match=r"3 sessions: psql, the app \(2\)") as caught:
                snapshot.save(database, "first")
            assert "--end-sessions" in caught.value.remedy
            assert app.execute("SELECT 1").fetchone() == (1,)
        assert names(database) == []

    def test_they_are_ended_where_that_is_asked_for(self, database, server):
        prepare(database, DDL)
        with (
            psycopg.connect(database, application_name="the app") as app,
            psycopg.connect(server.url()) as elsewhere,
        ):
            made = snapshot.save(database, "first", end_sessions=True)
            assert str(made.ended) == "1 session: the app"
            assert elsewhere.execute("SELECT 1").fetchone() == (1,)
            with pytest.raises(psycopg.OperationalError):
                app.execute("SELECT 1")

    def test_going_back_ends_those_on_that_database_and_says_so(self, database, server):
        prepare(database, DDL)
        snapshot.save(database, "first")
        with (
            psycopg.connect(database, application_name="the app"),
            psycopg.connect(server.url()) as elsewhere,
        ):
            done = snapshot.restore(database, "first", confirm=name_of(database), backup=False)
            assert str(done.ended) == "1 session: the app"
            assert elsewhere.execute("SELECT 1").fetchone() == (1,)

    @pytest.mark.parametrize("step", ["save", "restore"])
    def test_applications_that_connect_again_at_once_are_kept_out(self, database, step):
        """Six of them, each of which opens its next session as soon as it has lost one."""
        prepare(database, DDL)
        snapshot.save(database, "first")
        with insistent(database, 6):
            if step == "save":
                snapshot.save(database, "second", end_sessions=True)
            else:
                snapshot.restore(database, "first", confirm=name_of(database), backup=False)
        assert people(database) == 50

    @pytest.mark.parametrize("step", ["save", "restore"])
    def test_a_superusers_is_named_before_anything_is_done(self, database, server, step):
        """pg_signal_backend does not help there, so nobody is told that it would; and nobody's session is ended for nothing."""
        prepare(database, DDL)
        name = name_of(database)
        execute(
            database,
            f"CREATE ROLE owning LOGIN CREATEDB; ALTER DATABASE {name} OWNER TO owning; "
            "GRANT USAGE ON SCHEMA seedbed TO owning; GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO owning; "
            "GRANT EXECUTE ON FUNCTION pg_control_system() TO owning",
        )
        url = make_conninfo(database, user="owning")
        steps = {
            "save": lambda: snapshot.save(url, "second", end_sessions=True),
            "restore": lambda: snapshot.restore(url, "first", confirm=name, backup=False),
        }
        try:
            snapshot.save(url, "first")
            with (
                psycopg.connect(database, application_name="backstage") as other,
                psycopg.connect(url, application_name="the app") as app,
            ):
                with pytest.raises(DatabaseFailure, match="may not end") as caught:
                    steps[step]()
                said = str(caught.value)
                assert ("backstage" in said, "pg_signal_backend" in said) == (True, False)
                assert app.execute("SELECT 1").fetchone() == (1,)
                assert other.execute("SELECT 1").fetchone() == (1,)
            snapshot.drop(url, "first", confirm=name)
        finally:
            execute(database, f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
            execute(database, "DROP OWNED BY owning; DROP ROLE owning")

    def test_a_newcomer_that_waited_for_the_swap_gets_in(self, database, server):
        """PostgreSQL refuses it once, for the database it found under the name has another one now."""
        prepare(database, DDL)
        name, other = name_of(database), f"{name_of(database)}_gone"
        with (
            ThreadPoolExecutor() as pool,
            psycopg.connect(server.url()) as admin,
            psycopg.connect(server.url(), autocommit=True) as watch,
        ):
            watch.execute(f"CREATE DATABASE {name}_new")
            admin.execute(f"ALTER DATABASE {name} RENAME TO {other}")
            admin.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
            newcomer = pool.submit(connect, database)
            waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND classid = 'pg_database'::regclass)"
            while watch.execute(waiting).fetchone() != (True,):
                assert not newcomer.done()
            admin.commit()
            with newcomer.result() as inside:
                assert inside.execute("SELECT to_regclass('people')").fetchone() == (None,)
            watch.execute(f"DROP DATABASE {other}")


def test_a_draft_that_somebody_works_on_stays_and_goes_when_they_are_gone(database, server):
    """Two roles may be beside a database in different ones, where neither sees the other's advisory lock."""
    prepare(database, DDL)
    name, draft = name_of(database), f"{name_of(database)}_draft"
    with psycopg.connect(server.url(), autocommit=True, application_name="seedbed") as other:
        other.execute(f"CREATE DATABASE {draft}")
        mark = Mark("restoring", of=name, database=draft, worker=other.info.backend_pid)
        other.execute(mark.statement())
        snapshot.save(database, "first")
        assert draft in databases(database)
        pid = other.info.backend_pid
    gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
    while execute(database, gone, pid) != [(True,)]:
        pass
    snapshot.save(database, "second")
    assert draft not in databases(database)


@contextmanager
def insistent(url: str, number: int) -> Iterator[None]:
    """Keep sessions open on a database, again and again."""
    over, inside = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        while not over.is_set():
            with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
                inside.release()
                while not over.is_set():
                    connection.execute("SELECT pg_sleep(0.2)")

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for _ in threads:
        inside.acquire()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.mark.on_one_server
class TestNames:
    def test_they_are_listed_with_what_they_are_of(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        snapshot.save(database, "second one")
        first, second = snapshot.saved(database)
        assert (first.name, second.name) == ("first", "second one")
        assert (first.of, first.environment) == (name_of(database), "testing")

    def test_a_name_is_taken_once(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        with pytest.raises(InvalidInput, match="already"):
            snapshot.save(database, "first")

    def test_an_unknown_one_is_told_with_the_nearest(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        with pytest.raises(InvalidInput, match="did you mean 'first'"):
            snapshot.restore(database, "frist", confirm=name_of(database), backup=False)

    def test_one_that_is_dropped_is_gone_and_the_database_stays(self, database):
        prepare(database, DDL)
        before = databases(database)
        snapshot.save(database, "first")
        snapshot.drop(database, "first", confirm=name_of(database))
        assert (names(database), databases(database)) == ([], before)
        assert people(database) == 50

    def test_a_database_that_only_looks_like_one_is_nobodys_snapshot(self, database, server):
        prepare(database, DDL)
        twin = f"{name_of(database)}_snapshot_first"
        execute(server.url(), f"CREATE DATABASE {twin}")
        try:
            assert names(database) == []
            with pytest.raises(InvalidInput):
                snapshot.drop(database, "first", confirm=name_of(database))
            assert snapshot.save(database, "first").database == f"{twin}_2"
        finally:
            execute(server.url(), f"DROP DATABASE {twin}")

    def test_any_text_will_do(self, database):
        prepare(database, DDL)
        name = 'Über "alles"; DROP DATABASE postgres -- ' + "x" * 60
        made = snapshot.save(database, name)
        assert len(made.database.encode()) <= 63
        assert names(database) == [name]


@pytest.mark.on_one_server
class TestGuard:
    def test_the_name_has_to_be_said(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        with pytest.raises(Refused):
            snapshot.restore(database, "first", confirm=None, backup=False)

    def test_the_name_has_to_be_said_to_drop_one(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        for confirm in (None, "yes"):
            with pytest.raises(Refused, match="--confirm"):
                snapshot.drop(database, "first", confirm=confirm)
        assert names(database) == ["first"]

    def test_a_variable_too_where_the_database_is_protected(self, database, monkeypatch):
        prepare(database, DDL)
        name = name_of(database)
        execute(database, "UPDATE seedbed.stamp SET environment = 'production'")
        snapshot.save(database, "first")
        with pytest.raises(Refused, match="DB_RESTORE_ALLOW_PRODUCTION=1"):
            snapshot.drop(database, "first", confirm=name)
        monkeypatch.setenv("DB_RESTORE_CONFIRM", "1")
        monkeypatch.setenv("DB_RESTORE_ALLOW_PRODUCTION", "1")
        snapshot.drop(database, "first", confirm=name)
        assert names(database) == []

    def test_a_word_about_a_backup_is_needed(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        with pytest.raises(BackupUndecided, match="--no-backup"):
            snapshot.restore(database, "first", confirm=name_of(database))

    def test_not_where_seedbed_created_the_database_and_it_stays_so(self, database):
        stamp_at_birth(database, "development")
        execute(database, DDL)
        snapshot.save(database, "first")
        for _ in range(2):
            snapshot.restore(database, "first", confirm=name_of(database))
        assert people(database) == 50

    def test_a_backup_made_first_holds_what_was_replaced(self, database, tmp_path):
        prepare(database, DDL)
        snapshot.save(database, "first")
        execute(database, "DELETE FROM people WHERE id > 3")
        done = snapshot.restore(
            database, "first", confirm=name_of(database), backup=tmp_path / "kept"
        )
        assert done.backup is not None
        assert '"public.people": 3' in done.backup.with_name(f"{done.backup.name}.json").read_text()

    def test_rows_of_another_environment_are_named(self, database):
        prepare(database, DDL)
        snapshot.save(database, "first")
        execute(database, "UPDATE seedbed.stamp SET environment = 'demo'")
        name = name_of(database)
        with pytest.raises(Refused, match="--from testing"):
            snapshot.restore(database, "first", confirm=name, backup=False)
        done = snapshot.restore(database, "first", confirm=name, backup=False, origin="testing")
        assert done.environment == "demo"
        assert execute(database, "SELECT environment FROM seedbed.stamp") == [("demo",)]

    def test_a_role_that_may_not_is_told(self, database):
        prepare(database, DDL)
        execute(
            database,
            "CREATE ROLE lowlier LOGIN; GRANT USAGE ON SCHEMA seedbed TO lowlier; "
            "GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO lowlier",
        )
        try:
            with pytest.raises(DatabaseFailure, match="may not"):
                snapshot.save(make_conninfo(database, user="lowlier"), "first")
        finally:
            execute(database, "DROP OWNED BY lowlier; DROP ROLE lowlier")


@pytest.mark.on_one_server
def test_who_is_just_leaving_is_waited_for(database):
    """The server notices a little later than its client that a connection is closed, and frees its lock then."""
    prepare(database, DDL)
    neighbour = make_conninfo(database, dbname="postgres")
    with psycopg.connect(neighbour, autocommit=True) as holder, ThreadPoolExecutor(1) as pool:
        key = f"seedbed {name_of(database)}"
        holder.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
        saving = pool.submit(snapshot.save, database, "first")
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not saving.done() and not execute(neighbour, waiting):
            pass
        holder.close()
        saving.result()
    assert [each.name for each in snapshot.saved(database)] == ["first"]


class TestATemplateDatabase:
    """CREATE DATABASE ... TEMPLATE is what people use such a one for; PostgreSQL drops none that is flagged so."""

    def test_goes_back_again_and_again_and_stays_a_template(self, database):
        prepare(database, DDL)
        name = name_of(database)
        before = databases(database)
        execute(database, f"ALTER DATABASE {name} IS_TEMPLATE true")
        try:
            for number in range(2):
                snapshot.save(database, f"{number}")
                done = snapshot.restore(database, f"{number}", confirm=name, backup=False)
                assert done.left == ()
            flag = "SELECT datistemplate FROM pg_database WHERE datname = %s"
            assert execute(database, flag, name) == [(True,)]
            assert len(databases(database) - before) == 2, "the snapshots, and nothing else"
        finally:
            execute(database, f"ALTER DATABASE {name} IS_TEMPLATE false")


def test_what_could_not_be_dropped_is_told(database):
    """PostgreSQL drops no database that a subscription is in."""
    prepare(database, DDL)
    snapshot.save(database, "first")
    name = name_of(database)
    execute(
        database,
        "CREATE SUBSCRIPTION news CONNECTION 'host=nowhere.invalid' PUBLICATION p "
        "WITH (connect = false, slot_name = NONE)",
    )
    done = snapshot.restore(database, "first", confirm=name, backup=False)
    (left,) = done.left
    try:
        assert "subscription" in left.problem
        assert people(database) == 50
    finally:
        going = make_conninfo(database, dbname=left.where)
        execute(going, "DROP SUBSCRIPTION news")
