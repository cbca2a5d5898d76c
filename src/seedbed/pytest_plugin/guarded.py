"""Connections that stay inside one transaction however often the test commits, and notice what others commit.

On the test's own connection, commit sets a savepoint and rollback goes back to one (`seedbed.pytest_plugin.marks`). What other
connections commit is told by the triggers of `seedbed.pytest_plugin.watching`.
"""

from __future__ import annotations

import select
from collections.abc import Hashable
from typing import Any

import psycopg
from psycopg import errors
from psycopg._connection_base import NoticeHandler
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from seedbed.pytest_plugin.manners import Manners, as_made
from seedbed.pytest_plugin.marks import COMMITTED, Marks
from seedbed.pytest_plugin.watching import CHANNEL, OWN, WATCH
from seedbed.testdb.connecting import failure
from seedbed.url import libpq_url

_LISTEN = f"LISTEN {CHANNEL}"
_BEGIN = f"SELECT pg_advisory_unlock_all();DEALLOCATE ALL;BEGIN;SAVEPOINT {COMMITTED}".encode()
"""First goes what the end of the last test's transaction did not undo: a test's end is waited for, its beginning is not."""
_END = f"ROLLBACK TO SAVEPOINT {COMMITTED};ROLLBACK".encode()
"""It fails where the transaction is another one by now."""
_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


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
    _ahead = False
    marks: Marks
    found: Manners | None = None
    """What SQLAlchemy has taught it when it first looked around."""

    def hold(self) -> None:
        """Begin a test, on the server, too: a connection that is idle at the end has been committed by hand."""
        self.holding, self.over, self.marks, self.leaks = True, False, Marks(), ()
        as_made(self, self.found)
        with self.lock:
            self._send(_BEGIN)

    def settle(self) -> None:
        """Take the answer to what was sent ahead.

        Raises:
            psycopg.Error: the server said no.
        """
        with self.lock:
            self._settle()

    def wait(self, *arguments: Any, **more: Any) -> Any:
        """Do what psycopg does whenever it uses a connection (with its lock held), after what was sent ahead."""
        self._settle()
        if self.holding:
            self.marks.clean = False
        return super().wait(*arguments, **more)

    def begin(self, who: Hashable) -> bool:
        """Note that a transaction or a savepoint begins; says whether the test's transaction is able to."""
        with self.lock:
            able = self._status() == TransactionStatus.INTRANS
            if able:
                self._send(self.marks.begin(who))
            return able

    def release(self, who: Hashable, *, committing: bool = False) -> bool:
        """Release a savepoint; says whether the test's transaction is able to.

        Args:
            who: whose.
            committing: for somebody it is a transaction that is committed.
        """
        with self.lock:
            able = self._status() == TransactionStatus.INTRANS
            if able:
                self._send(self._committed() if committing else self.marks.release(who))
            return able

    def back(self, who: Hashable) -> bool:
        """Undo what was done since somebody began, or since a later commit; says whether there is a transaction."""
        with self.lock:
            able = self._status() in _OPEN
            if able:
                self._send(self.marks.back(who))
            return able

    def commit(self) -> None:
        """Keep what was done so far, for the length of the test."""
        if not self.holding:
            super().commit()
        elif not self.over and not self.release(None, committing=True):
            self.rollback()  # which is what COMMIT does in a failed transaction

    def rollback(self) -> None:
        """Go back to the last commit of the test, or to its beginning."""
        if not self.holding:
            super().rollback()
        elif not self.over:
            self.back(None)

    def _committed(self) -> str | None:
        return self.marks.commit(inside=self._num_transactions > 0)

    def _send(self, statement: str | bytes | None) -> None:
        """Send a statement ahead."""
        if statement is None:
            return
        self._settle()
        self.pgconn.send_query(statement.encode() if isinstance(statement, str) else statement)
        self._ahead = True

    def _settle(self) -> None:
        if not self._ahead:
            return
        answer = taken(self.pgconn)
        self._ahead = False
        self.leaks += heard(self.pgconn)
        if answer.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise errors.error_from_result(answer)

    def _status(self) -> TransactionStatus:
        self._settle()
        return self.info.transaction_status

    @property
    def status(self) -> TransactionStatus:
        """How the transaction is."""
        with self.lock:
            return self._status()

    @property
    def idle(self) -> bool:
        """Whether there is no transaction, although nobody has finished the test's."""
        try:
            return self.status == TransactionStatus.IDLE
        except psycopg.Error:  # the server has hung up
            return False

    @property
    def fit(self) -> bool:
        """Whether another test can begin here: nothing runs, and the server has not hung up."""
        return not self._ahead and self.info.transaction_status == TransactionStatus.IDLE

    @property
    def lost(self) -> bool:
        """Whether the server has hung up."""
        return self.info.transaction_status == TransactionStatus.UNKNOWN

    def finish(self, *, keep: bool = False) -> bool:
        """End the test; says whether its transaction was still open.

        Args:
            keep: leave what the test did in the database, for somebody to look at.
        """
        self.over = True
        with self.lock:
            if self.info.transaction_status == TransactionStatus.ACTIVE and not self._ahead:
                self.cancel()  # whoever waited for its answer was interrupted
                taken(self.pgconn)
            status = self._status()
            if keep and status == TransactionStatus.INERROR:
                self._send(self.marks.back(None))
            self._send(b"COMMIT" if keep else _END)
        return status in _OPEN

    def close(self) -> None:
        """Stay open during a test: the next one uses it, too."""
        if not self.holding:
            super().close()


class AsyncGuarded(psycopg.AsyncConnection[Any]):
    """The same for asyncio; it lives for one test and is never committed."""

    marks: Marks

    async def start(self) -> None:
        """Begin the transaction."""
        await self.execute(f"SAVEPOINT {COMMITTED}".encode())
        self.marks = Marks()

    async def wait(self, *arguments: Any, **more: Any) -> Any:
        """Do what psycopg does whenever it uses a connection."""
        if "marks" in vars(self):
            self.marks.clean = False
        return await super().wait(*arguments, **more)

    async def begin(self, who: Hashable) -> bool:
        """Note that a transaction or a savepoint begins; see `Guarded.begin`."""
        able = self.info.transaction_status == TransactionStatus.INTRANS
        if able:
            await self._say(self.marks.begin(who))
        return able

    async def release(self, who: Hashable, *, committing: bool = False) -> bool:
        """Release a savepoint; see `Guarded.release`."""
        able = self.info.transaction_status == TransactionStatus.INTRANS
        if able:
            inside = self._num_transactions > 0
            await self._say(
                self.marks.commit(inside=inside) if committing else self.marks.release(who)
            )
        return able

    async def back(self, who: Hashable) -> bool:
        """Undo what was done since somebody began, or since a later commit; see `Guarded.back`."""
        able = self.info.transaction_status in _OPEN
        if able:
            await self._say(self.marks.back(who))
        return able

    async def commit(self) -> None:
        """Keep what was done so far, for the length of the test."""
        if not await self.release(None, committing=True):
            await self.rollback()

    async def rollback(self) -> None:
        """Go back to the last commit of the test, or to its beginning."""
        await self.back(None)

    async def close(self) -> None:
        """Stay open: whoever asks for a connection during the test gets this one."""

    def end(self) -> None:
        """Close the connection; the loop it was used in has ended, or is not ours to use."""
        self._closed = True
        self.pgconn.finish()

    def add_notice_handler(self, callback: NoticeHandler) -> None:
        """Add a handler once: SQLAlchemy brings its own with each of its connections."""
        if callback not in self._notice_handlers:
            super().add_notice_handler(callback)

    async def _say(self, statement: str | None) -> None:
        clean = self.marks.clean
        if statement is not None:
            await self.execute(statement.encode(), prepare=False)
        self.marks.clean = clean


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

    @property
    def fit(self) -> bool:
        """Whether it can be asked again."""
        return not self._connection.broken

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
    if last is None:  # somebody was interrupted while it took the answer
        raise psycopg.OperationalError("the answer to what was sent has been lost")
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
    await guarded.start()
    return guarded
