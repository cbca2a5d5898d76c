"""Connections that stay inside one transaction however often the test commits, and notice what others commit.

On the test's own connection, commit sets a savepoint and rollback goes back to the last one. What other connections commit is
told by the triggers of `seedbed.pytest_plugin.watching`.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import errors
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from seedbed.pytest_plugin.watching import CHANNEL, OWN, WATCH
from seedbed.testdb.connecting import failure
from seedbed.url import libpq_url

_LISTEN = f"LISTEN {CHANNEL}"
_MARK = b"SAVEPOINT seedbed_mark"
_BACK = b"ROLLBACK TO SAVEPOINT seedbed_mark"
_FIRST = "seedbed_first"
"""The first savepoint that a test sets, whatever SQLAlchemy calls it: its session does so before its first statement."""
_BEGIN = b"BEGIN;" + _MARK + b";SAVEPOINT " + _FIRST.encode()
_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)

_Savepoint = Callable[[Any, str], None]
_SAVEPOINTS = {
    "do_savepoint": "SAVEPOINT",
    "do_release_savepoint": "RELEASE SAVEPOINT",
    "do_rollback_to_savepoint": "ROLLBACK TO SAVEPOINT",
}
"""The methods of `sqlalchemy.engine.Dialect`, and what they say."""


class Guarded(psycopg.Connection[Any]):
    """A connection whose transaction is the test's: only `finish` ends it.

    What begins and ends transactions and savepoints gives nothing back, so it is sent *ahead*: its answer is taken when the
    connection is used next, and the server works while the test does.

    Attributes:
        holding: whether there is a test.
        over: whether its transaction has been ended by `finish`.
        leaks: what others committed meanwhile, known once it is over.
    """

    holding = over = False
    leaks: tuple[str, ...] = ()
    _ahead = _fresh = False
    _first = ""

    def hold(self) -> None:
        """Begin a test, on the server, too: a connection that is idle at the end has been committed by hand."""
        self.holding, self.over, self._first = True, False, ""
        self.ahead(_BEGIN)
        self._fresh = True

    def ahead(self, statement: bytes) -> None:
        """Send a statement that gives nothing back."""
        self.settle()
        self.pgconn.send_query(statement)
        self._ahead = True

    def settle(self) -> None:
        """Take the answer to what was sent ahead.

        Raises:
            psycopg.Error: the server said no.
        """
        if not self._ahead:
            return
        answer = taken(self.pgconn)
        self._ahead = self._fresh = False
        self.leaks += heard(self.pgconn)
        if answer.status != ExecStatus.COMMAND_OK:
            raise errors.error_from_result(answer)

    def wait(self, *arguments: Any, **more: Any) -> Any:
        """Do what psycopg does whenever it uses a connection, after what was sent ahead."""
        self.settle()
        return super().wait(*arguments, **more)

    def savepoint(self, statement: str, name: str) -> bool:
        """Set, release or go back to a savepoint; does nothing and says so where the server would say no."""
        if self._fresh and statement == "SAVEPOINT":
            self._fresh, self._first = False, name
            return True  # set with the transaction, and nothing has happened since
        allowed = _OPEN if statement.startswith("ROLLBACK") else _OPEN[:1]
        if self.status not in allowed:
            return False
        self.ahead(f"{statement} {_FIRST if name == self._first else name}".encode())
        return True

    def commit(self) -> None:
        """Keep what was done so far, for the length of the test."""
        if not self.holding:
            super().commit()
        elif self.status == TransactionStatus.INTRANS:
            self.ahead(_MARK)
        elif self.status == TransactionStatus.INERROR:
            self.rollback()  # which is what COMMIT does there

    def rollback(self) -> None:
        """Go back to the last commit of the test, or to its beginning."""
        if not self.holding:
            super().rollback()
        elif not self.over and self.inside:
            self.ahead(_BACK)

    @property
    def status(self) -> TransactionStatus:
        """How the transaction is."""
        self.settle()
        return self.info.transaction_status

    @property
    def inside(self) -> bool:
        """Whether the test's transaction still goes on."""
        return self.status in _OPEN

    def finish(self, *, keep: bool = False) -> None:
        """End the test.

        Args:
            keep: leave what the test did in the database, for somebody to look at.
        """
        if not self.inside:
            super().rollback()
        elif keep:
            if self.status == TransactionStatus.INERROR:
                self.ahead(_BACK)
            self.ahead(b"COMMIT")
        else:
            self.ahead(b"ROLLBACK")
            self._prepared.clear()  # as psycopg's own rollback does
        self.over = True

    def close(self) -> None:
        """Stay open during a test: the next one uses it, too."""
        if not self.holding:
            super().close()


def shorten_savepoints(dialect: Any, guarded: Guarded) -> None:
    """Let a dialect's savepoints go straight to the server: SQLAlchemy compiles each anew, which takes longer than setting it.

    Args:
        dialect: that of an engine whose only connection is `guarded`.
    """
    for method, statement in _SAVEPOINTS.items():
        setattr(dialect, method, _shortened(getattr(dialect, method), statement, guarded))


def _shortened(usual: _Savepoint, statement: str, guarded: Guarded) -> _Savepoint:
    def run(connection: Any, name: str) -> None:
        if not guarded.over and not guarded.savepoint(statement, name):
            usual(connection, name)  # which says what is wrong as SQLAlchemy does

    return run


class AsyncGuarded(psycopg.AsyncConnection[Any]):
    """The same for asyncio; it lives for one test and is never committed."""

    marked = False

    async def commit(self) -> None:
        """Keep what was done so far, for the length of the test."""
        if self.info.transaction_status == TransactionStatus.INTRANS:
            self.marked = True
            await self.execute(_MARK)
        elif self.info.transaction_status == TransactionStatus.INERROR:
            await self.rollback()

    async def rollback(self) -> None:
        """Go back to the last commit of the test, or to its beginning."""
        if self.marked and self.info.transaction_status in _OPEN:
            await self.execute(_BACK)
        else:
            await super().rollback()


def open_guarded(url: str) -> Guarded:
    """Return a connection for tests that are rolled back, to a database that gets the triggers.

    After a test's transaction it hears what others have committed meanwhile.
    """
    try:
        guarded = Guarded.connect(libpq_url(url), autocommit=True)
        for statement in (WATCH, OWN, _LISTEN):
            guarded.execute(statement)
        guarded.autocommit = False
    except psycopg.Error as error:
        raise failure(error) from None
    return guarded


class Listener:
    """A connection that hears at any time what is committed; the test's own hears of it only after its transaction.

    Args:
        url: the database.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(libpq_url(url), autocommit=True)
        self._connection.execute(_LISTEN)
        self._asked = False

    def ask(self) -> None:
        """Ask what has been committed; the answer can be fetched a little later."""
        pgconn = self._connection.pgconn
        if self._asked:  # by a test that did not wait for the answer
            taken(pgconn)
        pgconn.send_query(b";")  # before any answer the server tells all that there is
        self._asked = True

    def heard(self) -> tuple[str, ...]:
        """Return what has been committed since the last time."""
        if not self._asked:
            self.ask()
        taken(self._connection.pgconn)
        self._asked = False
        return heard(self._connection.pgconn)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def taken(pgconn: PGconn) -> PGresult:
    """Return the last answer to what was sent."""
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    pgconn.consume_input()
    while pgconn.is_busy():
        poll.poll()  # libpq itself would wait with Python's lock held
        pgconn.consume_input()
    last = None
    while answer := pgconn.get_result():
        last = answer
    assert last is not None
    return last


def heard(pgconn: PGconn) -> tuple[str, ...]:
    """Return the leaks among the notifications that have come."""
    told = iter(pgconn.notifies, None)
    return tuple(each.extra.decode() for each in told if each.relname == CHANNEL.encode())


async def open_async_guarded(url: str) -> AsyncGuarded:
    """Return a connection for one test with asyncio that is rolled back."""
    guarded = await AsyncGuarded.connect(libpq_url(url), autocommit=True)
    await guarded.execute(OWN)
    await guarded.set_autocommit(False)
    return guarded
