"""The header: where the server comes from and why not from elsewhere, whenever a test may use one."""

from __future__ import annotations

import shutil

import pytest

NOWHERE = "unix:///nonexistent/docker.sock"
CHOSEN = f"seedbed: PostgreSQL * embedded (container: no Docker daemon at {NOWHERE})"


@pytest.fixture
def unsaid(shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the project where nobody said anything about the plugin, and there is no Docker."""
    monkeypatch.delenv("SEEDBED_TEST_SERVER")
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    return shop


def test_a_projects_first_run_has_it(unsaid: pytest.Pytester) -> None:
    """As in the specification, the first of all runs and with no test that uses a fixture; nothing heavy is imported for it."""
    (unsaid.path / "conftest.py").unlink()
    unsaid.makepyfile(
        """
        import sys

        def test_x():
            heavy = {"psycopg", "sqlalchemy", "polars", "numpy", "factory", "testcontainers", "docker", "alembic"}
            assert heavy.isdisjoint(sys.modules)
        """
    )
    result = unsaid.runpytest_subprocess("-p", "no:faker", "-p", "no:postgresql")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([CHOSEN])


def test_a_run_of_several_workers_has_it_once(unsaid: pytest.Pytester) -> None:
    """From the process that begins the run."""
    unsaid.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'embedded'")
    result = unsaid.runpytest_subprocess("-n", "2")
    result.assert_outcomes(passed=1)
    assert result.stdout.str().count("seedbed: ") == 1
    result.stdout.fnmatch_lines([CHOSEN])


def test_elsewhere_nothing_is_heard_of_us(unsaid: pytest.Pytester) -> None:
    """A folder that is no project, and nothing said."""
    (unsaid.path / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    (unsaid.path / "conftest.py").unlink()
    unsaid.makepyfile("def test_x(): pass")
    result = unsaid.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("seedbed: *")


def test_a_quiet_run_is_quiet(unsaid: pytest.Pytester) -> None:
    """There is no header, and no line at the end in its stead."""
    unsaid.makepyfile("def test_x(seedbed_server): pass")
    result = unsaid.runpytest_subprocess("-q")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("seedbed: *")


def test_an_explicit_choice_never_falls_back(unsaid: pytest.Pytester) -> None:
    """No Docker, no run, although the embedded server is there; the header says it before the test does."""
    unsaid.makepyfile("def test_x(seedbed_session): pass")
    result = unsaid.runpytest_subprocess("--seedbed-server=container")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"seedbed: there is no PostgreSQL server to be had from container*{NOWHERE}*",
            f"*no Docker daemon at {NOWHERE}*",
        ]
    )


def test_where_there_is_no_project_a_run_that_needs_a_server_has_it(
    unsaid: pytest.Pytester,
) -> None:
    """The payroll project's rows are there for the curious; after collection at the latest the run says where."""
    for name in ("shop", "factories", "seeds"):
        shutil.rmtree(unsaid.path / name)
    (unsaid.path / "pyproject.toml").unlink()
    (unsaid.path / "conftest.py").unlink()
    unsaid.makepyfile("def test_x(seedbed_server): assert seedbed_server.kind == 'embedded'")
    for options in ((), ("-n", "2")):
        result = unsaid.runpytest_subprocess(*options)
        result.assert_outcomes(passed=1)
        whose = f"seedbed: the tables and rows of the payroll project, seedbed's own example: * {unsaid.path} *"
        result.stdout.fnmatch_lines([CHOSEN, whose])
