"""A test's stay in a database that is left as it was found: one transaction around everything, undone at the end."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from seedbed.pytest_plugin.stay import close
from seedbed.pytest_plugin.watching import BETWEEN
from seedbed.testdb.address import driven

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.orm import Session

    from seedbed.pytest_plugin.bases import RollbackBase
    from seedbed.pytest_plugin.guarded import Guarded
    from seedbed.pytest_plugin.guarded_async import AsyncGuarded


ENDED = "its own transaction, ended by hand"
"""What is said of a test that has sent COMMIT or ROLLBACK to the server."""


class InTransaction:
    """A stay that is undone: one transaction around everything."""

    isolation = "rollback"

    def __init__(self, base: RollbackBase) -> None:
        self._base, self.template = base, base.template
        self.name, self.url, self.engine = base.name, base.url, base.engine
        self._asynchronous: list[AsyncGuarded] = []
        self._ended = False
        base.psycopg.hold()

    @property
    def psycopg(self) -> Guarded:
        """The test's connection, in its transaction, with nothing under way."""
        self._base.psycopg.settle()
        return self._base.psycopg

    @cached_property
    def connection(self) -> Connection:
        """The test's connection, in its transaction."""
        return self._base.connect()

    @cached_property
    def session(self) -> Session:
        """A session whose commits are savepoints."""
        from sqlalchemy.orm import Session

        session = Session(bind=self.connection, join_transaction_mode="create_savepoint")
        self._base.session = session
        return session

    def async_engine(self) -> AsyncEngine:
        """Return an engine without a pool, whose connections are all the same one, in a transaction of its own."""
        import asyncio

        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        from seedbed.pytest_plugin.guarded_async import open_async_guarded
        from seedbed.pytest_plugin.sharing import share_async

        opened, opening = self._asynchronous, asyncio.Lock()

        async def connect(*_: object, **__: object) -> AsyncGuarded:
            async with opening:
                if not opened or opened[-1].closed:
                    opened.append(await open_async_guarded(self.url))
            return opened[-1]

        engine = create_async_engine(
            driven(self.url), poolclass=NullPool, async_creator=connect, pool_reset_on_return=None
        )
        share_async(engine.dialect, lambda: opened[-1])
        return engine

    def reseed(self) -> bool:
        """Undo what the test did so far."""
        self._ended = self._undone() or self._ended
        if "session" in self.__dict__:
            self.session.close()
        connection: Connection | None = self.__dict__.get("connection")
        if connection is not None and not connection.closed:
            connection.rollback()  # of which nothing is sent
        elif connection is not None:
            connection = self.connection = self._base.connect()
            if "session" in self.__dict__:
                self.session.bind = connection
        self._base.psycopg.start()
        return True

    def _undone(self) -> bool:
        """Undo everything; says whether the transaction was another one by now, so that there was something to find."""
        connection = self._base.psycopg
        ended = not connection.finish()
        try:
            connection.settle()
        except (
            psycopg.errors.InvalidSavepointSpecification,
            psycopg.errors.NoActiveSqlTransaction,
        ):
            connection.give_up()
            ended = True
        return ended

    def row_counts(self) -> dict[str, int] | None:
        """Return the counts as the test's own transaction sees them; see `Stay.row_counts`."""
        from seedbed.testdb.templates import count_rows

        if self._base.psycopg.lost or self.psycopg.status != TransactionStatus.INTRANS:
            return None
        if "session" in self.__dict__:
            self._flush()
        return count_rows(self.psycopg)

    def ask(self) -> None:
        """Ask what others committed; see `Stay.ask`."""
        with suppress(psycopg.Error):  # somebody has ended all connections
            self._base.listener.ask()

    def leaks(self) -> list[str]:
        """Return what others committed, and whether the test's own transaction is over."""
        try:
            heard = self._base.listener.heard()
        except psycopg.Error:  # somebody has ended all connections
            heard = ()
        ended = (
            self._ended or self._base.psycopg.idle or any(each.idle for each in self._asynchronous)
        )
        return self._own(heard) + ([ENDED] if ended else [])

    def _own(self, heard: Iterable[str]) -> list[str]:
        """Return what was not begun before the test, and note what was."""
        told = dict.fromkeys(heard)
        late = {each for each in told if each.startswith(BETWEEN)}
        self._base.late |= late
        return [each for each in told if each not in late]

    def leave(self, *, keep: bool = False) -> list[str]:
        """Undo everything; see `Stay.leave`."""
        unended = [each.end(keep=keep) for each in self._asynchronous]
        if keep and "session" in self.__dict__:
            self._flush()
        connection, ended = self._base.psycopg, self._ended or not all(unended)
        try:
            ended = not connection.finish(keep=keep) or ended
            self._put_away()
            self._base.forget()
            connection.settle()
        except psycopg.errors.InvalidSavepointSpecification:
            ended = True  # and begun another
        except psycopg.Error:
            pass  # the server has hung up, so that nothing was committed
        finally:
            connection.holding = False
        return self._own(connection.leaks) + ([ENDED] if ended else [])

    def _flush(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        with suppress(SQLAlchemyError):  # then the database keeps what there is
            self.session.flush()

    def _put_away(self) -> None:
        """Close what SQLAlchemy holds. The server has undone everything already, so nothing is sent for it."""
        close(self.__dict__, "session")
        self._base.session = None
        if "connection" in self.__dict__:
            self.connection.rollback()
            self._base.put_back(self.connection)
