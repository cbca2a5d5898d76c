"""What belongs to the whole server: what tests leave there does not come back, what a schema makes there is in nobody's way."""

from __future__ import annotations

import pytest

from tests.plugin.test_schema import TABLES


def test_what_a_test_leaves_on_the_server_is_not_kept(shop: pytest.Pytester) -> None:
    """The next run makes it again; the end of this one says why it took nothing along."""
    shop.makepyfile("""
        import psycopg

        def test_x(seedbed_server, seedbed_session):
            with psycopg.connect(seedbed_server.admin, autocommit=True) as admin:
                admin.execute("CREATE ROLE app_reader")
                admin.execute("CREATE DATABASE mine")
                admin.execute("ALTER SYSTEM SET work_mem = '5MB'")
        """)
    first = shop.runpytest_subprocess("-q")
    first.assert_outcomes(passed=1)
    first.stdout.fnmatch_lines(
        [
            "seedbed: templates are not kept for the next run: tests have changed the server itself "
            "(ALTER SYSTEM SET work_mem, database mine, role app_reader)"
        ]
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_a_schema_may_make_a_role(shop: pytest.Pytester) -> None:
    """It is kept with its template, and made anew with it; two templates at once need it to be made with care."""
    (shop.path / "schema.sql").write_text(f"CREATE ROLE app;{TABLES}GRANT SELECT ON users TO app;")
    shop.makepyfile("""
        import pytest

        def test_x(seedbed_psycopg):
            seedbed_psycopg.execute("SET ROLE app")
            seedbed_psycopg.execute("SELECT FROM users")

        @pytest.mark.seedbed(minimal=True)
        def test_another_template(seedbed): pass
        """)
    options = ("-q", "--seedbed-schema=schema.sql")
    one = (*options, "-k", "test_x")
    shop.runpytest_subprocess(*one).assert_outcomes(passed=1, deselected=1)
    seeds = shop.path / "seeds" / "users.yaml"
    seeds.write_text(seeds.read_text() + "cy:\n  name: Cy\n")
    second = shop.runpytest_subprocess(*one)
    second.assert_outcomes(passed=1, deselected=1)
    second.stdout.no_fnmatch_line("*not kept*")
    both = shop.runpytest_subprocess(*options)
    both.assert_outcomes(passed=1, errors=1)
    both.stdout.fnmatch_lines(["seedbed: *role*already exists*", "*only where it is missing*"])
