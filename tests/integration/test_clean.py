"""apply --clean: the profile's tables emptied first, in the same transaction, and nothing else."""

from __future__ import annotations

import psycopg
import pytest
from given import applied, counts, execute, ledger, planned, prepare, rows, traces

from seedbed.backup.manifest import manifest_path, read_manifest
from seedbed.birth import stamp_at_birth
from seedbed.dataset import TableName
from seedbed.errors import DatabaseFailure, Drift, InvalidInput, Refused, Unconfirmed
from seedbed.load.session import Limits

DDL = """
CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE posts (id serial PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, title text);
"""


def world():
    return (
        rows("users", ["ann", "bob"], {"name": ["ann", "bob"]}, key=["name"]),
        rows("posts", ["p", "q"], {"title": ["p", "q"]}, refs={"user": ("users", [0, 1])}),
    )


def cleaned(url, *tables, **options):
    """Apply with --clean and --no-backup."""
    return applied(url, *(tables or world()), clean=True, backup=False, **options)


def name_of(url):
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


def settled(url, *tables):
    """A clean database is one to which an apply does nothing."""
    assert not applied(url, *tables).changed


class TestOurRows:
    def test_are_made_anew_and_the_next_apply_finds_nothing_to_do(self, database):
        prepare(database, DDL)
        applied(database, *world())
        done = cleaned(database)
        assert counts(done) == {"users": {"create": 2}, "posts": {"create": 2}}
        assert {name: one.ours for name, one in done.emptied.items()} == {"users": 2, "posts": 2}
        assert len(ledger(database)) == 4
        settled(database, *world())

    def test_sequences_go_on_where_they_were(self, database):
        prepare(database, DDL)
        applied(database, *world())
        cleaned(database)
        assert execute(database, "SELECT id FROM users ORDER BY 1") == [(3,), (4,)]

    def test_an_empty_database_needs_no_word_about_backups(self, database):
        prepare(database, DDL)
        assert not applied(database, *world(), clean=True).emptied

    def test_nobody_has_said_whether_to_make_a_backup(self, database):
        prepare(database, DDL)
        applied(database, *world())
        before = traces(database, "users", "posts"), ledger(database)
        with pytest.raises(Refused, match=r"--backup makes one, --no-backup goes without"):
            applied(database, *world(), clean=True)
        assert (traces(database, "users", "posts"), ledger(database)) == before

    def test_rows_of_a_table_that_left_the_profile_go_too(self, database):
        prepare(database, DDL)
        applied(database, *world())
        done = cleaned(database, world()[0])
        assert counts(done) == {"users": {"create": 2}, "posts": {"prune": 2}}
        assert execute(database, "SELECT * FROM posts") == []


class TestRowsThatAreNotOurs:
    def test_are_counted_by_table_and_need_the_databases_name(self, database):
        prepare(database, DDL)
        applied(database, *world())
        execute(database, "INSERT INTO users (name) VALUES ('x'), ('y'), ('z')")
        execute(database, "UPDATE posts SET title = 'edited' WHERE title = 'p'")
        before = traces(database, "users", "posts"), ledger(database)
        with pytest.raises(Unconfirmed) as caught:
            cleaned(database)
        assert [str(one) for one in caught.value.findings] == [
            "users: 3 rows that seedbed did not write",
            "posts: 1 row edited since",
        ]
        assert f"--confirm {name_of(database)}" in caught.value.remedy
        assert caught.value.exit_code == 3
        assert (traces(database, "users", "posts"), ledger(database)) == before
        done = cleaned(database, confirm=name_of(database))
        assert (done.emptied["users"].others, done.emptied["posts"].edited) == (3, 1)
        assert execute(database, "SELECT name FROM users ORDER BY 1") == [("ann",), ("bob",)]
        settled(database, *world())

    @pytest.mark.parametrize("word", ["", "yes", "1", "postgres"])
    def test_are_not_given_up_for_another_word(self, database, word):
        prepare(database, DDL + "INSERT INTO users (name) VALUES ('theirs')")
        with pytest.raises(Refused):
            cleaned(database, confirm=word)
        assert execute(database, "SELECT name FROM users") == [("theirs",)]

    def test_in_other_tables_stay_as_they_are(self, database):
        prepare(database, DDL + "CREATE TABLE other AS SELECT 1 AS a")
        before = traces(database, "other")["other"]
        cleaned(database)
        assert traces(database, "other")["other"] == before

    def test_that_were_edited_need_the_name_even_where_they_may_be_overwritten(self, database):
        """What was edited may be a row of the application under a key of ours."""
        prepare(database, DDL)
        applied(database, *world())
        execute(database, "UPDATE posts SET title = 'edited'")
        with pytest.raises(Unconfirmed, match="posts: 2 rows edited since"):
            cleaned(database, edits="overwrite")
        cleaned(database, edits="overwrite", confirm=name_of(database))
        assert execute(database, "SELECT title FROM posts ORDER BY 1") == [("p",), ("q",)]

    @pytest.mark.parametrize("choice", [{"edits": "keep"}, {"adopt": True}])
    def test_cannot_be_kept_and_cleaned_away(self, database, choice):
        with pytest.raises(InvalidInput, match="exclude each other"):
            cleaned(database, **choice)


class TestPlan:
    def test_shows_what_would_go_and_writes_nothing(self, database):
        prepare(database, DDL)
        applied(database, *world())
        execute(database, "INSERT INTO users (name) VALUES ('theirs')")
        before = traces(database, "users", "posts"), ledger(database)
        found = planned(database, *world(), clean=True)
        assert (found.emptied["users"].ours, found.emptied["users"].others) == (2, 1)
        assert counts(found) == {"users": {"create": 2}, "posts": {"create": 2}}
        assert [str(one) for one in found.refusals] == [
            "the tables hold users: 1 row that seedbed did not write (--confirm DATABASE)"
        ]
        assert (traces(database, "users", "posts"), ledger(database)) == before

    def test_takes_no_lock_that_a_writer_would_wait_for(self, database):
        prepare(database, DDL)
        applied(database, *world())
        with psycopg.connect(database) as application:
            application.execute("UPDATE users SET name = name || '!'")
            assert planned(database, *world(), clean=True).emptied


class TestOddSchemas:
    """What DELETE, children first, has to get round."""

    def emptied_again(self, database, *tables):
        applied(database, *tables)
        done = cleaned(database, *tables)
        assert done.emptied
        settled(database, *tables)

    @pytest.mark.parametrize("fate", ["", "ON DELETE CASCADE", "ON DELETE RESTRICT"])
    def test_a_table_that_refers_to_itself(self, database, fate):
        prepare(
            database, f"CREATE TABLE t (id serial PRIMARY KEY, boss_id int REFERENCES t {fate})"
        )
        self.emptied_again(
            database, rows("t", ["a", "b", "c"], {}, refs={"boss": ("t", [1, 2, None])})
        )

    @pytest.mark.parametrize("kind", ["", "ON DELETE RESTRICT", "DEFERRABLE INITIALLY DEFERRED"])
    def test_tables_in_a_circle(self, database, kind):
        prepare(
            database,
            "CREATE TABLE a (id serial PRIMARY KEY, b_id int NOT NULL);"
            f"CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a {kind});"
            f"ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b {kind}",
        )
        a = rows("a", ["1", "2"], {}, refs={"b": ("b", [1, 0])})
        b = rows("b", ["1", "2"], {}, refs={"a": ("a", [0, 1])})
        self.emptied_again(database, a, b)

    def test_partitions(self, database):
        prepare(
            database,
            "CREATE TABLE logs (id bigserial, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
            "CREATE TABLE logs_2025 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
            "CREATE TABLE logs_rest PARTITION OF logs DEFAULT",
        )
        self.emptied_again(database, rows("logs", ["a", "b"], {"at": ["2025-05-01", "2026-05-01"]}))

    def test_names_that_need_quotes_in_several_schemas(self, database):
        prepare(
            database,
            'CREATE SCHEMA "S%1"; CREATE TABLE "S%1"."Or""der" (id serial PRIMARY KEY);'
            'CREATE TABLE "User" (id serial PRIMARY KEY, o_id int REFERENCES "S%1"."Or""der")',
        )
        order = rows('Or"der', ["x"], {}, schema="S%1")
        user = rows("User", ["y"], {}, refs={"o": (TableName('Or"der', "S%1"), [0])})
        self.emptied_again(database, order, user)

    def test_tables_that_inherit_are_tables_of_their_own(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, a text); CREATE TABLE heir () INHERITS (t);"
            "INSERT INTO heir (a) VALUES ('theirs')",
        )
        table = rows("t", ["x"], {"a": ["x"]})
        applied(database, table)
        done = cleaned(database, table)
        assert (done.emptied["t"].ours, done.emptied["t"].others) == (1, 0)
        assert execute(database, "SELECT a FROM heir") == [("theirs",)]

    def test_a_trigger_that_logs_deletions_into_a_table_of_the_profile(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY); CREATE TABLE log (id serial PRIMARY KEY, what int);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN INSERT INTO log (what) VALUES (OLD.id); RETURN NULL; END $$;"
            "CREATE TRIGGER f AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
        tables = rows("t", ["x"], {}), rows("log", ["l"], {"what": [7]})
        self.emptied_again(database, *tables)
        assert execute(database, "SELECT what FROM log") == [(7,)]

    def test_a_trigger_that_keeps_rows_is_an_error(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
            "CREATE TRIGGER f BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
        table = rows("t", ["x"], {})
        applied(database, table)
        before = traces(database, "t")["t"]
        with pytest.raises(DatabaseFailure, match="a trigger or rule kept rows"):
            cleaned(database, table)
        assert traces(database, "t")["t"] == before

    def test_views_on_the_tables_are_there_afterwards(self, database):
        prepare(
            database,
            DDL
            + "CREATE VIEW v AS SELECT name FROM users; CREATE MATERIALIZED VIEW m AS SELECT 1 FROM posts",
        )
        self.emptied_again(database, *world())
        assert execute(database, "SELECT count(*) FROM v") == [(2,)]


class TestPartOfAProfile:
    def test_only_the_chosen_tables_are_emptied(self, database):
        prepare(database, DDL)
        applied(database, *world())
        before = traces(database, "users")["users"]
        done = cleaned(database, only=("posts",))
        assert list(done.emptied) == ["posts"]
        assert traces(database, "users")["users"] == before
        settled(database, *world())

    def test_a_table_that_others_of_the_profile_refer_to_cannot_go_alone(self, database):
        prepare(database, DDL)
        applied(database, *world())
        before = traces(database, "users", "posts")
        with pytest.raises(Drift, match=r"2 rows of posts \(user_id\) refer to it"):
            cleaned(database, only=("users",))
        assert traces(database, "users", "posts") == before


class TestBackup:
    def test_is_made_before_anything_goes(self, database, tmp_path):
        prepare(database, DDL)
        applied(database, *world())
        done = applied(database, *world(), clean=True, backup=tmp_path)
        assert done.backup is not None
        assert done.backup.parent == tmp_path
        assert read_manifest(manifest_path(done.backup)).rows["public.users"] == 2

    def test_is_made_before_an_ordinary_apply_where_it_is_asked_for(self, database, tmp_path):
        prepare(database, DDL)
        assert applied(database, *world(), backup=tmp_path).backup is not None

    def test_is_not_made_for_a_run_that_is_refused(self, database, tmp_path):
        prepare(database, DDL + "INSERT INTO users (name) VALUES ('theirs')")
        with pytest.raises(Unconfirmed):
            applied(database, *world(), clean=True, backup=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_that_cannot_be_made_stops_the_run(self, database, tmp_path):
        prepare(database, DDL)
        applied(database, *world())
        before = traces(database, "users", "posts")
        (tmp_path / "file").write_text("")
        with pytest.raises(DatabaseFailure, match="cannot be written to"):
            applied(database, *world(), clean=True, backup=tmp_path / "file")
        assert traces(database, "users", "posts") == before

    def test_is_not_asked_for_in_a_database_that_seedbed_created(self, database):
        stamp_at_birth(database, "testing")
        execute(database, DDL)
        applied(database, *world())
        assert applied(database, *world(), clean=True).emptied


class TestOthers:
    def test_who_reads_is_not_waited_for_and_sees_the_old_rows_to_the_end(self, database):
        """TRUNCATE would wait for the reader, and let no new one in."""
        prepare(database, DDL)
        applied(database, *world())
        with psycopg.connect(database) as reader:
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            before = reader.execute("SELECT id FROM users ORDER BY 1").fetchall()
            cleaned(database, limits=Limits(lock=0.05))
            assert reader.execute("SELECT id FROM users ORDER BY 1").fetchall() == before
        assert execute(database, "SELECT min(id) FROM users") == [(3,)]

    def test_triggers_for_rows_see_each_of_them_go(self, database):
        prepare(
            database,
            DDL + "CREATE TABLE seen (id int);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN INSERT INTO seen VALUES (OLD.id); RETURN NULL; END $$;"
            "CREATE TRIGGER f AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION f()",
        )
        applied(database, *world())
        cleaned(database)
        assert execute(database, "SELECT id FROM seen ORDER BY 1") == [(1,), (2,)]
