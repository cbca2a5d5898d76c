"""A test's stay in a database: what every stay offers, and those in which commits are real or refused."""

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

    from seedbed.pytest_plugin.bases import SharedBase


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

    def ask(self) -> None:
        """Let the server find out about leaks: `leaks` will be asked for soon."""

    def leaks(self) -> list[str]:
        """Return what was committed where nothing should have been."""

    def leave(self, *, keep: bool = False) -> list[str]:
        """End the stay; return what `leaks` does.

        Args:
            keep: the database is to be looked at: what the test did stays in it.
        """


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

    def ask(self) -> None:
        """Do nothing: nobody else is hurt."""

    def leaks(self) -> list[str]:
        """Return nothing."""
        return []

    def leave(self, *, keep: bool = False) -> list[str]:
        """Return the connections; see `Stay.leave`."""
        close(self.__dict__, "session", "connection")
        self._base.forget()
        return []


class OfItsOwn:
    """A stay in a database that is the test's alone."""

    isolation = "clone"

    def __init__(self, databases: Databases, template: Template, ahead: int) -> None:
        self._databases, self.template = databases, template
        clone = databases.take(template, ahead)
        self.name, self._open = clone.name, [clone.connection]

    @property
    def url(self) -> str:
        """Its URL. Who asks may want to be alone there, so that no connection is held ready any more."""
        self._let_go()
        return self._databases.host.url(self.name)

    def _let_go(self) -> None:
        while self._open:
            self._open.pop().close()

    @cached_property
    def engine(self) -> Engine:
        """An engine with a pool."""
        from sqlalchemy import create_engine, event

        engine = create_engine(driven(self._databases.host.url(self.name)))
        event.listen(engine, "do_connect", lambda *_: self._open.pop() if self._open else None)
        return engine

    @cached_property
    def psycopg(self) -> psycopg.Connection[Any]:
        """A connection."""
        import psycopg

        with self._databases.timed("connect"):
            return self._open.pop() if self._open else psycopg.connect(self.url)

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
        """Return the counts, with what the test has not committed; see `Stay.row_counts`."""
        self._commit()
        return counted(self.url)

    def _commit(self) -> None:
        """Commit what is under way, so that it is kept and no lock of it hides a table."""
        from psycopg import Error
        from sqlalchemy.exc import SQLAlchemyError

        for name in ("session", "connection", "psycopg"):
            part = self.__dict__.get(name)
            if part is None or getattr(part, "closed", False):
                continue
            try:
                part.commit()
            except (Error, SQLAlchemyError):  # then the database keeps what there is
                with suppress(Error, SQLAlchemyError):
                    part.rollback()

    def ask(self) -> None:
        """Do nothing: nobody else is hurt."""

    def leaks(self) -> list[str]:
        """Return nothing."""
        return []

    def leave(self, *, keep: bool = False) -> list[str]:
        """Close what is open and let the database go; see `Stay.leave`."""
        if keep:
            self._commit()
        close(self.__dict__, "session", "connection", "psycopg")
        if "engine" in self.__dict__:
            self.engine.dispose()
        self._let_go()
        if not keep:
            self._databases.give_back(self.name)
        return []


def counted(url: str) -> dict[str, int]:
    """Return how many rows each table of a database holds.

    Raises:
        SeedbedError: somebody holds a lock on one.
    """
    from psycopg import Error

    from seedbed.testdb.connecting import connect, failure
    from seedbed.testdb.templates import count_rows

    with connect(url) as connection:
        try:
            connection.execute("SET lock_timeout = '1s'")
            return count_rows(connection)
        except Error as error:
            raise failure(error) from None


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
