"""Every option in every place, which place counts, and what comes of it in a run."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from seedbed import servers
from seedbed.errors import InvalidInput
from seedbed.pytest_plugin.options import OPTIONS, Option, resolve
from seedbed.servers.launcher import LocalServer

VALUES = {
    "server": "system",
    "url": "postgresql://localhost/x",
    "hosts": "db",
    "image": "postgres:17",
    "profile": "demo",
    "isolation": "clone",
    "as_of": "2026-02-03",
    "scale": "2.5",
    "seed": "other",
    "minimal": "yes",
    "schema": "schema.sql",
    "keep": "all",
    "pool": "4",
    "cache_size": "9",
    "cache_clear": "yes",
    "durations": "true",
}


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in OPTIONS:
        monkeypatch.delenv(f"SEEDBED_TEST_{option.name.upper()}", raising=False)


def expected(option: Option) -> object:
    return option.read(VALUES[option.name], "here")


def flag(option: Option) -> str:
    return (
        option.flag if isinstance(option.default, bool) else f"{option.flag}={VALUES[option.name]}"
    )


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
class TestPlaces:
    def test_the_command_line(self, pytester: pytest.Pytester, option: Option) -> None:
        """--seedbed-name."""
        config = pytester.parseconfig(flag(option))
        assert getattr(resolve(config), option.name) == expected(option)

    def test_the_ini_file(self, pytester: pytest.Pytester, option: Option) -> None:
        """seedbed_name."""
        pytester.makeini(f"[pytest]\nseedbed_{option.name} = {VALUES[option.name]}\n")
        assert getattr(resolve(pytester.parseconfig()), option.name) == expected(option)

    def test_the_environment_wins_over_the_ini_file(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, option: Option
    ) -> None:
        """SEEDBED_TEST_NAME."""
        pytester.makeini(f"[pytest]\nseedbed_{option.name} = {option.default or '0'}\n")
        monkeypatch.setenv(f"SEEDBED_TEST_{option.name.upper()}", VALUES[option.name])
        assert getattr(resolve(pytester.parseconfig()), option.name) == expected(option)

    def test_a_marker_says_only_what_is_a_tests(
        self, pytester: pytest.Pytester, option: Option
    ) -> None:
        """Which wins over everything; what is about a run's beginning or end is refused."""
        switch = isinstance(option.default, bool)
        config = pytester.parseconfig(f"--no-{option.flag[2:]}" if switch else f"{option.flag}=0")
        value = option.read(VALUES[option.name], "here")
        if option.marked:
            assert getattr(resolve(config, {option.name: value}), option.name) == value
        else:
            with pytest.raises(InvalidInput, match="it is about the whole run") as refusal:
                resolve(config, {option.name: value})
            assert option.flag in refusal.value.remedy

    def test_it_has_a_help_text(self, pytester: pytest.Pytester, option: Option) -> None:
        """What pytest --help shows."""
        pytester.parseconfig()
        assert option.help


class TestValues:
    def test_a_wrong_word_names_the_nearest(self, pytester: pytest.Pytester) -> None:
        """Where it was said, and what was meant."""
        with pytest.raises(
            InvalidInput, match=r"--seedbed-isolation: 'klone'.*did you mean 'clone'"
        ):
            resolve(pytester.parseconfig("--seedbed-isolation=klone"))

    def test_the_command_line_wins_over_the_environment(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also when it says no."""
        monkeypatch.setenv("SEEDBED_TEST_MINIMAL", "yes")
        assert not resolve(pytester.parseconfig("--no-seedbed-minimal")).minimal

    def test_a_wrong_word_in_a_marker_names_the_nearest(self, pytester: pytest.Pytester) -> None:
        """A name that is none."""
        with pytest.raises(
            InvalidInput, match=r"seedbed\(isolatoin=...\).*did you mean 'isolation'"
        ):
            resolve(pytester.parseconfig(), {"isolatoin": "clone"})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *[("as_of", "garbage"), ("scale", -1), ("scale", "nan"), ("seed", [1]), ("schema", {})],
            ("pool", -3),
        ],
    )
    def test_a_value_in_a_marker_that_cannot_be_read(
        self, pytester: pytest.Pytester, name: str, value: object
    ) -> None:
        """Said of the marker, in one line."""
        with pytest.raises(InvalidInput, match=rf"^@pytest.mark.seedbed\({name}=...\): "):
            resolve(pytester.parseconfig(), {name: value})

    @pytest.mark.parametrize("flag", ["--seedbed-pool=-3", "--seedbed-cache-size=-1"])
    def test_a_number_below_nothing(self, pytester: pytest.Pytester, flag: str) -> None:
        """Is refused, by the name of the option."""
        name, _, value = flag.partition("=")
        with pytest.raises(InvalidInput, match=rf"^{name}: '{value}' is below 0"):
            resolve(pytester.parseconfig(flag))

    def test_a_list_of_files_is_told_how_to_be_said(self, pytester: pytest.Pytester) -> None:
        """pyproject.toml has lists; the option is one text."""
        with pytest.raises(InvalidInput) as refusal:
            resolve(pytester.parseconfig(), {"schema": ["a.sql", "b.sql"]})
        assert "blanks between" in refusal.value.remedy

    def test_paths_and_dates_are_values(self, pytester: pytest.Pytester) -> None:
        """As Python has them."""
        marked = {"schema": Path("a.sql"), "as_of": date(2026, 1, 2), "seed": 7}
        wishes = resolve(pytester.parseconfig(), marked)
        assert (wishes.schema, wishes.as_of, wishes.seed) == ("a.sql", date(2026, 1, 2), "7")

    def test_a_url_is_a_choice_of_server(self, pytester: pytest.Pytester) -> None:
        """Nobody has to say it twice."""
        config = pytester.parseconfig("--seedbed-url=postgresql://localhost/x")
        assert resolve(config).server == "url"


class TestRuns:
    """What has no other test: where the server comes from is in test_runs, test_given_server, test_containers; keep in test_runs,
    the cache in test_cache, the schema in test_schema."""

    SAID = {
        "profile": "demo",
        "isolation": "clone",
        "as_of": "2026-02-03",
        "scale": "2",
        "seed": "other",
        "pool": "1",
    }
    TESTS = """
        from factories import UserFactory

        def test_wishes(seedbed, request):
            assert (seedbed.profile, seedbed.isolation) == ("demo", "clone")
            assert str(seedbed.as_of) == "2026-02-03 00:00:00"
            assert len(seedbed.rows(UserFactory)) == {count}
            query = "SELECT seed FROM seedbed.runs"
            assert seedbed.psycopg.execute(query).fetchone() == ("other",)
        """

    @pytest.mark.parametrize(
        ("place", "minimal"), [("command line", False), ("command line", True), ("ini", True)]
    )
    def test_what_the_database_holds(
        self, shop: pytest.Pytester, place: str, minimal: bool
    ) -> None:
        """The profile at its moment, at twice its scale or only by hand, by another seed."""
        said = {**self.SAID, "minimal": "yes"} if minimal else self.SAID
        flags = ["--seedbed-minimal"] if minimal else []
        flags += [
            f"--seedbed-{name.replace('_', '-')}={value}" for name, value in self.SAID.items()
        ]
        lines = [f"seedbed_{name} = {value}" for name, value in said.items()]
        if place == "ini":
            shop.makeini("\n".join(["[pytest]", *lines]))
        shop.makepyfile(self.TESTS.format(count=2 if minimal else 8))
        options = flags if place == "command line" else []
        shop.runpytest_subprocess("-q", *options).assert_outcomes(passed=1)

    @pytest.mark.parametrize("place", ["command line", "ini"])
    def test_a_host_that_is_allowed(self, shop: pytest.Pytester, place: str) -> None:
        """0.0.0.0 leads to this machine, but is not called so."""
        with servers.disposable(servers.Embedded()) as server:
            assert isinstance(server, LocalServer)
            port = server.url().rpartition("port=")[2]
            url = f"postgresql://postgres:{server.place.password}@0.0.0.0:{port}/postgres"
            shop.makepyfile(
                "def test_x(seedbed_session, count): assert count(seedbed_session) == 2"
            )
            options = [f"--seedbed-url={url}"]
            assert shop.runpytest_subprocess(*options).ret == pytest.ExitCode.USAGE_ERROR
            if place == "ini":
                shop.makeini("[pytest]\nseedbed_hosts = db, 0.0.0.0\n")
            else:
                options.append("--seedbed-hosts=db, 0.0.0.0")
            shop.runpytest_subprocess("-q", *options).assert_outcomes(passed=1)

    def test_a_marker_that_is_wrong_is_one_line(self, shop: pytest.Pytester) -> None:
        """No traceback; the other tests run."""
        shop.makepyfile(
            """
            import pytest

            @pytest.mark.seedbed(cache_clear=True)
            def test_run(seedbed): pass

            @pytest.mark.seedbed("demo")
            def test_nameless(seedbed): pass

            @pytest.mark.parametrize("seedbed_isolation", ["klone"])
            def test_fixture(seedbed): pass

            @pytest.mark.seedbed(profile="demmo")
            def test_profile(seedbed): pass

            def test_fine(seedbed): pass
            """
        )
        result = shop.runpytest_subprocess("-q")
        result.assert_outcomes(passed=1, errors=4)
        result.stdout.no_fnmatch_line("*Traceback*")
        result.stdout.fnmatch_lines(
            [
                "seedbed: @pytest.mark.seedbed(cache_clear=...) is not an option of a test: *",
                "Say --seedbed-cache-clear, SEEDBED_TEST_CACHE_CLEAR or seedbed_cache_clear in the ini file.",
                "seedbed: @pytest.mark.seedbed('demo') lacks a name: *",
                "seedbed: the fixture seedbed_isolation: 'klone' is no value of isolation: *",
                "seedbed: *'demmo'*demo*",
            ]
        )


class TestTold:
    def test_help_lists_every_option(self, shop: pytest.Pytester) -> None:
        """On the command line and in the ini file, without importing anything for it."""
        said = shop.runpytest_subprocess("--help").stdout.str()
        for option in OPTIONS:
            assert f"  {option.flag}" in said
            assert f"  seedbed_{option.name} (string):" in said

    def test_the_marker_lists_what_it_may_say(self, pytestconfig: pytest.Config) -> None:
        """What pytest --markers shows."""
        markers = pytestconfig.getini("markers")
        (line,) = (marker for marker in markers if marker.startswith("seedbed("))
        said = re.findall(r"\w+", line.partition(")")[0])
        assert said[1:] == [option.name for option in OPTIONS if option.marked]

    def test_the_documentation_lists_every_option(self) -> None:
        """With the places where it can be said, and what holds when nobody says it."""
        page = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text()
        rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (.*?) \|", page, re.M)
        assert {name: marked == "yes" for name, marked, _ in rows} == {
            option.name: option.marked for option in OPTIONS
        }
        told = {name: default.strip("`") for name, _, default in rows if default.startswith("`")}
        assert told == {
            option.name: str(option.default)
            for option in OPTIONS
            if option.default not in (None, "", False)
        }
