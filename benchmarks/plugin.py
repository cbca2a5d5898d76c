"""``python -m benchmarks.plugin``: what the pytest plugin adds to a test, beside pytest-postgresql and the plain savepoint recipe.

One pytest run each, on servers of the same kind with their data in memory, with the testing profile's schema and rows. What a test
costs is the sum of its set-up, call and tear-down; what is added is that minus the same for tests that use no database at all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from statistics import median

import psycopg

import seedbed
from benchmarks.run import Result, _print, at_least, at_most
from seedbed.servers import choose, disposable

RESULTS = Path(__file__).parent / "plugin-results.json"
ROOT = Path(__file__).parent.parent

WORK_MS = 25
"""What a test that is not a benchmark does besides, in one of the measurements."""

BODY = """
    from sqlalchemy import text
    assert session.scalar(text("SELECT count(*) FROM users")) == 3
"""
PSYCOPG_BODY = """
    assert connection.execute("SELECT count(*) FROM users").fetchone() == (3,)
"""
CONFTEST = """
    import json, time

    spent = {}

    def pytest_runtest_logreport(report):
        spent[report.nodeid] = spent.get(report.nodeid, 0) + report.duration

    def pytest_sessionfinish(session):
        with open("spent.json", "w") as file:
            json.dump(list(spent.values()), file)
"""
RECIPE = """
    import pytest
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine({url!r})

    @pytest.fixture
    def session():
        connection = engine.connect()
        transaction = connection.begin()
        session = Session(bind=connection, join_transaction_mode="create_savepoint")
        yield session
        session.close()
        transaction.rollback()
        connection.close()
"""
POSTGRESQL = """
    import psycopg
    from pytest_postgresql import factories

    def load(**kwargs):
        import seedbed
        from urllib.parse import quote
        host, port = quote(str(kwargs["host"]), safe=""), kwargs["port"]
        url = "postgresql://postgres@/" + kwargs["dbname"] + f"?host={{host}}&port={{port}}"
        seedbed.apply("testing", url, environment="testing")

    server = factories.postgresql_noproc(host={host!r}, port={port}, user="postgres", load=[load])
    connection = factories.postgresql("server")
"""
OURS = """
    import pytest
    from factories.models import User  # as a test of models does
    pytestmark = pytest.mark.seedbed(isolation={isolation!r})

    @pytest.fixture
    def {name}({fixture}):
        return {fixture}
"""


def times(source: str, name: str | None, body: str, tests: int) -> list[float]:
    """Run tests of a body in a project that links to this one; return each test's milliseconds.

    Raises:
        SystemExit: they failed.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in ("pyproject.toml", "factories", "profiles", "seeds"):
            (folder / part).symlink_to(ROOT / part)
        (folder / "conftest.py").write_text(textwrap.dedent(CONFTEST))
        marked = f"@__import__('pytest').mark.parametrize('number', range({tests}))\n"
        function = f"def test_it({f'{name}, ' if name else ''}number):\n{body or '    pass'}\n"
        (folder / "test_it.py").write_text(textwrap.dedent(source) + "\n" + marked + function)
        ini = folder / "pytest.ini"
        ini.write_text("[pytest]\nseedbed_server = embedded\n")
        command = [sys.executable, "-m", "pytest", "-q", "-c", str(ini), "-p", "no:cacheprovider"]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        for _ in range(2):  # the second run finds what the first has kept
            ran = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True
            )
            if ran.returncode:
                sys.exit(ran.stdout[-3000:] + ran.stderr[-2000:])
        return [seconds * 1000 for seconds in json.loads((folder / "spent.json").read_text())]


def measured(tests: int) -> list[Result]:
    """Measure everything, in turns on one machine."""
    with disposable(choose("embedded").backend) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("CREATE DATABASE recipe")
        seedbed.apply("testing", server.url("recipe"), environment="testing")
        found = psycopg.conninfo.conninfo_to_dict(server.url())
        recipe = RECIPE.format(url=server.url("recipe").replace("://", "+psycopg://", 1))
        other = POSTGRESQL.format(host=found["host"], port=found["port"])
        nothing = median(times("", None, "", tests))
        raw = {
            "recipe": times(recipe, "session", BODY, tests),
            "pytest-postgresql": times(other, "connection", PSYCOPG_BODY, tests),
            "rollback": times(
                OURS.format(isolation="rollback", name="session", fixture="seedbed_session"),
                "session",
                BODY,
                tests,
            ),
            "clone": times(
                OURS.format(isolation="clone", name="connection", fixture="seedbed_psycopg"),
                "connection",
                PSYCOPG_BODY,
                tests,
            ),
        }
        working = OURS.format(isolation="clone", name="connection", fixture="seedbed_psycopg")
        pause = f"    __import__('time').sleep({WORK_MS / 1000})\n"
        raw["clone at work"] = times(working, "connection", PSYCOPG_BODY + pause, tests)
    added = {name: median(values[1:]) - nothing for name, values in raw.items()}
    rollback, clone = added["rollback"], added["clone"]
    plain, theirs = added["recipe"], added["pytest-postgresql"]
    return [
        at_most("rollback, added to a test", rollback, 1.5, "ms", f"recipe {plain:.2f} ms"),
        at_most("rollback / the savepoint recipe", rollback / plain, 0.5, "x"),
        at_most(
            "clone, added to tests without work of their own",
            clone,
            10,
            "ms",
            f"pytest-postgresql {theirs:.1f} ms",
        ),
        at_most(
            f"clone, added to tests that take {WORK_MS} ms",
            added["clone at work"] - WORK_MS,
            10,
            "ms",
            "the pool keeps up",
        ),
        at_least("pytest-postgresql / clone", theirs / clone, 5, "x"),
        at_most("first database, template cached", raw["rollback"][0], 250, "ms"),
    ]


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=60)
    chosen = parser.parse_args()
    results = measured(chosen.tests)
    _print(results, f"{chosen.tests} tests each")
    document = [{"what": each.what, "value": each.value, "unit": each.unit} for each in results]
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
