"""Every option in every place, and which place counts."""

from __future__ import annotations

import pytest

from seedbed.errors import InvalidInput
from seedbed.pytest_plugin.options import OPTIONS, Option, resolve

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
        """The server is the run's, the profile may be the test's, and then wins over everything."""
        config = pytester.parseconfig(flag(option))
        value = option.read(VALUES[option.name], "here")
        if option.marked:
            assert getattr(resolve(config, {option.name: value}), option.name) == value
        else:
            with pytest.raises(InvalidInput, match="not an option of a test"):
                resolve(config, {option.name: value})

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

    def test_a_url_is_a_choice_of_server(self, pytester: pytest.Pytester) -> None:
        """Nobody has to say it twice."""
        config = pytester.parseconfig("--seedbed-url=postgresql://localhost/x")
        assert resolve(config).server == "url"
