"""Databases that restores kept: saved where that is asked for, and dropped."""

from __future__ import annotations

import json

import psycopg
import pytest
from given import execute, prepare
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import seedbed
from seedbed.backup import RestoreOptions, drop_kept
from seedbed.errors import DatabaseFailure, Locked
from seedbed.load import session

DDL = """
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1, 50) n;
"""
SUBSCRIPTION = (
    "CREATE SUBSCRIPTION news CONNECTION 'host=nowhere.invalid' PUBLICATION p "
    "WITH (connect = false, slot_name = NONE)"
)


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


@pytest.mark.on_one_server
class TestKept:
    """Databases that restores kept, and what is said and saved of them before they go."""

    def test_what_is_dropped_and_what_cannot_be_are_both_told(self, database, tmp_path):
        """PostgreSQL drops no database that a subscription is in; the others go."""
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        stays, goes = (seedbed.restore(database, made.path, confirm=name).kept for _ in range(2))
        inside = make_conninfo(database, dbname=stays)
        execute(inside, SUBSCRIPTION)
        try:
            done = seedbed.restore(database, made.path, confirm=name, drop_old=True, backup=False)
            assert goes in done.dropped
            assert [each.where for each in done.left] == [stays]
            with pytest.raises(DatabaseFailure, match="not all of the databases") as caught:
                drop_kept(database, RestoreOptions(name, backup=False))
            assert stays in str(caught.value)
        finally:
            execute(inside, "DROP SUBSCRIPTION news")
        assert drop_kept(database, RestoreOptions(name, backup=False)).names == (stays,)

    def test_a_template_goes_like_any_other(self, database, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        execute(database, f"ALTER DATABASE {name} IS_TEMPLATE true")
        try:
            made = seedbed.backup(database, out=tmp_path)
            kept = seedbed.restore(database, made.path, confirm=name).kept
            assert drop_kept(database, RestoreOptions(name, backup=False)).names == (kept,)
        finally:
            execute(database, f"ALTER DATABASE {name} IS_TEMPLATE false")

    def test_a_backup_made_first_is_of_what_is_dropped(self, database, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        execute(database, "DELETE FROM people WHERE id > 10")
        seedbed.restore(database, made.path, confirm=name)
        gone = drop_kept(database, RestoreOptions(name, backup=tmp_path / "first"))
        (path,) = gone.backups
        written = json.loads(path.with_name(f"{path.name}.json").read_text())
        assert (written["database"], written["rows"]["public.people"]) == (gone.names[0], 10)

    def test_so_is_one_made_before_a_restore_that_drops_them(self, database, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        kept = seedbed.restore(database, made.path, confirm=name).kept
        done = seedbed.restore(
            database, made.path, confirm=name, drop_old=True, backup=tmp_path / "first"
        )
        of = {
            json.loads(each.read_text())["database"] for each in (tmp_path / "first").glob("*.json")
        }
        assert of == {name, kept}
        assert len(done.backups_of_kept) == 1

    def test_sessions_that_are_ended_are_told(self, database, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        kept = seedbed.restore(database, made.path, confirm=name).kept
        with psycopg.connect(database, dbname=kept, application_name="the app"):
            gone = drop_kept(database, RestoreOptions(name, backup=False))
        assert str(gone.ended) == "1 session: the app"

    def test_another_run_is_not_disturbed(self, database):
        prepare(database, DDL)
        with psycopg.connect(database) as other:
            session.take_lock(other, wait=False)
            with pytest.raises(Locked):
                drop_kept(database, RestoreOptions(name_of(database), backup=False, wait=False))
