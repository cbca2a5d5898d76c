"""The guard on real servers: the database connected to is asked, over the connection that would write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import Connection, sql

from seedbed import guard
from seedbed.environment import Environment, Verdict
from seedbed.errors import InvalidInput, Refused
from seedbed.servers import Server
from seedbed.servers.launcher import LocalServer
from seedbed.settings import Said


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with closing(psycopg.connect(database)) as opened:
        yield opened


def judge(
    connection: Connection, *environments: str, said: str | None = None, confirm: str | None = None
) -> Verdict:
    word = Said(said, "--environment") if said else None
    case = guard.Case("basics", environments or ("development",), said=word, confirm=confirm)
    return guard.judge(connection, case)


def name_of(connection: Connection) -> str:
    return connection.info.dbname


class TestAnEmptyDatabase:
    def test_is_taken_for_what_the_profile_is_for(self, connection: Connection) -> None:
        """Nothing speaks against it on a local socket."""
        verdict = judge(connection, "demo", "testing")
        assert (verdict.environment, verdict.unstamped) == (Environment.DEMO, True)

    def test_stays_what_it_was_stamped(self, connection: Connection) -> None:
        """The second apply finds the first one's stamp, even with rows there."""
        guard.stamp_verdict(connection, judge(connection, "demo"))
        connection.execute("CREATE TABLE t AS SELECT 1")
        verdict = judge(connection, "demo")
        assert (verdict.environment, verdict.unstamped) == (Environment.DEMO, False)

    def test_over_loopback_is_local_too(self, server: Server, connection: Connection) -> None:
        """127.0.0.1 counts as this machine."""
        assert isinstance(server, LocalServer)
        with psycopg.connect(server.tcp_url(name_of(connection))) as over_tcp:
            assert judge(over_tcp).unstamped

    @pytest.mark.parametrize(
        "table",
        [
            "CREATE TABLE t (id int)",
            "CREATE TABLE t AS SELECT 1 AS id; DELETE FROM t",
            "CREATE TABLE alembic_version AS SELECT 'abc' AS version_num",
            "CREATE TEMP TABLE t AS SELECT 1 AS id",
            "CREATE VIEW t AS SELECT 1 AS id",
        ],
    )
    def test_may_have_tables_without_rows(self, connection: Connection, table: str) -> None:
        """A schema that migrations made, with their own notes, is still empty."""
        connection.execute(table)
        assert judge(connection).unstamped


class TestAProfile:
    def test_may_name_environments_in_any_spelling(self, connection: Connection) -> None:
        """What people write in a variable, they write in a profile."""
        assert judge(connection, "dev", "TEST").environment is Environment.DEVELOPMENT

    def test_that_names_no_environment_is_not_valid(self, connection: Connection) -> None:
        """Such as one whose environments default to its own name."""
        with pytest.raises(InvalidInput, match="'basics' is not an environment"):
            judge(connection, "basics")


class TestBirth:
    def test_is_written_down_and_outlives_another_stamp(self, connection: Connection) -> None:
        """What seedbed created stays seedbed's creation whatever it is used for."""
        guard.stamp_at_birth(connection, "development")
        assert judge(connection).born
        assert guard.stamp(connection, "demo", confirm=name_of(connection)).environment == "demo"
        assert judge(connection, "demo").born

    def test_is_not_claimed_by_a_stamp(self, connection: Connection) -> None:
        """A database that somebody else made is stamped like any other."""
        guard.stamp(connection, "development", confirm=name_of(connection))
        assert not judge(connection).born

    def test_is_added_to_a_ledger_from_before(self, connection: Connection) -> None:
        """It is read without the column, and written with it."""
        guard.stamp(connection, "development", confirm=name_of(connection))
        connection.execute("ALTER TABLE seedbed.stamp DROP COLUMN born")
        assert not judge(connection).born
        guard.stamp_at_birth(connection, "development")
        assert judge(connection).born


class TestTheServerConnectedTo:
    def test_need_not_tell_everybody_its_number(self, connection: Connection) -> None:
        """A role that may not ask for the system identifier is told so where a stamp has it, in the same transaction."""
        guard.stamp(connection, "development", confirm=name_of(connection))
        role = sql.Identifier(f"modest_{name_of(connection)}")
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA seedbed TO {}").format(role))
        connection.execute(sql.SQL("GRANT SELECT ON seedbed.stamp TO {}").format(role))
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(role))
        with pytest.raises(Refused, match="may not ask whether the stamp") as caught:
            judge(connection)
        assert "GRANT EXECUTE ON FUNCTION pg_catalog.pg_control_system()" in caught.value.remedy
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_explaining_refuses_nothing(connection: Connection) -> None:
    """The verdict says why an apply would be refused."""
    connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    verdict = guard.assess(connection)
    assert verdict.environment is Environment.UNKNOWN
    assert "holds rows (t)" in verdict.refusal


class TestAProtectedStamp:
    """What people would miss is not made fair game by one command that could have been meant for another database."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [("production", "staging"), ("production", "development"), ("staging", "demo")],
    )
    def test_is_weakened_only_where_it_is_named(
        self, connection: Connection, old: str, new: str
    ) -> None:
        name = name_of(connection)
        guard.stamp(connection, old, confirm=name)
        with pytest.raises(Refused, match=f"is stamped {old}") as caught:
            guard.stamp(connection, new, confirm=name)
        assert f"--from {old}" in caught.value.remedy
        done = guard.stamp(connection, new, confirm=name, origin=old)
        assert done.environment == new
        assert done.site.stamp is not None
        assert done.site.stamp.environment == old

    def test_of_another_name_is_refused(self, connection: Connection) -> None:
        name = name_of(connection)
        guard.stamp(connection, "production", confirm=name)
        with pytest.raises(Refused, match="is stamped production, and not stamped staging"):
            guard.stamp(connection, "development", confirm=name, origin="staging")

    def test_that_a_copy_brought_along_counts(self, connection: Connection) -> None:
        """The rows of production are in it."""
        name = name_of(connection)
        guard.stamp(connection, "production", confirm=name)
        connection.execute("UPDATE seedbed.stamp SET database_oid = 1")
        with pytest.raises(Refused, match="--from production"):
            guard.stamp(connection, "development", confirm=name)

    def test_may_become_a_stronger_one(self, connection: Connection) -> None:
        name = name_of(connection)
        for environment in ("development", "staging", "production", "production"):
            guard.stamp(connection, environment, confirm=name)


class TestWhatCountsAsRows:
    """A database is not empty because what it holds is in no ordinary table."""

    @pytest.mark.parametrize(
        ("ddl", "told"),
        [
            ("CREATE MATERIALIZED VIEW totals AS SELECT 1 AS n", "totals"),
            ("SELECT lo_from_bytea(0, 'a contract')", "large objects"),
            (
                "CREATE SCHEMA seedbed; CREATE TABLE seedbed.packets AS SELECT 1 AS n",
                "seedbed.packets",
            ),
        ],
    )
    def test_is_seen(self, connection: Connection, ddl: str, told: str) -> None:
        connection.execute(ddl)
        assert guard.assess(connection).site.occupied == (told,)

    def test_is_not_the_ledger_nor_a_view_that_was_never_filled(
        self, connection: Connection
    ) -> None:
        guard.stamp(connection, "testing", confirm=name_of(connection))
        connection.execute("DELETE FROM seedbed.stamp")
        connection.execute("CREATE MATERIALIZED VIEW totals AS SELECT 1 AS n WITH NO DATA")
        assert guard.assess(connection).site.occupied == ()
