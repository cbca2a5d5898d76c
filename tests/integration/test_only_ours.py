"""What apply, prune, clean and destroy must not touch: rows that only look like seedbed's."""

from __future__ import annotations

import re

import psycopg
import pytest
from given import applied, execute, ledger, planned, prepare, rows, source, traces
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from seedbed import guard
from seedbed.apply import apply
from seedbed.backup import RestoreOptions, backup, restore
from seedbed.destroy import DestroyOptions, destroy
from seedbed.errors import Drift, InvalidInput, Unconfirmed
from seedbed.forgetting import ForgetOptions, forget
from seedbed.options import Options
from seedbed.plan import plan
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


def forgotten(url, *tables, confirm=None):
    return forget(url, tables, ForgetOptions(name_of(url) if confirm is None else confirm))


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


ATTEMPTS = {
    "apply": lambda url: applied(url, notes("a", "b", "c")),
    "prune": lambda url: applied(url, rows("others", ["x"], {"body": ["x"]})),
    "plan": lambda url: planned(url, notes("a", "b", "c")),
    "destroy": lambda url: destroyed(url),
    "destroy, whatever was edited": lambda url: destroyed(url, edits="overwrite"),
    "overwrite": lambda url: applied(url, notes("a", "b", "c"), edits="overwrite"),
}
"""What meets the rows that the ledger knows."""


def refused_by_all(url, match, kinds=Drift):
    """See that nothing meets these rows: one after the other, for none of them writes anything."""
    before = traces(url, "notes"), ledger(url)
    for attempt in ATTEMPTS.values():
        with pytest.raises(kinds, match=match):
            attempt(url)
        assert (traces(url, "notes"), ledger(url)) == before


NEW_KEY = {
    "an integer": "ADD no int GENERATED BY DEFAULT AS IDENTITY, ADD PRIMARY KEY (no)",
    "a uuid": "ADD no uuid DEFAULT gen_random_uuid(), ADD PRIMARY KEY (no)",
}
NEW_TABLE = {
    "made anew": "DROP TABLE notes; " + DDL,
    "put in its place": "ALTER TABLE notes RENAME TO notes_old;"
    "ALTER TABLE notes_old RENAME CONSTRAINT notes_pkey TO old; "
    "CREATE TABLE notes (id serial PRIMARY KEY, body text)",
}


@pytest.fixture
def noted(database):
    """Return a database with three notes of ours."""
    prepare(database, f"{DDL}; CREATE TABLE others (id serial PRIMARY KEY, body text)")
    applied(database, notes("a", "b", "c"))
    return database


class TestATableWithAnotherKey:
    """What the ledger holds of our rows leads to nobody's, or to others'."""

    @pytest.mark.parametrize("key", NEW_KEY.values(), ids=NEW_KEY.keys())
    def test_is_refused(self, noted, key):
        execute(noted, "ALTER TABLE notes DROP CONSTRAINT notes_pkey")
        execute(noted, f"ALTER TABLE notes {key}")
        refused_by_all(noted, r"identity \(id\), now it is \(no\)")

    def test_is_told_by_status(self, noted):
        execute(noted, f"ALTER TABLE notes DROP CONSTRAINT notes_pkey, {NEW_KEY['an integer']}")
        found = status(noted)
        assert "now it is (no)" in found.tables["notes"].problem
        assert found.drifted

    def test_all_its_rows_need_the_name_to_be_emptied(self, noted):
        execute(noted, f"ALTER TABLE notes DROP CONSTRAINT notes_pkey, {NEW_KEY['an integer']}")
        with pytest.raises(Unconfirmed, match="3 rows that seedbed did not write"):
            applied(noted, notes("a"), clean=True, backup=False, edits="overwrite")


class TestAnotherTableOfTheSameName:
    """Its rows have our rows' keys, and are the application's."""

    @pytest.fixture(params=NEW_TABLE.values(), ids=NEW_TABLE.keys())
    def replaced(self, noted, request):
        """Return a database with another table of that name, with an application's rows."""
        execute(noted, request.param)
        execute(noted, "INSERT INTO notes (body) VALUES ('1'), ('2'), ('c')")
        return noted

    def test_is_refused(self, replaced):
        refused_by_all(replaced, r"public.notes: is not the table that seedbed wrote to")

    def test_is_told_by_status(self, replaced):
        assert "is not the table" in status(replaced).tables["notes"].problem

    def test_all_its_rows_need_the_name_to_be_emptied(self, replaced):
        with pytest.raises(Unconfirmed, match="3 rows that seedbed did not write"):
            applied(replaced, notes("a"), clean=True, backup=False, edits="overwrite")

    def test_may_be_forgotten(self, replaced):
        assert forgotten(replaced, "notes").tables == {"notes": 3}
        assert destroyed(replaced).tables == {}
        assert bodies(replaced) == ["1", "2", "c"]

    def test_may_be_taken_over(self, replaced):
        applied(replaced, notes("a", "b", "c"), adopt=True, edits="overwrite")
        assert bodies(replaced) == ["a", "b", "c"]
        assert not applied(replaced, notes("a", "b", "c")).changed

    def test_is_filled_where_none_of_our_keys_are_in_it(self, noted):
        execute(noted, NEW_TABLE["made anew"])
        execute(noted, "INSERT INTO notes VALUES (77, 'theirs')")
        applied(noted, notes("a", "b", "c"))
        assert bodies(noted) == ["a", "b", "c", "theirs"]
        assert destroyed(noted).tables == {"notes": 3}

    def test_a_table_that_got_another_name_is_not_forgotten(self, noted):
        """Its rows would be nobody's."""
        execute(noted, "ALTER TABLE notes RENAME TO memos")
        for attempt in ATTEMPTS.values():
            with pytest.raises((Drift, InvalidInput), match=r"is memos now|no such table"):
                attempt(noted)
        assert len(ledger(noted)) == 3

    def test_a_dump_that_came_back_holds_the_same_tables(self, noted, tmp_path):
        made = backup(noted, out=tmp_path)
        restore(noted, made.path, RestoreOptions(name_of(noted)))
        assert not applied(noted, notes("a", "b", "c")).changed
        assert destroyed(noted).tables == {"notes": 3}

    def test_a_stamp_by_name_takes_the_tables_of_a_copy(self, noted):
        """A dump that somebody brought elsewhere has other numbers, of the database and of its tables."""
        execute(
            noted, "UPDATE seedbed.tables SET oid = 1; UPDATE seedbed.stamp SET database_oid = 1"
        )
        assert "apply would be refused" in planned(noted, notes("a", "b", "c")).notes[0]
        assert not status(noted).drifted
        with psycopg.connect(noted) as connection:
            guard.stamp(connection, "testing", confirm=name_of(noted))
        assert not applied(noted, notes("a", "b", "c")).changed

    def test_a_ledger_from_before_learns_which_table_it_is(self, noted):
        execute(noted, "ALTER TABLE seedbed.tables DROP COLUMN oid")
        assert not applied(noted, notes("a", "b", "c")).changed
        assert execute(noted, "SELECT oid::regclass::text FROM seedbed.tables") == [("notes",)]

    def test_a_ledger_from_before_that_is_somebody_elses_still_works(self, noted):
        execute(noted, "ALTER TABLE seedbed.tables DROP COLUMN oid")
        execute(
            noted,
            "DO $$ BEGIN CREATE ROLE guest_of_ledgers LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            "GRANT USAGE ON SCHEMA public, seedbed TO guest_of_ledgers;"
            "GRANT ALL ON ALL TABLES IN SCHEMA public, seedbed TO guest_of_ledgers;"
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO guest_of_ledgers",
        )
        applied(make_conninfo(noted, user="guest_of_ledgers"), notes("a", "b", "d"))
        assert destroyed(noted).tables == {"notes": 3}


class TestOtherRowsUnderOurKeys:
    """A truncated table filled again, an edit, a row deleted and inserted again: not as we left them, whosever they are."""

    @pytest.fixture
    def refilled(self, noted):
        """Return a database whose table somebody emptied and filled with rows of the application."""
        execute(noted, "TRUNCATE notes RESTART IDENTITY")
        execute(noted, "INSERT INTO notes (body) VALUES ('1'), ('2')")
        return noted

    def test_destroy_lists_them_and_deletes_nothing(self, refilled):
        with pytest.raises(Drift) as caught:
            destroyed(refilled)
        assert [str(one) for one in caught.value.findings] == [
            "notes (1): edited since",
            "notes (2): edited since",
        ]
        assert "--keep-edits" in caught.value.remedy
        assert "--overwrite-edits" in caught.value.remedy
        assert bodies(refilled) == ["1", "2"]
        assert len(ledger(refilled)) == 3

    def test_destroy_keeps_them_and_they_are_nobodys(self, refilled):
        execute(refilled, "INSERT INTO notes VALUES (3, 'c')")
        done = destroyed(refilled, edits="keep")
        assert (done.tables, done.kept) == ({"notes": 1}, {"notes": 2})
        assert bodies(refilled) == ["1", "2"]
        assert ledger(refilled) == []

    def test_destroy_deletes_them_where_it_is_said(self, refilled):
        assert destroyed(refilled, edits="overwrite").tables == {"notes": 2}

    def test_destroy_does_not_guess_about_rows_it_cannot_compare(self, noted):
        execute(noted, "ALTER TABLE notes ALTER body TYPE varchar(9)")
        with pytest.raises(Drift, match=r"notes \(1\): cannot be compared"):
            destroyed(noted)

    def test_no_backup_is_made_for_a_destroy_that_is_refused(self, refilled, tmp_path):
        with pytest.raises(Drift):
            destroy(refilled, DestroyOptions(name_of(refilled), backup=tmp_path))
        assert list(tmp_path.iterdir()) == []

    def test_emptying_takes_the_name(self, refilled):
        with pytest.raises(Unconfirmed, match="2 rows edited since"):
            applied(refilled, notes("a"), clean=True, backup=False, edits="overwrite")

    def test_a_parent_of_a_row_that_is_kept_is_kept(self, database):
        prepare(
            database,
            f"{DDL}; CREATE TABLE likes (id serial PRIMARY KEY, note_id int REFERENCES notes ON DELETE CASCADE, n int)",
        )
        likes = rows("likes", ["x"], {"n": [1]}, refs={"note": ("notes", [0])})
        applied(database, notes("a", "b"), likes)
        execute(database, "UPDATE likes SET n = 2")
        with pytest.raises(
            Drift, match=r"1 row of public.notes: referred to by rows of public.likes"
        ):
            destroyed(database, edits="keep")
        assert bodies(database) == ["a"]
        assert execute(database, "SELECT count(*) FROM likes") == [(1,)]


class TestAnotherProfile:
    """Its rows go: the profile is the truth. But not without a word."""

    def test_plan_and_apply_say_whose_rows_are_pruned(self, noted):
        other = source(notes("c"), profile="none")
        options = Options(environment="testing")
        note = r"the database holds the profile testing, applied 20.* UTC: 2 of its rows are not in none and pruned"
        for found in (plan(other, noted, options), apply(other, noted, options)):
            assert re.match(note, found.notes[0])
        assert apply(other, noted, options).notes == ()

    def test_nothing_is_said_where_nothing_goes(self, noted):
        other = source(notes("a", "b", "c", "d"), profile="more")
        assert apply(other, noted, Options(environment="testing")).notes == ()


class TestForget:
    def test_the_rows_stay_and_are_nobodys(self, noted):
        applied(noted, notes("a", "b", "c"), rows("others", ["x"], {"body": ["x"]}))
        assert forgotten(noted, "public.notes").tables == {"notes": 3}
        assert destroyed(noted).tables == {"others": 1}
        assert bodies(noted) == ["a", "b", "c"]

    def test_it_takes_the_databases_name(self, noted):
        with pytest.raises(Unconfirmed, match="said once more"):
            forgotten(noted, "notes", confirm="yes")
        assert len(ledger(noted)) == 3

    def test_it_knows_the_tables(self, noted):
        with pytest.raises(InvalidInput, match="did you mean 'notes'"):
            forgotten(noted, "nots")
