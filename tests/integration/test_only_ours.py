"""What apply, prune, clean and destroy must not touch: rows that only look like seedbed's."""

from __future__ import annotations

import pytest
from given import applied, execute, planned, prepare, rows
from psycopg.conninfo import conninfo_to_dict

from seedbed.destroy import DestroyOptions, destroy
from seedbed.errors import InvalidInput
from seedbed.status import status

DDL = "CREATE TABLE notes (id serial PRIMARY KEY, body text)"
ABROAD = (
    "CREATE EXTENSION postgres_fdw; CREATE SERVER abroad FOREIGN DATA WRAPPER postgres_fdw"
    " OPTIONS (host 'nowhere.invalid')"
)
"""A server that nobody can reach: whoever asks it for rows, or gives it some, fails."""


def notes(*labels):
    return rows("notes", labels, {"body": list(labels)})


def destroyed(url, **more):
    return destroy(url, DestroyOptions(name_of(url), backup=False, **more))


def name_of(url):
    return conninfo_to_dict(url)["dbname"]


def bodies(url, table="ONLY notes"):
    return [body for (body,) in execute(url, f"SELECT body FROM {table} ORDER BY 1")]


class TestATableThatInherits:
    """Its rows are seen through its parent's name, and are its own."""

    @pytest.fixture
    def archive(self, database):
        """Return a database with our notes, and a table that inherits from theirs and has the same rows."""
        prepare(database, f"{DDL}; CREATE TABLE notes_archive () INHERITS (notes)")
        applied(database, notes("a", "b", "c"))
        execute(database, "INSERT INTO notes_archive SELECT * FROM notes")
        return database

    def test_an_apply_finds_nothing_to_do(self, archive):
        assert not applied(archive, notes("a", "b", "c")).changed
        assert bodies(archive) == bodies(archive, "notes_archive") == ["a", "b", "c"]

    def test_rows_that_left_the_profile_leave_one_table(self, archive):
        applied(archive, notes("a"))
        assert bodies(archive) == ["a"]
        assert bodies(archive, "notes_archive") == ["a", "b", "c"]

    def test_an_update_reaches_one_table(self, archive):
        applied(archive, rows("notes", ["a", "b", "c"], {"body": ["A", "B", "C"]}))
        assert bodies(archive) == ["A", "B", "C"]
        assert bodies(archive, "notes_archive") == ["a", "b", "c"]

    def test_destroy_reaches_one_table(self, archive):
        execute(archive, "UPDATE notes_archive SET body = 'theirs'")
        assert destroyed(archive).tables == {"notes": 3}
        assert bodies(archive, "notes_archive") == ["theirs"] * 3

    def test_status_counts_one_table(self, archive):
        execute(archive, "UPDATE notes_archive SET body = 'theirs'")
        assert not status(archive).drifted

    def test_what_refers_to_us_from_a_table_that_inherits_holds_nothing(self, database):
        """A foreign key is not inherited: a row of the child need not refer to anything."""
        prepare(
            database,
            f"{DDL}; CREATE TABLE likes (id serial PRIMARY KEY, note_id int REFERENCES notes);"
            "CREATE TABLE old_likes () INHERITS (likes)",
        )
        applied(database, notes("a"))
        execute(database, "INSERT INTO old_likes (note_id) SELECT id FROM notes")
        assert destroyed(database).tables == {"notes": 1}
        assert execute(database, "SELECT count(*) FROM old_likes") == [(1,)]


class TestRowsOnAnotherServer:
    """Foreign tables lead past the guard, which has judged this server."""

    def test_a_foreign_table_that_inherits_is_left_alone(self, database):
        prepare(database, f"{DDL}; {ABROAD}")
        applied(database, notes("a", "b"))
        execute(database, "CREATE FOREIGN TABLE notes_1 () INHERITS (notes) SERVER abroad")
        applied(database, rows("notes", ["a", "c"], {"body": ["A", "c"]}))
        assert bodies(database) == ["A", "c"]
        assert destroyed(database).tables == {"notes": 2}

    def test_a_foreign_table_is_not_written_to(self, database):
        """Nor is a partitioned table with foreign partitions: PostgreSQL lets it have no key."""
        prepare(database, f"{ABROAD}; CREATE FOREIGN TABLE notes (id int, body text) SERVER abroad")
        for attempt in (applied, planned):
            with pytest.raises(InvalidInput, match="notes: the database has no such table"):
                attempt(database, notes("a"))
