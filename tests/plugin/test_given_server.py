"""A server that somebody names: whether it may be used, and what is left of us on it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from seedbed import servers
from seedbed.api import stamp
from seedbed.servers import Server
from tests.plugin.test_runs import COUNTING, db

FAR = (
    "postgresql://u:s3cret@db.example.com/app",
    "postgresql://u:s3cret@localhost/app?host=db.example.com",
)


class TestRefused:
    @pytest.mark.parametrize("url", FAR)
    def test_a_far_server_stops_the_run_before_collection(
        self, shop: pytest.Pytester, url: str
    ) -> None:
        """Nothing is collected, nothing connected to, no password shown."""
        shop.makepyfile("raise SystemExit('collected')")
        result = shop.runpytest_subprocess(f"--seedbed-url={url}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        said = result.stderr.str() + result.stdout.str()
        assert "db.example.com is not this machine" in said
        assert "s3cret" not in said
        assert "collected" not in said

    @pytest.mark.parametrize("place", ["environment", "ini"])
    def test_wherever_it_was_said(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, place: str
    ) -> None:
        """SEEDBED_TEST_URL and seedbed_url are no way around it; nor are several workers."""
        monkeypatch.delenv("SEEDBED_TEST_SERVER")
        if place == "environment":
            monkeypatch.setenv("SEEDBED_TEST_URL", FAR[0])
        else:
            shop.makeini(f"[pytest]\nseedbed_url = {FAR[0]}\n")
        result = shop.runpytest_subprocess("-n", "2")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*db.example.com is not this machine*"])

    def test_one_that_is_not_used_stops_nothing(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another server on the command line wins over the environment's URL."""
        monkeypatch.setenv("SEEDBED_TEST_URL", FAR[0])
        shop.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'embedded'")
        result = shop.runpytest_subprocess("-q", "--seedbed-server=embedded")
        result.assert_outcomes(passed=1)

    def test_a_database_stamped_production(self, shop: pytest.Pytester) -> None:
        """A loopback address proves nothing."""
        with servers.disposable(servers.Embedded()) as server:
            with psycopg.connect(server.url(), autocommit=True) as admin:
                admin.execute("CREATE DATABASE shop")
            stamp(server.url("shop"), "production", confirm="shop")
            result = shop.runpytest_subprocess(f"--seedbed-url={server.url('shop')}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*is not for tests*"])


class TestDatabaseUrl:
    def test_is_never_used(self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor are the variables that say what an application's database is for."""
        monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@db.example.com/production")
        monkeypatch.setenv("SEEDBED_ENVIRONMENT", "production")
        shop.makepyfile("def test_x(seedbed): assert 'example' not in seedbed.url")
        result = shop.runpytest_subprocess("--seedbed-cache-clear")
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*example*")

    def test_asked_for_by_name_it_is_judged(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """--seedbed-url="$DATABASE_URL": stopped before collection."""
        url = "postgresql://u:p@db.example.com/production"
        monkeypatch.setenv("DATABASE_URL", url)
        shop.makepyfile("raise SystemExit('collected')")
        result = shop.runpytest_subprocess(f"--seedbed-url={url}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "collected" not in result.stdout.str()


@pytest.fixture(scope="module")
def given() -> Iterator[Server]:
    """Return a server that is not the plugin's."""
    with servers.disposable(servers.Embedded()) as server:
        yield server


@pytest.fixture
def admin(given: Server) -> Iterator[psycopg.Connection]:
    """Return a connection to it; what is on it afterwards is removed."""
    with psycopg.connect(given.url(), autocommit=True) as connection:
        yield connection


def names(admin: psycopg.Connection) -> set[str]:
    """Return the databases whose names may be ours."""
    found = admin.execute("SELECT datname FROM pg_database WHERE datname ~ 'seedbed'")
    return {name for (name,) in found}


def templates(admin: psycopg.Connection) -> set[str]:
    """Return the databases whose names may be our templates'."""
    return {name for name in names(admin) if name.startswith("seedbed_template_")}


class TestUsed:
    def test_the_header_names_it_without_its_password(
        self, shop: pytest.Pytester, given: Server
    ) -> None:
        """With its version: it has been connected to, to judge it."""
        shop.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'url'")
        url = given.url().replace("postgres@", "postgres:s3cret@")
        result = shop.runpytest_subprocess(f"--seedbed-url={url}")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(
            ["seedbed: PostgreSQL 18* url postgresql://postgres:[*][*][*]@*"]
        )
        assert "s3cret" not in result.stdout.str()

    def test_templates_stay_and_clones_go(
        self, shop: pytest.Pytester, given: Server, admin: psycopg.Connection
    ) -> None:
        """A database that only sounds like ours stays, too."""
        admin.execute("CREATE DATABASE seedbed_clone_mine")
        before = names(admin)
        shop.makepyfile(COUNTING)
        shop.runpytest_subprocess("-q", f"--seedbed-url={given.url()}").assert_outcomes(passed=12)
        (template,) = names(admin) - before - {"seedbed_tests"}
        assert template.startswith("seedbed_template_")
        assert "seedbed_clone_mine" in names(admin)
        admin.execute("DROP DATABASE seedbed_clone_mine")

    def test_a_kept_database_stays_until_it_is_cleaned(
        self, shop: pytest.Pytester, given: Server, admin: psycopg.Connection
    ) -> None:
        """And nothing else goes with it: the server is not ours."""
        shop.makepyfile("def test_fails(seedbed): assert False")
        option = f"--seedbed-url={given.url()}"
        shop.runpytest_subprocess("-q", option, "--seedbed-keep=failed").assert_outcomes(failed=1)
        (kept,) = (name for name in names(admin) if name.startswith("seedbed_clone_"))
        shop.makepyfile("def test_fails(seedbed): pass")
        shop.runpytest_subprocess("-q", option).assert_outcomes(passed=1)
        before = names(admin)
        assert kept in before
        assert db("clean") == f"removed {kept}\n"
        assert names(admin) == before - {kept}

    def test_a_kept_database_whose_server_is_gone_can_be_forgotten(
        self, shop: pytest.Pytester
    ) -> None:
        """It is named, with the reason, until somebody says so."""
        with servers.disposable(servers.Embedded()) as server:
            shop.makepyfile("def test_fails(seedbed): assert False")
            options = (f"--seedbed-url={server.url()}", "--seedbed-keep=failed")
            shop.runpytest_subprocess("-q", *options).assert_outcomes(failed=1)
        (kept,) = (line.split()[0] for line in db("list").splitlines())
        with pytest.raises(subprocess.CalledProcessError) as refusal:
            db("clean")
        assert kept in refusal.value.stderr
        assert "--forget" in refusal.value.stderr
        assert db("clean", "--forget") == f"removed {kept}\n"
        assert db("list") == "none\n"

    def test_leftovers_of_a_killed_run_go_with_the_next(
        self, shop: pytest.Pytester, given: Server, admin: psycopg.Connection
    ) -> None:
        """By the lease of the process that was killed; the second run's workers agree on who removes them."""
        shop.makepyfile(
            test_dies="""
            import os, signal
            def test_dies(seedbed): os.kill(os.getpid(), signal.SIGKILL)
            """,
            test_lives=COUNTING,
        )
        option = f"--seedbed-url={given.url()}"
        shop.runpytest_subprocess("-q", option, "test_dies.py")
        assert any(name.startswith("seedbed_clone_") for name in names(admin))
        shop.runpytest_subprocess("-q", option, "test_lives.py", "-n2").assert_outcomes(passed=12)
        assert not any(name.startswith("seedbed_clone_") for name in names(admin))

    def test_a_run_killed_while_it_builds_leaves_no_template(
        self, shop: pytest.Pytester, given: Server, admin: psycopg.Connection
    ) -> None:
        """Complete or absent: the next run builds it, and removes the draft."""
        before = names(admin)
        recipe = shop.path / "shop" / "profiles.py"
        whole = recipe.read_text()
        dying = "    import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
        recipe.write_text(whole.replace("def people(rows):\n", f"def people(rows):\n{dying}"))
        shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 2")
        option = f"--seedbed-url={given.url()}"
        assert shop.runpytest_subprocess("-q", option).ret < 0
        (draft,) = names(admin) - before - {"seedbed_tests"}
        assert draft.startswith("seedbed_draft_")
        recipe.write_text(whole)
        shop.runpytest_subprocess("-q", option).assert_outcomes(passed=1)
        assert draft not in names(admin)


class TestInTrouble:
    """One line that names what is wrong; no traceback at the end either."""

    def run(self, shop: pytest.Pytester, url: str, role: str, said: str) -> None:
        shop.makepyfile("def test_x(seedbed): pass")
        option = f"--seedbed-url={url.replace('postgres@', f'{role}@')}"
        result = shop.runpytest_subprocess("-q", option)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"seedbed: {said}"])
        assert "Traceback" not in result.stdout.str() + result.stderr.str()

    def test_a_role_that_may_not_make_databases(
        self, shop: pytest.Pytester, admin: psycopg.Connection
    ) -> None:
        """On a server without databases of ours."""
        with servers.disposable(servers.Embedded()) as server:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("CREATE ROLE low LOGIN")
            self.run(shop, server.url(), "low", "*role*low* may not create databases")

    def test_a_registry_that_another_role_has_made(
        self, shop: pytest.Pytester, given: Server, admin: psycopg.Connection
    ) -> None:
        """It is named, with its owner."""
        shop.makepyfile(COUNTING)
        shop.runpytest_subprocess("-q", f"--seedbed-url={given.url()}").assert_outcomes(passed=12)
        admin.execute("CREATE ROLE second LOGIN CREATEDB")
        said = "the database seedbed_tests * belongs to the role *postgres*, and *second* may not*"
        self.run(shop, given.url(), "second", said)

    def test_a_server_that_ends_during_the_run(self, shop: pytest.Pytester) -> None:
        """The tests after that say so."""
        shop.makepyfile("""
            import psycopg

            def test_ends(seedbed_server):
                pid = psycopg.connect(seedbed_server.admin).execute(
                    "SELECT pg_read_file('postmaster.pid')").fetchone()[0].split()[0]
                import os, signal
                os.kill(int(pid), signal.SIGQUIT)
                while True:
                    try:
                        psycopg.connect(seedbed_server.admin).close()
                    except psycopg.OperationalError as error:
                        if "No such file" in str(error) or "refused" in str(error):
                            break

            def test_x(seedbed): pass
            """)
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(["seedbed: the connection to the tests' server was lost*"])
        assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_what_to_do_without_a_container_names_options_of_pytest(shop: pytest.Pytester) -> None:
    """No daemon is there: the choice says so, and which others there are."""
    shop.makepyfile("def test_x(seedbed): pass")
    result = shop.runpytest_subprocess("-q", "--seedbed-server=container")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*seedbed?containers?*--seedbed-url*"])


def test_clearing_the_cache_drops_our_templates_on_the_server(
    shop: pytest.Pytester, given: Server, admin: psycopg.Connection
) -> None:
    """Once, before the first worker looks for one; other projects' stay, and what only sounds like ours."""
    option, others = f"--seedbed-url={given.url()}", templates(admin)
    shop.makepyfile(COUNTING)
    shop.runpytest_subprocess("-q", option).assert_outcomes(passed=12)
    admin.execute("CREATE DATABASE seedbed_template_mine")
    before = templates(admin) - others
    options = (option, "--seedbed-cache-clear", "-n2")
    shop.runpytest_subprocess("-q", *options).assert_outcomes(passed=12)
    assert others <= templates(admin)
    after = templates(admin) - others
    admin.execute("DROP DATABASE seedbed_template_mine")
    assert before & after == {"seedbed_template_mine"}
    assert len(after) == 2
