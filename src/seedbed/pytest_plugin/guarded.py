"""Connections that stay inside one transaction however often the test commits, and notice what others commit.

On the test's own connection, commit sets a savepoint and rollback goes back to the last one. What other connections commit is
reported by triggers of the test database through NOTIFY, which PostgreSQL sends at commit and never for what is rolled back.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from seedbed.testdb.connecting import connect
from seedbed.url import libpq_url

_CHANNEL = "seedbed_leak"
_OWN = "SET seedbed.own_connection = 'on'"
_MARK = "SAVEPOINT seedbed_mark"
_BACK = "ROLLBACK TO SAVEPOINT seedbed_mark"
_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)

_WATCH = """
CREATE FUNCTION seedbed.watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('seedbed.own_connection', true) IS DISTINCT FROM 'on' THEN
        PERFORM pg_notify('seedbed_leak', TG_TABLE_NAME || ' (' || lower(TG_OP) || ')');
    END IF;
    RETURN NULL;
END $$;
DO $$
DECLARE each regclass;
BEGIN
    FOR each IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed') AND n.nspname !~ '^pg_t(emp|oast)'
    LOOP
        EXECUTE format('CREATE TRIGGER seedbed_leak_guard AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION seedbed.watch()', each);
    END LOOP;
END $$;
"""


class Guarded(psycopg.Connection[Any]):
    """A connection whose transaction is the test's: only `finish` ends it."""

    holding = False

    def hold(self) -> None:
        """Begin a test, on the server, too: a connection that is idle at the end has been committed by hand."""
        self.holding = True
        self.pgconn.exec_(b"BEGIN;" + _MARK.encode())

    def commit(self) -> None:
        """Keep what was done so far, for the length of the test."""
        if not self.holding:
            super().commit()
        elif self.info.transaction_status == TransactionStatus.INTRANS:
            self.execute(_MARK)
        elif self.info.transaction_status == TransactionStatus.INERROR:
            self.rollback()  # which is what COMMIT does there

    def rollback(self) -> None:
        """Go back to the last commit of the test, or to its beginning."""
        if not self.holding:
            super().rollback()
        elif self.info.transaction_status in _OPEN:
            self.execute(_BACK)

    @property
    def inside(self) -> bool:
        """Whether the test's transaction still goes on."""
        return self.info.transaction_status in _OPEN

    def finish(self, *, keep: bool = False) -> None:
        """End the test.

        Args:
            keep: leave what the test did in the database, for somebody to look at.
        """
        if keep and self.inside:
            if self.info.transaction_status == TransactionStatus.INERROR:
                self.execute(_BACK)
            super().commit()
        else:
            super().rollback()

    def close(self) -> None:
        """Stay open during a test: the next one uses it, too."""
        if not self.holding:
            super().close()


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
    """Return a connection for tests that are rolled back, to a database that gets the triggers."""
    with connect(url) as connection:
        connection.execute(_WATCH)
    guarded = Guarded.connect(libpq_url(url), autocommit=True)
    guarded.execute(_OWN)
    guarded.autocommit = False
    return guarded


def listen(url: str, leaks: list[str]) -> psycopg.Connection[Any]:
    """Return a connection that hears what is committed.

    The test's own would hear of it only after its transaction.

    Args:
        url: the database.
        leaks: is told of it whenever the connection is used.
    """
    listener = psycopg.connect(libpq_url(url), autocommit=True)
    listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(_CHANNEL)))
    listener.add_notify_handler(lambda notify: leaks.append(notify.payload))
    return listener


async def open_async_guarded(url: str) -> AsyncGuarded:
    """Return a connection for one test with asyncio that is rolled back."""
    guarded = await AsyncGuarded.connect(libpq_url(url), autocommit=True)
    await guarded.execute(_OWN)
    await guarded.set_autocommit(False)
    return guarded
