"""Roles that may not do everything, rows that a role cannot see, and cascades. Faults 50 to 52 and 55.

Faults 53 and 54, standbys and poolers, have a file of their own: they need servers of their own.
"""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from contents import meaning_of
from given import applied, counts, execute, ledger, planned, prepare, rows, source, traces
from psycopg import sql
from seeders import WAITING, meanwhile, wait_for

from seedbed import guard
from seedbed.apply import apply
from seedbed.destroy import DestroyOptions, destroy
from seedbed.errors import DatabaseFailure, Drift, InvalidInput, Refused, SeedbedError
from seedbed.options import Options
from seedbed.reset import reset
from seedbed.status import status
from tests.canary import bare

USERS = "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, name text);"
LEDGER = (
    "GRANT ALL ON SCHEMA seedbed TO limited; GRANT ALL ON ALL TABLES IN SCHEMA seedbed TO limited;"
)
READING = (
    "GRANT USAGE ON SCHEMA seedbed TO limited; GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO limited;"
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited;"
)
EVERYTHING = f"{LEDGER} GRANT ALL ON ALL TABLES IN SCHEMA public TO limited; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO limited;"


@pytest.fixture
def role(database):
    """Return the URL of the same database as a role that may do nothing yet."""
    execute(
        database,
        "DO $$ BEGIN CREATE ROLE limited LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    )
    yield bare(database).replace("postgres@", "limited@")
    execute(database, "DROP OWNED BY limited CASCADE")


def users(*names, **columns):
    names = names or ("ann", "bob")
    return rows("users", names, {"email": list(names), **columns}, key=["email"])


def name_of(url):
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


def cleaned(url, *tables, **options):
    return applied(url, *tables, clean=True, backup=False, confirm=name_of(url), **options)


def destroyed(url):
    return destroy(url, DestroyOptions(name_of(url), backup=False))


def remedies(error):
    return [finding.remedy for finding in error.value.findings]


class TestMissingPrivileges:
    """Fault 50: found before the run, with the GRANT to issue."""

    def test_fault_50_each_missing_grant_is_written_out_and_enough(self, database, role):
        prepare(database, USERS + "GRANT USAGE ON SCHEMA public TO limited")
        execute(
            database,
            "GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO limited; GRANT USAGE ON SCHEMA seedbed TO limited",
        )
        with pytest.raises(DatabaseFailure) as caught:
            applied(role, users())
        grants = remedies(caught)
        assert 'GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."users" TO limited' in grants
        assert "GRANT USAGE, SELECT, UPDATE ON SEQUENCE users_id_seq TO limited" in grants
        for grant in grants:
            execute(database, grant)
        assert counts(applied(role, users())) == {"users": {"create": 2}}

    def test_fault_50_planning_takes_no_more_than_reading(self, database, role):
        prepare(database, USERS)
        execute(database, READING)
        assert counts(planned(role, users())) == {"users": {"create": 2}}

    @pytest.mark.parametrize(
        ("missing", "grant"),
        [
            ("UPDATE ON users", 'GRANT UPDATE ON "public"."users" TO limited'),
            ("DELETE ON users", 'GRANT DELETE ON "public"."users" TO limited'),
            (
                "ALL ON SEQUENCE users_id_seq",
                "GRANT USAGE, SELECT, UPDATE ON SEQUENCE users_id_seq TO limited",
            ),
        ],
    )
    def test_fault_50_one_missing_privilege_is_found_before_anything_is_written(
        self, database, role, missing, grant
    ):
        prepare(database, USERS)
        applied(database, users())
        execute(database, f"{EVERYTHING} REVOKE {missing} FROM limited")
        before = traces(database, "users"), ledger(database)
        with pytest.raises(DatabaseFailure) as caught:
            applied(role, users("ann", "cleo"))
        assert remedies(caught) == [grant]
        assert (traces(database, "users"), ledger(database)) == before

    def test_fault_50_a_role_that_may_only_read_its_database_is_refused(self, database, role):
        prepare(database, USERS)
        execute(database, EVERYTHING)
        read_only = "ALTER ROLE limited IN DATABASE {} SET default_transaction_read_only TO on"
        name = sql.Identifier(name_of(database))
        execute(database, sql.SQL(read_only).format(name).as_string())
        with pytest.raises(Refused, match="read-only"):
            applied(role, users())

    def test_fault_50_destroy_and_clean_say_what_they_lack(self, database, role):
        prepare(database, USERS)
        applied(database, users())
        execute(database, f"{EVERYTHING} REVOKE DELETE ON users FROM limited")
        before = traces(database, "users"), ledger(database)
        for step in (destroyed, lambda url: cleaned(url, users())):
            with pytest.raises(DatabaseFailure) as caught:
                step(role)
            assert remedies(caught) == ['GRANT DELETE ON "public"."users" TO limited']
        assert (traces(database, "users"), ledger(database)) == before

    def test_fault_50_clean_wants_to_see_who_refers_to_the_rows(self, database, role):
        prepare(database, USERS)
        applied(database, users())
        likes = "CREATE TABLE likes (user_id int REFERENCES users ON DELETE CASCADE)"
        execute(database, f"{EVERYTHING} {likes}")
        with pytest.raises(Drift) as caught:
            cleaned(role, users())
        assert remedies(caught) == ["GRANT SELECT ON likes TO limited"]

    def test_fault_50_reset_wants_to_own_what_it_drops(self, database, role):
        prepare(database, USERS)
        execute(database, EVERYTHING)
        before = traces(database, "users")
        with pytest.raises(DatabaseFailure) as caught:
            _reset(role)
        assert remedies(caught) == ['ALTER TABLE "public"."users" OWNER TO limited']
        assert traces(database, "users") == before

    def test_fault_50_a_stamp_that_may_not_be_read(self, database, role):
        with psycopg.connect(database) as connection:
            guard.stamp(connection, "testing", confirm=connection.info.dbname)
        with pytest.raises(Refused, match="GRANT USAGE ON SCHEMA seedbed"):
            applied(role, users())


def _reset(url):
    def metadata():
        made = sa.MetaData()
        sa.Table(
            "users",
            made,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("email", sa.String, unique=True),
        )
        return made

    options = Options(environment="testing", confirm=name_of(url), backup=False)
    return reset(source(users(), metadata=metadata), url, options)


class TestOrdinaryRoles:
    """Fault 51: no superuser is needed, and no session_replication_role that switches triggers and keys off."""

    def test_fault_51_a_role_with_its_own_schema_can_do_everything(self, database, role):
        grant = "GRANT CREATE, TEMPORARY ON DATABASE {} TO limited; GRANT CREATE ON SCHEMA public TO limited"
        name = sql.Identifier(name_of(database))
        execute(database, sql.SQL(grant).format(name).as_string())
        execute(role, USERS)
        assert counts(applied(role, users())) == {"users": {"create": 2}}
        assert not applied(role, users()).changed
        assert counts(applied(role, users("ann", "cleo"))) == {
            "users": {"create": 1, "unchanged": 1, "prune": 1}
        }
        assert cleaned(role, users()).emptied
        assert destroyed(role).tables == {"users": 2}
        assert _reset(role).dropped
        assert execute(role, "SELECT usesuper FROM pg_user WHERE usename = current_user") == [
            (False,)
        ]

    def test_fault_51_the_tables_triggers_fire_and_their_keys_hold(self, database, role):
        prepare(
            database,
            USERS + "CREATE TABLE seen (what text);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$"
            " BEGIN INSERT INTO seen VALUES (current_setting('session_replication_role')); RETURN NULL; END $$;"
            "CREATE TRIGGER f AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION f()",
        )
        execute(database, EVERYTHING)
        applied(role, users())
        applied(role, users(name=["Ann", "Bob"]))
        applied(role, users("ann", name=["Ann"]))
        assert execute(database, "SELECT DISTINCT what FROM seen") == [("origin",)]
        assert execute(database, "SELECT count(*) > 2 FROM seen") == [(True,)]


class TestHiddenRows:
    """Fault 52: rows that a policy hides are an error, and never a database that looks clean."""

    @pytest.fixture
    def hidden(self, database, role):
        prepare(database, USERS)
        applied(database, users())
        execute(
            database,
            f"{EVERYTHING} ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (false)",
        )
        return role

    @pytest.mark.parametrize(
        "step",
        [
            lambda url: applied(url, users()),
            lambda url: applied(url, users("ann")),
            lambda url: planned(url, users()),
            lambda url: planned(url, users(), clean=True),
            lambda url: cleaned(url, users()),
            destroyed,
            status,
        ],
        ids=["apply", "prune", "plan", "plan --clean", "clean", "destroy", "status"],
    )
    def test_fault_52_every_step_meets_an_error(self, database, hidden, step):
        before = traces(database, "users"), ledger(database)
        with pytest.raises(SeedbedError, match="row-level security") as caught:
            step(hidden)
        assert caught.value.exit_code != 0
        assert (traces(database, "users"), ledger(database)) == before

    def test_fault_52_rows_of_others_that_refer_to_ours_are_not_overlooked(self, database, role):
        """Deleting what they refer to would take them along."""
        likes = "CREATE TABLE likes (user_id int REFERENCES users ON DELETE CASCADE);"
        prepare(database, USERS + likes)
        applied(database, users())
        execute(database, "INSERT INTO likes SELECT id FROM users")
        execute(database, f"{EVERYTHING} ALTER TABLE likes ENABLE ROW LEVEL SECURITY")
        for step in (
            destroyed,
            lambda url: cleaned(url, users()),
            lambda url: applied(url, users("ann")),
        ):
            with pytest.raises(SeedbedError, match="row-level security"):
                step(role)
        assert execute(database, "SELECT count(*) FROM likes") == [(2,)]

    def test_fault_52_a_database_is_not_thought_empty_whose_rows_the_role_cannot_see(
        self, database, role
    ):
        """Row-level security and missing privileges hide rows, they do not remove them."""
        execute(
            database,
            "CREATE TABLE t AS SELECT 1 AS id; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
            "CREATE TABLE u AS SELECT 1 AS id; GRANT SELECT ON t TO limited",
        )
        with psycopg.connect(role) as connection:
            verdict = guard.assess(connection)
        assert "holds rows (t, u)" in verdict.refusal


FATES = ["", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE SET DEFAULT"]


def others(database):
    """Return the rows that are not ours, with their places."""
    return traces(database, "likes")["likes"]


class TestCascades:
    """Fault 55: what a cascade would reach beyond what the plan lists is listed, and refused."""

    @pytest.fixture(params=FATES)
    def liked(self, request, database):
        """Return the URL of a database where somebody's likes refer to our users."""
        likes = f"CREATE TABLE likes (user_id int DEFAULT NULL REFERENCES users {request.param});"
        prepare(database, USERS + likes)
        applied(database, users())
        execute(database, "INSERT INTO likes SELECT id FROM users WHERE email = 'bob'")
        return database

    def test_fault_55_clean(self, liked):
        before = traces(liked, "users", "likes"), ledger(liked)
        with pytest.raises(Drift) as caught:
            cleaned(liked, users())
        (finding,) = caught.value.findings
        assert finding.problem.startswith("1 row of likes (user_id) refer to it")
        assert caught.value.exit_code == 4
        assert (traces(liked, "users", "likes"), ledger(liked)) == before
        assert planned(liked, users(), clean=True).obstacles == (finding,)

    def test_fault_55_prune(self, liked):
        before = traces(liked, "users", "likes"), ledger(liked)
        with pytest.raises(
            Drift, match=r"1 row of public\.users: referred to by rows of public\.likes"
        ):
            applied(liked, users("ann"))
        assert (traces(liked, "users", "likes"), ledger(liked)) == before
        assert planned(liked, users("ann")).obstacles

    def test_fault_55_destroy(self, liked):
        before = others(liked)
        with pytest.raises(
            Drift, match=r"1 row of public\.users: referred to by rows of public\.likes"
        ):
            destroyed(liked)
        assert others(liked) == before
        assert execute(liked, "SELECT email FROM users") == [("bob",)]

    def test_fault_55_reset(self, liked):
        before = meaning_of(liked)
        with pytest.raises(Drift) as caught:
            _reset(liked)
        assert [one.where for one in caught.value.findings] == [
            "constraint likes_user_id_fkey on table likes"
        ]
        assert meaning_of(liked) == before

    def test_fault_55_a_table_outside_without_such_rows_is_no_obstacle(self, liked):
        execute(liked, "DELETE FROM likes")
        assert cleaned(liked, users()).emptied
        applied(liked, users("ann"))
        destroyed(liked)

    def test_fault_55_all_of_them_are_listed_at_once(self, database):
        prepare(
            database,
            USERS + "CREATE TABLE likes (user_id int REFERENCES users ON DELETE CASCADE);"
            'CREATE SCHEMA far; CREATE TABLE far."Notes" (a int REFERENCES users, b int REFERENCES users ON DELETE SET NULL)',
        )
        applied(database, users())
        execute(database, "INSERT INTO likes SELECT id FROM users")
        execute(database, 'INSERT INTO far."Notes" SELECT id, id FROM users')
        with pytest.raises(Drift) as caught:
            cleaned(database, users())
        assert [one.problem for one in caught.value.findings] == [
            '2 rows of far."Notes" (a) refer to it, which it would leave without it',
            '2 rows of far."Notes" (b) refer to it, which would be changed (ON DELETE SET NULL)',
            "2 rows of likes (user_id) refer to it, which would be deleted with it (ON DELETE CASCADE)",
        ]

    @pytest.mark.parametrize("step", ["clean", "prune", "destroy"])
    def test_fault_55_a_foreign_key_to_a_single_partition(self, database, step):
        prepare(
            database,
            "CREATE TABLE logs (id serial, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
            "CREATE TABLE logs_2025 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
            "CREATE TABLE logs_rest PARTITION OF logs DEFAULT; ALTER TABLE logs_2025 ADD UNIQUE (id);"
            "CREATE TABLE likes (log_id int REFERENCES logs_2025 (id) ON DELETE CASCADE)",
        )
        logs = rows("logs", ["a", "b"], {"at": ["2025-05-01", "2026-05-01"]})
        applied(database, logs)
        execute(database, "INSERT INTO likes SELECT id FROM logs_2025")
        before = traces(database, "logs", "likes")
        steps = {
            "clean": lambda: cleaned(database, logs),
            "prune": lambda: applied(database, rows("logs", ["b"], {"at": ["2026-05-01"]})),
            "destroy": lambda: destroyed(database),
        }
        with pytest.raises(Drift, match="likes"):
            steps[step]()
        assert others(database) == before["likes"]
        assert execute(database, "SELECT count(*) FROM logs_2025") == [(1,)]

    @pytest.mark.parametrize("step", ["prune", "destroy"])
    def test_fault_55_a_row_that_somebody_is_just_referring_to_is_kept(self, database, step):
        """Whoever refers to it first wins: no cascade touches a row that was not there when we looked."""
        prepare(
            database,
            USERS + "CREATE TABLE likes (user_id int REFERENCES users ON DELETE CASCADE)",
        )
        applied(database, users())
        run = {
            "prune": lambda: applied(database, users("ann")),
            "destroy": lambda: destroyed(database),
        }
        with psycopg.connect(database) as application:
            application.execute("INSERT INTO likes SELECT id FROM users WHERE email = 'bob'")
            with meanwhile(run[step]) as outcome:
                wait_for(database, WAITING)
                application.commit()
        assert isinstance(outcome.error, Drift)
        assert execute(database, "SELECT count(*) FROM likes JOIN users ON id = user_id") == [(1,)]

    @pytest.mark.parametrize("step", ["prune", "destroy"])
    def test_fault_55_a_row_that_somebody_is_just_editing_is_kept(self, database, step):
        """What was as we left it when we looked is not when we may delete it."""
        prepare(database, USERS)
        applied(database, users())
        run = {
            "prune": lambda: applied(database, users("ann")),
            "destroy": lambda: destroyed(database),
        }
        with psycopg.connect(database) as application:
            application.execute("UPDATE users SET email = 'theirs' WHERE email = 'bob'")
            with meanwhile(run[step]) as outcome:
                wait_for(database, WAITING)
                application.commit()
        assert isinstance(outcome.error, Drift)
        assert execute(database, "SELECT count(*) FROM users WHERE email = 'theirs'") == [(1,)]

    def test_fault_55_clean_lets_nobody_refer_to_the_rows_in_mid_run(self, database):
        prepare(
            database,
            USERS + "CREATE TABLE likes (user_id int REFERENCES users ON DELETE CASCADE)",
        )
        applied(database, users())
        with psycopg.connect(database) as application:
            application.execute("INSERT INTO likes SELECT id FROM users WHERE email = 'bob'")
            with meanwhile(lambda: cleaned(database, users())) as outcome:
                wait_for(database, WAITING)
                application.commit()
        assert isinstance(outcome.error, Drift)
        assert execute(database, "SELECT count(*) FROM likes JOIN users ON id = user_id") == [(1,)]

    @pytest.mark.parametrize("fate", ["CASCADE", "SET NULL", "SET DEFAULT"])
    def test_fault_55_an_update_that_would_change_rows_of_others(self, database, fate):
        """A key of ours that they refer to with ON UPDATE."""
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY, code text UNIQUE);"
            f"CREATE TABLE likes (code text DEFAULT NULL REFERENCES p (code) ON UPDATE {fate})",
        )
        applied(database, rows("p", ["x"], {"code": ["old"]}))
        execute(database, "INSERT INTO likes VALUES ('old')")
        before = traces(database, "p", "likes"), ledger(database)
        changed = rows("p", ["x"], {"code": ["new"]})
        with pytest.raises((Drift, InvalidInput), match=r"rows? of public\.likes"):
            applied(database, changed)
        assert (traces(database, "p", "likes"), ledger(database)) == before

    def test_fault_55_a_key_that_somebody_is_just_referring_to_is_not_changed(self, database):
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY, code text UNIQUE);"
            "CREATE TABLE likes (code text REFERENCES p (code) ON UPDATE CASCADE)",
        )
        applied(database, rows("p", ["x"], {"code": ["old"]}))
        changed = rows("p", ["x"], {"code": ["new"]})
        with psycopg.connect(database) as application:
            application.execute("INSERT INTO likes VALUES ('old')")
            with meanwhile(lambda: applied(database, changed)) as outcome:
                wait_for(database, WAITING)
                application.commit()
        assert isinstance(outcome.error, Drift)
        assert execute(database, "SELECT code FROM likes") == [("old",)]

    def test_fault_55_an_update_is_passed_on_to_rows_of_ours(self, database):
        """These are in the plan."""
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY, code text UNIQUE);"
            "CREATE TABLE c (id serial PRIMARY KEY, code text REFERENCES p (code) ON UPDATE CASCADE)",
        )

        def world(code):
            parent = rows("p", ["x"], {"code": [code]})
            return parent, rows("c", ["y"], {}, refs={"p": ("p", [0], ("code",))})

        applied(database, *world("old"))
        applied(database, *world("new"))
        assert execute(database, "SELECT code FROM c") == [("new",)]
        assert not apply(source(*world("new")), database).changed
