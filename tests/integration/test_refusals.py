"""Profiles and databases that do not fit each other: one clear message, nothing written."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from given import AS_OF, applied, counts, execute, prepare, rows, source, traces

from seedbed import guard
from seedbed.apply import apply
from seedbed.errors import InvalidInput, Refused
from seedbed.options import Options
from seedbed.plan import plan

USERS = "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, code text UNIQUE, n numeric UNIQUE, age int);"


class TestNames:
    """Fault 31: the nearest right name is suggested, all findings at once."""


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
