"""Profiles and databases that do not fit each other: one clear message, nothing written."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from given import AS_OF, applied, counts, execute, planned, prepare, rows, source, traces

from seedbed import guard
from seedbed.apply import apply
from seedbed.dataset import GivenRows, TableName
from seedbed.errors import DatabaseFailure, Drift, InvalidInput, Refused, SeedbedError
from seedbed.options import Options
from seedbed.plan import plan

USERS = "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, code text UNIQUE, n numeric UNIQUE, age int);"


class TestNames:
    """Fault 31: the nearest right name is suggested, all findings at once."""

    def test_tables_and_columns(self, database):
        prepare(database, USERS)
        wrong = rows("user", ["x"], {"email": ["x"]})
        columns = rows("users", ["x"], {"emial": ["x"], "agee": [1]}, refs={"boss": ("user", [0])})
        with pytest.raises(InvalidInput) as caught:
            applied(database, wrong, columns)
        text = str(caught.value)
        assert "user: the database has no such table (did you mean 'users'?)" in text
        assert "public.users.emial: the table has no such column (did you mean 'email'?)" in text
        assert "public.users.agee: the table has no such column (did you mean 'age'?)" in text

    def test_names_that_postgresql_would_cut(self, database):
        """Fault 43."""
        prepare(database, USERS)
        with pytest.raises(InvalidInput, match="cuts names after 63 bytes"):
            applied(database, rows("users", ["x"], {"n" * 64: ["x"]}))

    def test_generated_columns_and_columns_nobody_fills(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a) STORED, must text NOT NULL)",
        )
        with pytest.raises(InvalidInput) as caught:
            applied(database, rows("t", ["x"], {"a": [1], "g": [1]}))
        assert "public.t.g: a generated column takes no value" in str(caught.value)
        assert "public.t.must: NOT NULL, and neither the factory nor a default" in str(caught.value)

    def test_a_reference_that_could_mean_two_columns(self, database):
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY);"
            "CREATE TABLE c (id serial PRIMARY KEY, x int REFERENCES p, y int REFERENCES p)",
        )
        with pytest.raises(InvalidInput, match="2 foreign keys lead to public"):
            applied(database, rows("p", ["a"], {}), rows("c", ["b"], refs={"z": ("p", [0])}))


class TestNaturalKeys:
    """Faults 34 to 38."""

    def test_two_rows_with_the_same_key_are_both_named(self, database):
        prepare(database, USERS)
        twice = rows("users", ["ann", "bob"], {"email": ["x", "x"]}, key=["email"])
        with pytest.raises(InvalidInput, match=r"ann and bob: the same natural key \(email\)"):
            applied(database, twice)

    def test_keys_that_only_the_database_finds_equal(self, database):
        prepare(database, USERS)
        twice = rows("users", ["ann", "bob"], {"n": ["1.0", "1.00"]}, key=["n"])
        before = traces(database, "users")["users"]
        with pytest.raises(
            InvalidInput, match=r"ann and bob: the same values in the unique key users_n_key"
        ):
            applied(database, twice)
        assert traces(database, "users")["users"] == before

    def test_null_in_the_key(self, database):
        prepare(database, USERS)
        with pytest.raises(
            InvalidInput, match=r"bob: public\.users\.email: NULL in the natural key"
        ):
            applied(database, rows("users", ["ann", "bob"], {"email": ["x", None]}, key=["email"]))

    @pytest.mark.parametrize(
        ("index", "why"),
        [
            ("", "it has no unique index"),
            ("CREATE UNIQUE INDEX ON t (a) WHERE a <> 'z'", "it is partial"),
            ("ALTER TABLE t ADD UNIQUE (a) DEFERRABLE", "it is deferrable"),
        ],
    )
    def test_a_key_without_a_usable_index_works_and_the_plan_says_so(self, database, index, why):
        prepare(database, f"CREATE TABLE t (id serial PRIMARY KEY, a text, b int); {index}")
        one = rows("t", ["x"], {"a": ["x"], "b": [1]}, key=["a"])
        done = applied(database, one)
        assert any(why in note for note in done.notes)
        two = rows("t", ["x", "y"], {"a": ["x", "y"], "b": [2, 2]}, key=["a"])
        assert counts(applied(database, two))["t"] == {"update": 1, "create": 1}

    def test_a_key_that_several_live_rows_have(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('x'), ('x')",
        )
        with pytest.raises(
            InvalidInput, match=r"x: 2 rows of public\.t have its natural key \(a\)"
        ):
            applied(database, rows("t", ["x"], {"a": ["x"]}, key=["a"]), adopt=True)

    def test_a_second_unique_constraint_hit_by_another_row_of_the_profile(self, database):
        """Fault 37."""
        prepare(database, USERS)
        twice = rows(
            "users", ["ann", "bob"], {"email": ["x", "y"], "code": ["c", "c"]}, key=["email"]
        )
        with pytest.raises(
            InvalidInput, match="ann and bob: the same values in the unique key users_code_key"
        ):
            applied(database, twice)
        assert execute(database, "SELECT * FROM users") == []

    def test_a_second_unique_constraint_hit_by_a_row_that_is_not_ours(self, database):
        prepare(database, USERS + "INSERT INTO users (email, code) VALUES ('theirs', 'c')")
        with pytest.raises(
            Drift, match=r"ann: its values in the unique key users_code_key .* row \(1\)"
        ) as caught:
            applied(
                database, rows("users", ["ann"], {"email": ["x"], "code": ["c"]}, key=["email"])
            )
        assert "theirs" not in str(caught.value)

    def test_the_same_row_key_twice(self, database):
        prepare(database, USERS)
        doubled = GivenRows(TableName("users"), np.array([1, 1]), {}, labels=("a", "b"))
        with pytest.raises(InvalidInput, match="a and b: the same row key"):
            applied(database, doubled)


class TestConstraints:
    """Fault 33: what only the server can tell is located and never quoted."""

    def test_check(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, secret text, CONSTRAINT polite CHECK (secret <> 'canary'))",
        )
        bad = rows("t", ["a", "b", "c"], {"secret": ["x", "canary", "y"]})
        with pytest.raises(
            DatabaseFailure, match=r"b: public\.t: the check constraint polite is not met"
        ) as caught:
            applied(database, bad)
        assert "canary" not in str(caught.value)
        assert execute(database, "SELECT * FROM t") == []

    def test_foreign_key_given_as_a_value(self, database):
        prepare(
            database,
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id serial PRIMARY KEY, p_id int REFERENCES p)",
        )
        with pytest.raises(
            DatabaseFailure, match="the foreign key t_p_id_fkey names a row that is not there"
        ) as caught:
            applied(database, rows("t", ["a"], {"p_id": [424242]}))
        assert "424242" not in str(caught.value)
        assert caught.value.findings[0].remedy.startswith("refer to a row of the profile")

    def test_a_value_given_up_while_others_refer_to_it(self, database):
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY, n text, code text UNIQUE);"
            "CREATE TABLE t (id serial PRIMARY KEY, code text REFERENCES p (code))",
        )
        applied(database, rows("p", ["a"], {"n": ["x"], "code": ["c"]}))
        execute(database, "UPDATE p SET n = 'y'; INSERT INTO t (code) VALUES ('c')")
        with pytest.raises(
            DatabaseFailure, match="rows of t refer to it by the foreign key t_code_fkey"
        ):
            applied(database, rows("p", ["a"], {"n": ["x"], "code": ["d"]}), edits="overwrite")

    def test_a_domains_check(self, database):
        prepare(
            database,
            "CREATE DOMAIN d AS text CHECK (value <> 'canary'); CREATE TABLE t (id serial PRIMARY KEY, v d)",
        )
        with pytest.raises(DatabaseFailure, match=r"b: public\.t") as caught:
            applied(database, rows("t", ["a", "b"], {"v": ["x", "canary"]}))
        assert "canary" not in str(caught.value)

    def test_a_trigger_that_raises(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no canary: %', NEW USING DETAIL = 'canary'; END $$;"
            "CREATE TRIGGER f AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
        with pytest.raises(
            DatabaseFailure, match=r"public\.t: the function f refused \(SQLSTATE P0001\)"
        ) as caught:
            applied(database, rows("t", ["a"], {}))
        assert "canary" not in str(caught.value)


@pytest.fixture
def role(database):
    """Return the URL of the same database as a role with no privileges on tables."""
    name = "limited"
    execute(
        database,
        "DO $$ BEGIN CREATE ROLE limited LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    )
    prepare(database, USERS + "GRANT USAGE ON SCHEMA public TO limited")
    yield database.replace("postgres@", f"{name}@")
    execute(database, "DROP OWNED BY limited")


class TestPrivileges:
    """Faults 50 to 52: found before the run, with the statement to issue."""

    def test_each_missing_grant_is_written_out_and_enough(self, database, role):
        users = rows("users", ["ann"], {"email": ["x"]}, key=["email"])
        execute(
            database,
            "GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO limited; GRANT USAGE ON SCHEMA seedbed TO limited",
        )
        with pytest.raises(DatabaseFailure) as caught:
            applied(role, users)
        remedies = [finding.remedy for finding in caught.value.findings]
        assert 'GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."users" TO limited' in remedies
        assert "GRANT USAGE, SELECT, UPDATE ON SEQUENCE users_id_seq TO limited" in remedies
        for remedy in remedies:
            execute(database, remedy)
        assert counts(applied(role, users)) == {"users": {"create": 1}}

    def test_planning_takes_no_more_than_reading(self, database, role):
        execute(
            database,
            "GRANT SELECT ON users TO limited; GRANT USAGE ON SCHEMA seedbed TO limited;"
            "GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO limited",
        )
        assert counts(planned(role, rows("users", ["ann"], {"email": ["x"]}))) == {
            "users": {"create": 1}
        }

    def test_rows_hidden_by_a_policy_are_an_error_and_no_clean(self, database, role):
        execute(
            database,
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO limited; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO limited;"
            "GRANT ALL ON SCHEMA seedbed TO limited; GRANT ALL ON ALL TABLES IN SCHEMA seedbed TO limited;"
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON users USING (false)",
        )
        with pytest.raises(SeedbedError, match="row-level security"):
            applied(role, rows("users", ["ann"], {"email": ["x"]}))


class TestSchemaCreation:
    """The project's tables are created where a database has none of them."""

    @staticmethod
    def metadata():
        metadata = sa.MetaData()
        users = sa.Table(
            "users",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("mood", sa.Enum("happy", "sad", name="mood")),
            sa.Column("share", sa.String, server_default="100%"),
        )
        sa.Table(
            "posts",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("user_id", sa.ForeignKey("users.id")),
            schema="blog",
        )
        sa.event.listen(users, "after_create", sa.DDL("COMMENT ON TABLE users IS '100%% ours'"))
        return metadata

    def given(self):
        users = rows("users", ["ann"], {"mood": ["sad"]})
        posts = rows("posts", ["p"], schema="blog", refs={"user": ("users", [0])})
        return source(users, posts, metadata=self.metadata)

    def test_plan_says_so_and_creates_nothing(self, database):
        found = plan(self.given(), database, Options(environment="testing"))
        assert found.created
        assert found.changed
        assert counts(found) == {"users": {"create": 1}, "blog.posts": {"create": 1}}
        assert execute(database, "SELECT to_regclass('users'), to_regnamespace('blog')") == [
            (None, None)
        ]

    def test_apply_creates_them_once(self, database):
        assert apply(self.given(), database, Options(environment="testing")).created == (
            "users",
            "blog.posts",
        )
        assert execute(
            database, "SELECT mood, share, obj_description('users'::regclass) FROM users"
        ) == [("sad", "100%", "100% ours")]
        again = apply(self.given(), database, Options(environment="testing"))
        assert not again.created
        assert not again.changed

    def test_it_can_be_forbidden(self, database):
        with pytest.raises(InvalidInput, match="none of the project's tables exist"):
            apply(self.given(), database, Options(environment="testing", create=False))

    def test_a_database_with_some_of_the_tables_is_not_completed(self, database):
        prepare(
            database,
            "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TABLE users (id serial PRIMARY KEY, mood mood)",
        )
        with pytest.raises(InvalidInput, match=r"blog\.posts: the database has no such table"):
            apply(self.given(), database, Options(environment="testing"))


class TestMoment:
    """Which moment rows are made for: asked for, else the ledger's, else now."""

    def test_the_ledger_keeps_it(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY)")
        table = rows("t", ["x"], {})
        first = apply(source(table, as_of=None), database, Options(environment="testing"))
        execute(database, "UPDATE seedbed.runs SET as_of = '2020-01-01'")
        assert apply(source(table, as_of=None), database).as_of.year == 2020
        assert first.as_of.microsecond == 0
        assert apply(source(table), database).as_of == AS_OF
        assert apply(source(table, as_of=None), database).as_of == AS_OF


class TestGuard:
    def test_a_database_stamped_production_is_refused(self, database):
        execute(database, USERS)
        with psycopg.connect(database) as connection:
            guard.stamp(connection, "production", confirm=connection.info.dbname)
        before = traces(database, "users")
        with pytest.raises(Refused):
            apply(source(rows("users", ["a"], {"email": ["x"]})), database)
        assert traces(database, "users") == before

    def test_the_first_apply_stamps(self, database):
        execute(database, USERS)
        applied(database, rows("users", ["a"], {"email": ["x"]}))
        assert execute(database, "SELECT environment FROM seedbed.stamp") == [("testing",)]

    def test_a_read_only_database_is_found_before_anything_is_locked(self, database):
        execute(database, USERS)
        name = execute(database, "SELECT current_database()")[0][0]
        execute(database, f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
        with pytest.raises(Refused, match="read-only"):
            applied(database, rows("users", ["a"], {"email": ["x"]}))
