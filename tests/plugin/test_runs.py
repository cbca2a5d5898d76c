"""Whole runs: several workers, failures, kills, what is kept and what is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from seedbed import servers
from seedbed.api import stamp

COUNTING = """
    import pytest
    from factories import UserFactory

    @pytest.mark.parametrize("number", range(8))
    @pytest.mark.parametrize("isolation", ["rollback", "clone"])
    def test_alone(request, number, isolation, seedbed_session, count):
        assert count(seedbed_session) == 2
        UserFactory.create()
        seedbed_session.commit()

    @pytest.mark.seedbed(isolation="clone")
    @pytest.mark.parametrize("number", range(6))
    def test_own(seedbed, seedbed_session, seedbed_server, number):
        UserFactory.create()
        seedbed_session.commit()
        with open("seen.txt", "a") as file:
            file.write(f"{seedbed_server.url('postgres')} {seedbed.name}\\n")
"""


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for another process to do something.

    Raises:
        TimeoutError: it did not.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def folder_of(url: str) -> Path:
    """Return the folder of the server a URL leads to."""
    found = re.search(r"host=(.*?)/socket", url)
    assert found
    return Path(found[1])


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_one_server_and_no_database(shop: pytest.Pytester, workers: int) -> None:
    """Fault 20: one server for the run, a database each, names PostgreSQL does not cut; nothing is left at the end."""
    shop.makepyfile(COUNTING)
    shop.runpytest_subprocess("-q", "-n", str(workers)).assert_outcomes(passed=22)
    lines = [line.split() for line in (shop.path / "seen.txt").read_text().splitlines()]
    assert len({url for url, _ in lines}) == 1
    names = [name for _, name in lines]
    assert len(set(names)) == 6
    assert all(len(name.encode()) < 63 for name in names)
    until(lambda: not folder_of(lines[0][0]).exists())


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
    result = shop.runpytest_subprocess("-q")
    assert result.ret == -signal.SIGKILL
    folder = folder_of((shop.path / "url.txt").read_text())
    until(lambda: not folder.exists())


def test_a_failed_tests_database_is_kept_and_can_be_opened_and_removed(
    shop: pytest.Pytester,
) -> None:
    """With what the test did, a difference to the template, and a command to open it."""
    shop.makepyfile(
        """
        import pytest
        from factories import UserFactory

        def test_passes(seedbed_session):
            pass

        @pytest.mark.parametrize("isolation", ["rollback", "clone"])
        def test_fails(request, isolation, seedbed_session):
            UserFactory.create(name="Eve")
            seedbed_session.commit()
            assert False
        """
    )
    result = shop.runpytest_subprocess("-q", "--seedbed-keep=failed")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*psql 'postgresql://*", "*users: 3 rows, +1 against*"])
    program = [sys.executable, "-m", "seedbed", "test-db"]
    listed = subprocess.run([*program, "list"], capture_output=True, text=True, check=True).stdout
    assert listed.count("::test_fails") == 2
    opened = subprocess.run(
        [*program, "open", listed.split()[0]],
        input="SELECT name FROM users WHERE name = 'Eve';\n",
        capture_output=True,
        text=True,
    )
    assert "Eve" in opened.stdout
    url = re.search(r"psql '(.*?)'", result.stdout.str())
    assert url
    subprocess.run([*program, "clean"], check=True, capture_output=True)
    assert not folder_of(url[1]).exists()


class TestHeader:
    def test_an_explicit_choice_never_falls_back(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No Docker, no run, although the embedded server is there."""
        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        shop.makepyfile("def test_x(seedbed_session): pass")
        result = shop.runpytest_subprocess("--seedbed-server=container")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*no Docker daemon at unix:///nonexistent/docker.sock*"])

    def test_it_tells_the_server_and_the_reasons_against_others(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As in the specification."""
        monkeypatch.setenv("SEEDBED_TEST_SERVER", "auto")
        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        shop.makepyfile("def test_x(seedbed_session): pass")
        result = shop.runpytest_subprocess()
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            [
                "seedbed: PostgreSQL * embedded (container: no Docker daemon at unix:///nonexistent/docker.sock)"
            ]
        )

    def test_a_run_without_our_fixtures_hears_nothing_of_us(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No header, nothing heavy imported, no folder made."""
        monkeypatch.delenv("SEEDBED_TEST_SERVER")
        (shop.path / "conftest.py").unlink()
        shop.makepyfile(
            """
            import sys

            def test_x():
                heavy = {"psycopg", "sqlalchemy", "polars", "numpy", "factory", "testcontainers", "docker"}
                assert heavy.isdisjoint(sys.modules)
            """
        )
        result = shop.runpytest_subprocess("-p", "no:faker", "-p", "no:postgresql")
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("seedbed:*")


class TestUrl:
    def test_a_far_server_stops_the_run_before_collection(self, shop: pytest.Pytester) -> None:
        """Fault 11: nothing is collected, nothing connected to."""
        shop.makepyfile("raise SystemExit('collected')")
        for url in (
            "postgresql://u:s3cret@db.example.com/app",
            "postgresql://u:s3cret@localhost/app?host=db.example.com",
        ):
            result = shop.runpytest_subprocess(f"--seedbed-url={url}")
            assert result.ret == pytest.ExitCode.USAGE_ERROR
            said = result.stderr.str() + result.stdout.str()
            assert "db.example.com is not this machine" in said
            assert "s3cret" not in said
            assert "collected" not in said

    def test_database_url_is_never_used(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even looked at."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@db.example.com/production")
        shop.makepyfile("def test_x(seedbed): assert 'example' not in seedbed.url")
        shop.runpytest_subprocess("-q").assert_outcomes(passed=1)

    def test_a_given_server_keeps_what_is_not_ours(self, shop: pytest.Pytester) -> None:
        """Templates stay for the next run, clones go, leftovers of a killed run go, a stranger's database stays."""
        shop.makepyfile(COUNTING)
        with servers.disposable(servers.Embedded()) as server:
            url = server.url()
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute("CREATE DATABASE seedbed_clone_mine")

                def names() -> set[str]:
                    found = admin.execute(
                        "SELECT datname FROM pg_database WHERE datname ~ 'seedbed'"
                    )
                    return {name for (name,) in found}

                option = f"--seedbed-url={url}"
                shop.runpytest_subprocess("-q", option).assert_outcomes(passed=22)
                after = names()
                assert {"seedbed_clone_mine", "seedbed_tests"} < after
                assert len(after) == 3  # and the template
                shop.makepyfile(
                    test_dies="""
                    import os, signal
                    def test_dies(seedbed): os.kill(os.getpid(), signal.SIGKILL)
                    """
                )
                shop.runpytest_subprocess("-q", option, "test_dies.py")
                assert len(names()) == 4
                shop.runpytest_subprocess("-q", option, "-k", "own", "-n2").assert_outcomes(
                    passed=6
                )
                assert names() == after

    def test_a_database_stamped_production_stops_the_run(self, shop: pytest.Pytester) -> None:
        """Fault 8: a loopback address proves nothing."""
        with servers.disposable(servers.Embedded()) as server:
            with psycopg.connect(server.url(), autocommit=True) as admin:
                admin.execute("CREATE DATABASE shop")
            stamp(server.url("shop"), "production", confirm="shop")
            result = shop.runpytest_subprocess(f"--seedbed-url={server.url('shop')}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*is not for tests*"])


class TestCache:
    def test_a_second_run_builds_nothing_until_a_file_changes(self, shop: pytest.Pytester) -> None:
        """The template's files decide; --seedbed-cache-clear forgets."""
        shop.makepyfile("def test_x(seedbed_session, count): print(count(seedbed_session))")
        first = self.built(shop, "--seedbed-cache-clear")
        assert first
        assert not self.built(shop)
        seeds = shop.path / "seeds" / "users.yaml"
        seeds.write_text(seeds.read_text() + "cy:\n  name: Cy\n")
        assert self.built(shop)
        assert not self.built(shop)

    def built(self, shop: pytest.Pytester, *options: str) -> bool:
        """Run and say whether the profile was evaluated."""
        recipe = shop.path / "shop" / "profiles.py"
        text = recipe.read_text()
        if "evaluated" not in text:
            text = text.replace(
                "def people(rows):\n", "def people(rows):\n    open('evaluated', 'w')\n"
            )
            recipe.write_text(text)
        (shop.path / "evaluated").unlink(missing_ok=True)
        shop.runpytest_subprocess("-q", *options).assert_outcomes(passed=1)
        return (shop.path / "evaluated").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_root_runs_the_server_as_somebody_else(shop: pytest.Pytester) -> None:
    """PostgreSQL refuses root."""
    shop.makepyfile(
        """
        import os, re
        def test_x(seedbed_server, seedbed_psycopg):
            pid = seedbed_psycopg.info.backend_pid
            assert os.stat(f"/proc/{pid}").st_uid != 0
        """
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=1)
