"""Helper programs and secrets, damaged backups, and restores that are killed. Faults 57, 59 and 60."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from given import execute, prepare
from impostors import Impostors
from killable import process
from machines import disk
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from seeders import wait_for

import seedbed
from seedbed import snapshot
from seedbed.backup import RestoreOptions, drop_kept
from seedbed.errors import DatabaseFailure, InvalidInput, Refused, SeedbedError
from seedbed.servers.programs import find_program
from tests.canary import bare

DDL = """
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1, 50) n;
"""
CANARY = "kanarienvogel-7391"
OLD, NEW = 7, 50
"""How many people there are before a restore, and in the backup."""


def name_of(url):
    return str(conninfo_to_dict(url)["dbname"])


def people(url):
    return execute(url, "SELECT count(*) FROM people")[0][0]


def marked(url, kind=""):
    """Return the databases that seedbed made beside one."""
    query = "SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE %s"
    like = f'seedbed: %"kind": "{kind}%"of": "{name_of(url)}"%'
    return [name for (name,) in execute(url, query, like)]


@pytest.fixture
def impostors(backend, tmp_path, monkeypatch):
    return Impostors(tmp_path / "programs", backend, monkeypatch)


@pytest.fixture
def folder(tmp_path):
    """A folder for backups, empty."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder


class TestSecrets:
    @pytest.fixture
    def guest(self, database):
        """A URL with a password, which the server does ask for."""
        prepare(database, DDL)
        execute(database, f"CREATE ROLE canary SUPERUSER LOGIN PASSWORD '{CANARY}'")
        port = conninfo_to_dict(database)["port"]
        yield f"postgresql://canary:{CANARY}@127.0.0.1:{port}/{name_of(database)}"
        execute(
            database,
            f"ALTER DATABASE {name_of(database)} OWNER TO CURRENT_USER; REASSIGN OWNED BY canary TO CURRENT_USER",
        )
        drop_kept(database, RestoreOptions(name_of(database), backup=False))
        execute(database, "DROP ROLE canary")

    @pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
    def test_fault_57_no_argument_and_no_variable_holds_the_password(
        self, guest, folder, tmp_path, impostors, monkeypatch, program
    ):
        """Looked at while the program runs: its own arguments and variables, and the arguments of every process."""
        seen = tmp_path / "seen"
        look = f"cat /proc/[0-9]*/cmdline /proc/self/environ >> '{seen}' 2>/dev/null"
        impostors.stand_for(
            program, f'{look}\n"$real" "$@" &\n{look}\ncat /proc/$!/cmdline >> \'{seen}\'\nwait $!'
        )
        monkeypatch.setenv("DATABASE_URL", guest)
        passphrase = f"{guest}?sslpassword={CANARY}%20too"
        made = seedbed.backup(passphrase, out=folder)
        seedbed.restore(passphrase, made.path, confirm=name_of(guest))
        text = seen.read_bytes()
        assert program.encode() in text
        assert b"127.0.0.1" in text, "the arguments were looked at"
        assert CANARY.encode() not in text

    @pytest.mark.parametrize("ends", ["well", "badly"])
    def test_fault_57_no_file_with_the_password_is_left(
        self, guest, folder, tmp_path, impostors, monkeypatch, ends
    ):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        during = tmp_path / "during"
        end = 'exec "$real" "$@"' if ends == "well" else "exit 1"
        impostors.stand_for(
            "pg_dump", f"grep -rl {CANARY} '{scratch}' '{folder}' > '{during}'\n{end}"
        )
        try:
            seedbed.backup(guest, out=folder)
        except DatabaseFailure:
            assert ends == "badly"
        else:
            assert ends == "well"
        assert during.read_text() == ""
        assert list(scratch.iterdir()) == []

    def test_fault_57_what_a_program_complains_of_shows_neither_password_nor_row(
        self, guest, folder, impostors
    ):
        """As pg_restore quotes the row that a COPY stumbled over."""
        impostors.stand_for(
            "pg_dump",
            'echo "pg_dump: error: invalid input syntax for type integer: \\"row-canary\\"" >&2\n'
            f'echo "DETAIL:  Failing row contains (row-canary, {CANARY})." >&2\nexit 1',
        )
        with pytest.raises(DatabaseFailure) as caught:
            seedbed.backup(guest, out=folder)
        assert str(caught.value).endswith("failed: invalid input syntax for type integer")


@pytest.mark.on_one_server
class TestDamage:
    @pytest.fixture
    def made(self, database, folder):
        prepare(database, DDL)
        made = seedbed.backup(database, out=folder)
        execute(database, "DELETE FROM people WHERE id > %s", OLD)
        return made

    def _refused(self, url, path, error, words):
        with pytest.raises(error, match=words):
            seedbed.restore(url, path, confirm=name_of(url))
        assert people(url) == OLD
        assert marked(url) == []

    @pytest.mark.parametrize("left", [0, 1, 100, -1])
    def test_fault_59_a_truncated_backup_is_refused(self, database, made, left):
        whole = made.path.read_bytes()
        made.path.write_bytes(whole[:left])
        self._refused(database, made.path, InvalidInput, "is damaged")

    @pytest.mark.parametrize("place", [0, 0.3, 0.6, 0.999])
    def test_fault_59_a_flipped_bit_is_refused(self, database, made, place):
        data = bytearray(made.path.read_bytes())
        data[int(place * len(data))] ^= 4
        made.path.write_bytes(data)
        self._refused(database, made.path, InvalidInput, "SHA-256")

    def test_fault_59_a_dump_without_a_manifest_is_refused(self, database, made):
        made.path.with_name(f"{made.path.name}.json").unlink()
        self._refused(database, made.path, Refused, "has no manifest")

    @pytest.mark.parametrize(
        "text", ["", "{}", "[]", "null", '{"seedbed_backup": 1}', '{"seedbed_backup": 99}']
    )
    def test_fault_59_a_broken_manifest_is_refused(self, database, made, text):
        made.path.with_name(f"{made.path.name}.json").write_text(text)
        self._refused(database, made.path, Refused, "has no manifest")

    def test_fault_59_the_rows_are_counted_when_they_are_back(self, database, made):
        """A manifest that promises a row more than there is."""
        file = made.path.with_name(f"{made.path.name}.json")
        file.write_text(file.read_text().replace('"public.people": 50', '"public.people": 51'))
        self._refused(database, made.path, DatabaseFailure, "did not come back whole")

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ('"$real" "$@"; truncate -s -60 "$file"', "could not read|unexpected end|failed"),
            (
                '"$real" "$@"; size=$(stat -c %s "$file"); '
                'printf XXXXXXXXXXXXXXXXXXXX | dd of="$file" bs=1 seek=$((size - 100)) conv=notrunc 2>/dev/null',
                "failed",
            ),
            ('"$real" "$@" --exclude-table-data=people', "does not hold what the database held"),
            ('"$real" "$@"; exit 1', "failed"),
            ('"$real" "$@"; kill -9 $$', "failed"),
            ("exit 0", "failed"),
        ],
        ids=["cut short", "overwritten", "rows left out", "exit code", "killed", "nothing written"],
    )
    def test_fault_59_a_dump_that_went_wrong_gets_no_name(
        self, database, folder, impostors, script, words
    ):
        """What pg_dump leaves behind is read back before it counts as a backup."""
        prepare(database, DDL)
        find = 'for each in "$@"; do case $each in --file=*) file=${each#--file=};; esac; done'
        impostors.stand_for("pg_dump", f"{find}\n{script}")
        with pytest.raises(DatabaseFailure, match=words):
            seedbed.backup(database, out=folder)
        assert list(folder.iterdir()) == []

    @pytest.fixture
    def small_disk(self):
        """A disk of 1 MB."""
        with disk("1m") as folder:
            yield folder

    def test_fault_59_a_full_disk_while_dumping_leaves_no_file(self, database, small_disk):
        prepare(
            database,
            "CREATE TABLE noise AS SELECT md5(n::text) || md5((-n)::text) AS t FROM generate_series(1, 60000) n",
        )
        with pytest.raises(DatabaseFailure, match="No space left on device") as caught:
            seedbed.backup(database, out=small_disk)
        assert caught.value.exit_code == 6
        assert list(small_disk.iterdir()) == []

    def test_fault_59_a_disk_that_is_full_when_the_manifest_is_written_leaves_no_file(
        self, database, small_disk, impostors
    ):
        prepare(database, DDL)
        filler = small_disk / "filler"
        impostors.stand_for(
            "pg_dump", f'"$real" "$@"; cat /dev/zero > \'{filler}\' 2>/dev/null; exit 0'
        )
        with pytest.raises(DatabaseFailure, match="No space left on device"):
            seedbed.backup(database, out=small_disk)
        assert list(small_disk.iterdir()) == [filler]

    def test_fault_59_a_pg_dump_that_is_too_old_is_passed_over(self, database, folder, impostors):
        prepare(database, DDL)
        old = impostors.folder / "pg_dump"
        old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
        old.chmod(0o755)
        made = seedbed.backup(database, out=folder)
        assert made.manifest.program >= made.manifest.server_version // 10000

    def test_fault_59_where_no_pg_dump_fits_all_that_were_looked_at_are_named(self, impostors):
        impostors.stand_for("pg_dump", "")
        broken = impostors.folder / "pg_dump"
        broken.write_text("not a program")
        with pytest.raises(InvalidInput, match="no pg_dump of version 99 or newer") as caught:
            find_program("pg_dump", 99, "a PostgreSQL 99 server")
        places = {finding.where: finding.problem for finding in caught.value.findings}
        assert places[str(broken)] == "does not run here"
        real = str(impostors.backend.binaries().program("pg_dump"))
        assert places[real] == f"is version {impostors.backend.binaries().version}"

    def test_fault_59_an_unfinished_backup_of_a_killed_run_goes_with_the_next(
        self, database, folder, impostors
    ):
        prepare(database, DDL)
        impostors.stand_for("pg_dump", 'kill -9 $PPID; exec "$real" "$@"')
        code = f"import seedbed; seedbed.backup({bare(database)!r}, out={str(folder)!r})"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True)
        assert run.returncode == -9
        assert list(folder.glob("*.dump")) == []
        (impostors.folder / "pg_dump").unlink()
        made = seedbed.backup(database, out=folder)
        assert sorted(folder.iterdir()) == sorted([made.path, Path(f"{made.path}.json")])


class TestKilled:
    @pytest.fixture
    def made(self, database, folder):
        prepare(database, DDL)
        return seedbed.backup(database, out=folder)

    def _changed(self, url):
        execute(url, "DELETE FROM people WHERE id > %s", OLD)

    def _next_one_works(self, url, made):
        """Whatever was left, the next restore works, and nothing unfinished stays."""
        done = seedbed.restore(url, made.path, confirm=name_of(url))
        assert people(url) == NEW
        assert marked(url, "restoring") == []
        assert marked(url, "replaced")[-1:] == [done.kept] or done.kept in marked(url, "replaced")
        drop_kept(url, RestoreOptions(name_of(url), backup=False))

    def _swept(self, url, made, steps):
        killed = 0
        for step in steps:
            for when in ("before", "after"):
                self._changed(url)
                run = process("restore", url, name_of(url), str(made.path), step, when)
                run.communicate()
                # How often it looks whether its own session has ended differs; the last steps may not be reached.
                assert run.returncode in (-9, 0)
                killed += run.returncode == -9
                expected = (OLD,) if not marked(url, "replaced") else (NEW,)
                assert people(url) in expected, f"{when} step {step}"
                assert execute(url, "SELECT environment FROM seedbed.stamp") == [("testing",)]
                self._next_one_works(url, made)
        assert killed > len(steps)

    def _steps(self, url, made):
        """Count them on a run that nobody kills."""
        run = process("restore", url, name_of(url), str(made.path))
        steps = int(run.communicate()[0])
        drop_kept(url, RestoreOptions(name_of(url), backup=False))
        assert steps > 30
        return steps

    @pytest.mark.on_one_server
    def test_fault_60_a_restore_killed_here_and_there_leaves_the_old_rows_or_the_new(
        self, database, made
    ):
        """The swap, in its last steps, at more places than the rest; every step is in the long form."""
        steps = self._steps(database, made)
        self._swept(database, made, [steps // 3, 2 * steps // 3, steps - 9, steps - 5, steps - 2])

    @pytest.mark.slow_fault
    def test_fault_60_a_restore_killed_at_any_step_leaves_the_old_rows_or_the_new(
        self, database, made
    ):
        self._swept(database, made, range(1, self._steps(database, made) + 1))

    def test_fault_60_killed_while_pg_restore_runs_on(self, database, made, impostors):
        """Nobody waits for it any more, and the next restore does not let it finish."""
        self._changed(database)
        impostors.stand_for(
            "pg_restore",
            'case "$*" in *--single-transaction*) kill -9 $PPID;; esac; exec "$real" "$@"',
        )
        run = process("restore", database, name_of(database), str(made.path))
        run.communicate()
        assert run.returncode == -9
        assert people(database) == OLD
        (impostors.folder / "pg_restore").unlink()
        self._next_one_works(database, made)

    def test_fault_60_killed_while_the_server_makes_the_new_database(self, database, server, made):
        """The server goes on, and marks it: in one message it was told to do both."""
        self._changed(database)
        creating = (
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%' AND state = 'active' "
            "AND wait_event_type = 'Lock')"
        )
        with psycopg.connect(server.url()) as holder:
            holder.execute("LOCK TABLE pg_database IN SHARE MODE")
            run = process("restore", database, name_of(database), str(made.path))
            wait_for(server.url(), creating)
            run.kill()
            run.communicate()
        gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'seedbed')"
        wait_for(server.url(), gone)
        assert len(marked(database, "restoring")) == 1
        strangers = "SELECT datname FROM pg_database WHERE datname LIKE 'seedbed_draft%'"
        assert execute(database, strangers) == [(marked(database, "restoring")[0],)]
        assert people(database) == OLD
        self._next_one_works(database, made)

    @pytest.mark.on_one_server
    def test_fault_60_a_second_restore_does_not_disturb_the_first(
        self, database, made, impostors, tmp_path
    ):
        """It waits for the lock, or says that it is taken; it never takes the first one's database for a leftover."""
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        impostors.stand_for(
            "pg_restore",
            f'case "$*" in *--single-transaction*) cat \'{pipe}\' > /dev/null;; esac; exec "$real" "$@"',
        )
        run = process("restore", database, name_of(database), str(made.path))
        with pipe.open("w"):  # the first one is at pg_restore
            with pytest.raises(SeedbedError) as caught:
                seedbed.restore(database, made.path, confirm=name_of(database), wait=False)
            assert caught.value.exit_code == 5
            assert len(marked(database, "restoring")) == 1
        run.communicate()
        assert run.returncode == 0
        assert people(database) == NEW

    @pytest.mark.on_one_server
    @pytest.mark.parametrize("part", [0.2, 0.4, 0.6, 0.8, 0.95])
    def test_fault_60_a_snapshot_killed_while_it_is_gone_back_to(self, database, part):
        prepare(database, DDL)
        snapshot.save(database, "first")
        run = process("snapshot restore", database, name_of(database), "first")
        steps = int(run.communicate()[0])
        self._changed(database)
        run = process("snapshot restore", database, name_of(database), "first", int(part * steps))
        run.communicate()
        assert run.returncode == -9
        assert people(database) in (OLD, NEW)
        snapshot.restore(database, "first", confirm=name_of(database), backup=False)
        assert people(database) == NEW
        assert [len(marked(database, kind)) for kind in ("restoring", "going", "snapshot")] == [
            0,
            0,
            1,
        ]


@pytest.mark.on_one_server
class TestEnvironments:
    @pytest.fixture
    def production(self, database, folder):
        """A backup of a production database; the database it is now to go to is for testing."""
        prepare(database, DDL)
        execute(database, "UPDATE seedbed.stamp SET environment = 'production'")
        made = seedbed.backup(database, out=folder)
        assert made.manifest.environment == "production"
        execute(database, "UPDATE seedbed.stamp SET environment = 'testing'")
        execute(database, "DELETE FROM people WHERE id > %s", OLD)
        return made

    def test_fault_60_a_dump_of_another_environment_is_refused(self, database, production):
        with pytest.raises(Refused, match="of a database for production") as caught:
            seedbed.restore(database, production.path, confirm=name_of(database))
        assert "--from production" in caught.value.remedy
        assert people(database) == OLD

    @pytest.mark.parametrize("word", ["testing", "yes", "1", "true", ""])
    def test_fault_60_only_its_name_will_do(self, database, production, word):
        with pytest.raises(Refused):
            seedbed.restore(database, production.path, confirm=name_of(database), origin=word)
        assert people(database) == OLD

    def test_fault_60_where_it_is_meant_the_stamp_is_made_anew(self, database, production):
        name = name_of(database)
        done = seedbed.restore(database, production.path, confirm=name, origin="production")
        assert done.environment == "testing"
        query = (
            "SELECT environment, database_oid = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "FROM seedbed.stamp"
        )
        assert execute(database, query) == [("testing", True)]

    def test_fault_60_a_database_without_a_stamp_does_not_inherit_one(
        self, database, folder, monkeypatch
    ):
        prepare(database, DDL)
        made = seedbed.backup(database, out=folder)
        execute(database, "DELETE FROM seedbed.stamp")
        monkeypatch.setenv("DB_RESTORE_CONFIRM", "1")
        monkeypatch.setenv("DB_RESTORE_ALLOW_PRODUCTION", "1")
        seedbed.restore(database, made.path, confirm=name_of(database), origin="testing")
        assert execute(database, "SELECT * FROM seedbed.stamp") == []

    def test_fault_60_a_protected_database_takes_more_than_its_name(
        self, database, production, monkeypatch
    ):
        execute(database, "UPDATE seedbed.stamp SET environment = 'production'")
        wanted = {"confirm": name_of(database)}
        with pytest.raises(Refused, match="DB_RESTORE_CONFIRM=1"):
            seedbed.restore(database, production.path, **wanted)
        monkeypatch.setenv("DB_RESTORE_CONFIRM", "1")
        with pytest.raises(Refused, match="DB_RESTORE_ALLOW_PRODUCTION=1"):
            seedbed.restore(database, production.path, **wanted)
        assert people(database) == OLD
        monkeypatch.setenv("DB_RESTORE_ALLOW_PRODUCTION", "1")
        assert seedbed.restore(database, production.path, **wanted).environment == "production"

    def test_fault_60_a_dump_of_a_newer_server_is_refused_before_anything_is_done(
        self, database, folder
    ):
        prepare(database, DDL)
        made = seedbed.backup(database, out=folder)
        file = made.path.with_name(f"{made.path.name}.json")
        version = str(made.manifest.server_version)
        file.write_text(file.read_text().replace(version, "990001"))
        with pytest.raises(InvalidInput, match="does not restore into older ones"):
            seedbed.restore(make_conninfo(database), made.path, confirm=name_of(database))
        assert marked(database) == []
