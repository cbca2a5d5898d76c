"""The same for asyncio: a connection that stays inside one transaction however often the test commits."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.errors import Diagnostic
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

from seedbed.pytest_plugin.guarded import FIXED, OPEN, explain
from seedbed.pytest_plugin.listening import taken
from seedbed.pytest_plugin.marks import COMMITTED, Marks
from seedbed.pytest_plugin.watching import OWN
from seedbed.url import libpq_url

_END = f"ROLLBACK TO SAVEPOINT {COMMITTED};ROLLBACK".encode()
"""It fails where the transaction is another one by now."""


class AsyncGuarded(psycopg.AsyncConnection[Any]):
    """What `Guarded` is, for asyncio; it lives for one test and is never committed."""

    marks: Marks

    async def start(self) -> None:
        """Begin the transaction."""
        await self.execute(f"SAVEPOINT {COMMITTED}".encode())
        self.marks = Marks()

    async def wait(self, *arguments: Any, **more: Any) -> Any:
        """Do what psycopg does whenever it uses a connection."""
        if "marks" in vars(self):
            self.marks.clean = False
        try:
            return await super().wait(*arguments, **more)
        except errors.LockNotAvailable as error:
            explain(error)
            raise

    def _check_intrans_gen(self, attribute: str) -> PQGen[None]:
        """Refuse to change how transactions are; see `Guarded`."""
        if "marks" in vars(self):
            raise psycopg.ProgrammingError(FIXED.format(attribute))
        yield from super()._check_intrans_gen(attribute)

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
        able = self.info.transaction_status in OPEN
        if able:
            with suppress(errors.InvalidSavepointSpecification):  # `end` will find out, too
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

    @property
    def idle(self) -> bool:
        """Whether there is no transaction, although nobody has ended the test's."""
        return not self.closed and self.info.transaction_status == TransactionStatus.IDLE

    def end(self, *, keep: bool = False) -> bool:
        """Close the connection; the loop it was used in has ended, or is not ours to use.

        Says whether its transaction was still the test's.

        Args:
            keep: leave what the test did in the database, for somebody to look at.
        """
        try:
            return self.pgconn.status != ConnStatus.OK or self._undo(keep)
        except psycopg.Error:  # the server has hung up, so that nothing was committed
            return True
        finally:
            self._closed = True
            self.pgconn.finish()

    def _undo(self, keep: bool) -> bool:
        if self.info.transaction_status == TransactionStatus.ACTIVE:
            self.pgconn.get_cancel().cancel()  # whoever waited for its answer was interrupted
            taken(self.pgconn)
        if self.idle:
            return False
        self.pgconn.send_query(b"COMMIT" if keep else _END)
        return taken(self.pgconn).status == ExecStatus.COMMAND_OK

    def add_notice_handler(self, callback: Callable[[Diagnostic], None]) -> None:
        """Add a handler once: SQLAlchemy brings its own with each of its connections."""
        if callback not in self._notice_handlers:
            super().add_notice_handler(callback)

    async def _say(self, statement: str | None) -> None:
        clean = self.marks.clean
        if statement is not None:
            await self.execute(statement.encode(), prepare=False)
        self.marks.clean = clean


async def open_async_guarded(url: str) -> AsyncGuarded:
    """Return a connection for one test with asyncio that is rolled back."""
    guarded = await AsyncGuarded.connect(libpq_url(url), autocommit=True)
    await guarded.execute(OWN)
    await guarded.set_autocommit(False)
    await guarded.start()
    return guarded
