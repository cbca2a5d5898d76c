"""Backups and bringing them back: what an operator gets when all goes well, and what is refused."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from given import applied, counts, execute, prepare, rows
from impostors import Impostors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import seedbed
from seedbed.backup import BackupUndecided, RestoreOptions, drop_kept
from seedbed.backup.manifest import checked
from seedbed.backup.retention import Retention, retire
from seedbed.errors import DatabaseFailure, InvalidInput, Locked, Refused
from seedbed.load import session
from seedbed.servers.disposable import leashed, new_root
from seedbed.servers.tuning import DISPOSABLE

DDL = """
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1, 50) n;
"""
ODD = r"""
CREATE SCHEMA "Odd schema";
CREATE TABLE "Odd schema"."The ""table"".x" (id int, t text);
INSERT INTO "Odd schema"."The ""table"".x" VALUES (1, '\.'), (2, E'two\nlines\t\\.'), (3, NULL);
CREATE TABLE parts (id int) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
INSERT INTO parts VALUES (1), (2);
CREATE UNLOGGED TABLE volatile AS SELECT 1 AS one;
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE MATERIALIZED VIEW seen AS SELECT * FROM parts;
SELECT lo_from_bytea(0, 'large');
"""


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def people(url: str) -> int:
    return int(execute(url, "SELECT count(*) FROM people")[0][0])


@pytest.fixture
def impostors(backend, tmp_path, monkeypatch):
    """Return the programs that stand before PostgreSQL's own in this test."""
    return Impostors(tmp_path / "programs", backend, monkeypatch)


class TestBackup:
    @pytest.mark.on_one_server
    def test_its_manifest_says_what_it_is_of(self, database, tmp_path):
        prepare(database, DDL + ODD)
        made = seedbed.backup(database, out=tmp_path / "new")
        written = json.loads((tmp_path / "new" / f"{made.path.name}.json").read_text())
        assert written["environment"] == "testing"
        assert written["database"] == name_of(database)
        assert written["size"] == made.path.stat().st_size
        assert {n: c for n, c in written["rows"].items() if not n.startswith("seedbed.")} == {
            'Odd schema.The "table".x': 3,
            "public.nothing": 1,
            "public.parts_low": 2,
            "public.people": 50,
            "public.volatile": 1,
        }

    @pytest.mark.on_one_server
    def test_only_its_owner_can_read_it(self, database, tmp_path):
        prepare(database, DDL)
        made = seedbed.backup(database, out=tmp_path / "new")
        assert made.path.parent.stat().st_mode & 0o777 == 0o700
        assert [file.stat().st_mode & 0o777 for file in sorted(made.path.parent.glob("*.d*"))] == [
            0o600,
            0o600,
        ]

    def test_rows_that_come_while_it_runs_are_neither_in_it_nor_counted(
        self, database, tmp_path, impostors
    ):
        prepare(database, DDL)
        psql = impostors.backend.binaries().program("psql")
        impostors.stand_for(
            "pg_dump",
            f"'{psql}' -qX -c \"INSERT INTO people VALUES (99, 'late')\" '{database}' && exec \"$real\" \"$@\"",
        )
        made = seedbed.backup(database, out=tmp_path)
        assert people(database) == 51
        assert made.manifest.rows["public.people"] == 50

    def test_the_database_stays_as_it_was(self, database, tmp_path):
        prepare(database, DDL)
        before = execute(database, "SELECT xmin, ctid, * FROM people")
        seedbed.backup(database, out=tmp_path)
        assert execute(database, "SELECT xmin, ctid, * FROM people") == before

    def test_rows_of_an_extension_are_counted_as_pg_dump_writes_them(self, database, tmp_path):
        """Of its tables only those it calls its configuration, and of these the rows it says."""
        prepare(
            database,
            "CREATE EXTENSION pg_trgm; CREATE TABLE settings (id int); CREATE TABLE jobs (id int); CREATE TABLE fixed (id int); "
            "INSERT INTO settings SELECT generate_series(1, 9); INSERT INTO jobs VALUES (1), (2); INSERT INTO fixed VALUES (1); "
            "ALTER EXTENSION pg_trgm ADD TABLE settings; ALTER EXTENSION pg_trgm ADD TABLE jobs; "
            "ALTER EXTENSION pg_trgm ADD TABLE fixed; "
            "UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid, 'jobs'::regclass::oid], "
            "extcondition = ARRAY['WHERE id % 3 = 0', ''] WHERE extname = 'pg_trgm'",
        )
        written = seedbed.backup(database, out=tmp_path).manifest.rows
        assert {n: c for n, c in written.items() if n.startswith("public.")} == {
            "public.settings": 3,
            "public.jobs": 2,
        }

    def test_names_may_hold_whatever_postgresql_lets_them(self, database, tmp_path):
        """Even line ends, and what looks like a statement of the script that is read back."""
        copy = "COPY public.people (id, name) FROM stdin;"
        prepare(
            database,
            DDL + f'CREATE TABLE "two\nlines; \'\' " ("a;\n" int, "FROM stdin;\n\n{copy}\n" int); '
            f"INSERT INTO \"two\nlines; '' \" VALUES (1, 2), (3, 4); "
            f'CREATE SEQUENCE "it\'s a ""\n{copy}\n"',
        )
        made = seedbed.backup(database, out=tmp_path)
        assert made.manifest.rows["public.two\nlines; '' "] == 2
        assert made.manifest.rows["public.people"] == 50
        seedbed.restore(database, made.path, confirm=name_of(database))
        assert people(database) == 50

    @pytest.mark.on_one_server
    def test_two_in_one_second_have_two_names(self, database, tmp_path):
        prepare(database, DDL)
        made = {seedbed.backup(database, out=tmp_path).path for _ in range(3)}
        assert len(made) == 3

    def test_a_locked_table_is_waited_for_and_then_told(self, database, tmp_path, monkeypatch):
        monkeypatch.setitem(session.SETTINGS, "lock_timeout", "10ms")
        prepare(database, DDL)
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE people")
            with pytest.raises(Locked, match="a table is locked by somebody else"):
                seedbed.backup(database, out=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_rows_hidden_by_a_policy_are_an_error_and_no_backup(self, database, tmp_path):
        prepare(database, DDL)
        execute(
            database,
            "ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE ROLE half_blind LOGIN; "
            "GRANT USAGE ON SCHEMA seedbed TO half_blind; "
            "GRANT SELECT ON people TO half_blind; GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO half_blind",
        )
        try:
            with pytest.raises(DatabaseFailure, match="row-level security"):
                seedbed.backup(make_conninfo(database, user="half_blind"), out=tmp_path)
            assert list(tmp_path.iterdir()) == []
        finally:
            execute(database, "DROP OWNED BY half_blind; DROP ROLE half_blind")


@pytest.mark.on_one_server
class TestWays:
    """Whatever leads psycopg to a server leads pg_dump to the same one."""

    @pytest.fixture
    def tcp(self, server, database):
        """Return host, port and a role that needs its password there."""
        prepare(database, DDL)
        execute(database, "CREATE ROLE guest SUPERUSER LOGIN PASSWORD 'it''s a: se\\cret '")
        yield {
            "host": "127.0.0.1",
            "port": conninfo_to_dict(database)["port"],
            "user": "guest",
            "password": "it's a: se\\cret ",
            "dbname": name_of(database),
        }
        execute(database, "DROP ROLE guest")

    def test_a_password(self, tcp, tmp_path):
        assert (
            seedbed.backup(make_conninfo(**tcp), out=tmp_path).manifest.rows["public.people"] == 50
        )

    def test_the_first_of_several_hosts_that_answers(self, tcp, tmp_path):
        several = {**tcp, "host": "127.0.0.1,127.0.0.1", "port": f"1,{tcp['port']}"}
        made = seedbed.backup(make_conninfo(**several), out=tmp_path)
        assert made.manifest.rows["public.people"] == 50

    def test_a_service(self, tcp, tmp_path, monkeypatch):
        file = tmp_path / "services"
        file.write_text(
            "[payroll]\n" + "".join(f"{n}={v}\n" for n, v in tcp.items() if n != "password")
        )
        monkeypatch.setenv("PGSERVICEFILE", str(file))
        monkeypatch.setenv("PGPASSWORD", tcp["password"])
        made = seedbed.backup("service=payroll", out=tmp_path / "out")
        assert made.manifest.rows["public.people"] == 50

    def test_variables_that_name_another_server_do_not_reach_pg_dump(
        self, database, tmp_path, monkeypatch
    ):
        prepare(database, DDL)
        monkeypatch.setenv("PGHOST", "/nowhere")
        monkeypatch.setenv("PGDATABASE", "postgres")
        monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
        assert seedbed.backup(database, out=tmp_path).manifest.rows["public.people"] == 50

    def test_a_password_that_is_part_of_the_path_leaves_the_path(
        self, tcp, database, tmp_path, impostors, monkeypatch
    ):
        """A variable that holds the password stays away from programs, but not those that they cannot do without."""
        execute(database, "ALTER ROLE guest PASSWORD 'bin'")
        monkeypatch.setenv("HOME", "/home/bin")
        monkeypatch.setenv("THE_DSN", "host=/tmp password=bin")
        seen = tmp_path / "seen"
        impostors.stand_for("pg_dump", f'cat /proc/$$/environ > \'{seen}\'; exec "$real" "$@"')
        seedbed.backup(make_conninfo(**{**tcp, "password": "bin"}), out=tmp_path / "out")
        variables = seen.read_text()
        assert f"PATH={impostors.folder}" in variables
        assert "HOME=/home/bin" in variables
        assert "THE_DSN" not in variables


@pytest.mark.on_one_server
class TestRetention:
    def test_the_newest_stay(self, database, tmp_path):
        prepare(database, DDL)
        made = [seedbed.backup(database, out=tmp_path).path for _ in range(3)]
        last = seedbed.backup(database, out=tmp_path, keep=2)
        assert last.retired == (made[1], made[0])
        assert sorted(tmp_path.glob("*.dump")) == sorted([made[2], last.path])
        assert len(list(tmp_path.glob("*.json"))) == 2

    def test_days_count_from_the_new_one(self, database, tmp_path):
        prepare(database, DDL)
        old, recent = (seedbed.backup(database, out=tmp_path) for _ in range(2))
        file = tmp_path / f"{old.path.name}.json"
        past = old.manifest.made_at - timedelta(days=8)
        file.write_text(
            file.read_text().replace(old.manifest.made_at.isoformat(), past.isoformat())
        )
        assert seedbed.backup(database, out=tmp_path, keep_days=7).retired == (old.path,)
        assert recent.path.exists()

    def test_nothing_but_our_own_backups_of_this_database_is_touched(
        self, database, server, tmp_path
    ):
        prepare(database, DDL)
        other = seedbed.backup(server.url(), out=tmp_path).path
        (tmp_path / "without-a-manifest.dump").write_text("mine")
        (tmp_path / "notes.json").write_text("{}")
        grown = seedbed.backup(database, out=tmp_path).path
        with grown.open("ab") as file:
            file.write(b"changed since")
        moved = seedbed.backup(database, out=tmp_path).path
        moved.rename(tmp_path / "moved.dump")
        linked = seedbed.backup(database, out=tmp_path).path
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        linked.rename(elsewhere / linked.name)
        linked.symlink_to(elsewhere / linked.name)
        before = {file.name for file in tmp_path.iterdir()}
        last = seedbed.backup(database, out=tmp_path, keep=1)
        assert last.retired == ()
        assert before < {file.name for file in tmp_path.iterdir()}
        assert other.exists()

    def test_what_cannot_be_removed_is_told_and_the_new_one_is_good(self, database, tmp_path):
        prepare(database, DDL)
        stuck, other = (seedbed.backup(database, out=tmp_path).path for _ in range(2))
        (tmp_path / f".seedbed-leaving-{stuck.name}.json").mkdir()  # in the way
        with pytest.raises(DatabaseFailure, match="is a good backup") as caught:
            seedbed.backup(database, out=tmp_path, keep=1)
        assert [finding.where for finding in caught.value.findings] == [str(stuck)]
        assert not other.exists()
        (new,) = set(tmp_path.glob("*.dump")) - {stuck}
        assert checked(new).rows["public.people"] == 50

    def test_a_dump_that_cannot_be_removed_stays_a_whole_backup(self, database, tmp_path):
        prepare(database, DDL)
        old = seedbed.backup(database, out=tmp_path).path
        if subprocess.run(["mount", "--bind", old, old], capture_output=True).returncode:
            pytest.skip("this account cannot mount a file")
        try:
            with pytest.raises(DatabaseFailure, match="is a good backup"):
                seedbed.backup(database, out=tmp_path, keep=1)
        finally:
            subprocess.run(["umount", old], check=True)
        assert checked(old).rows["public.people"] == 50

    def test_one_that_a_parallel_run_has_just_removed_is_nobodys_trouble(self, database, tmp_path):
        prepare(database, DDL)
        newest, *_ = (seedbed.backup(database, out=tmp_path).manifest for _ in range(3))
        with ThreadPoolExecutor(4) as pool:
            gone = pool.map(lambda _: retire(tmp_path, newest, Retention(keep=1)), range(4))
        assert len(list(tmp_path.glob("*.dump"))) == 1
        assert sum(len(each) for each in gone) == 2

    def test_a_run_that_was_killed_between_the_two_files_is_finished_by_the_next(
        self, database, tmp_path
    ):
        prepare(database, DDL)
        old = seedbed.backup(database, out=tmp_path).path
        beside = tmp_path / f"{old.name}.json"
        beside.rename(tmp_path / f".seedbed-leaving-{beside.name}")
        made = seedbed.backup(database, out=tmp_path, keep=5)
        assert sorted(tmp_path.iterdir()) == sorted([made.path, Path(f"{made.path}.json")])

    @pytest.mark.parametrize("wrong", [{"keep": 0}, {"keep_days": -1}, {"keep": 1, "keep_days": 1}])
    def test_what_makes_no_sense_is_said_before_anything_is_done(self, wrong, tmp_path):
        with pytest.raises(InvalidInput, match="--keep"):
            seedbed.backup("postgresql://nowhere.invalid/x", out=tmp_path, **wrong)


class TestRestore:
    def test_the_rows_are_back_and_the_old_database_is_kept(self, database, tmp_path):
        prepare(database, DDL + ODD)
        made = seedbed.backup(database, out=tmp_path)
        execute(database, "DROP TABLE people; CREATE TABLE newer ()")
        done = seedbed.restore(database, made.path, confirm=name_of(database))
        assert people(database) == 50
        assert execute(database, "SELECT to_regclass('newer')") == [(None,)]
        kept = make_conninfo(database, dbname=done.kept)
        assert execute(kept, "SELECT to_regclass('newer')::text") == [("newer",)]

    def test_seedbed_still_knows_its_rows(self, database, tmp_path):
        prepare(
            database,
            "CREATE TABLE users (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email text UNIQUE)",
        )
        ours = rows("users", ["ann", "bob"], {"email": ["ann", "bob"]}, key=("email",))
        applied(database, ours)
        made = seedbed.backup(database, out=tmp_path)
        execute(database, "DELETE FROM users")
        seedbed.restore(database, made.path, confirm=name_of(database))
        assert counts(applied(database, ours)) == {"users": {"unchanged": 2}}

    def test_what_a_database_is_beside_its_contents_goes_over(self, database, server, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        execute(
            database,
            f"CREATE ROLE keeper; CREATE ROLE reader; ALTER DATABASE {name} OWNER TO keeper; "
            f'ALTER DATABASE {name} SET search_path = "$user", "Odd schema", public; '
            f"ALTER DATABASE {name} SET work_mem = '7MB'; ALTER DATABASE {name} SET app.tenant = 'x=y, z'; "
            f"ALTER ROLE reader IN DATABASE {name} SET statement_timeout = '3s'; "
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; GRANT CONNECT ON DATABASE {name} TO reader WITH GRANT OPTION; "
            f"COMMENT ON DATABASE {name} IS 'the payroll'",
        )
        execute(database, f"ALTER DATABASE {name} CONNECTION LIMIT 7")
        try:
            before = described(server.url(), name)
            made = seedbed.backup(database, out=tmp_path)
            done = seedbed.restore(database, made.path, confirm=name)
            assert described(server.url(), name) == before
            assert done.notes == ()
            drop_kept(database, RestoreOptions(name, backup=False))
        finally:
            execute(server.url(), f"DROP DATABASE {name} WITH (FORCE)")
            execute(server.url(), "DROP ROLE keeper; DROP ROLE reader")

    @pytest.mark.parametrize("client", ["LATIN1", "UTF8"])
    def test_encoding_and_locale_are_those_of_the_database_it_replaces(
        self, database, server, tmp_path, client
    ):
        """Whatever clients are told to speak."""
        name = name_of(database)
        execute(server.url(), f"DROP DATABASE {name}")
        execute(
            server.url(),
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
            + (" LOCALE_PROVIDER libc" if server_major(server) >= 15 else ""),
        )
        prepare(
            database,
            DDL + "INSERT INTO people VALUES (60, U&'caf\\00E9'); "
            'CREATE TABLE "Löhne" AS SELECT \'Müller\' AS "für"; ',
        )
        execute(database, f"ALTER DATABASE {name} SET client_encoding = '{client}'")
        before = described(server.url(), name)
        made = seedbed.backup(database, out=tmp_path)
        assert made.manifest.rows["public.Löhne"] == 1
        seedbed.restore(database, made.path, confirm=name)
        assert described(server.url(), name) == before
        assert execute(database, "SELECT name FROM people WHERE id = 60") == [("café",)]
        assert execute(database, 'SELECT "für" FROM "Löhne"') == [("Müller",)]

    def test_only_sessions_on_that_database_are_ended_and_counted(self, database, server, tmp_path):
        prepare(database, DDL)
        made = seedbed.backup(database, out=tmp_path)
        with (
            psycopg.connect(server.url(), application_name="elsewhere") as elsewhere,
            psycopg.connect(database, application_name="the app") as app,
            psycopg.connect(database, application_name="the app") as again,
        ):
            done = seedbed.restore(database, made.path, confirm=name_of(database))
            assert str(done.ended) == "2 sessions: the app (2)"
            assert elsewhere.execute("SELECT 1").fetchone() == (1,)
            for ended in (app, again):
                with pytest.raises(psycopg.OperationalError):
                    ended.execute("SELECT 1")

    @pytest.mark.on_one_server
    def test_the_old_ones_go_when_that_is_asked_for(self, database, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        kept = seedbed.restore(database, made.path, confirm=name).kept
        done = seedbed.restore(database, made.path, confirm=name, drop_old=True, backup=False)
        assert done.kept == ""
        assert kept in done.dropped
        assert beside(database) == []

    @pytest.mark.on_one_server
    def test_a_kept_database_that_was_renamed_is_its_new_owners(self, database, server, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        kept = seedbed.restore(database, made.path, confirm=name).kept
        execute(server.url(), f'ALTER DATABASE "{kept}" RENAME TO mine_now')
        try:
            assert drop_kept(database, RestoreOptions(name, backup=False)).names == ()
            assert people(server.url("mine_now")) == 50
        finally:
            execute(server.url(), "DROP DATABASE mine_now")

    @pytest.mark.on_one_server
    def test_dropping_the_old_one_takes_a_word_about_a_backup(self, database, tmp_path):
        prepare(database, DDL)
        made = seedbed.backup(database, out=tmp_path)
        with pytest.raises(BackupUndecided, match="--no-backup"):
            seedbed.restore(database, made.path, confirm=name_of(database), drop_old=True)
        assert beside(database) == []

    @pytest.mark.on_one_server
    def test_a_backup_made_first_is_of_what_is_replaced(self, database, tmp_path):
        prepare(database, DDL)
        made = seedbed.backup(database, out=tmp_path)
        execute(database, "DELETE FROM people WHERE id > 10")
        done = seedbed.restore(
            database, made.path, confirm=name_of(database), drop_old=True, backup=tmp_path / "first"
        )
        assert done.backup is not None
        written = json.loads(done.backup.with_name(f"{done.backup.name}.json").read_text())
        assert written["rows"]["public.people"] == 10

    @pytest.mark.on_one_server
    def test_a_long_name_is_cut_and_not_by_postgresql(self, server, tmp_path):
        name = "ä" * 31
        execute(server.url(), f'CREATE DATABASE "{name}"')
        url = make_conninfo(server.url(), dbname=name)
        try:
            prepare(url, DDL)
            made = seedbed.backup(url, out=tmp_path)
            first, second = (seedbed.restore(url, made.path, confirm=name).kept for _ in range(2))
            assert first != second
            assert len(first.encode()) <= 63
            assert len(drop_kept(url, RestoreOptions(name, backup=False)).names) == 2
        finally:
            execute(server.url(), f'DROP DATABASE "{name}" WITH (FORCE)')

    def test_owners_that_are_not_there_are_told_and_can_be_left_out(self, database, tmp_path):
        prepare(database, DDL + "CREATE ROLE gone; ALTER TABLE people OWNER TO gone")
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        execute(database, "DROP OWNED BY gone; DROP ROLE gone")
        with pytest.raises(DatabaseFailure, match='role "gone" does not exist') as caught:
            seedbed.restore(database, made.path, confirm=name)
        assert "--no-owner" in caught.value.remedy
        assert beside(database) == []
        seedbed.restore(database, made.path, confirm=name, owners=False)
        assert people(database) == 50

    def test_a_role_that_is_not_a_superuser_restores_its_own_database(self, database, tmp_path):
        name = name_of(database)
        execute(database, f"CREATE ROLE app CREATEDB LOGIN; ALTER DATABASE {name} OWNER TO app")
        own = make_conninfo(database, user="app")
        prepare(own, DDL.replace("CREATE TABLE ", "CREATE SCHEMA app; CREATE TABLE app."))
        made = seedbed.backup(own, out=tmp_path, environment="testing")
        done = seedbed.restore(own, made.path, confirm=name)
        assert execute(own, "SELECT count(*) FROM app.people") == [(50,)]
        assert done.notes == ()
        drop_kept(own, RestoreOptions(name, backup=False))
        execute(
            database,
            f"ALTER DATABASE {name} OWNER TO CURRENT_USER; REASSIGN OWNED BY app TO CURRENT_USER",
        )
        execute(database, "DROP OWNED BY app; DROP ROLE app")

    def test_a_role_that_may_not_is_told_before_anything_is_done(self, database, tmp_path):
        prepare(database, DDL)
        name = name_of(database)
        made = seedbed.backup(database, out=tmp_path)
        execute(
            database,
            "CREATE ROLE lowly LOGIN; GRANT USAGE ON SCHEMA seedbed TO lowly; "
            "GRANT SELECT ON ALL TABLES IN SCHEMA seedbed TO lowly; GRANT pg_read_all_settings TO lowly; "
            "GRANT EXECUTE ON FUNCTION pg_control_system() TO lowly",
        )
        try:
            with pytest.raises(DatabaseFailure, match='role "lowly" may not put') as caught:
                seedbed.restore(make_conninfo(database, user="lowly"), made.path, confirm=name)
            remedies = [finding.remedy for finding in caught.value.findings]
            assert remedies[0] == 'ALTER ROLE "lowly" CREATEDB'
            assert len(remedies) == 2
        finally:
            execute(database, "DROP OWNED BY lowly; DROP ROLE lowly")

    def test_a_prepared_transaction_is_named_before_sessions_are_ended(self, backend, tmp_path):
        """It would hold the database for ever, and no session is to blame."""
        tuning = replace(
            DISPOSABLE, settings={**DISPOSABLE.settings, "max_prepared_transactions": "1"}
        )
        root = new_root()
        with leashed(root, subprocess.PIPE):
            server = backend.server(root, tuning)
            server.start()
            execute(server.url(), "CREATE DATABASE held")
            url = server.url("held")
            prepare(url, DDL)
            made = seedbed.backup(url, out=tmp_path)
            with psycopg.connect(url) as application:
                application.execute("DELETE FROM people; PREPARE TRANSACTION 'two-phase'")
                with pytest.raises(DatabaseFailure, match="prepared transactions: two-phase"):
                    seedbed.restore(url, made.path, confirm="held")
                assert application.execute("SELECT 1").fetchone() == (1,)
            assert beside(url) == []

    @pytest.mark.on_one_server
    def test_the_name_has_to_be_said(self, database, tmp_path):
        prepare(database, DDL)
        made = seedbed.backup(database, out=tmp_path)
        with pytest.raises(Refused):
            seedbed.restore(database, made.path, confirm="postgres")
        assert beside(database) == []

    def test_an_archive_of_a_new_pg_dump_goes_into_an_old_server(
        self, database, tmp_path, monkeypatch
    ):
        """pg_restore 17 and newer set what a server before 17 does not know; then psql reads its script, without that line."""
        monkeypatch.setattr("seedbed.servers.system._KNOWN_PLACES", ())
        monkeypatch.setenv("PATH", "/nowhere")
        prepare(database, DDL + ODD)
        made = seedbed.backup(database, out=tmp_path)
        assert made.manifest.program >= 17
        execute(database, "DELETE FROM people")
        seedbed.restore(database, made.path, confirm=name_of(database))
        assert people(database) == 50


def described(url: str, name: str) -> list[tuple[object, ...]]:
    """Return what a database is beside its contents."""
    return execute(
        url,
        "SELECT to_jsonb(d) - '{oid,datfrozenxid,datminmxid,datacl}'::text[], shobj_description(d.oid, 'pg_database'), "
        "(SELECT jsonb_agg(to_jsonb(a) ORDER BY a::text) FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) a), "
        "(SELECT jsonb_agg(jsonb_build_array(setrole::regrole, setconfig) ORDER BY setrole) "
        "FROM pg_db_role_setting s WHERE s.setdatabase = d.oid) FROM pg_database d WHERE datname = %s",
        name,
    )


def beside(url: str) -> list[str]:
    """Return the databases that seedbed made beside one."""
    query = "SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE %s"
    return [name for (name,) in execute(url, query, f'seedbed: %"of": "{name_of(url)}"%')]


def server_major(server) -> int:
    return int(str(server.version).split(".")[0])
