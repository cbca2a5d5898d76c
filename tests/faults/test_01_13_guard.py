"""Faults 1 to 5 and 9 to 13: getting past the guard with words, names and confirmations. test_06_08_reached.py is about where a URL leads.

Each time: exit 3, all the evidence, and nothing written.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from contents import bytes_of
from operating import PASSWORD, Operator, name_of, stamped, state
from psycopg import sql
from switchboard import switched

import seedbed
from seedbed import guard
from seedbed.errors import Refused
from seedbed.servers import Server, disposable
from seedbed.settings import PERMISSIONS
from tests.acceptance.terminal import END_OF_INPUT, on_terminal
from tests.canary import bare

pytestmark = pytest.mark.on_one_server

ROWS = "CREATE TABLE theirs AS SELECT 1 AS id"


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """Return somebody with a small project."""
    return Operator(tmp_path / "shop")


@contextmanager
def database_named(server: Server, name: str, template: str | None = None) -> Iterator[str]:
    """Make a database of a name, maybe a copy; yields its URL."""
    with closing(psycopg.connect(server.url(), autocommit=True)) as admin:
        quoted = sql.Identifier(name)
        copied = (
            sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        )
        admin.execute(sql.SQL("CREATE DATABASE {}{}").format(quoted, copied))
        try:
            yield server.url(name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


@contextmanager
def elsewhere(database: str, host: str) -> Iterator[str]:
    """Give a URL that leads to a database under the name of another machine, without leaving this one."""
    with switched(database) as url:
        named = url.replace("postgres@127.0.0.1", f"postgres:{PASSWORD}@{host}")
        yield f"{named}?hostaddr=127.0.0.1"


class TestFault01EnvironmentUnsetAndHostUnknown:
    @pytest.mark.parametrize("host", ["db.example.com", "db.c1x.eu-west-1.rds.amazonaws.com"])
    def test_fault_01_an_empty_database_elsewhere_needs_a_word(
        self, operator: Operator, database: str, host: str
    ) -> None:
        """The word is named, and with it the same command works."""
        with elsewhere(database, host) as far:
            said = operator.apply_refused(database, far)
            assert "nothing says what it is for" in said
            assert "--environment says what it is" in said
            assert operator.apply(far, "--environment", "development").code == 0

    def test_fault_01_rows_elsewhere_are_refused(self, operator: Operator, database: str) -> None:
        """Whatever the operator says."""
        with psycopg.connect(database) as connection:
            connection.execute(ROWS)
        with elsewhere(database, "db.example.com") as far:
            said = operator.apply_refused(database, far, "--environment", "development")
        assert "holds rows (theirs)" in said


class TestFault02SpellingsOfProduction:
    @pytest.mark.parametrize("word", ["PRD", " Live ", "'production'", "pRoDuCtIoN\t"])
    def test_fault_02_a_word_is_production_however_it_is_written(
        self, operator: Operator, database: str, word: str
    ) -> None:
        """Padded, quoted, in mixed case."""
        said = operator.apply_refused(database, database, "--environment", word)
        assert "is taken for production" in said

    @pytest.mark.parametrize(
        "variable", ["SEEDBED_ENVIRONMENT", "APP_ENV", "ENVIRONMENT", "NODE_ENV"]
    )
    def test_fault_02_in_every_variable(
        self, operator: Operator, database: str, variable: str
    ) -> None:
        """Ours and those of other tools."""
        said = operator.apply_refused(database, database, **{variable: " PRD"})
        assert f"{variable}: production ('PRD')" in said

    @pytest.mark.parametrize("name", ["shop_prod", "shopPRD", "LIVE shop"])
    def test_fault_02_a_name_is_production_however_it_is_written(
        self, operator: Operator, server: Server, name: str
    ) -> None:
        """Even an empty database on a local socket, and even against the operator's word."""
        with database_named(server, name) as url:
            assert "database name: production" in operator.apply_refused(url, url)
            said = operator.apply_refused(url, url, "--environment", "development")
            assert "contradicts itself" in said


class TestFault03StampedProduction:
    def test_fault_03_asked_for_development_both_are_shown(
        self, operator: Operator, database: str
    ) -> None:
        """The stamp and the word, and who stamped it."""
        stamped(database, "production")
        said = operator.apply_refused(database, database, "--environment", "development")
        assert "contradicts itself" in said
        assert "stamp: production (by postgres" in said
        assert "--environment: development ('development')" in said

    def test_fault_03_from_python_too(self, operator: Operator, database: str) -> None:
        """The guard sits below the command line; the variables are asked there, too."""
        stamped(database, "production")
        before = state(database)
        for more in ({"environment": "development"}, {}):
            with pytest.raises(Refused, match="refused: "):
                seedbed.apply("development", database, **more)  # type: ignore[arg-type]
        assert state(database) == before

    def test_fault_03_variables_are_asked_from_python(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NODE_ENV=production in the shell of a script."""
        monkeypatch.setenv("NODE_ENV", "production")
        with pytest.raises(Refused, match="taken for production") as caught:
            seedbed.apply("development", database)
        assert [found.where for found in caught.value.findings] == ["NODE_ENV"]
        assert bytes_of(database) == {}


class TestFault04RowsAndNoStamp:
    @pytest.mark.parametrize(
        "ddl",
        [
            ROWS,
            'CREATE SCHEMA "o""dd"; CREATE TABLE "o""dd"."T%s" AS SELECT 1 AS id',
            "CREATE TABLE t (id int) PARTITION BY LIST (id);"
            "CREATE TABLE t1 PARTITION OF t DEFAULT; INSERT INTO t VALUES (1)",
        ],
        ids=["a table", "an odd name", "a partition"],
    )
    def test_fault_04_refused_until_stamped_by_name(
        self, operator: Operator, database: str, ddl: str
    ) -> None:
        """The tables are named and so is the command, which then lets the same apply through."""
        with psycopg.connect(database) as connection:
            connection.execute(ddl)
        name = name_of(database)
        said = operator.apply_refused(database, database, "--environment", "development")
        assert "holds rows (" in said
        assert f"seedbed stamp ENVIRONMENT --confirm {name}" in said
        stamp = ("stamp", "development", "--database-url", database)
        operator.refused(database, *stamp)
        assert operator.run(*stamp, "--confirm", name).code == 0
        assert operator.apply(database).code == 0


class TestFault05TheStampOfAnotherDatabase:
    def test_fault_05_a_copy_on_the_same_server(
        self, operator: Operator, server: Server, database: str
    ) -> None:
        """It has another OID; nor does it count as created by seedbed, as the original does."""
        with psycopg.connect(database) as connection:
            guard.stamp_at_birth(connection, "development")
        assert operator.apply(database).code == 0
        with database_named(server, "copied", template=name_of(database)) as copy:
            said = operator.apply_refused(copy, copy)
            assert "carries the stamp of another database" in said
            assert "seedbed stamp ENVIRONMENT --confirm copied" in said
            operator.refused(copy, "destroy", "--database-url", copy, "--confirm", "copied")
            operator.run("stamp", "development", "--database-url", copy, "--confirm", "copied")
            with psycopg.connect(copy) as connection:
                assert not guard.assess(connection).born
            assert operator.apply(copy).code == 0

    def test_fault_05_a_dump_on_another_server(
        self, operator: Operator, database: str, other: Server
    ) -> None:
        """Even where the OIDs happen to be the same, the servers' identifiers are not."""
        stamped(database, "development")
        assert operator.apply(database).code == 0
        with database_named(other, "restored") as restored:
            copy_of_ledger(database, restored)
            said = operator.apply_refused(restored, restored, "--environment", "development")
            assert "carries the stamp of another database" in said


def copy_of_ledger(source: str, target: str) -> None:
    """Bring a stamp to another server as a dump does, with the worst of luck: the OID is right."""
    stamped(target, "development")
    with psycopg.connect(source) as connection:
        query = "SELECT system_identifier, stamped_at, stamped_by FROM seedbed.stamp"
        row = connection.execute(query).fetchone()
    with psycopg.connect(target) as connection:
        connection.execute(
            "UPDATE seedbed.stamp SET (system_identifier, stamped_at, stamped_by) = (%s, %s, %s)",
            row,
        )


@pytest.fixture(scope="module")
def other(backend: object) -> Iterator[Server]:
    """Return another server of the same kind."""
    with disposable(backend) as started:  # type: ignore[arg-type]
        yield started


class TestFault09Confirmations:
    WORDS = ("", "1", "false", "postgres")

    @pytest.mark.parametrize("word", WORDS)
    def test_fault_09_only_the_databases_name_confirms(
        self, operator: Operator, database: str, word: str
    ) -> None:
        """A stamp, a destroy, production; nothing that could lie around in a script or in the environment."""
        stamped(database, "production")
        at = ("--database-url", database, "--confirm", word)
        variables = {"SEEDBED_CONFIRM": name_of(database), "CONFIRM": "1"}
        for command in (("stamp", "development"), ("destroy",), ("apply", "reference")):
            said = operator.refused(database, *command, *at, **variables)
            assert f"--confirm {name_of(database)}" in said

    def test_fault_09_production_takes_the_name_and_a_profile_that_is_safe(
        self, operator: Operator, database: str
    ) -> None:
        """Both; and the rows are those picked by hand."""
        name = stamped(database, "production")
        at = ("--database-url", database)
        operator.refused(database, "apply", "reference", *at)
        done = operator.run("apply", "reference", *at, "--confirm", name)
        assert done.code == 0, done.err
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT name FROM customers").fetchall() == [("Ann",)]

    @pytest.mark.parametrize("value", ["0", "true", ""])
    def test_fault_09_a_variable_allows_nothing_unless_it_is_1(
        self, operator: Operator, database: str, value: str
    ) -> None:
        """The name alone is not enough where people would miss what is there."""
        name = stamped(database, "staging")
        given = {"DB_RESET_CONFIRM": value, "DB_RESET_ALLOW_PRODUCTION": "1"}
        reset = ("reset", "staged", "--database-url", database, "--confirm", name)
        said = operator.refused(database, *reset, "--no-backup", **given)
        assert "DB_RESET_CONFIRM=1" in said

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_fault_09_the_variables_are_never_enough_alone(
        self, operator: Operator, database: str, environment: str
    ) -> None:
        """All of them set, as they may be in somebody's shell: the name is still asked for."""
        name = stamped(database, environment)
        given = dict.fromkeys(PERMISSIONS, "1")
        for step in (("reset", "staged"), ("restore", "no.dump"), ("destroy",)):
            operator.refused(database, *step, "--database-url", database, "--no-backup", **given)
        command = ("reset", "staged", "--database-url", database, "--no-backup", "--confirm", name)
        done = operator.run(*command, **given)
        assert done.code == (0 if environment == "staging" else 3), done.err


class TestFault10NobodyToAsk:
    COMMANDS = (("stamp", "development"), ("destroy",))

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_fault_10_no_terminal(
        self, operator: Operator, database: str, command: tuple[str, ...]
    ) -> None:
        """Nothing is read, not even from an input that would answer."""
        stamped(database, "development")
        for typed in (None, "", f"{name_of(database)}\n"):
            said = operator.refused(database, *command, "--database-url", database, stdin=typed)
            assert "no terminal to ask on" in said

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_fault_10_an_input_that_never_ends_is_not_waited_for(
        self, operator: Operator, database: str, command: tuple[str, ...]
    ) -> None:
        """A pipe that stays open, as services for continuous integration give one."""
        stamped(database, "development")
        before = state(database)
        arguments = [sys.executable, "-m", "seedbed", *command, "--database-url", bare(database)]
        with subprocess.Popen(
            arguments, cwd=operator.folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.wait() == 3  # and only then does the pipe close
        assert state(database) == before

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_fault_10_a_terminal_in_continuous_integration_is_not_asked(
        self, operator: Operator, database: str, command: tuple[str, ...]
    ) -> None:
        """docker run -t gives one, and nobody sits there."""
        stamped(database, "development")
        before = state(database)
        arguments = (*command, "--database-url", database)
        code, shown = on_terminal(operator.folder, *arguments, CI="true")
        assert (code, "no terminal to ask on" in shown) == (3, True)
        assert state(database) == before

    def test_fault_10_an_input_that_ends_at_the_question_is_a_no(
        self, operator: Operator, database: str
    ) -> None:
        """Ctrl-D on a terminal."""
        stamped(database, "development")
        before = state(database)
        arguments = ("destroy", "--database-url", database)
        code, shown = on_terminal(operator.folder, *arguments, typed=END_OF_INPUT)
        assert (code, "the input ended without it" in shown) == (3, True)
        assert state(database) == before

    def test_fault_10_an_input_that_ends_at_the_offer_of_a_backup_is_a_no(
        self, operator: Operator, database: str
    ) -> None:
        """It is no yes either: no backup is made."""
        name = stamped(database, "development")
        assert operator.apply(database).code == 0
        before = state(database)
        arguments = ("destroy", "--database-url", database, "--confirm", name)
        code, shown = on_terminal(operator.folder, *arguments, typed=END_OF_INPUT)
        assert (code, "Make one now?" in shown) == (3, True)
        assert state(database) == before
        assert not (operator.folder / "backups").exists()


class TestFault11TestsAndARealDatabase:
    def run_tests(self, operator: Operator, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run pytest in the project; return its exit code and output."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=operator.folder,
            env={**kept, **variables},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    @pytest.mark.parametrize("way", ["--seedbed-url", "SEEDBED_TEST_URL", "seedbed_url"])
    @pytest.mark.parametrize("environment", ["production", "staging"])
    def test_fault_11_a_database_url_that_is_not_disposable_stops_the_run(
        self, operator: Operator, database: str, way: str, environment: str
    ) -> None:
        """Before anything is collected, in whichever way the tests ask for it; the server is local, the stamp is not for tests."""
        stamped(database, environment)
        (operator.folder / "test_it.py").write_text("raise SystemExit('collected')")
        before = state(database)
        variables = {"DATABASE_URL": database}
        options = {
            "--seedbed-url": [f"--seedbed-url={bare(database)}"],
            "SEEDBED_TEST_URL": [],
            "seedbed_url": ["-o", f"seedbed_url={bare(database)}"],
        }
        if way == "SEEDBED_TEST_URL":
            variables[way] = database
        code, said = self.run_tests(operator, *options[way], **variables)
        assert code == pytest.ExitCode.USAGE_ERROR
        assert "is not for tests" in said
        assert f"stamp: {environment}" in said
        assert "collected" not in said
        assert state(database) == before

    @pytest.mark.parametrize(
        "url",
        [
            f"postgresql://u:{PASSWORD}@db.example.com/shop",
            f"postgresql://u:{PASSWORD}@localhost/shop?host=db.example.com",
            f"postgresql://u:{PASSWORD}@localhost/shop?hostaddr=192.0.2.1",
        ],
    )
    def test_fault_11_one_on_another_machine_stops_the_run_unasked(
        self, operator: Operator, url: str
    ) -> None:
        """Nothing is connected to."""
        (operator.folder / "test_it.py").write_text("raise SystemExit('collected')")
        code, said = self.run_tests(operator, f"--seedbed-url={url}", DATABASE_URL=url)
        assert code == pytest.ExitCode.USAGE_ERROR
        assert "is not this machine" in said
        assert "collected" not in said
        assert PASSWORD not in said

    def test_fault_11_a_database_url_nobody_asks_for_is_not_connected_to(
        self, operator: Operator
    ) -> None:
        """The tests get a disposable database, and whoever listens at the URL hears nothing."""
        test = "def test_it(seedbed): assert seedbed.name.startswith('seedbed_')"
        (operator.folder / "test_it.py").write_text(test)
        with closing(socket.create_server(("127.0.0.1", 0))) as door:
            url = f"postgresql://u:{PASSWORD}@127.0.0.1:{door.getsockname()[1]}/shop"
            options = ("--seedbed-server=embedded", "--seedbed-profile=development")
            code, said = self.run_tests(operator, *options, DATABASE_URL=url)
            assert code == 0, said
            assert PASSWORD not in said
            door.setblocking(False)
            with pytest.raises(BlockingIOError):
                door.accept()


class TestFault12ProfilesWhereTheyDoNotBelong:
    def test_fault_12_no_profile_is_not_valid(self, operator: Operator, database: str) -> None:
        """There is none by default."""
        done = operator.run("apply", "--database-url", database)
        assert done.code == 2
        assert "PROFILE" in done.err
        assert bytes_of(database) == {}

    def test_fault_12_a_demo_profile_on_production(self, operator: Operator, database: str) -> None:
        """Not even with the database's name."""
        name = stamped(database, "production")
        at = ("--database-url", database)
        for confirm in ((), ("--confirm", name), ("--confirm", name, "--environment", "prod")):
            said = operator.refused(database, "apply", "demo", *at, *confirm)
            assert "the profile demo is not production_safe" in said

    def test_fault_12_a_profile_goes_only_where_it_says(
        self, operator: Operator, database: str
    ) -> None:
        """A development profile stays out of staging, and the other way round."""
        name = stamped(database, "staging")
        said = operator.apply_refused(database, database, "--confirm", name)
        assert f"{name} is for staging, and the profile development is for development" in said

    def test_fault_12_made_up_rows_never_go_to_production(
        self, operator: Operator, database: str
    ) -> None:
        """A profile that is marked production_safe and makes rows up is not valid anywhere."""
        profiles = operator.folder / "profiles" / "more.py"
        profiles.write_text(profiles.read_text() + "    rows.many(CustomerFactory, 3)\n")
        done = operator.run("apply", "reference", "--database-url", database)
        assert done.code == 2, done.err
        assert "customers: 3 rows made up" in done.err
        assert bytes_of(database) == {}


class TestFault13AnotherServerAfterTheCheck:
    """The servers behind one address change: a failover, a pooler, a port that is forwarded anew."""

    @pytest.fixture
    def moved(self, server: Server, other: Server) -> Iterator[tuple[str, str]]:
        """Return two databases of one name: for development here, production there."""
        with database_named(server, "moving") as here, database_named(other, "moving") as there:
            stamped(here, "development")
            stamped(there, "production", ROWS)
            yield here, there

    def test_fault_13_between_the_check_and_the_apply(
        self, operator: Operator, moved: tuple[str, str]
    ) -> None:
        """What `guard explain` and `plan` saw counts for nothing."""
        here, there = moved
        with switched(here, here, there) as url:
            allowed = operator.run("guard", "explain", "development", "--database-url", url)
            assert allowed.code == 0, allowed.out
            assert operator.run("plan", "development", "--database-url", url).code == 0
            said = operator.apply_refused(there, url)
        assert "moving is taken for production" in said
        assert "customers" not in str(bytes_of(here).keys())

    def test_fault_13_between_two_attempts_of_one_apply(
        self, operator: Operator, moved: tuple[str, str]
    ) -> None:
        """The first attempt is checked, writes, and fails in a way that is tried again; the second one reaches production."""
        here, there = moved
        assert operator.apply(here).code == 0
        with psycopg.connect(here) as connection:
            connection.execute("DELETE FROM orders")
            connection.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$"
            )
            connection.execute(
                "CREATE TRIGGER fail BEFORE INSERT ON orders EXECUTE FUNCTION fail()"
            )
        untouched = state(here)
        with switched(here, there) as url:
            said = operator.apply_refused(there, url, "--overwrite-edits")
        assert "moving is taken for production" in said
        assert {**state(here), "sequences": ()} == {**untouched, "sequences": ()}
