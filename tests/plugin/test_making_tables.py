"""Making tables with the project's code: it finds the new database wherever it looks, no other, and fails once."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import write
from tests.plugin.test_schema import ENV, MIGRATION, TABLES

PRODUCTION = "postgresql+psycopg://somebody@127.0.0.1:1/shop_production"
TEST = """
    import os
    import sys

    def test_x(seedbed_session, count):
        assert count(seedbed_session) == 2
        assert os.environ.get("DATABASE_URL") == sys.argv[-1]
        assert os.environ.get("PGDATABASE") == "shop_production"
"""
SPELLED = ENV.replace('context.config.get_main_option("sqlalchemy.url")', "{}")


@pytest.fixture
def migrated(shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the project with migrations, and the environment of a machine where production is a variable away."""
    monkeypatch.setenv("DATABASE_URL", PRODUCTION)
    monkeypatch.setenv("PGDATABASE", "shop_production")
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    write(
        shop,
        {
            "alembic.ini": "[alembic]\nscript_location = %(here)s/migrations\n",
            "migrations/env.py": ENV,
            "migrations/versions/1_start.py": MIGRATION,
        },
    )
    return shop


@pytest.mark.parametrize(
    "address",
    [
        'os.environ["DATABASE_URL"]',
        '"postgresql+psycopg://"',
        'f"postgresql+psycopg://{os.environ[\'PGUSER\']}@/" + os.environ["PGDATABASE"]',
    ],
)
def test_env_py_finds_the_new_database_in_the_environment(
    migrated: pytest.Pytester, address: str
) -> None:
    """DATABASE_URL and libpq's variables lead to it meanwhile; afterwards they are as they were."""
    write(migrated, {"migrations/env.py": f"import os\n{SPELLED.format(address)}"})
    migrated.makepyfile(TEST.replace("sys.argv[-1]", repr(PRODUCTION)))
    result = migrated.runpytest_subprocess("-q", "--seedbed-schema=alembic.ini")
    result.assert_outcomes(passed=1)


def test_a_hook_finds_it_there_too(migrated: pytest.Pytester) -> None:
    """With the driver that the application's own URL names."""
    conftest = migrated.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\n\ndef pytest_seedbed_schema():\n    import os\n    from shop.models import Base\n"
        + "    from sqlalchemy import create_engine\n"
        + '    Base.metadata.create_all(create_engine(os.environ["DATABASE_URL"]))\n    return True\n'
    )
    migrated.makepyfile(TEST.replace("sys.argv[-1]", repr(PRODUCTION)))
    migrated.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_another_database_is_not_connected_to(migrated: pytest.Pytester) -> None:
    """Settings that were read at the start still name it."""
    write(
        migrated,
        {
            "shop/settings.py": "import os\nURL = os.environ['DATABASE_URL']\n",
            "migrations/env.py": f"from shop.settings import URL\n{SPELLED.format('URL')}",
        },
    )
    migrated.makepyfile("import shop.settings\n\ndef test_x(seedbed): pass")
    result = migrated.runpytest_subprocess("-q", "--seedbed-schema=alembic.ini")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "seedbed: alembic.ini: migrations/env.py:* connects to the database 'shop_production' *refused"
        ]
    )
    result.stdout.fnmatch_lines(['*env.py: config.attributes?"connection"?*'])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_migrations_that_went_elsewhere_are_noticed(migrated: pytest.Pytester) -> None:
    """By whatever way: nothing is in the new database."""
    write(migrated, {"migrations/env.py": "pass\n"})
    migrated.makepyfile("def test_x(seedbed): pass")
    result = migrated.runpytest_subprocess("-q", "--seedbed-schema=alembic.ini")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["seedbed: alembic.ini made no tables in the database*"])


@pytest.mark.parametrize("kind", ["hook", "callable"])
def test_what_raises_is_tried_once_and_told_without_a_traceback(
    shop: pytest.Pytester, kind: str
) -> None:
    """Each test has the line; the first also the lines of the project that led there. The draft is dropped."""
    name, argument = ("pytest_seedbed_schema", "url") if kind == "hook" else ("make", "url")
    source = (
        f"import psycopg\n\ndef {name}({argument}):\n    open('calls', 'a').write('x')\n    run(url)\n\n"
        f"def run(url):\n    with psycopg.connect(url) as c:\n        c.execute('''{TABLES}''')\n        c.execute('SELEC 1')\n"
    )
    file = "conftest.py" if kind == "hook" else "shop/tables.py"
    (shop.path / file).write_text(source)
    shop.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_x(seedbed, number): pass

        def test_drafts(seedbed_server):
            import psycopg
            with psycopg.connect(seedbed_server.admin) as c:
                query = "SELECT count(*) FROM pg_database WHERE datname LIKE 'seedbed_draft%'"
                assert c.execute(query).fetchone() == (0,)
        """)
    options = [] if kind == "hook" else ["--seedbed-schema=shop.tables:make"]
    result = shop.runpytest_subprocess(
        "-q", "-rN", *options
    )  # under CI, a summary has it all again
    result.assert_outcomes(errors=3, passed=1)
    assert (shop.path / "calls").read_text() == "x"
    said = result.stdout.str()
    assert said.count(f"{file}:15: SyntaxError: syntax error at or near") == 3
    assert said.count("run(url)") == 1
    assert "Traceback" not in said
    assert "blueprint" not in said
