"""destroy deletes exactly our rows; status says what is there."""

from __future__ import annotations

import psycopg
import pytest
from given import applied, execute, ledger, prepare, rows, traces

from seedbed.destroy import destroy
from seedbed.errors import Drift, Refused
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


def name_of(url):
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


class TestDestroy:
    def test_our_rows_go_and_all_others_stay(self, database):
        prepare(database, DDL)
        applied(database, *world())
        execute(database, "INSERT INTO users (name) VALUES ('theirs')")
        done = destroy(database, confirm=name_of(database))
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
            destroy(database, confirm=word)
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
            destroy(database, confirm=name_of(database))
        assert execute(database, "SELECT name FROM users") == [("bob",)]
        assert execute(database, "SELECT title FROM posts") == [("q",)]
        assert len(ledger(database)) == 2
        execute(database, "DELETE FROM likes")
        destroy(database, confirm=name_of(database))
        assert execute(database, "SELECT * FROM users") == []

    def test_a_database_without_a_ledger_is_left_as_it_is(self, database):
        execute(database, DDL)
        assert destroy(database, confirm=name_of(database)).tables == {}
        assert execute(database, "SELECT to_regnamespace('seedbed')") == [(None,)]

    def test_applying_again_makes_the_same_rows(self, database):
        prepare(database, DDL)
        applied(database, *world())
        before = execute(
            database, "SELECT u.name, title FROM posts JOIN users u ON u.id = user_id ORDER BY 1"
        )
        destroy(database, confirm=name_of(database))
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
        destroy(database, confirm=name_of(database))
        assert status(database).profile is None
