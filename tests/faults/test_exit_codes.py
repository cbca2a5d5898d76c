"""The exit codes, each through the real command line: 0, 2, 3, 4, 5, 6, 7, 130 and 143.

Whatever the code but 0: one message with what to do, no traceback, and with --json the same as one object.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from contents import bytes_of
from seeders import WAITING, wait_for
from wire import Point, Struck, through_wire

from seedbed.ledger import LOCK
from tests.acceptance.program import FILES, Ran, run_seedbed, write_files

pytestmark = pytest.mark.on_one_server

Run = Callable[..., Ran]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the folder of a small project."""
    folder = tmp_path / "shop"
    write_files(folder, FILES)
    return folder


@pytest.fixture
def seedbed(shop: Path, database: str) -> Run:
    """Return a function that runs a command against the database."""

    def run(*arguments: str, url: str = database, **more: str) -> Ran:
        done = run_seedbed(shop, *arguments, "--database-url", url, **more)
        assert "Traceback" not in done.err
        return done

    return run


@pytest.fixture
def name(database: str) -> str:
    """Return the database's name."""
    return str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])


APPLY = ("apply", "development")
STEPS = ((*APPLY, "--clean"), ("reset",), ("destroy",))
"""What takes rows away."""


def execute(database: str, statement: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def unchanged(database: str) -> Iterator[None]:
    """Check that a block leaves every byte of the database as it is."""
    before = bytes_of(database)
    yield
    assert bytes_of(database) == before


@contextmanager
def started(shop: Path, database: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command, with an input that stays open until the block ends."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-m", "seedbed", *arguments],
        cwd=shop,
        env={**kept, "LC_ALL": "C.UTF-8", "DATABASE_URL": database},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


class TestDone:
    def test_exit_0_where_all_was_done(self, seedbed: Run, name: str) -> None:
        """Also where nothing had to be."""
        for command in (APPLY, APPLY, ("plan", "development"), ("status",)):
            assert seedbed(*command).code == 0
        assert seedbed(*APPLY, "--clean", "--no-backup").code == 0
        assert seedbed("reset", "--confirm", name, "--no-backup").code == 0
        assert seedbed("destroy", "--confirm", name, "--no-backup").code == 0


class TestInvalid:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("apply", "developmemt"),
            (*APPLY, "--only", "custmers"),
            (*APPLY, "--clean", "--keep-edits"),
            (*APPLY, "--no-backup", "--backup-dir", "x"),
            (*APPLY, "--lock-timeout", "-1"),
            (*APPLY, "--statement-timeout", "nan"),
            (*APPLY, "--connect-timeout", "soon"),
            ("reset",),
        ],
        ids=" ".join,
    )
    def test_exit_2_for_invalid_input(
        self, seedbed: Run, database: str, arguments: tuple[str, ...]
    ) -> None:
        """Among it a reset to the profile applied last, where none was."""
        with unchanged(database):
            assert seedbed(*arguments).code == 2


class TestRefused:
    def test_exit_3_where_the_guard_refuses(self, seedbed: Run, database: str) -> None:
        """A database with rows that nobody has spoken for."""
        execute(database, "CREATE TABLE t AS SELECT 1 AS id")
        with unchanged(database):
            assert seedbed(*APPLY).code == 3

    def test_exit_3_where_the_databases_name_is_not_repeated(
        self, seedbed: Run, database: str
    ) -> None:
        """With what would go."""
        seedbed(*APPLY)
        execute(database, "INSERT INTO customers (email, name) VALUES ('x', 'Theirs')")
        with unchanged(database):
            for step in STEPS:
                refused = seedbed(*step, "--no-backup", "--json")
                assert refused.code == 3
                assert refused.json["error"]["exit_code"] == 3
                assert "--confirm" in refused.err
        assert "1 row that seedbed did not write" in seedbed(*APPLY, "--clean", "--no-backup").err

    def test_exit_3_where_nobody_has_said_whether_to_make_a_backup(
        self, seedbed: Run, database: str, name: str
    ) -> None:
        """Both remedies are named."""
        seedbed(*APPLY)
        with unchanged(database):
            for step in STEPS:
                refused = seedbed(*step, "--confirm", name)
                assert refused.code == 3
                assert "--backup makes one, --no-backup goes without" in refused.err

    def test_fault_10_an_input_that_never_ends_is_not_waited_for(
        self, seedbed: Run, shop: Path, database: str, name: str
    ) -> None:
        """There is nobody to ask, neither for the name nor about the backup."""
        seedbed(*APPLY)
        execute(database, "INSERT INTO customers (email, name) VALUES ('x', 'Theirs')")
        with unchanged(database):
            for step in STEPS:
                for words in (["--no-backup"], ["--confirm", name]):
                    with started(shop, database, *step, *words) as process:
                        assert process.wait() == 3  # and only then does the pipe close


class TestDrift:
    def test_exit_4_for_an_edited_row(self, seedbed: Run, database: str) -> None:
        """Nobody has said what to do about it."""
        seedbed(*APPLY)
        execute(database, "UPDATE customers SET name = 'Anna' WHERE email LIKE 'ann@%'")
        with unchanged(database):
            assert seedbed(*APPLY).code == 4

    def test_exit_4_where_rows_outside_are_in_the_way(
        self, seedbed: Run, database: str, name: str
    ) -> None:
        """A clean and a reset change nothing; a destroy deletes what is free and lists the rest."""
        seedbed(*APPLY)
        likes = "CREATE TABLE likes (order_id int REFERENCES orders ON DELETE CASCADE)"
        execute(database, f"{likes}; INSERT INTO likes SELECT min(id) FROM orders")
        with unchanged(database):
            for command in ((*APPLY, "--clean"), ("reset",)):
                refused = seedbed(*command, "--confirm", name, "--no-backup")
                assert refused.code == 4
                assert "likes" in refused.err
        destroyed = seedbed("destroy", "--confirm", name, "--no-backup")
        assert destroyed.code == 4
        assert "1 row of public.orders: referred to by rows of public.likes" in destroyed.err


class TestLocked:
    def test_exit_5_where_another_run_has_the_lock(
        self, seedbed: Run, database: str, name: str
    ) -> None:
        """With --no-wait, and who has it."""
        seedbed(*APPLY)
        with unchanged(database), psycopg.connect(database) as holder:
            holder.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            for step in (APPLY, *STEPS):
                locked = seedbed(*step, "--confirm", name, "--no-backup", "--no-wait")
                assert locked.code == 5
                assert f"process {holder.info.backend_pid}" in locked.err

    def test_exit_5_where_somebody_has_locked_a_table_for_too_long(
        self, seedbed: Run, database: str, name: str
    ) -> None:
        """How long is --lock-timeout's."""
        seedbed(*APPLY)
        with unchanged(database), psycopg.connect(database) as application:
            application.execute("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
            application.execute("SELECT FROM orders FOR UPDATE")
            for step in STEPS:
                words = ("--confirm", name, "--no-backup", "--lock-timeout", "0.05")
                locked = seedbed(*step, *words)
                assert locked.code == 5, locked.err
                assert f"process {application.info.backend_pid} has locks on" in locked.err


class TestDatabaseFailure:
    def test_exit_6_where_the_server_says_no(self, seedbed: Run, database: str) -> None:
        """Everything is rolled back, the tables just created too."""
        seedbed(*APPLY, "--minimal")
        execute(
            database,
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
            "CREATE TRIGGER f BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()",
        )
        with unchanged(database):
            failed = seedbed(*APPLY)
            assert failed.code == 6
            assert "public.orders: the function f refused" in failed.err

    def test_exit_6_where_a_statement_takes_too_long(self, seedbed: Run, database: str) -> None:
        """How long is --statement-timeout's; here it waits for a lock, without a limit of its own."""
        seedbed(*APPLY, "--minimal")
        with unchanged(database), psycopg.connect(database) as application:
            application.execute("LOCK TABLE orders")
            words = ("--lock-timeout", "0", "--statement-timeout", "0.2")
            failed = seedbed(*APPLY, *words)
            assert failed.code == 6
            assert "statement timeout" in failed.err

    def test_exit_6_where_nobody_answers(self, seedbed: Run) -> None:
        """How long to wait for a server is --connect-timeout's."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"postgresql://app:s3cret@127.0.0.1:{silent.getsockname()[1]}/x"
            failed = seedbed(*APPLY, "--connect-timeout", "2", url=url)
        assert failed.code == 6
        assert "timeout" in failed.err
        assert "s3cret" not in failed.err


class TestOutcomeUnknown:
    def test_exit_7_where_the_commit_was_lost_and_nobody_can_be_asked(
        self, seedbed: Run, shop: Path, database: str
    ) -> None:
        """It says what to do: run it again."""
        (shop / "sitecustomize.py").write_text(
            "import seedbed.load.committing\nseedbed.load.committing.ASKING = 0.5\n"
        )

        def lost_for_good(_: Struck) -> bool:
            wire.close()
            return False

        with through_wire(database, Point("COMMIT", "after"), lost_for_good) as (url, wire):
            unknown = seedbed(*APPLY, url=url, PYTHONPATH=str(shop))
        assert unknown.code == 7
        assert "Run it again" in unknown.err
        assert "nothing changed" in seedbed(*APPLY).out


class TestInterrupted:
    @pytest.mark.parametrize(
        ("step", "number"),
        [
            (APPLY, signal.SIGINT),
            (APPLY, signal.SIGTERM),
            ((*APPLY, "--clean"), signal.SIGINT),
            (("reset",), signal.SIGTERM),
            (("destroy",), signal.SIGINT),
        ],
        ids=str,
    )
    def test_exit_130_and_143_where_it_is_interrupted(
        self,
        seedbed: Run,
        shop: Path,
        database: str,
        name: str,
        step: tuple[str, ...],
        number: signal.Signals,
    ) -> None:
        """Ctrl-C and SIGTERM: rolled back, said in one line, and the lock is free."""
        seedbed(*APPLY, "--minimal")
        with unchanged(database), psycopg.connect(database) as application:
            application.execute("LOCK TABLE customers, orders IN SHARE ROW EXCLUSIVE MODE")
            application.execute("SELECT FROM orders FOR UPDATE")
            with started(shop, database, *step, "--confirm", name, "--no-backup") as process:
                wait_for(database, WAITING)
                process.send_signal(number)
                _, said = process.communicate()
        assert process.returncode == 128 + number, said
        assert "rolled back" in said
        assert "Traceback" not in said
        assert seedbed(*APPLY, "--no-wait").code == 0
