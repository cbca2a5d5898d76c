"""Several servers in one run: a marker puts a test on another than the run's own."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from seedbed import servers
from seedbed.servers import System, Unavailable
from seedbed.servers.launcher import LocalServer
from tests.plugin.conftest import write
from tests.plugin.ending import folder_of, wait_for_the_end_of
from tests.plugin.test_given_server import FAR
from tests.plugin.test_runs import db

NOTING = """
    def note(seedbed):
        "Write down where a test is."
        with open("seen.txt", "a") as file:
            file.write(f"{seedbed.server.kind} {seedbed.server.url('postgres')}\\n")
"""


@pytest.fixture
def both(shop: pytest.Pytester) -> pytest.Pytester:
    """Return the project where the machine has PostgreSQL, too."""
    try:
        System().describe()
    except Unavailable as reason:
        pytest.skip(str(reason))
    write(shop, {"noting.py": NOTING})
    return shop


def seen(project: pytest.Pytester) -> dict[str, Path]:
    """Return the folders of the servers that tests have written down, one of each kind."""
    lines = {*(project.path / "seen.txt").read_text().splitlines()}
    found = dict(line.split() for line in lines)
    assert len(found) == len(lines)
    return {kind: folder_of(url) for kind, url in found.items()}


def test_functions_classes_and_modules_choose(both: pytest.Pytester) -> None:
    """Both workers share one server of each kind; both have the profile's rows, and both are gone afterwards."""
    body = """
        from noting import note

        ISOLATED = pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone", "shared"])

        def look(seedbed, seedbed_server, count, kind):
            assert (seedbed.server.kind, seedbed_server.kind) == (kind, "embedded")
            assert count(seedbed.session) == 2
            version = seedbed.psycopg.execute("SHOW server_version").fetchone()[0]
            assert version.split()[0] == seedbed.server.version
            note(seedbed)
        """
    both.makepyfile(
        test_mixed=f"""
        import pytest
        {body}
        @ISOLATED
        def test_here(seedbed, seedbed_server, count):
            look(seedbed, seedbed_server, count, "embedded")

        @ISOLATED
        @pytest.mark.seedbed(server="system")
        def test_there(seedbed, seedbed_server, count):
            look(seedbed, seedbed_server, count, "system")

        @pytest.mark.seedbed(server="system")
        class TestThere:
            def test_there(self, seedbed, seedbed_server, count):
                look(seedbed, seedbed_server, count, "system")

            @pytest.mark.seedbed(server="embedded")
            def test_here(self, seedbed, seedbed_server, count):
                look(seedbed, seedbed_server, count, "embedded")
        """,
        test_module=f"""
        import pytest
        pytestmark = pytest.mark.seedbed(server="system")
        {body}
        def test_there(seedbed, seedbed_server, count):
            look(seedbed, seedbed_server, count, "system")
        """,
    )
    result = both.runpytest_subprocess("-n", "2")
    result.assert_outcomes(passed=9)
    assert result.stdout.str().count("seedbed: PostgreSQL") == 2
    result.stdout.fnmatch_lines(["seedbed: PostgreSQL * embedded", "seedbed: PostgreSQL * system"])
    folders = seen(both)
    for folder in folders.values():
        wait_for_the_end_of(folder)
    assert not any(folder.exists() for folder in folders.values())


def test_a_killed_run_leaves_neither(both: pytest.Pytester) -> None:
    """All servers hang on the one leash."""
    both.makepyfile(
        """
        import os, signal
        import pytest
        from noting import note

        def test_here(seedbed): note(seedbed)

        @pytest.mark.seedbed(server="system")
        def test_there(seedbed):
            note(seedbed)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert both.runpytest_subprocess("-q").ret == -signal.SIGKILL
    folders = seen(both)
    for folder in folders.values():
        wait_for_the_end_of(folder)
    assert not any(folder.exists() for folder in folders.values())


def test_a_kept_database_keeps_its_own_server_alone(both: pytest.Pytester) -> None:
    """The other ends with the run."""
    both.makepyfile(
        """
        import pytest
        from noting import note

        def test_here(seedbed): note(seedbed)

        @pytest.mark.seedbed(server="system", keep="failed")
        def test_there(seedbed):
            note(seedbed)
            assert False
        """
    )
    both.runpytest_subprocess("-q").assert_outcomes(passed=1, failed=1)
    folders = seen(both)
    wait_for_the_end_of(folders["embedded"])
    assert not folders["embedded"].exists()
    assert "2" in db("open", "test_there", typed="SELECT count(*) FROM users;")
    assert db("clean").count("removed") == 1
    assert not folders["system"].exists()


class TestUrl:
    @pytest.mark.parametrize("workers", [0, 2])
    def test_one_that_is_not_disposable_stops_the_run_before_any_test(
        self, shop: pytest.Pytester, workers: int
    ) -> None:
        """By the test's name and with the finding of --seedbed-url, but without the password."""
        shop.makepyfile(
            f"""
            import pytest

            def test_fine(seedbed): open("ran", "w").close()

            @pytest.mark.seedbed(url="{FAR[0]}")
            class TestFar:
                def test_x(self, seedbed): open("ran", "w").close()
            """
        )
        result = shop.runpytest_subprocess("-n", str(workers))
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["ERROR: *::TestFar::test_x: *db.example.com is not this machine"]
        )
        assert "s3cret" not in result.stderr.str() + result.stdout.str()
        assert not (shop.path / "ran").exists()

    def test_one_that_no_test_of_the_run_uses_stops_nothing(self, shop: pytest.Pytester) -> None:
        """A nearer marker chooses another server; what is not selected is not asked."""
        shop.makepyfile(
            f"""
            import pytest

            pytestmark = pytest.mark.seedbed(url="{FAR[0]}")

            @pytest.mark.seedbed(server="embedded")
            def test_near(seedbed): assert seedbed.server.kind == "embedded"

            def test_far(seedbed): pass
            """
        )
        shop.runpytest_subprocess("-q", "-k", "near").assert_outcomes(passed=1)

    def test_one_that_is_marked_while_the_tests_run_is_judged_too(
        self, shop: pytest.Pytester
    ) -> None:
        """By a fixture of the project's: too late to stop the run, but nothing is connected to."""
        shop.makepyfile(
            f"""
            import pytest

            @pytest.fixture(autouse=True)
            def _elsewhere(request):
                request.applymarker(pytest.mark.seedbed(url="{FAR[0]}"))

            def test_x(seedbed): pass
            """
        )
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["seedbed: *db.example.com is not this machine"])

    def test_with_hosts_of_its_own(self, shop: pytest.Pytester) -> None:
        """0.0.0.0 leads to this machine, but is not called so."""
        with servers.disposable(servers.Embedded()) as server:
            assert isinstance(server, LocalServer)
            port = server.url().rpartition("port=")[2]
            url = f"postgresql://postgres:{server.place.password}@0.0.0.0:{port}/postgres"
            shop.makepyfile(
                f"""
                import pytest

                @pytest.mark.seedbed(url="{url}", hosts="0.0.0.0")
                def test_given(seedbed, seedbed_session, count):
                    assert (seedbed.server.kind, count(seedbed_session)) == ("url", 2)

                def test_own(seedbed): assert seedbed.server.kind == "embedded"
                """
            )
            shop.runpytest_subprocess("-q").assert_outcomes(passed=2)


def test_saying_an_image_is_choosing_the_container(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which never falls back: no Docker, no test; the others run."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    shop.makepyfile(
        """
        import pytest

        @pytest.mark.seedbed(image="postgres:16-alpine")
        def test_sixteen(seedbed): pass

        def test_own(seedbed): pass
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["seedbed: there is no PostgreSQL server to be had from container*"]
    )
