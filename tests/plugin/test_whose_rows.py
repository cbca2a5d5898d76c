"""Whose tables and rows a database has where somebody has written little or nothing for seedbed."""

from __future__ import annotations

import shutil

import pytest

TABLES = (
    "CREATE TABLE parcels (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, weight int NOT NULL);"
)


@pytest.fixture
def bare(shop: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with nothing of seedbed's in it but pytest's ini file."""
    for name in ("shop", "factories", "seeds"):
        shutil.rmtree(shop.path / name)
    for name in ("conftest.py", "pyproject.toml"):
        (shop.path / name).unlink()
    return shop


def test_a_schema_is_enough(bare: pytest.Pytester) -> None:
    """One line in the ini file, as somebody writes it who comes from pytest-postgresql: the tables, no rows, and the header says so."""
    bare.makefile(".sql", tables=TABLES)
    bare.makeini("[pytest]\nseedbed_schema = *.sql\n")
    bare.makepyfile(
        """
        import pytest

        def test_writing(seedbed_psycopg):
            seedbed_psycopg.execute("INSERT INTO parcels (weight) VALUES (3)")
            seedbed_psycopg.commit()

        def test_undone(seedbed, seedbed_psycopg):
            assert seedbed_psycopg.execute("SELECT count(*) FROM parcels").fetchone() == (0,)
            assert seedbed.profile == "none"

        @pytest.mark.seedbed(isolation="clone")
        def test_restored(seedbed):
            seedbed.reseed()

        @pytest.mark.seedbed(profile="demo")
        def test_a_profile_that_nobody_wrote(seedbed): pass
        """
    )
    result = bare.runpytest_subprocess()
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [
            f"seedbed: the tables as they are made, with no rows of a profile (profile none): there is no module profiles in {bare.path}",
            f"seedbed: there is no profile 'demo': {bare.path} has no module profiles",
        ]
    )


def test_models_are_enough(shop: pytest.Pytester) -> None:
    """A project whose configuration names its models, with factories and without profiles: factories write into empty tables."""
    (shop.path / "pyproject.toml").write_text('[tool.seedbed]\nschema = "shop.models:Base"\n')
    shop.makepyfile(
        """
        from factories import UserFactory

        def test_x(seedbed_session, count):
            UserFactory.create()
            assert count(seedbed_session) == 1
        """
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_rows_may_be_done_without(shop: pytest.Pytester) -> None:
    """Where there are profiles, none is still the tables alone."""
    shop.makepyfile("def test_x(seedbed_session, count): assert count(seedbed_session) == 0")
    shop.runpytest_subprocess("-q", "--seedbed-profile=none").assert_outcomes(passed=1)


def test_files_of_ones_own_are_never_passed_over(bare: pytest.Pytester) -> None:
    """Factories and no configuration: no payroll project, but what is missing."""
    bare.makepyfile(factories="", test_x="def test_x(seedbed): pass")
    result = bare.runpytest_subprocess("-q")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [f"seedbed: nothing says where the tables of the project in {bare.path} come from"]
    )


def test_a_failure_says_whose_tables_they_are(bare: pytest.Pytester) -> None:
    """Also in a quiet run, which has no header: somebody who expected tables of their own learns where these come from."""
    bare.makepyfile("def test_x(seedbed_psycopg): seedbed_psycopg.execute('SELECT 1 FROM mine')")
    result = bare.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    whose = "the tables and rows of the payroll project, seedbed's own example: no pyproject.toml in * has *"
    result.stdout.fnmatch_lines(["*UndefinedTable*", "*- seedbed -*", whose])
