"""Fault 56, for the whole suite: the canary of tests/canary.py sings wherever it is let out."""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
import pytest
from given import applied, prepare, rows

from seedbed.errors import DatabaseFailure
from tests import canary

LEAKS = {
    "printed": "print(PASSWORD)",
    "printed_to_stderr": "print(ROW, file=sys.stderr)",
    "printed_by_a_child": "subprocess.run(['echo', 'x'], check=True); os.write(1, ROW.encode())",
    "read_from_a_child": "subprocess.run(['cat'], input=ROW, text=True, capture_output=True)",
    "read_as_bytes": "subprocess.run(['cat'], input=PASSWORD.encode(), capture_output=True)",
    "logged": "logging.getLogger('x').warning('at %s', PASSWORD)",
    "an_argument": "subprocess.run(['true', f'postgresql://postgres:{PASSWORD}@/x'])",
    "warned_of": "sys.stderr.write(f'psql: {PASSWORD}')",
    "json": "print(json.dumps({'url': PASSWORD}))",
}


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a pytester whose runs load the plugin, with a canary of their own."""
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("SEEDBED_CANARY", "planted")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


HEADER = """
import json, logging, os, subprocess, sys
from tests.canary import PASSWORD, ROW
"""


def test_fault_56_every_leak_fails_its_test_by_name_and_is_shown_nowhere(
    run: pytest.Pytester,
) -> None:
    """Standard output, standard error, logs, children, arguments; the report and the JUnit file are sealed."""
    leaks = "".join(f"def test_{name}():\n    {leak}\n" for name, leak in LEAKS.items())
    run.makepyfile(test_leaks=HEADER + leaks + "def test_silent():\n    print('nothing')\n")
    result = run.runpytest_subprocess("-p", "tests.canary_watch", "-rA", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=len(LEAKS))
    shown = result.stdout.str() + result.stderr.str() + (run.path / "junit.xml").read_text()
    failed = {
        line.split("::")[1].split()[0] for line in result.outlines if line.startswith("FAILED")
    }
    assert failed == {f"test_{name}" for name in LEAKS}
    assert "planted" not in shown


def test_fault_56_what_a_test_reads_of_its_own_output_is_searched_too(run: pytest.Pytester) -> None:
    run.makepyfile(
        test_read=HEADER + "def test_x(capsys):\n    print(ROW)\n    capsys.readouterr()\n"
    )
    result = run.runpytest_subprocess("-p", "tests.canary_watch")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the canary row value is in captured output*"])


def test_fault_56_in_a_fixture(run: pytest.Pytester) -> None:
    """The phase that leaks fails, once."""
    fixture = "import pytest\n@pytest.fixture\ndef noisy():\n    yield\n    print(PASSWORD)\n"
    run.makepyfile(test_late=HEADER + fixture + "def test_x(noisy):\n    pass\n")
    result = run.runpytest_subprocess("-p", "tests.canary_watch")
    result.assert_outcomes(passed=1, errors=1)


def test_fault_56_a_failure_that_shows_a_url_is_sealed(run: pytest.Pytester) -> None:
    """pytest shows the arguments of a failed test, and URLs are among them; that is no leak of ours, but no report has it."""
    run.makepyfile(
        test_failing=HEADER + "import pytest\n@pytest.mark.parametrize('number', [1])\n"
        "def test_x(number):\n    url = f'postgresql://postgres:{PASSWORD}@/x'\n    assert url == number\n"
    )
    result = run.runpytest_subprocess(
        "-p", "tests.canary_watch", "--showlocals", "--junitxml=junit.xml"
    )
    result.assert_outcomes(failed=1)
    shown = result.stdout.str() + (run.path / "junit.xml").read_text()
    assert canary.SEALED in result.stdout.str()
    assert "planted" not in shown


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_fault_56_a_program_somebody_else_started(run: pytest.Pytester) -> None:
    """Its arguments are read by everybody who looks, and so do we."""
    run.makepyfile(
        test_args=HEADER
        + """
def test_x():
    global child
    os.environ["SECRET"] = PASSWORD
    script = 'sh -c "echo ready; read x; :" name "$SECRET"; :'
    child = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()

def test_y():
    child.communicate(b"end")
"""
    )
    result = run.runpytest_subprocess("-p", "tests.canary_watch")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the canary password is in the arguments of a process*"])


def test_fault_56_the_canary_is_where_a_server_quotes_it(database: str) -> None:
    """Every row of a prepared table holds it: the server's own words do, ours do not."""
    prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, v text CHECK (v <> 'x'))")
    with psycopg.connect(database) as connection, pytest.raises(psycopg.Error) as raw:
        connection.execute("INSERT INTO t (v) VALUES ('x')")
    assert canary.ROW in (raw.value.diag.message_detail or "")
    with pytest.raises(DatabaseFailure) as ours:
        applied(database, rows("t", ["a"], {"v": ["x"]}))
    assert canary.ROW not in str(ours.value)


def test_fault_56_the_password_is_in_every_url(database: str) -> None:
    """And the server knows it."""
    parts = psycopg.conninfo.conninfo_to_dict(database)
    assert parts["password"] == canary.PASSWORD
    over_tcp = {"host": "127.0.0.1", "port": parts["port"], "user": "postgres"}
    with psycopg.connect(
        dbname=parts["dbname"], password=canary.PASSWORD, **over_tcp
    ) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dbname=parts["dbname"], password="another", **over_tcp)
