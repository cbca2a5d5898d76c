"""Data directories kept between runs: what makes them stale, and how much room they may take."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from seedbed import servers
from seedbed.servers.account import Account
from seedbed.servers.launcher import LocalServer
from seedbed.servers.place import Place
from seedbed.servers.tuning import DISPOSABLE
from seedbed.testdb import cache
from seedbed.testdb.cache import Cache, slim


class TestRuns:
    def test_a_second_run_builds_nothing_until_a_file_changes(self, shop: pytest.Pytester) -> None:
        """The template's files decide; --seedbed-cache-clear forgets, so that CI can run cold."""
        shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) > 1")
        assert self.built(shop, "--seedbed-cache-clear")
        assert not self.built(shop)
        seeds = shop.path / "seeds" / "users.yaml"
        seeds.write_text(seeds.read_text() + "cy:\n  name: Cy\n")
        assert self.built(shop)
        assert not self.built(shop)
        assert self.built(shop, "--seedbed-cache-clear", "-n1")

    def test_what_a_profile_imports_from_the_tests_counts(self, shop: pytest.Pytester) -> None:
        """A constant in a module below tests/."""
        constants = shop.path / "tests" / "constants.py"
        constants.parent.mkdir()
        constants.write_text("NAME = 1\n")
        factories = shop.path / "factories" / "__init__.py"
        factories.write_text("from tests.constants import NAME\n" + factories.read_text())
        shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 2")
        assert self.built(shop)
        assert not self.built(shop)
        constants.write_text("NAME = 2\n")
        assert self.built(shop)

    def test_what_a_hook_reads_counts(self, shop: pytest.Pytester) -> None:
        """SQL that it runs, and another such file beside; not what it writes, nor what has nothing to do with it."""
        sql = shop.path / "sql"
        sql.mkdir()
        (sql / "1.sql").write_text("CREATE TABLE more (id int);")
        with (shop.path / "conftest.py").open("a") as conftest:
            conftest.write(
                "\ndef pytest_seedbed_schema(url):\n"
                "    import pathlib\n    import psycopg\n    from shop.models import Base\n    from sqlalchemy import create_engine\n"
                "    Base.metadata.create_all(create_engine(url.replace('://', '+psycopg://', 1)))\n"
                "    with psycopg.connect(url) as connection, open('log', 'a+') as log:\n"
                "        for file in pathlib.Path(__file__).parent.joinpath('sql').glob('*.sql'):\n"
                "            log.write(str(connection.execute(file.read_text())))\n"
                "    open('log').read()\n    return True\n"
            )
        shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 2")
        assert self.built(shop)
        (sql / "notes.txt").touch()
        (shop.path / "log").write_text("")
        assert not self.built(shop)
        (sql / "1.sql").write_text("CREATE TABLE more (id int); INSERT INTO more VALUES (1);")
        assert self.built(shop)
        (sql / "2.sql").write_text("SELECT 1")
        assert self.built(shop)

    def test_a_package_beside_the_project_counts(
        self, shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Models that several services share, on PYTHONPATH."""
        (tmp_path / "shared").mkdir()
        models = tmp_path / "shared" / "models.py"
        models.write_text((shop.path / "shop" / "models.py").read_text())
        (shop.path / "shop" / "models.py").write_text("from shared.models import *\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 2")
        assert self.built(shop)
        assert not self.built(shop)
        models.write_text(models.read_text() + "\n# a column more\n")
        assert self.built(shop)

    def test_a_broken_profile_is_built_once(self, shop: pytest.Pytester) -> None:
        """All of its tests get the one answer."""
        recipe = shop.path / "shop" / "profiles.py"
        noting = (
            "def people(rows):\n    open('calls', 'a').write('x')\n    raise ValueError('no')\n"
        )
        recipe.write_text(recipe.read_text().replace("def people(rows):\n", noting))
        shop.makepyfile("def test_x(seedbed): pass\n\ndef test_y(seedbed): pass")
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(errors=2)
        result.stdout.fnmatch_lines(["seedbed: shop/profiles.py*ValueError: no"] * 2)
        assert (shop.path / "calls").read_text() == "x"

    def test_a_size_of_nothing_keeps_nothing(self, shop: pytest.Pytester) -> None:
        """Every run builds anew."""
        shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 2")
        assert self.built(shop, "--seedbed-cache-clear", "--seedbed-cache-size=0")
        assert self.built(shop, "--seedbed-cache-size=0")

    def built(self, shop: pytest.Pytester, *options: str) -> bool:
        """Run and say whether the profile was evaluated."""
        recipe = shop.path / "shop" / "profiles.py"
        text = recipe.read_text()
        if "evaluated" not in text:
            noting = "def people(rows):\n    open('evaluated', 'w').close()\n"
            recipe.write_text(text.replace("def people(rows):\n", noting))
        (shop.path / "evaluated").unlink(missing_ok=True)
        shop.runpytest_subprocess("-q", *options).assert_outcomes(passed=1)
        return (shop.path / "evaluated").exists()


class TestClear:
    """What --seedbed-cache-clear and test-db clean --templates remove."""

    def test_only_the_projects_own_and_the_lock_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another project's runs may be copying theirs; everybody's go when somebody says so."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        (cache.home()).mkdir(parents=True)
        (cache.home() / "lock").touch()
        server = servers.Embedded().server(tmp_path / "place", DISPOSABLE)
        assert isinstance(server, LocalServer)
        for project in ("/shop", "/other"):
            kept = Cache.of(server, project, 1)
            (kept.folder / kept.entry).mkdir()
        assert cache.clear("/shop") == 1
        other = Cache.of(server, "/other", 1).entry
        assert {path.name for path in cache.home().iterdir()} == {"lock", other}
        assert cache.clear() == 1


def test_what_cannot_be_written_costs_a_line_and_no_run(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache, and the list of databases to be kept."""
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, "/proc/nope")
    shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 2")
    result = shop.runpytest_subprocess("-q", "--seedbed-keep=all")
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "seedbed_* is not kept: *'/proc/nope'*",
            "seedbed: templates are not kept for the next run: *'/proc/nope'",
        ]
    )
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


class TestSlim:
    """What a stopped server does not need is not copied for every run."""

    def test_it_starts_without_and_has_all_its_rows(self) -> None:
        with servers.disposable(servers.Embedded()) as server:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 9999) AS n")
                connection.execute("VACUUM kept")
            server.stop()
            slim(server)
            assert not [
                *server.place.data.glob("base/*/*_vm"),
                *server.place.data.glob("base/*/*_fsm"),
            ]
            assert len([*server.place.data.glob("pg_wal/0*")]) <= 2
            server.start()
            with psycopg.connect(server.url()) as connection:
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (9999,)

    def test_what_a_crash_left_is_left_alone(self) -> None:
        with servers.disposable(servers.Embedded()) as server:
            running = server.running
            os.kill(running.pid, signal.SIGQUIT)
            while server.running:
                pass
            before = {*server.place.data.rglob("*")}
            slim(server)
            assert {*server.place.data.rglob("*")} == before


class TestSize:
    """The directories used longest ago go when the limit is passed."""

    def test_the_oldest_goes_first(self, tmp_path: Path) -> None:
        for age, name in enumerate(("newest", "older", "oldest")):
            self.publish(tmp_path, name, kilobytes=40, limit=1000, age=age)
        self.publish(tmp_path, "new", kilobytes=40, limit=130)
        assert self.kept(tmp_path) == {"new", "newest", "older"}

    def test_one_that_is_used_counts_as_new(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "used", kilobytes=40, limit=1000, age=2)
        self.publish(tmp_path, "unused", kilobytes=40, limit=1000, age=1)
        with self.cache(tmp_path, "used", 1000).lent(self.place(tmp_path, "filled")) as found:
            assert found
        self.publish(tmp_path, "new", kilobytes=40, limit=90)
        assert self.kept(tmp_path) == {"new", "used"}

    def test_a_new_one_takes_the_place_of_its_like(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "same", kilobytes=60, limit=100)
        self.publish(tmp_path, "same", kilobytes=60, limit=100)
        assert self.kept(tmp_path) == {"same"}

    def test_one_beyond_the_limit_is_not_kept(self, tmp_path: Path) -> None:
        self.publish(tmp_path, "small", kilobytes=10, limit=100)
        self.publish(tmp_path, "large", kilobytes=200, limit=100)
        assert self.kept(tmp_path) == {"small"}

    def cache(self, folder: Path, name: str, limit: int) -> Cache:
        return Cache(folder / "cache", name, limit * 1024)

    def place(self, folder: Path, name: str) -> Place:
        (folder / name).mkdir(exist_ok=True)
        return Place(folder / name, Account.caller())

    def publish(self, folder: Path, name: str, *, kilobytes: int, limit: int, age: int = 0) -> None:
        """Publish a data directory of a size, used so many hours ago."""
        place = self.place(folder, f"place of {name}")
        (place.data / "base").mkdir(parents=True, exist_ok=True)
        (place.data / "PG_VERSION").write_text("18")
        (place.data / "base" / "file").write_bytes(bytes(kilobytes * 1024))
        place.passfile.touch()
        cache = self.cache(folder, name, limit)
        cache.publish(place)
        if age:
            then = (cache.folder / name).stat().st_mtime - age * 3600
            os.utime(cache.folder / name, (then, then))

    def kept(self, folder: Path) -> set[str]:
        return {path.name for path in (folder / "cache").iterdir() if path.is_dir()}
