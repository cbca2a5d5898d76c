"""Faults 56 and 58: secrets. A password and a row's content reach no output, whoever quotes them. (57 is about backups.)"""

from __future__ import annotations

import json
import logging
import traceback
from pathlib import Path

import pytest
from given import applied, execute, prepare, rows

from seedbed.errors import SeedbedError
from seedbed.servers import Server
from tests.acceptance.program import FILES, Ran, run_seedbed, write_files

pytestmark = pytest.mark.on_one_server

SECRET = "c4n4ry"
"""What must not be seen; it stands in passwords and in rows."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the folder of a small project."""
    write_files(tmp_path / "shop", FILES)
    return tmp_path / "shop"


def shown_by(error: BaseException) -> str:
    """Return everything that Python or a test runner could show of an exception by itself."""
    parts = [str(error), repr(error), repr(error.args), *traceback.format_exception(error)]
    if isinstance(error, SeedbedError):
        parts += [error.message, error.remedy, repr(error.findings)]
    return "\n".join(parts)


# 56: a malformed URL, ?password=, a password with a space, rows in a server's DETAIL


MALFORMED = {
    f"postgresql://app:{SECRET}@127.0.0.1:1/nowhere": 6,
    f"postgresql://app:x%20{SECRET}@127.0.0.1:1/nowhere": 6,
    f"postgresql://app@127.0.0.1:1/nowhere?password={SECRET}": 6,
    f"host=127.0.0.1 port=1 user=app password='x {SECRET}'": 6,
    f"postgresql://app:x {SECRET}@127.0.0.1:1/nowhere": 2,
    f"postgresql://app:x/{SECRET}@127.0.0.1:1/nowhere": 2,
    f"postgresql://app:x@{SECRET}@127.0.0.1:1/nowhere": 2,
    f"postgresql://app:%zz{SECRET}@127.0.0.1:1/nowhere": 2,
    f"postgresql://app:x@127.0.0.1:{SECRET}/nowhere": 2,
    f"postgresql://app@127.0.0.1:1/nowhere?pasword={SECRET}": 2,
    f"host=127.0.0.1 port=1 user=app password=x {SECRET}": 2,
    f"mysql://app:{SECRET}@127.0.0.1:1/nowhere": 2,
    f"app:{SECRET}@127.0.0.1": 2,
}
"""URLs, and how an attempt to use them ends."""


@pytest.mark.parametrize("url", MALFORMED, ids=range(len(MALFORMED)))
def test_fault_56_a_url_is_reported_without_its_password(shop: Path, url: str) -> None:
    """As text with the traceback, and as JSON beside it."""
    variables = {"DATABASE_URL": url, "SEEDBED_TRACEBACK": "1"}
    done = run_seedbed(shop, "apply", "development", "--json", **variables)
    assert done.code == MALFORMED[url], done
    assert SECRET not in done.out + done.err
    assert json.loads(done.out)["error"]["exit_code"] == MALFORMED[url]


@pytest.mark.parametrize(
    "command", ["status", "destroy", "guard explain", "stamp testing --confirm x"]
)
def test_fault_56_by_whatever_command(shop: Path, command: str) -> None:
    for url in (
        f"postgresql://app:x/{SECRET}@db/x",
        f"postgresql://app@127.0.0.1:1/x?password={SECRET}",
    ):
        done = run_seedbed(shop, *command.split(), DATABASE_URL=url)
        assert done.code in (2, 3, 6), done
        assert SECRET not in done.out + done.err


def test_fault_56_in_the_configuration(shop: Path) -> None:
    """The line is named, not quoted."""
    with (shop / "pyproject.toml").open("a") as file:
        file.write(f'database_url = "postgresql://app:x/{SECRET}@db/x"\n')
    done = run_seedbed(shop, "apply", "development", SEEDBED_TRACEBACK="1")
    assert done.code == 2, done
    assert "[tool.seedbed]" in done.err
    assert SECRET not in done.out + done.err


def test_fault_56_a_password_that_the_server_refuses(shop: Path, server: Server) -> None:
    """libpq and the server speak of it; ours is not quoted."""
    url = server.tcp_url().partition("?")[0].replace("postgres@", f"postgres:{SECRET}%20x@")  # type: ignore[attr-defined]
    done = run_seedbed(shop, "apply", "development", DATABASE_URL=url, SEEDBED_TRACEBACK="1")
    assert done.code == 6, done
    assert "password authentication failed" in done.err
    assert SECRET not in done.out + done.err


def test_fault_56_an_exception_of_the_projects_own(shop: Path, database: str) -> None:
    """A driver in a recipe quotes its URL."""
    with (shop / "profiles" / "__init__.py").open("a") as file:
        file.write(f'raise RuntimeError("no way to postgresql://app:{SECRET}@db/x")\n')
    done = run_seedbed(shop, "apply", "development", DATABASE_URL=database)
    assert done.code == 2, done
    assert "RuntimeError: no way to postgresql://app:***@db/x" in done.err
    assert SECRET not in done.out + done.err


ROWS = {
    "not null": ("ALTER TABLE t ADD must text", "ALTER TABLE t ALTER must SET NOT NULL", {}),
    "check": ("", "ALTER TABLE t ADD CHECK (v NOT LIKE 'c4%') NOT VALID", {}),
    "foreign key": (
        "CREATE TABLE p (v text PRIMARY KEY)",
        "ALTER TABLE t ADD FOREIGN KEY (v) REFERENCES p NOT VALID",
        {},
    ),
    "unique key": (
        "",
        "CREATE UNIQUE INDEX ON t (v); INSERT INTO t (v) VALUES ('{secret} new')",
        {},
    ),
    "unique expression": (
        "",
        "CREATE UNIQUE INDEX ON t (lower(v)); INSERT INTO t (v) VALUES (upper('{secret} new'))",
        {},
    ),
    "exclusion": (
        "",
        "ALTER TABLE t ADD EXCLUDE (v WITH =); INSERT INTO t (v) VALUES ('{secret} new')",
        {},
    ),
    "domain": (
        "CREATE DOMAIN d AS text",
        "ALTER TABLE t ALTER v TYPE d; ALTER DOMAIN d ADD CHECK (value NOT LIKE 'c4%new')",
        {},
    ),
    "generated": (
        "",
        "ALTER TABLE t ADD n int GENERATED ALWAYS AS (CASE WHEN v LIKE '%new' THEN v::int END) STORED",
        {},
    ),
    "index row": ("", "CREATE INDEX ON t (repeat(v, 99999))", {}),
}
RAISED = {
    "plainly": "RAISE '%', NEW.v USING DETAIL = NEW.v, HINT = NEW.v",
    "under a code of its own": "RAISE EXCEPTION '%', NEW.v USING ERRCODE = '45000'",
    "as a violation": "RAISE check_violation USING MESSAGE = NEW.v, CONSTRAINT = NEW.v, TABLE = NEW.v, COLUMN = NEW.v",
    "as a unique key": "RAISE unique_violation USING MESSAGE = NEW.v, CONSTRAINT = NEW.v, TABLE = NEW.v, SCHEMA = NEW.v",
    "as a wrong value": "RAISE invalid_text_representation USING MESSAGE = NEW.v, COLUMN = NEW.v, DATATYPE = NEW.v",
    "as a privilege": "RAISE insufficient_privilege USING MESSAGE = NEW.v",
    "as a lock": "RAISE lock_not_available USING MESSAGE = NEW.v",
    "as a shutdown": "RAISE EXCEPTION USING ERRCODE = '57P01', MESSAGE = NEW.v",
    "as a deadlock": "RAISE deadlock_detected USING MESSAGE = NEW.v",
    "as an assertion": "ASSERT false, NEW.v",
    "as SQL": "EXECUTE 'SELECT ' || quote_ident(NEW.v)",
    "as a table": "EXECUTE 'INSERT INTO ' || quote_ident(NEW.v) || ' VALUES (1)'",
    "as a type": "NEW.id := NEW.v",
    "as a notice": "RAISE NOTICE '%', NEW.v; RAISE WARNING '%', NEW.v; RAISE LOG '%', NEW.v; PERFORM 1 / 0",
}


@pytest.fixture
def noisy(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """Return what is logged, at the lowest level and by every library."""
    caplog.set_level(logging.DEBUG)
    return caplog


def failure(url: str, value: str) -> SeedbedError:
    """Write a row that the server does not take, and one that it takes away; return what is raised."""
    with pytest.raises(SeedbedError) as caught:
        applied(url, rows("t", ["a", "b"], {"v": ["fine", value]}))
    return caught.value


@pytest.mark.parametrize("what", ROWS)
def test_fault_56_rows_that_the_server_quotes(database, noisy, capfd, what):
    """A new row and a changed one."""
    before, ddl, _ = ROWS[what]
    prepare(database, f"CREATE TABLE t (id serial PRIMARY KEY, v text); {before}")
    applied(database, rows("t", ["a", "b"], {"v": ["fine", "good"]}))
    if what in ("not null", "index row"):
        execute(database, "TRUNCATE t; DELETE FROM seedbed.rows")
    execute(database, ddl.format(secret=SECRET))
    found = failure(database, f"{SECRET} new")
    assert SECRET not in shown_by(found).lower()
    execute(database, "DELETE FROM seedbed.rows; DELETE FROM t WHERE v IN ('fine', 'good')")
    found = failure(database, f"{SECRET} new")
    assert SECRET not in shown_by(found).lower()
    assert SECRET not in noisy.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("how", RAISED)
def test_fault_56_rows_that_a_trigger_quotes(database, noisy, capfd, how):
    """On the way in, on change, and on the way out."""
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE TABLE u (id serial PRIMARY KEY, v text);"
        f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v LIKE '{SECRET}%' THEN {RAISED[how]}; END IF;"
        " RETURN NEW; END $$; CREATE TRIGGER f BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    assert SECRET not in shown_by(failure(database, f"{SECRET} new"))
    applied(database, rows("t", ["a", "b"], {"v": ["fine", "good"]}))
    assert SECRET not in shown_by(failure(database, f"{SECRET} new"))
    execute(
        database,
        f"DROP TRIGGER f ON t; UPDATE t SET v = '{SECRET}'; UPDATE seedbed.rows SET row_hash ="
        ' (SELECT hash_record_extended(ROW(v COLLATE "C"), 0) FROM t LIMIT 1);'
        + f"CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {RAISED[how].replace('NEW.', 'OLD.')};"
        " RETURN OLD; END $$; CREATE TRIGGER f BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    with pytest.raises(SeedbedError) as caught:
        applied(database, rows("u", ["x"], {"v": ["fine"]}), edits="overwrite")
    assert SECRET not in shown_by(caught.value)
    assert SECRET not in noisy.text + "".join(capfd.readouterr())


def test_fault_56_values_that_do_not_fit_are_located_and_not_quoted(database):
    """Whatever finds it: the check, or the server while it reads."""
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, i int, d date, u uuid, v varchar(3), a int[], j jsonb, n numeric)",
    )
    for column in "iduvajn":
        with pytest.raises(SeedbedError, match=rf"x: public\.t\.{column}") as caught:
            applied(database, rows("t", ["x"], {column: [SECRET]}))
        assert SECRET not in shown_by(caught.value)


def test_fault_56_on_the_command_line(shop: Path, database: str) -> None:
    """As text with the traceback, and as JSON."""
    run_seedbed(shop, "apply", "development", DATABASE_URL=database)
    execute(
        database, "ALTER TABLE customers ADD CONSTRAINT polite CHECK (name NOT LIKE '%c4n4ry%')"
    )
    write_files(
        shop, {"seeds/customers.yaml": f"ann:\n  email: ann@example.com\n  name: {SECRET}\n"}
    )
    for more in ([], ["--json"]):
        done = run_seedbed(
            shop, "apply", "development", *more, DATABASE_URL=database, SEEDBED_TRACEBACK="1"
        )
        assert done.code == 6, done
        assert "the check constraint polite is not met" in done.out + done.err
        assert SECRET not in done.out + done.err


PLUGIN = {
    "pyproject.toml": FILES["pyproject.toml"],
    "factories/__init__.py": "",
    "factories/models.py": FILES["factories/models.py"],
    "factories/people.py": FILES["factories/people.py"],
    "profiles/__init__.py": FILES["profiles/__init__.py"].replace("development", "testing"),
    "seeds/customers.yaml": FILES["seeds/customers.yaml"],
    "test_shop.py": "def test_customers(seedbed_session):\n    pass\n",
}


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{SECRET}@127.0.0.1:1/nowhere",
        f"postgresql://app:{SECRET}@db.example.com/shop",
        f"postgresql://app:x/{SECRET}@127.0.0.1/nowhere",
        f"postgresql://app@127.0.0.1:1/nowhere?password={SECRET}",
    ],
)
def test_fault_56_in_reports_of_pytest(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Its output, its log file, its JUnit file, also with the variables of each frame shown."""
    for name in ("DATABASE_URL", "PYTEST_ADDOPTS", "SEEDBED_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    write_files(pytester.path, PLUGIN)
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("SEEDBED_TEST_URL", url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    result = pytester.runpytest_subprocess(
        "--junitxml=junit.xml",
        "--log-file=log.txt",
        "--log-file-level=DEBUG",
        "-ra",
        "-p",
        "no:cacheprovider",
    )
    assert result.ret != 0
    files = [
        file.read_text()
        for name in ("junit.xml", "log.txt")
        if (file := pytester.path / name).exists()
    ]
    assert SECRET not in "".join([result.stdout.str(), result.stderr.str(), *files])


# 58: demo passwords are stored hashed, and shown only where asked for


SIGN_IN = {
    "factories/models.py": FILES["factories/models.py"].replace(
        "name: Mapped[str]\n", "name: Mapped[str]\n            password_hash: Mapped[str]\n", 1
    ),
    "factories/people.py": FILES["factories/people.py"]
    .replace("import factory\n", "import factory, hashlib\n", 1)
    .replace(
        'key = ("email",)\n',
        'key = ("email",)\n                exclude = ("password",)\n',
        1,
    )
    .replace(
        'name = factory.Faker("name")\n',
        'name = factory.Faker("name")\n            password = factory.LazyAttribute(lambda o: "c4n4ry " + o.email)\n'
        "            password_hash = factory.LazyAttribute(lambda o: hashlib.scrypt(\n"
        "                o.password.encode(), salt=o.email.encode(), n=16, r=8, p=1).hex())\n",
        1,
    ),
}


def test_fault_58_a_password_is_stored_hashed_and_not_shown(shop: Path, database: str) -> None:
    """A factory's own attribute that no column takes: no command shows it, no table, ledger or export holds it."""
    write_files(shop, SIGN_IN)
    shown = ""
    for arguments in (
        ["apply", "development", "--detail"],
        ["plan", "development", "--detail", "--scale", "2", "--json"],
        ["preview", "development", "customers"],
        ["status", "--json"],
        ["export", "development", "--format", "csv", "--out", "exported"],
    ):
        done = run_seedbed(shop, *arguments, DATABASE_URL=database)
        assert done.code == 0, done
        shown += done.out + done.err
    for file in (shop / "exported").rglob("*"):
        shown += file.read_text() if file.is_file() else ""
    for table in ("customers", "orders", "seedbed.rows", "seedbed.runs", "seedbed.tables"):
        shown += str(execute(database, f"SELECT t::text FROM {table} t"))
    assert SECRET not in shown
    assert execute(
        database, "SELECT count(DISTINCT password_hash), min(length(password_hash)) FROM customers"
    ) == [(11, 128)]


def test_fault_58_it_is_shown_where_the_project_says_so(shop: Path, database: str) -> None:
    """A cast of its own; --quiet and --json leave it out."""
    write_files(shop, SIGN_IN)
    profiles = shop / "profiles" / "__init__.py"
    profiles.write_text(
        profiles.read_text().replace('"has three orders"', '"password c4n4ry ann@example.com"')
    )

    def apply(*arguments: str) -> Ran:
        return run_seedbed(shop, "apply", "development", *arguments, DATABASE_URL=database)

    assert "password c4n4ry ann@example.com" in apply().out
    for option in ("--quiet", "--json"):
        done = apply(option)
        assert SECRET not in done.out + done.err


def test_fault_58_the_payroll_demo_has_none() -> None:
    """Its users sign in with their wallets: no table has a column for a password."""
    from factories.models import Base

    columns = [column.name for table in Base.metadata.sorted_tables for column in table.columns]
    assert columns
    assert not [name for name in columns if "pass" in name or "pwd" in name]
