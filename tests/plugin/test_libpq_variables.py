"""What libpq's environment variables say of a machine's own databases is nothing to the tests'."""

from __future__ import annotations

import os

import pytest

from seedbed import servers

VARIABLES = {
    "PGHOST": "10.0.0.1",
    "PGHOSTADDR": "10.0.0.1",
    "PGOPTIONS": "-c search_path=foo",
    "PGREQUIREAUTH": "password",
    "PGSERVICE": "nosuch",
    "PGSSLMODE": "verify-full",
    "PGTZ": "Asia/Tokyo",
}
TESTS = """
    import os
    import psycopg
    import pytest

    @pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone", "shared"])
    def test_x(seedbed, count):
        assert count(seedbed.session) == 2
        with psycopg.connect(seedbed.dsn) as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone()[0] for name in ("search_path", "timezone")]
        assert shown[0] == '"$user", public' and shown[1] != "Asia/Tokyo"
        assert os.environ["PGHOST"] == "10.0.0.1"
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_a_server_of_ours_hears_of_none(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Those that a complete URL overrules stay in the environment, for tests of other databases."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    shop.makepyfile(TESTS)
    result = shop.runpytest_subprocess("-q", *(["-n1"] if workers else []))
    result.assert_outcomes(passed=3)
    result.stdout.no_fnmatch_line("seedbed: *")


def test_a_given_server_hears_how_it_is_entered(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its user here; not what would change its sessions."""
    with servers.disposable(servers.Embedded()) as server:
        url = server.url().replace("postgres@", "")
        monkeypatch.setenv("PGUSER", "postgres")
        for name in ("PGOPTIONS", "PGTZ"):
            monkeypatch.setenv(name, VARIABLES[name])
        shop.makepyfile(TESTS.replace('os.environ["PGHOST"] == "10.0.0.1"', "True"))
        shop.runpytest_subprocess("-q", f"--seedbed-url={url}").assert_outcomes(passed=3)


def test_the_environment_is_as_it_was_after_the_run(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a run inside of another program."""
    monkeypatch.setenv("PGOPTIONS", "-c search_path=foo")
    shop.makepyfile("import os\n\ndef test_x(seedbed): assert 'PGOPTIONS' not in os.environ")
    shop.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert os.environ["PGOPTIONS"] == "-c search_path=foo"
