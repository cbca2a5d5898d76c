"""seedbed backup, restore and snapshot as other processes run them: what they print, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from given import execute, prepare
from psycopg.conninfo import conninfo_to_dict

from tests.acceptance.program import Ran

pytestmark = pytest.mark.on_one_server

DDL = "CREATE TABLE people AS SELECT n AS id FROM generate_series(1, 50) n"
Seedbed = Callable[..., Ran]


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def people(url: str) -> int:
    return int(execute(url, "SELECT count(*) FROM people")[0][0])


@pytest.fixture
def at(database: str, seedbed: Seedbed) -> Seedbed:
    """Run a command on a database of fifty people."""
    prepare(database, DDL)
    return lambda *arguments, **more: seedbed(*arguments, "--database-url", database, **more)


class TestBackup:
    def test_it_says_where_the_file_is(self, at: Seedbed, shop: Path) -> None:
        done = at("backup")
        (file,) = (shop / "backups").glob("*.dump")
        first, last = done.out.splitlines()
        assert first.startswith(f"backups/{file.name}: {file.stat().st_size:,} bytes, 51 rows in 5")
        assert " is backed up (" in last

    def test_json(self, at: Seedbed, shop: Path, database: str) -> None:
        done = at("backup", "--out", "here", "--json").json
        assert done["database"] == name_of(database)
        assert done["environment"] == "testing"
        assert done["rows"]["public.people"] == 50
        assert Path(shop, done["file"]).stat().st_size == done["bytes"]
        assert done["removed"] == []

    def test_retention(self, at: Seedbed, shop: Path) -> None:
        first = at("backup", "--json").json["file"]
        second = at("backup", "--keep", "1", "--json").json
        assert second["removed"] == [first]
        assert [file.name for file in (shop / "backups").glob("*.dump")] == [
            Path(second["file"]).name
        ]

    def test_wrong_options_end_with_2(self, at: Seedbed) -> None:
        done = at("backup", "--keep", "0")
        assert (done.code, "--keep 0" in done.err) == (2, True)

    def test_a_server_that_is_not_there_ends_with_6(self, seedbed: Seedbed, shop: Path) -> None:
        done = seedbed("backup", "--database-url", "postgresql://127.0.0.1:1/x")
        assert done.code == 6
        assert not (shop / "backups").exists()


class TestRestore:
    def test_there_and_back(self, at: Seedbed, database: str) -> None:
        file = at("backup", "--json").json["file"]
        execute(database, "DELETE FROM people")
        with psycopg.connect(database, application_name="the app"):
            done = at("restore", file, "--confirm", name_of(database))
        assert done.code == 0
        assert people(database) == 50
        ended, kept, last = done.out.splitlines()
        assert ended == f"ended 1 session: the app on {name_of(database)}"
        assert kept.startswith(f"kept {name_of(database)}_before_")
        assert f"{name_of(database)} holds the 51 rows of " in last

    def test_json(self, at: Seedbed, database: str) -> None:
        file = at("backup", "--json").json["file"]
        done = at("restore", file, "--confirm", name_of(database), "--json").json
        assert done["environment"] == "testing"
        assert done["kept"].startswith(f"{name_of(database)}_before_")
        assert (done["sessions_ended"], done["not_carried_over"], done["backup"]) == (0, [], None)

    def test_without_its_name_it_ends_with_3(self, at: Seedbed, database: str) -> None:
        file = at("backup", "--json").json["file"]
        assert at("restore", file).code == 3
        assert at("restore", file, "--confirm", "yes").code == 3

    def test_the_kept_ones_are_dropped_when_one_is_sure(self, at: Seedbed, database: str) -> None:
        file = at("backup", "--json").json["file"]
        kept = at("restore", file, "--confirm", name_of(database), "--json").json["kept"]
        undecided = at("restore", "--drop-old", "--confirm", name_of(database))
        assert (undecided.code, "--no-backup" in undecided.err) == (3, True)
        done = at("restore", "--drop-old", "--confirm", name_of(database), "--no-backup", "--json")
        assert done.json == {"dropped": [kept], "backups": [], "sessions_ended": 0}

    def test_without_a_file_it_says_what_it_needs(self, at: Seedbed) -> None:
        done = at("restore")
        assert (done.code, "FILE" in done.err) == (2, True)

    def test_a_damaged_file_ends_with_2(self, at: Seedbed, shop: Path, database: str) -> None:
        file = shop / at("backup", "--json").json["file"]
        file.write_bytes(file.read_bytes()[:-1])
        done = at("restore", str(file), "--confirm", name_of(database))
        assert (done.code, "is damaged" in done.err) == (2, True)


class TestSnapshot:
    def test_there_and_back(self, at: Seedbed, database: str) -> None:
        assert at("snapshot", "save", "first").out.startswith(f"{name_of(database)} is saved as")
        execute(database, "DELETE FROM people")
        name = name_of(database)
        done = at("snapshot", "restore", "first", "--confirm", name, "--no-backup")
        assert done.code == 0
        assert people(database) == 50
        assert done.out.startswith(f"{name} is again what it was at ")

    def test_they_are_listed_and_dropped(self, at: Seedbed, database: str) -> None:
        assert at("snapshot", "list").out == "there are none\n"
        at("snapshot", "save", "first")
        (listed,) = at("snapshot", "list", "--json").json["snapshots"]
        assert (listed["name"], listed["of"]) == ("first", name_of(database))
        assert at("snapshot", "list").out.splitlines()[1].startswith("first ")
        unnamed = at("snapshot", "drop", "first")
        assert (unnamed.code, "--confirm DATABASE" in unnamed.err) == (3, True)
        assert at("snapshot", "drop", "first", "--confirm", name_of(database)).code == 0
        assert at("snapshot", "list", "--json").json == {"snapshots": []}

    def test_sessions_are_named_and_ended_on_demand(self, at: Seedbed, database: str) -> None:
        with psycopg.connect(database, application_name="the app"):
            done = at("snapshot", "save", "first")
            assert (done.code, "1 session: the app" in done.err) == (5, True)
            done = at("snapshot", "save", "first", "--end-sessions")
        assert done.out.startswith("ended 1 session: the app on ")

    def test_nobody_at_the_terminal_and_no_word_about_a_backup_ends_with_3(
        self, at: Seedbed, database: str
    ) -> None:
        at("snapshot", "save", "first")
        done = at("snapshot", "restore", "first", "--confirm", name_of(database))
        assert (done.code, "--no-backup" in done.err) == (3, True)
