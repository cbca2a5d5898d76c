"""A test's stay in a database: one class for each way in which tests are kept apart."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from seedbed.testdb.address import driven
from seedbed.testdb.databases import Databases
from seedbed.testdb.registry import Template

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.orm import Session

    from seedbed.pytest_plugin.bases import RollbackBase, SharedBase


class Stay(Protocol):
    """What a test has of its database, each part made when it is first asked for."""

    isolation: str
    template: Template

    @property
    def name(self) -> str:
        """The database's name."""

    @property
    def url(self) -> str:
        """Its URL."""

    @property
    def engine(self) -> Engine:
        """An engine."""

    @property
    def connection(self) -> Connection:
        """A connection of SQLAlchemy's."""

    @property
    def session(self) -> Session:
        """A session."""

    @property
    def psycopg(self) -> psycopg.Connection[Any]:
        """A connection of psycopg's."""

    def async_engine(self) -> AsyncEngine:
        """Return an engine for asyncio."""

    def reseed(self) -> bool:
        """Go back to the profile's rows where that takes no seeding; says whether it is done."""

    def row_counts(self) -> dict[str, int] | None:
        """Return how many rows each table holds as the test sees it; None where its transaction has failed."""

    def leaks(self) -> list[str]:
        """Return what was committed where nothing should have been."""

    def leave(self, *, keep: bool = False) -> list[str]:
        """End the stay; return what `leaks` does.

        Args:
            keep: the database is to be looked at: what the test did stays in it.
        """


class InTransaction:
    """A stay that is undone: one transaction around everything."""

    isolation = "rollback"

    def __init__(self, base: RollbackBase) -> None:
        self._base, self.template = base, base.template
        self.name, self.url, self.psycopg, self.engine = (
            base.name,
            base.url,
            base.psycopg,
            base.engine,
        )
        base.psycopg.hold()

    @cached_property
    def connection(self) -> Connection:
        """The test's connection, in its transaction."""
        connection = self.engine.connect()
        connection.begin()
        return connection

    @cached_property
    def session(self) -> Session:
        """A session whose commits are savepoints."""
        from sqlalchemy.orm import Session

        return Session(bind=self.connection, join_transaction_mode="create_savepoint")

    def async_engine(self) -> AsyncEngine:
        """Return an engine on one connection, in a transaction of its own."""
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import StaticPool

        from seedbed.pytest_plugin.guarded import open_async_guarded

        return create_async_engine(
            driven(self.url),
            poolclass=StaticPool,
            async_creator=lambda *_, **__: open_async_guarded(self.url),
            pool_reset_on_return=None,
        )

    def reseed(self) -> bool:
        """Undo what the test did so far."""
        self._base.psycopg.finish()
        self._put_away()
        for name in ("session", "connection"):
            self.__dict__.pop(name, None)
        self._base.psycopg.hold()
        return True

    def row_counts(self) -> dict[str, int] | None:
        """Return the counts as the test's own transaction sees them; see `Stay.row_counts`."""
        from psycopg.pq import TransactionStatus

        from seedbed.testdb.templates import count_rows

        if self.psycopg.info.transaction_status != TransactionStatus.INTRANS:
            return None
        if "session" in self.__dict__:
            self._flush()
        return count_rows(self.psycopg)

    def leaks(self) -> list[str]:
        """Return what others committed, and whether the test's own transaction is over."""
        found = self._base.committed_by_others()
        own = [] if self._base.psycopg.inside else ["the test's own connection"]
        return found + own

    def leave(self, *, keep: bool = False) -> list[str]:
        """Undo everything; see `Stay.leave`."""
        if keep and "session" in self.__dict__:
            self._flush()
        found = self.leaks()
        self._base.psycopg.finish(keep=keep)
        self._put_away()
        self._base.psycopg.holding = False
        return found

    def _flush(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        with suppress(SQLAlchemyError):  # then the database keeps what there is
            self.session.flush()

    def _put_away(self) -> None:
        """Close what SQLAlchemy holds. The server has undone everything already, so nothing is sent for it."""
        if "connection" in self.__dict__:
            self.connection.invalidate()
        close(self.__dict__, "session", "connection")


class ReadOnly:
    """A stay among others that only read."""

    isolation = "shared"

    def __init__(self, base: SharedBase) -> None:
        self.template, self.name, self.url, self._base = (
            base.template,
            base.name,
            base.url,
            base,
        )

    @property
    def engine(self) -> Engine:
        """An engine."""
        return self._base.engine

    @cached_property
    def psycopg(self) -> psycopg.Connection[Any]:
        """A connection, used by one test after the other."""
        connection: psycopg.Connection[Any] = self._base.psycopg
        return connection

    @cached_property
    def connection(self) -> Connection:
        """A connection."""
        return self.engine.connect()

    @cached_property
    def session(self) -> Session:
        """A session."""
        from sqlalchemy.orm import Session

        return Session(bind=self.connection)

    def async_engine(self) -> AsyncEngine:
        """Return an engine without a pool."""
        return unpooled(self.url)

    def reseed(self) -> bool:
        """Do nothing: nothing has changed."""
        return True

    def row_counts(self) -> dict[str, int] | None:
        """Return the counts; see `Stay.row_counts`."""
        return counted(self.url)

    def leaks(self) -> list[str]:
        """Return nothing: nobody else is hurt."""
        return []

    def leave(self, *, keep: bool = False) -> list[str]:
        """Return the connections; see `Stay.leave`."""
        close(self.__dict__, "session", "connection")
        if "psycopg" in self.__dict__ and not self.psycopg.closed:
            self.psycopg.rollback()
        return []


class OfItsOwn:
    """A stay in a database that is the test's alone."""

    isolation = "clone"

    def __init__(self, databases: Databases, template: Template) -> None:
        self._databases, self.template = databases, template
        self.name = databases.take(template)
        self.url = databases.host.url(self.name)

    @cached_property
    def engine(self) -> Engine:
        """An engine with a pool."""
        from sqlalchemy import create_engine

        return create_engine(driven(self.url))

    @cached_property
    def psycopg(self) -> psycopg.Connection[Any]:
        """A connection."""
        import psycopg

        with self._databases.timed("connect"):
            return psycopg.connect(self.url)

    @cached_property
    def connection(self) -> Connection:
        """A connection."""
        with self._databases.timed("connect"):
            return self.engine.connect()

    @cached_property
    def session(self) -> Session:
        """A session."""
        from sqlalchemy.orm import Session

        return Session(bind=self.engine)

    def async_engine(self) -> AsyncEngine:
        """Return an engine without a pool."""
        return unpooled(self.url)

    def reseed(self) -> bool:
        """Leave it to the engine: what was committed cannot be undone."""
        close(self.__dict__, "session")
        return False

    def row_counts(self) -> dict[str, int] | None:
        """Return the counts; see `Stay.row_counts`."""
        return counted(self.url)

    def leaks(self) -> list[str]:
        """Return nothing: nobody else is hurt."""
        return []

    def leave(self, *, keep: bool = False) -> list[str]:
        """Close what is open and let the database go; see `Stay.leave`."""
        close(self.__dict__, "session", "connection", "psycopg")
        if "engine" in self.__dict__:
            self.engine.dispose()
        if not keep:
            self._databases.give_back(self.name, self.template)
        return []


def counted(url: str) -> dict[str, int]:
    """Return how many rows each table of a database holds."""
    from seedbed.testdb.connecting import connect
    from seedbed.testdb.templates import count_rows

    with connect(url) as connection:
        return count_rows(connection)


def close(parts: dict[str, Any], *names: str) -> None:
    """Close those of an object's parts that were made."""
    for name in names:
        if name in parts:
            parts[name].close()


def unpooled(url: str) -> AsyncEngine:
    """Return an engine for asyncio that keeps no connection, so that it is bound to no event loop."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    return create_async_engine(driven(url), poolclass=NullPool)
