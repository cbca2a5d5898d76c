"""Whole runs: several workers, failures, kills, what is kept and what is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from seedbed.servers import System, Unavailable
from tests.plugin.ending import folder_of, wait_for_the_end_of

COUNTING = """
    import pytest
    from factories import UserFactory

    @pytest.mark.parametrize("number", range(6))
    @pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone"])
    def test_alone(number, seedbed, seedbed_isolation, seedbed_session, seedbed_server, count):
        assert count(seedbed_session) == 2
        UserFactory.create()
        seedbed_session.commit()
        with open("seen.txt", "a") as file:
            file.write(f"{seedbed_server.url('postgres')} {seedbed.isolation} {seedbed.name}\\n")
"""


@pytest.mark.parametrize("workers", [2, 4])
def test_fault_20_workers_share_one_server_and_no_database(
    shop: pytest.Pytester, workers: int
) -> None:
    """One server for the run, a database each, names PostgreSQL does not cut; nothing is left at the end."""
    shop.makepyfile(COUNTING)
    shop.runpytest_subprocess("-q", "-n", str(workers)).assert_outcomes(passed=12)
    lines = [line.split() for line in (shop.path / "seen.txt").read_text().splitlines()]
    (url,) = {url for url, _, _ in lines}
    clones = [name for _, isolation, name in lines if isolation == "clone"]
    assert len(set(clones)) == len(clones) == 6
    assert len({name for _, isolation, name in lines if isolation == "rollback"}) <= workers
    assert all(len(name.encode()) < 63 for _, _, name in lines)
    wait_for_the_end_of(folder_of(url))
    assert not folder_of(url).exists()


def test_a_killed_run_leaves_no_server(shop: pytest.Pytester) -> None:
    """SIGKILL in the middle of a test: the watchdog stops the server and removes its files."""
    shop.makepyfile(
        """
        import os, signal

        def test_killed(seedbed_server, seedbed_session):
            with open("url.txt", "w") as file:
                file.write(seedbed_server.url("postgres"))
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert shop.runpytest_subprocess("-q").ret == -signal.SIGKILL
    folder = folder_of((shop.path / "url.txt").read_text())
    wait_for_the_end_of(folder)
    assert not folder.exists()


def test_a_run_interrupted_by_a_person_leaves_no_server(shop: pytest.Pytester) -> None:
    """Ctrl-C: pytest ends in order, and so do we."""
    shop.makepyfile(
        """
        def test_interrupted(seedbed_server, seedbed_session):
            with open("url.txt", "w") as file:
                file.write(seedbed_server.url("postgres"))
            raise KeyboardInterrupt
        """
    )
    assert shop.runpytest_subprocess("-q").ret == pytest.ExitCode.INTERRUPTED
    folder = folder_of((shop.path / "url.txt").read_text())
    wait_for_the_end_of(folder)
    assert not folder.exists()


def db(*arguments: str, typed: str = "") -> str:
    """Return what ``seedbed test-db`` says."""
    command = [sys.executable, "-m", "seedbed", "test-db", *arguments]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_next_run_removes_what_is_left_when_everybody_was_killed(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run, its two servers and what watches over them, as by the machine's own hand when memory runs out."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    (shop.path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(shop.path / "tmp"))
    shop.makepyfile(
        test_dies="""
        import os, signal
        import psutil
        import pytest
        from tests.plugin.ending import folder_of

        @pytest.mark.seedbed(server="auto")
        def test_killed(seedbed_server, seedbed):
            folders = [str(folder_of(each.url("postgres"))) for each in (seedbed_server, seedbed.server)]
            with open("folders.txt", "w") as file:
                file.write(" ".join(folders))
            for process in psutil.process_iter(["cmdline"]):
                if any(folder in part for part in process.info["cmdline"] or () for folder in folders):
                    process.kill()
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        test_lives="def test_x(seedbed_session): pass",
    )
    shop.makeini(f"[pytest]\npythonpath = . {Path(__file__).parents[2]}\n")
    assert shop.runpytest_subprocess("-q", "test_dies.py").ret == -signal.SIGKILL
    folders = [Path(folder) for folder in (shop.path / "folders.txt").read_text().split()]
    (run,) = {file.parents[1] for file in shop.path.glob("tmp/*/*/root")}
    assert len({folder for folder in folders if folder.exists()}) == 2
    shop.runpytest_subprocess("-q", "test_lives.py").assert_outcomes(passed=1)
    assert not any(folder.exists() for folder in folders)
    assert not run.exists()


class TestKeep:
    FAILING = """
        import pytest
        from factories import UserFactory

        def test_passes(seedbed_session):
            pass

        @pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone"])
        def test_fails(seedbed_isolation, seedbed_session):
            UserFactory.create(name="Eve")
            seedbed_session.commit()
            assert False
        """

    @pytest.mark.parametrize("workers", [0, 2])
    def test_a_failed_tests_database_can_be_opened_and_removed(
        self, shop: pytest.Pytester, workers: int
    ) -> None:
        """With what the test did, a difference to the template, and a command to open it."""
        shop.makepyfile(self.FAILING)
        result = shop.runpytest_subprocess("-q", "--seedbed-keep=failed", "-n", str(workers))
        result.assert_outcomes(passed=1, failed=2)
        result.stdout.fnmatch_lines(["  users: 3 rows, +1 against the template"] * 2)
        urls = re.findall(r"psql '(.*?)'", result.stdout.str())
        for url in urls:
            with psycopg.connect(url) as connection:
                assert connection.execute("SELECT 1 FROM users WHERE name = 'Eve'").fetchone()
        listed = db("list").splitlines()
        assert sorted(line.rpartition("::")[2] for line in listed) == [
            "test_fails[clone]",
            "test_fails[rollback]",
        ]
        for which in (listed[0].split()[0], "test_fails[rollback]"):
            assert "Eve" in db("open", which, typed="SELECT name FROM users;")
        assert db("clean").count("removed") == 2
        assert db("list") == "none\n"
        assert not folder_of(urls[0]).exists()

    def test_all_keeps_the_passed_ones_too(self, shop: pytest.Pytester) -> None:
        """Each with the test's name; the server stays for them."""
        shop.makepyfile("def test_a(seedbed_session): pass\n\ndef test_b(seedbed_session): pass")
        result = shop.runpytest_subprocess("-q", "--seedbed-keep=all")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["seedbed_clone_*::test_a", "seedbed_clone_*::test_b"])
        db("clean")

    def test_a_marker_keeps_one(self, shop: pytest.Pytester) -> None:
        """Of all the tests that fail."""
        shop.makepyfile(
            """
            import pytest

            @pytest.mark.seedbed(keep="failed", isolation="clone")
            def test_kept(seedbed): assert False

            def test_not_kept(seedbed): assert False
            """
        )
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(failed=2)
        listed = db("clean")
        assert listed.count("removed") == 1

    def test_what_a_failed_test_left_open_is_kept_too(self, shop: pytest.Pytester) -> None:
        """In a clone of its own: neither its locks nor its transaction hide what it did."""
        shop.makepyfile(
            """
            import pytest
            from sqlalchemy import text
            from factories import UserFactory

            pytestmark = pytest.mark.seedbed(isolation="clone", keep="failed")

            def test_locks(seedbed_session):
                seedbed_session.execute(text("truncate orders, users"))
                assert False

            def test_pending(seedbed_session):
                UserFactory.create()
                assert False
            """
        )
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(failed=2)
        result.stdout.fnmatch_lines(
            ["  users: 0 rows, -2 against the template", "  users: 3 rows, +1 against the template"]
        )
        db("clean")

    def test_locks_of_others_are_not_waited_for(self, shop: pytest.Pytester) -> None:
        """A connection that the test made itself: the report says what cannot be told."""
        shop.makepyfile(
            """
            import pytest
            from sqlalchemy import text

            @pytest.mark.seedbed(isolation="clone", keep="failed")
            def test_locks(seedbed):
                global connection
                connection = seedbed.engine.connect()
                connection.execute(text("truncate orders, users"))
                assert False
            """
        )
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["Its rows cannot be counted: *lock*"])
        db("clean")

    @pytest.mark.parametrize("isolation", ["rollback", "clone"])
    def test_failures_in_fixtures_count(self, shop: pytest.Pytester, isolation: str) -> None:
        """Before the test, and after it."""
        shop.makepyfile(
            """
            import pytest
            from factories import UserFactory

            @pytest.fixture
            def early(seedbed_session):
                UserFactory.create()
                raise RuntimeError("early")

            @pytest.fixture
            def late(seedbed_session):
                yield
                UserFactory.create()
                raise RuntimeError("late")

            def test_early(early): pass
            def test_late(late): pass
            def test_fine(seedbed_session, count): assert count(seedbed_session) == 2
            """
        )
        options = ("--seedbed-keep=failed", f"--seedbed-isolation={isolation}")
        result = shop.runpytest_subprocess("-q", *options)
        result.assert_outcomes(passed=2, errors=2)
        result.stdout.fnmatch_lines(["  users: 3 rows, +1 against the template"] * 2)
        assert db("clean").count("removed") == 2


def test_durations_tell_where_the_time_went(shop: pytest.Pytester) -> None:
    """Split by what was done; the workers' times are added up."""
    shop.makepyfile(COUNTING)
    result = shop.runpytest_subprocess(
        "-q", "-n", "2", "--seedbed-durations", "--seedbed-cache-clear"
    )
    result.assert_outcomes(passed=12)
    lines = [f"{what} * x* ms*in all" for what in ("server", "build", "clone", "connect", "drop")]
    result.stdout.fnmatch_lines(["*seedbed durations*", *lines])


def test_the_machines_own_postgresql(shop: pytest.Pytester) -> None:
    """The backend `system`, run for real: in memory, without durability, by an ordinary user; named in the header."""
    try:
        System().describe()
    except Unavailable as reason:
        pytest.skip(str(reason))
    shop.makepyfile(
        """
        import os, stat
        from pathlib import Path
        from seedbed.servers.disposable import roomy_folder

        def test_server(seedbed_server, seedbed_psycopg):
            assert seedbed_server.kind == "system"
            assert seedbed_psycopg.execute("SHOW fsync").fetchone() == ("off",)
            (data,) = seedbed_psycopg.execute("SHOW data_directory").fetchone()
            assert Path(data).is_relative_to(roomy_folder())
            socket = Path(seedbed_psycopg.info.host)
            assert stat.S_IMODE(socket.stat().st_mode) == 0o700
            assert os.stat(f"/proc/{seedbed_psycopg.info.backend_pid}").st_uid != 0
        """,
        test_counting=COUNTING,
    )
    result = shop.runpytest_subprocess("--seedbed-server=system")
    result.assert_outcomes(passed=13)
    result.stdout.fnmatch_lines(["seedbed: PostgreSQL * system"])


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_root_runs_the_server_as_somebody_else(shop: pytest.Pytester) -> None:
    """PostgreSQL refuses root."""
    shop.makepyfile(
        """
        import os
        def test_x(seedbed_psycopg):
            assert os.stat(f"/proc/{seedbed_psycopg.info.backend_pid}").st_uid != 0
        """
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=1)
