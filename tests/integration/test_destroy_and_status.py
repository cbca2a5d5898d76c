"""destroy deletes exactly our rows; status says what is there."""

from __future__ import annotations

import psycopg
import pytest
from given import applied, execute, ledger, prepare, rows, traces

from seedbed.backup.manifest import manifest_path, read_manifest
from seedbed.birth import stamp_at_birth
from seedbed.destroy import DestroyOptions, destroy
from seedbed.errors import DatabaseFailure, Drift, Refused
from seedbed.status import status

DDL = """
CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE posts (id serial PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, title text);
"""


def world():
    return (
        rows("users", ["ann", "bob"], {"name": ["ann", "bob"]}, key=["name"]),
        rows("posts", ["p", "q"], {"title": ["p", "q"]}, refs={"user": ("users", [0, 1])}),
    )


def destroyed(url, confirm):
    return destroy(url, DestroyOptions(confirm, backup=False))


def name_of(url):
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


class TestDestroy:
    def test_our_rows_go_and_all_others_stay(self, database):
        prepare(database, DDL)
        applied(database, *world())
        execute(database, "INSERT INTO users (name) VALUES ('theirs')")
        done = destroyed(database, name_of(database))
        assert done.tables == {"users": 2, "posts": 2}
        assert execute(database, "SELECT name FROM users") == [("theirs",)]
        assert execute(database, "SELECT * FROM posts") == []
        assert ledger(database) == []

    @pytest.mark.parametrize("word", [None, "", "yes", "postgres"])
    def test_it_takes_the_databases_name(self, database, word):
        prepare(database, DDL)
        applied(database, *world())
        before = traces(database, "users", "posts")
        with pytest.raises(Refused, match="said once more"):
            destroyed(database, word)
        assert traces(database, "users", "posts") == before

    def test_rows_that_others_depend_on_are_kept_with_their_parents_and_listed(self, database):
        prepare(
            database, DDL + "CREATE TABLE likes (post_id int REFERENCES posts ON DELETE SET NULL)"
        )
        applied(database, *world())
        execute(database, "INSERT INTO likes SELECT id FROM posts WHERE title = 'q'")
        with pytest.raises(
            Drift, match=r"1 row of public.posts: referred to by rows of public.likes"
        ):
            destroyed(database, name_of(database))
        assert execute(database, "SELECT name FROM users") == [("bob",)]
        assert execute(database, "SELECT title FROM posts") == [("q",)]
        assert len(ledger(database)) == 2
        execute(database, "DELETE FROM likes")
        destroyed(database, name_of(database))
        assert execute(database, "SELECT * FROM users") == []

    def test_a_database_without_a_ledger_is_left_as_it_is(self, database):
        execute(database, DDL)
        assert destroyed(database, name_of(database)).tables == {}
        assert execute(database, "SELECT to_regnamespace('seedbed')") == [(None,)]

    def test_nobody_has_said_whether_to_make_a_backup(self, database):
        prepare(database, DDL)
        applied(database, *world())
        before = traces(database, "users", "posts"), ledger(database)
        with pytest.raises(Refused, match="--backup makes one, --no-backup goes without"):
            destroy(database, DestroyOptions(name_of(database)))
        assert (traces(database, "users", "posts"), ledger(database)) == before

    def test_a_database_that_seedbed_created_needs_no_word_about_a_backup(self, database):
        stamp_at_birth(database, "testing")
        execute(database, DDL)
        applied(database, *world())
        assert destroy(database, DestroyOptions(name_of(database))).tables == {
            "users": 2,
            "posts": 2,
        }

    def test_a_backup_is_made_before_the_rows_go(self, database, tmp_path):
        prepare(database, DDL)
        applied(database, *world())
        done = destroy(database, DestroyOptions(name_of(database), backup=tmp_path))
        assert done.backup is not None
        assert done.backup.parent == tmp_path
        assert read_manifest(manifest_path(done.backup)).rows["public.users"] == 2

    def test_no_backup_is_made_for_a_destroy_that_is_refused(self, database, tmp_path):
        prepare(database, DDL)
        applied(database, *world())
        with pytest.raises(Refused):
            destroy(database, DestroyOptions("another", backup=tmp_path))
        assert list(tmp_path.iterdir()) == []

    def test_a_deadlock_is_tried_again_but_not_for_ever(self, database):
        """Fault 16, of a destroy."""
        prepare(
            database,
            DDL
            + "CREATE SEQUENCE attempts; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN IF nextval('attempts') <= 2 THEN RAISE EXCEPTION USING ERRCODE = '40P01'; END IF; RETURN NULL; END $$;"
            "CREATE TRIGGER f AFTER DELETE ON posts FOR EACH STATEMENT EXECUTE FUNCTION f()",
        )
        applied(database, *world())
        assert destroyed(database, name_of(database)).tables == {"users": 2, "posts": 2}
        applied(database, *world())
        execute(database, "ALTER SEQUENCE attempts RESTART WITH 1 MAXVALUE 2 CYCLE")
        with pytest.raises(DatabaseFailure, match="gave up after 3 attempts"):
            destroyed(database, name_of(database))
        assert execute(database, "SELECT count(*) FROM users") == [(2,)]

    def test_applying_again_makes_the_same_rows(self, database):
        prepare(database, DDL)
        applied(database, *world())
        before = execute(
            database, "SELECT u.name, title FROM posts JOIN users u ON u.id = user_id ORDER BY 1"
        )
        destroyed(database, name_of(database))
        applied(database, *world())
        after = execute(
            database, "SELECT u.name, title FROM posts JOIN users u ON u.id = user_id ORDER BY 1"
        )
        assert before == after


class TestStatus:
    def test_an_empty_database_has_nothing(self, database):
        found = status(database)
        assert (found.stamp, found.profile, found.runs, found.tables) == (None, None, (), {})

    def test_rows_and_drift_are_counted(self, database):
        prepare(database, DDL)
        applied(database, *world())
        applied(database, *world())
        execute(
            database,
            "UPDATE users SET name = 'Ann' WHERE name = 'ann'; DELETE FROM posts WHERE title = 'q'",
        )
        found = status(database)
        assert found.profile == "testing"
        assert found.environment == "testing"
        assert [run.outcome for run in found.runs] == ["unchanged", "changed"]
        users, posts = found.tables["users"], found.tables["posts"]
        assert (users.rows, users.edited, users.missing) == (2, 1, 0)
        assert (posts.rows, posts.edited, posts.missing) == (2, 0, 1)
        assert found.drifted

    def test_after_a_destroy_no_profile_is_active(self, database):
        prepare(database, DDL)
        applied(database, *world())
        destroyed(database, name_of(database))
        assert status(database).profile is None
