"""Configuration: where it is looked for, which source wins, what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.environment import KNOWN
from seedbed.errors import InvalidInput
from seedbed.settings import ENVIRONMENTS, KEYS, Said, find_configuration, read_settings


def configure(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    return file


class TestWhereItIsFound:
    def test_the_nearest_pyproject_with_our_table_wins(self, tmp_path: Path) -> None:
        """A pyproject.toml of another tool in between does not hide the project's."""
        ours = configure(tmp_path, "[tool.seedbed]\nseed = 'x'\n")
        configure(tmp_path / "package", "[project]\nname = 'package'\n")
        below = tmp_path / "package" / "deep"
        below.mkdir()
        assert find_configuration(below) == ours

    def test_no_configuration_leaves_the_defaults(self, tmp_path: Path) -> None:
        """Without a project the conventional names hold and nothing is said about a database."""
        settings = read_settings(tmp_path, {})
        assert (settings.profiles, settings.seeds, settings.schema) == ("profiles", "seeds", None)
        assert (settings.database_url, settings.environment, settings.root) == (None, None, None)

    def test_a_neighbours_broken_pyproject_is_not_ours_to_report(self, tmp_path: Path) -> None:
        """A file without our table is not parsed."""
        configure(tmp_path, "[project\n")
        assert read_settings(tmp_path, {}).root is None


class TestDocumentation:
    def test_the_configuration_page_shows_every_key_as_it_is(self, tmp_path: Path) -> None:
        """Its example is a valid configuration with all the keys there are."""
        page = Path(__file__).parents[2] / "docs" / "configuration.md"
        example = page.read_text("utf-8").split("```toml\n")[1].split("```")[0]
        configure(tmp_path, example)
        settings = read_settings(tmp_path, {})
        assert settings.schema == "factories.models:Base"
        tables = [f"\n[tool.seedbed.{key}]" for key in KEYS]
        keys = [f"\n{key} = " for key in KEYS]
        assert all(
            key in example or table in example for key, table in zip(keys, tables, strict=True)
        )


class TestWhichSourceWins:
    def test_the_configured_url_wins_over_the_variable(self, tmp_path: Path) -> None:
        """DATABASE_URL is often left in a shell; the project's own file is meant."""
        file = configure(tmp_path, "[tool.seedbed]\ndatabase_url = 'postgresql://h/a'\n")
        settings = read_settings(tmp_path, {"DATABASE_URL": "postgresql://h/b"})
        assert settings.database_url == Said("postgresql://h/a", f"[tool.seedbed] in {file}")

    def test_the_variable_is_taken_where_nothing_is_configured(self, tmp_path: Path) -> None:
        """The setting tells that it comes from the environment."""
        settings = read_settings(tmp_path, {"DATABASE_URL": "postgresql://h/b"})
        assert settings.database_url == Said("postgresql://h/b", "DATABASE_URL")

    def test_an_empty_variable_says_nothing(self, tmp_path: Path) -> None:
        """`DATABASE_URL= seedbed ...` is how a shell takes a variable away."""
        assert read_settings(tmp_path, {"DATABASE_URL": " "}).database_url is None

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"SEEDBED_ENVIRONMENT": "testing", "APP_ENV": "production"}, "testing"),
            ({"APP_ENV": "production", "NODE_ENV": "test"}, "development"),
            ({}, "development"),
        ],
    )
    def test_our_variable_then_the_file(
        self, tmp_path: Path, variables: dict[str, str], expected: str
    ) -> None:
        """SEEDBED_ENVIRONMENT wins over the file, the file over other tools' variables."""
        configure(tmp_path, "[tool.seedbed]\nenvironment = 'development'\n")
        environment = read_settings(tmp_path, variables).environment
        assert environment is not None
        assert environment.value == expected

    def test_other_tools_variables_come_last_and_in_order(self, tmp_path: Path) -> None:
        """APP_ENV is asked before ENVIRONMENT and NODE_ENV."""
        settings = read_settings(tmp_path, {"NODE_ENV": "test", "ENVIRONMENT": "staging"})
        assert settings.environment == Said("staging", "ENVIRONMENT", (Said("test", "NODE_ENV"),))

    def test_our_variable_leaves_nothing_beside_it(self, tmp_path: Path) -> None:
        """It is meant for seedbed alone, and settles it."""
        variables = {"SEEDBED_ENVIRONMENT": "staging", "NODE_ENV": "production"}
        said = Said("staging", "SEEDBED_ENVIRONMENT")
        assert read_settings(tmp_path, variables).environment == said
        assert read_settings(tmp_path, variables).operator_says(None, "x") == said

    def test_a_word_given_to_the_run_wins(self, tmp_path: Path) -> None:
        """Whatever the variables say."""
        settings = read_settings(tmp_path, {"NODE_ENV": "production"})
        assert settings.operator_says("demo", "--environment") == Said("demo", "--environment")
        assert settings.operator_says(Said("demo", "x"), "y") == Said("demo", "x")


class TestWhatIsWrong:
    def test_all_wrong_keys_are_named_with_line_and_nearest_name(self, tmp_path: Path) -> None:
        """Two mistakes give two findings, each with its own line."""
        file = configure(
            tmp_path,
            "[project]\nprofile = 1\n\n[tool.seedbed]\nprofile = 'x'\nseeds = 3\n",
        )
        with pytest.raises(InvalidInput) as caught:
            read_settings(tmp_path, {})
        assert [str(finding) for finding in caught.value.findings] == [
            f"{file}:5: unknown key 'profile' (did you mean 'profiles'?)",
            f'{file}:6: seeds must be a text (such as seeds = "...")',
        ]

    def test_a_nested_table_is_an_unknown_key(self, tmp_path: Path) -> None:
        """[tool.seedbed.profiles_] is found by its own header line."""
        file = configure(tmp_path, "[tool.seedbed]\n[tool.seedbed.seedz]\na = 1\n")
        with pytest.raises(InvalidInput) as caught:
            read_settings(tmp_path, {})
        assert caught.value.findings[0].where == f"{file}:2"

    def test_broken_toml_is_reported_with_its_place(self, tmp_path: Path) -> None:
        """The reader's line and column are passed on, not its exception."""
        configure(tmp_path, "[tool.seedbed]\nseed = \n")
        with pytest.raises(InvalidInput, match=r"not valid TOML.*line 2"):
            read_settings(tmp_path, {})

    @pytest.mark.parametrize("schema", ["factories.models", "a:b:c", "models/base:Base", ""])
    def test_a_schema_source_names_module_and_attribute(self, tmp_path: Path, schema: str) -> None:
        """Anything but module:attribute is refused before an import is tried."""
        configure(tmp_path, f"[tool.seedbed]\nschema = '{schema}'\n")
        with pytest.raises(InvalidInput, match="schema"):
            read_settings(tmp_path, {})

    def test_a_number_is_a_fine_seed(self, tmp_path: Path) -> None:
        """The seed is a text; 7 and "7" are the same one."""
        configure(tmp_path, "[tool.seedbed]\nseed = 7\n")
        assert read_settings(tmp_path, {}).seed == "7"


class TestPatterns:
    def test_are_read_by_environment(self, tmp_path: Path) -> None:
        """As they stand."""
        table = "[tool.seedbed]\n[tool.seedbed.environments]\nstaging = ['*.stage', 'b']\n"
        configure(tmp_path, table)
        assert read_settings(tmp_path, {}).environments == {"staging": ("*.stage", "b")}

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("environments = 'x'", "environments must be a table"),
            ("environments.prod = ['x']", "'prod' is not an environment"),
            ("environments.unknown = ['x']", "'unknown' is not an environment"),
            ("environments.demo = 'x'", "demo must be a list of patterns"),
            ("environments.demo = ['']", "demo must be a list of patterns"),
        ],
    )
    def test_what_is_none_is_named_with_its_line(
        self, tmp_path: Path, line: str, problem: str
    ) -> None:
        """Like any other key."""
        file = configure(tmp_path, f"[tool.seedbed]\n{line}\n")
        with pytest.raises(InvalidInput) as caught:
            read_settings(tmp_path, {})
        assert caught.value.findings[0].where == f"{file}:2"
        assert problem in caught.value.findings[0].problem

    def test_the_words_are_the_guards(self) -> None:
        """settings.py may not import them."""
        assert set(ENVIRONMENTS) == {str(each) for each in KNOWN}


def test_extensions_are_a_list_of_names(tmp_path: Path) -> None:
    """And nothing else: a single text would be taken letter by letter."""
    file = tmp_path / "pyproject.toml"
    file.write_text('[tool.seedbed]\nextensions = ["pgcrypto", "pg_trgm"]\n')
    assert read_settings(tmp_path, {}).extensions == ("pgcrypto", "pg_trgm")
    file.write_text('[tool.seedbed]\nextensions = "pgcrypto"\n')
    with pytest.raises(InvalidInput, match="list of names"):
        read_settings(tmp_path, {})
