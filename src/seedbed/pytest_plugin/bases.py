"""The databases that several tests of one process use in turn: one to roll back in, one to read from, for each template."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from logging import INFO
from typing import TYPE_CHECKING, Any

import psycopg

from seedbed.pytest_plugin.listening import heard
from seedbed.pytest_plugin.manners import Manners, as_made, habits, look_at
from seedbed.testdb.address import driven
from seedbed.testdb.databases import Databases
from seedbed.testdb.registry import Template

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.orm import Session

    from seedbed.pytest_plugin.guarded import Guarded


class RollbackBase:
    """A database that every test leaves as it found it.

    Args:
        databases: makes it.
        template: what it is like.

    Attributes:
        last: the test that used it last.
        late: what has been committed when there was no test, and has not been told people yet.
        spoilt: whether there has been such a thing: no other test can begin here.
    """

    def __init__(self, databases: Databases, template: Template) -> None:
        from seedbed.pytest_plugin.guarded import open_guarded
        from seedbed.pytest_plugin.listening import Listener

        self.databases, self.template = databases, template
        self._spare: Connection | None = None
        self._asked = False
        self.last, self.spoilt, self.late = "", False, set[str]()
        self.session: Session | None = None
        self.name = databases.clone(template)
        self.url = databases.host.url(self.name)
        with databases.timed("connect"):
            self.psycopg: Guarded = open_guarded(self.url)
            self.listener = Listener(self.url)
        look_at(self.psycopg)

    @cached_property
    def engine(self) -> Engine:
        """An engine on the one connection."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        from seedbed.pytest_plugin.sharing import share

        engine = create_engine(
            driven(self.url),
            poolclass=StaticPool,
            creator=lambda: self.psycopg,
            pool_reset_on_return=None,
        )
        engine.dialect.do_rollback = lambda dbapi_connection: None  # type: ignore[method-assign]
        tests = Manners.of(self.psycopg)
        self.psycopg._adapters, self.psycopg._notice_handlers = None, []
        begun = self.psycopg.begun
        engine.connect().close()  # SQLAlchemy looks around on its first, and rolls back
        self.psycopg.begun = begun
        self.psycopg.found = Manners.of(self.psycopg)
        tests.taught(self.psycopg)
        share(engine.dialect, self.psycopg, self._commits)
        self._habits = habits(engine)
        return engine

    def _commits(self, connection: Connection) -> bool:
        """Say whether a savepoint that is released is the transaction of the test's session."""
        session = self.session
        return (
            session is not None
            and session.bind is connection
            and session.in_transaction()
            and not session.in_nested_transaction()
        )

    def connect(self) -> Connection:
        """Return a connection of SQLAlchemy's in its transaction: the last test's where nothing can be seen of that."""
        connection, self._spare = self._spare, None
        if connection is None or self.engine.logger.isEnabledFor(INFO):
            return self.engine.connect()
        return connection

    @property
    def fit(self) -> bool:
        """Whether another test can begin here."""
        return self.psycopg.fit and self.listener.fit and not self.spoilt

    def ask(self) -> None:
        """Let the server find out what has been committed since the last test's end."""
        with suppress(psycopg.Error):  # somebody has ended all connections
            self.listener.ask()
            self._asked = True

    def hear(self) -> None:
        """Note what has been committed since the last test's end: all, if that was asked; else what has been told by now."""
        if self._asked:
            self.hear_all()
        with suppress(psycopg.Error):
            self.psycopg.pgconn.consume_input()
            self.late.update(heard(self.psycopg.pgconn))

    def hear_all(self) -> None:
        """Note all that has been committed since the last test's end."""
        self._asked = False
        with suppress(psycopg.Error):
            self.late.update(self.listener.heard())

    def forget(self) -> None:
        """Make a new engine for the next test where this one has left something on it."""
        if "engine" in self.__dict__ and habits(self.engine) != self._habits:
            self._spare = None
            del self.__dict__["engine"]

    def put_back(self, connection: Connection) -> None:
        """Keep a test's connection for the next one, or close it."""
        if untouched(connection):
            self._spare = connection
        else:
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        self.psycopg.holding = False
        if "engine" in self.__dict__:
            self.engine.dispose()
        self.psycopg.close()
        self.listener.close()


def untouched(connection: Connection) -> bool:
    """Say whether a test has left nothing on a connection: no end, no transaction, no options, no listeners, no logging."""
    return (
        not (connection.closed or connection.invalidated or connection.in_transaction())
        and not connection.get_execution_options()
        and not getattr(connection, "_has_events", True)
        and not getattr(connection, "_echo", True)
    )


class SharedBase:
    """A database that tests only read from: its transactions are read-only unless a test says otherwise.

    Args:
        databases: makes it.
        template: what it is like.
    """

    def __init__(self, databases: Databases, template: Template) -> None:
        from psycopg import sql

        from seedbed.testdb.connecting import connect

        self.databases, self.template = databases, template
        self.name = databases.clone(template)
        self.url = databases.host.url(self.name)
        with connect(self.url) as connection:
            look_at(connection)
            name = sql.Identifier(self.name)
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name)
            )

    @cached_property
    def engine(self) -> Engine:
        """An engine with a pool."""
        from sqlalchemy import create_engine

        return create_engine(driven(self.url))

    @cached_property
    def psycopg(self) -> psycopg.Connection[Any]:
        """A connection."""
        return psycopg.connect(self.url)

    fit = True
    """Whether another test can begin here: what is not is replaced."""

    def ask(self) -> None:
        """Do nothing: nobody can commit here."""

    def forget(self) -> None:
        """Undo what a test has set on the connections, and replace those that it has closed or left something on."""
        if (
            "engine" in self.__dict__
        ):  # settings that were committed stay with the pool's connections
            self.engine.dispose()
            del self.__dict__["engine"]
        if "psycopg" not in self.__dict__:
            return
        try:
            self.psycopg.rollback()
            self.psycopg.autocommit = True
            self.psycopg.execute("DISCARD ALL")
            self.psycopg.autocommit = False
            as_made(self.psycopg)
        except psycopg.Error:
            self.psycopg.close()
            del self.__dict__["psycopg"]

    def close(self) -> None:
        """Close the connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        if "psycopg" in self.__dict__:
            self.psycopg.close()
