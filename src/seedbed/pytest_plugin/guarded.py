"""Connections that stay inside one transaction however often the test commits, and notice what others commit.

On the test's own connection, commit sets a savepoint and rollback goes back to one (`seedbed.pytest_plugin.marks`). What other
connections commit is told by the triggers of `seedbed.pytest_plugin.watching`.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus

from seedbed.pytest_plugin.listening import LISTEN, heard, taken
from seedbed.pytest_plugin.manners import Manners, as_made
from seedbed.pytest_plugin.marks import COMMITTED, Marks
from seedbed.pytest_plugin.watching import OWN, watch
from seedbed.testdb.connecting import failure
from seedbed.url import libpq_url

_BEGIN = f"SELECT pg_advisory_unlock_all();DEALLOCATE ALL;BEGIN;SAVEPOINT {COMMITTED}".encode()
"""First goes what the end of the last test's transaction did not undo: a test's end is waited for, its beginning is not."""
_END = f"ROLLBACK TO SAVEPOINT {COMMITTED};ROLLBACK".encode()
"""It fails where the transaction is another one by now."""
OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
"""How a transaction is that has not ended."""

_HELD = (
    "Another connection has locked it. Under rollback isolation the synchronous fixtures are one connection and the asynchronous "
    "ones another, each in a transaction that lasts as long as the test, so that neither gets what the other holds, "
    "nor does any connection of the application's own. "
    "Give the test a database of its own: @pytest.mark.seedbed(isolation='clone')."
)

FIXED = (
    "{!r} cannot be changed under rollback isolation: the test's transaction has begun and lasts until its end. "
    "Give the test a database of its own: @pytest.mark.seedbed(isolation='clone')."
)

FORKED = (
    "this connection is that of the process that has forked this one. "
    "A child connects by itself, to seedbed.dsn: @pytest.mark.seedbed(isolation='clone')."
)

_STATEMENT = "statement"
"""Who begins where each statement is a transaction."""


class Guarded(psycopg.Connection[Any]):
    """A connection whose transaction is the test's: only `finish` ends it.

    What begins and ends transactions and savepoints gives nothing back, so it is sent *ahead*: its answer is taken when the
    connection is used next, and the server works while the test does.

    Attributes:
        holding: whether there is a test.
        over: whether its transaction has been ended by `finish`.
        leaks: what others committed meanwhile, known once it is over.
        begun: whether psycopg would be inside a transaction, by what was done here since its last commit or rollback.
        borrowed: whether it is SQLAlchemy that uses it just now, which has transactions of its own.
    """

    holding = over = begun = borrowed = False
    leaks: tuple[str, ...] = ()
    _ahead = False
    marks: Marks
    process: int
    found: Manners | None = None
    """What SQLAlchemy has taught it when it first looked around."""

    def hold(self) -> None:
        """Begin a test, on the server, too: a connection that is idle at the end has been committed by hand."""
        self.holding, self._autocommit, self.leaks = True, False, ()
        self.process = os.getpid()
        as_made(self, self.found)
        self.start()

    def start(self) -> None:
        """Begin the test's transaction, or another one in its place."""
        self.over = self.begun = False
        self.marks = Marks()
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
            if not self.borrowed:
                if self._autocommit and not self._num_transactions:
                    return self._alone(*arguments, **more)
                self.begun = True
            self.marks.clean = False
        return self._waited(*arguments, **more)

    def _waited(self, *arguments: Any, **more: Any) -> Any:
        try:
            return super().wait(*arguments, **more)
        except errors.LockNotAvailable as error:
            explain(error)
            raise

    def _alone(self, *arguments: Any, **more: Any) -> Any:
        """Do it as a transaction of its own, as psycopg does with autocommit; a block or a COPY goes on for longer."""
        if self.info.transaction_status == TransactionStatus.INTRANS:
            self._send(self.marks.begin(_STATEMENT))
        self._settle()
        self.marks.clean = False
        try:
            return self._waited(*arguments, **more)
        finally:
            status = self.info.transaction_status
            if status == TransactionStatus.INERROR:
                self._send(self.marks.back(_STATEMENT))
            elif status == TransactionStatus.INTRANS and not self._num_transactions:
                self._send(self.marks.commit())

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
            able = self._status() in OPEN
            if able:
                self._send(self.marks.back(who))
            return able

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[psycopg.Transaction]:
        """Do what psycopg does: a block outside of any transaction commits at its end."""
        outermost = self.holding and not self.begun and not self._num_transactions
        done = False
        try:
            with super().transaction(savepoint_name, force_rollback) as block:
                yield block
                done = not force_rollback
        finally:
            if outermost:
                self.begun = False
        if outermost and done:
            self.commit()

    def set_autocommit(self, value: bool) -> None:
        """Let each statement be a transaction of its own, kept for the length of the test, or stop that.

        Raises:
            psycopg.ProgrammingError: what was done is neither committed nor rolled back.
        """
        if not self.holding:
            super().set_autocommit(value)
        elif self.begun or self._num_transactions:
            raise psycopg.ProgrammingError(
                "can't change 'autocommit' now: commit or roll back what was done before"
            )
        else:
            self._autocommit = bool(value)

    def _check_intrans_gen(self, attribute: str) -> PQGen[None]:
        """Refuse to change how transactions are: there is one."""
        if self.holding:
            raise psycopg.ProgrammingError(FIXED.format(attribute))
        yield from super()._check_intrans_gen(attribute)

    def commit(self) -> None:
        """Keep what was done so far, for the length of the test."""
        self.begun = False
        if not self.holding:
            super().commit()
        elif not self.over and not self.release(None, committing=True):
            self.rollback()  # which is what COMMIT does in a failed transaction

    def rollback(self) -> None:
        """Go back to the last commit of the test, or to its beginning."""
        self.begun = False
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
        if self._pipeline is not None:
            self._send_through(statement)
            return
        self.pgconn.send_query(statement.encode() if isinstance(statement, str) else statement)
        self._ahead = True

    def _send_through(self, statement: str | bytes) -> None:
        """Send a statement in pipeline mode, in which libpq takes one at a time and nothing simple."""
        text = statement if isinstance(statement, str) else statement.decode()
        for each in text.split(";"):
            super().wait(self._exec_command(each.encode()))
        self._take_from_pipeline()

    def _take_from_pipeline(self) -> None:
        if self._pipeline is not None:
            super().wait(self._pipeline._sync_gen())

    def _settle(self) -> None:
        if self.holding and os.getpid() != self.process:
            raise psycopg.OperationalError(FORKED)  # its parent would wait for the answer for ever
        if not self._ahead:
            return
        answer = taken(self.pgconn)
        self._ahead = False
        self.leaks += heard(self.pgconn)
        if answer.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise errors.error_from_result(answer)

    def _status(self) -> TransactionStatus:
        self._settle()
        self._take_from_pipeline()
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
        return status in OPEN

    def give_up(self) -> None:
        """End whatever transaction there is in place of the test's."""
        with self.lock:
            self._send(b"ROLLBACK")

    def close(self) -> None:
        """Stay open during a test: the next one uses it, too."""
        if not self.holding:
            super().close()


def open_guarded(url: str) -> Guarded:
    """Return a connection for tests that are rolled back, to a database that gets the triggers.

    After a test's transaction it hears what others have committed meanwhile.
    """
    try:
        guarded = Guarded.connect(libpq_url(url), autocommit=True)
        for statement in (OWN, watch(guarded.info.backend_pid), LISTEN):
            guarded.execute(statement)
        guarded.autocommit = False
    except psycopg.Error as error:
        raise failure(error) from None
    return guarded


def explain(error: errors.LockNotAvailable) -> None:
    """Say why nobody gives up the lock."""
    error.args = (f"{error}\n{_HELD}",)
