"""What a rolled-back test's transaction is made of: savepoints that are sent ahead and uncompiled behave like SQLAlchemy's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import IntegrityError, InternalError, InvalidRequestError
from sqlalchemy.orm import Session

from factories import UserFactory
from factories.models import User
from seedbed.pytest_plugin import Seedbed

KINDS = {1: "int", 2: "bigint"}
TWICE = pytest.mark.parametrize("time", [1, 2])
"""The second must not be hurt by what the first left behind."""


def names(session: Session) -> list[str | None]:
    return sorted(session.scalars(select(User.display_name)), key=str)


def count_of(connection: psycopg.Connection, *those: str) -> int:
    query = "SELECT count(*) FROM users WHERE display_name = ANY(%s)"
    (found,) = connection.execute(query, [[*those]]).fetchone() or (None,)
    return int(found or 0)


@pytest.fixture
def before(seedbed_session: Session) -> list[str | None]:
    return names(seedbed_session)


class TestNested:
    def test_what_failed_inside_is_undone_and_the_rest_stays(
        self, seedbed_session: Session, before: list[str | None]
    ) -> None:
        UserFactory.create(display_name="outer")
        with pytest.raises(IntegrityError), seedbed_session.begin_nested():
            seedbed_session.execute(text("INSERT INTO users DEFAULT VALUES"))
        assert names(seedbed_session) == sorted([*before, "outer"], key=str)

    def test_a_nested_one_can_be_committed_and_the_session_rolled_back(
        self, seedbed_session: Session, before: list[str | None]
    ) -> None:
        with seedbed_session.begin_nested():
            UserFactory.create(display_name="inner")
        seedbed_session.rollback()
        assert names(seedbed_session) == before

    def test_a_failed_transaction_refuses_savepoints_in_sqlalchemys_words(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        with pytest.raises(IntegrityError):
            seedbed.connection.execute(text("INSERT INTO users DEFAULT VALUES"))
        with pytest.raises(InternalError, match="current transaction is aborted"):
            seedbed.connection.begin_nested()


class TestFirst:
    """A session's first savepoint is set with the transaction: only for the first that asks, before anything has happened."""

    def test_another_connection_may_take_it(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        with seedbed.engine.connect() as other:
            other.begin_nested().commit()
        before = names(seedbed_session)
        UserFactory.create()
        seedbed_session.rollback()
        assert names(seedbed_session) == before

    def test_what_the_connection_did_before_is_not_the_sessions(
        self, seedbed_psycopg: psycopg.Connection, seedbed_session: Session
    ) -> None:
        seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
        seedbed_session.execute(text("UPDATE users SET display_name = 'y'"))
        seedbed_session.rollback()
        assert set(names(seedbed_session)) == {"x"}


class TestSharing:
    """Several connections of SQLAlchemy's and psycopg's are one: none undoes what another has committed or only begun before it."""

    @pytest.mark.parametrize("end", ["flush", "commit"])
    def test_a_connection_that_reads_undoes_nothing(
        self, seedbed: Seedbed, seedbed_session: Session, before: list[str | None], end: str
    ) -> None:
        UserFactory.create(display_name="kept")
        getattr(seedbed_session, end)()
        for _ in range(2):
            with Session(seedbed.engine) as other:
                assert "kept" in names(other)
        assert names(seedbed_session) == sorted([*before, "kept"], key=str)
        seedbed_session.rollback()
        assert ("kept" in names(seedbed_session)) == (end == "commit")

    def test_a_rollback_of_psycopgs_stops_at_the_sessions_commit(
        self, seedbed_session: Session, seedbed_psycopg: psycopg.Connection
    ) -> None:
        UserFactory.create(display_name="kept")
        seedbed_session.commit()
        UserFactory.create(display_name="gone")
        seedbed_psycopg.rollback()
        assert {"kept", "gone"} & {*names(seedbed_session)} == {"kept"}

    def test_a_rollback_of_the_sessions_stops_at_anothers_commit(
        self, seedbed: Seedbed, seedbed_session: Session, before: list[str | None]
    ) -> None:
        """The session has only read before: an application's work must outlive its rollback."""
        with seedbed.engine.begin() as other:
            other.execute(text("UPDATE users SET display_name = 'x'"))
        seedbed_session.rollback()
        assert set(names(seedbed_session)) == {"x"}

    def test_what_another_does_not_commit_is_undone_alone(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        UserFactory.create(display_name="kept")
        with seedbed.engine.connect() as other:
            other.execute(text("DELETE FROM activity_logs"))
            with other.begin_nested():
                other.execute(text("UPDATE users SET display_name = 'x'"))
        assert "kept" in names(seedbed_session)
        assert "x" not in names(seedbed_session)

    def test_the_engines_first_connection_undoes_nothing(self, seedbed: Seedbed) -> None:
        seedbed.psycopg.execute("UPDATE users SET display_name = 'x'")
        with seedbed.engine.connect() as other:
            assert set(other.scalars(select(User.display_name))) == {"x"}
        assert set(names(seedbed.session)) == {"x"}

    def test_a_commit_inside_a_block_of_psycopgs(
        self, seedbed_psycopg: psycopg.Connection, seedbed_session: Session
    ) -> None:
        with seedbed_psycopg.transaction():
            seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
            names(seedbed_session)
            seedbed_session.commit()
        assert set(names(seedbed_session)) == {"x"}

    def test_threads_take_turns(self, seedbed: Seedbed, before: list[str | None]) -> None:
        """As an application's do: each statement of the one connection is another's turn."""
        first = seedbed.engine

        def work(number: int) -> None:
            for turn in range(10):
                with first.begin() as connection:
                    connection.execute(
                        text("UPDATE users SET display_name = :name"), {"name": f"{number} {turn}"}
                    )

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert names(seedbed.session)[0] in {f"{number} 9" for number in range(4)}


class TestConnection:
    """SQLAlchemy's connection is used again by the next test only where that cannot be seen."""

    heard: ClassVar[list[object]] = []

    @TWICE
    def test_listeners_end_with_the_test(self, seedbed_session: Session, time: int) -> None:
        before = [*self.heard]
        names(seedbed_session)
        assert self.heard == before
        connection = seedbed_session.connection()
        event.listen(connection, "before_cursor_execute", lambda *said: self.heard.append(said))

    @TWICE
    def test_options_end_with_the_test(self, seedbed_session: Session, time: int) -> None:
        assert not seedbed_session.connection().get_execution_options()
        seedbed_session.connection().execution_options(yield_per=10)

    @TWICE
    @pytest.mark.parametrize("ended", ["close", "commit", "invalidate"])
    def test_one_that_was_ended_is_replaced(
        self, seedbed_connection: Connection, ended: str, time: int
    ) -> None:
        assert seedbed_connection.scalar(text("SELECT 1")) == 1
        getattr(seedbed_connection, ended)()

    def test_a_transaction_can_be_begun(self, seedbed_connection: Connection) -> None:
        with seedbed_connection.begin():
            seedbed_connection.execute(text("UPDATE users SET display_name = 'x'"))
        seedbed_connection.rollback()
        assert set(seedbed_connection.scalars(select(User.display_name))) == {"x"}

    def test_autocommit_is_one_connections_own(
        self, seedbed: Seedbed, seedbed_session: Session, before: list[str | None]
    ) -> None:
        """What fails there undoes nothing that the session has under way."""
        UserFactory.create(display_name="x")
        with seedbed.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            with pytest.raises(IntegrityError):
                other.execute(text("INSERT INTO users DEFAULT VALUES"))
            assert "x" in names(seedbed_session)
            other.execute(text("UPDATE users SET display_name = 'y'"))
            other.rollback()
        seedbed_session.rollback()
        assert set(names(seedbed_session)) == {"y"}
        UserFactory.create(display_name="z")
        seedbed_session.rollback()
        assert "z" not in names(seedbed_session)

    def test_another_isolation_level_wants_a_clone(self, seedbed: Seedbed) -> None:
        with (
            seedbed.engine.connect() as other,
            pytest.raises(InvalidRequestError, match="isolation='clone'"),
        ):
            other.execution_options(isolation_level="SERIALIZABLE")

    def test_echo_is_the_tests_own(
        self, seedbed: Seedbed, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "sqlalchemy.engine")
        names(seedbed.session)
        assert "FROM users" in caplog.text


class TestReseed:
    def test_the_fixtures_go_on(
        self, seedbed: Seedbed, seedbed_session: Session, seedbed_psycopg: psycopg.Connection
    ) -> None:
        """The session is the same, and so is what a commit of it means."""
        first = UserFactory.create(display_name="gone")
        seedbed_session.commit()
        seedbed.reseed()
        assert seedbed.session is seedbed_session
        assert first not in seedbed_session
        UserFactory.create(display_name="kept")
        seedbed_session.commit()
        seedbed_psycopg.rollback()
        assert {"gone", "kept"} & {*names(seedbed_session)} == {"kept"}

    def test_a_connection_that_was_closed_is_replaced(
        self, seedbed: Seedbed, seedbed_connection: Connection, seedbed_session: Session
    ) -> None:
        seedbed_connection.close()
        seedbed.reseed()
        assert names(seedbed_session)


class TestPsycopg:
    def test_the_transaction_shows_as_open(self, seedbed_psycopg: psycopg.Connection) -> None:
        """Though its beginning was sent ahead and nothing has waited for the answer yet."""
        assert seedbed_psycopg.info.transaction_status == TransactionStatus.INTRANS

    def test_a_block_inside_the_test_can_be_rolled_back(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        with seedbed_psycopg.transaction() as block:
            seedbed_psycopg.execute("DELETE FROM activity_logs")
            raise psycopg.Rollback(block)

    def test_a_pipeline_begins_after_what_was_sent_ahead(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        seedbed_psycopg.commit()
        with seedbed_psycopg.pipeline():
            found = [seedbed_psycopg.execute("SELECT %s::int", [each]) for each in (1, 2)]
        assert [cursor.fetchone() for cursor in found] == [(1,), (2,)]

    def test_a_block_outside_of_a_transaction_commits(
        self, seedbed_psycopg: psycopg.Connection, seedbed_session: Session
    ) -> None:
        """As psycopg's outermost does, whatever SQLAlchemy has under way."""
        UserFactory.create(display_name="x")
        with seedbed_psycopg.transaction():
            seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
        seedbed_psycopg.rollback()
        seedbed_session.rollback()
        assert set(names(seedbed_session)) == {"x"}

    def test_a_block_inside_of_a_transaction_does_not(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        seedbed_psycopg.execute("SELECT 1")
        with seedbed_psycopg.transaction():
            seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
        seedbed_psycopg.rollback()
        assert count_of(seedbed_psycopg, "x") == 0

    def test_a_block_that_is_rolled_back_commits_nothing(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        with seedbed_psycopg.transaction(force_rollback=True):
            seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
        with seedbed_psycopg.transaction():
            seedbed_psycopg.execute("UPDATE users SET display_name = 'y'")
            raise psycopg.Rollback
        seedbed_psycopg.commit()
        assert count_of(seedbed_psycopg, "x", "y") == 0

    @pytest.mark.parametrize("end", ["commit", "rollback"])
    def test_a_pipeline_can_be_committed_and_rolled_back(
        self, seedbed_psycopg: psycopg.Connection, end: str
    ) -> None:
        with seedbed_psycopg.pipeline():
            seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
            getattr(seedbed_psycopg, end)()
            seedbed_psycopg.execute("UPDATE users SET display_name = 'y'")
            seedbed_psycopg.rollback()
        assert count_of(seedbed_psycopg, "y") == 0
        assert (count_of(seedbed_psycopg, "x") > 0) == (end == "commit")

    @TWICE
    def test_autocommit_keeps_each_statement(
        self, seedbed_psycopg: psycopg.Connection, time: int
    ) -> None:
        """One that fails spoils nothing; a block can still be rolled back; the next test begins without it."""
        assert not seedbed_psycopg.autocommit
        seedbed_psycopg.autocommit = True
        seedbed_psycopg.execute("UPDATE users SET display_name = 'x'")
        with pytest.raises(psycopg.errors.NotNullViolation):
            seedbed_psycopg.execute("INSERT INTO users DEFAULT VALUES")
        with seedbed_psycopg.transaction(force_rollback=True):
            seedbed_psycopg.execute("UPDATE users SET display_name = 'y'")
        seedbed_psycopg.rollback()
        assert count_of(seedbed_psycopg, "y") == 0
        assert count_of(seedbed_psycopg, "x") > 0

    def test_autocommit_is_not_changed_inside_of_a_transaction(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        seedbed_psycopg.execute("SELECT 1")
        with pytest.raises(psycopg.ProgrammingError, match="can't change 'autocommit' now"):
            seedbed_psycopg.autocommit = True

    def test_an_isolation_level_wants_a_clone(self, seedbed_psycopg: psycopg.Connection) -> None:
        with pytest.raises(psycopg.ProgrammingError, match=r"'isolation_level'.*isolation='clone'"):
            seedbed_psycopg.isolation_level = psycopg.IsolationLevel.SERIALIZABLE

    @TWICE
    def test_prepared_statements_end_with_the_test(
        self, seedbed_psycopg: psycopg.Connection, time: int
    ) -> None:
        """A table of the same name in the next test is another table."""
        seedbed_psycopg.execute(f"CREATE TABLE scratch AS SELECT {time}::{KINDS[time]} AS n")
        for _ in range(8):
            assert seedbed_psycopg.execute("SELECT * FROM scratch").fetchone() == (time,)


@pytest.mark.seedbed(isolation="clone")
class TestClone:
    """A clone comes with a connection that is open already."""

    ALONE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"

    def test_the_session_takes_it(self, seedbed_session: Session) -> None:
        assert seedbed_session.scalar(text(self.ALONE)) == 1

    def test_psycopg_takes_it(self, seedbed_psycopg: psycopg.Connection) -> None:
        assert seedbed_psycopg.execute(self.ALONE).fetchone() == (1,)

    def test_who_connects_by_url_is_alone(self, seedbed: Seedbed) -> None:
        """Until the last session has ended, DROP and CREATE DATABASE wait for it or refuse."""
        with psycopg.connect(seedbed.dsn, autocommit=True) as own:
            while own.execute(self.ALONE).fetchone() != (1,):
                pass
