"""Hearing what other connections than the test's commit: what `seedbed.pytest_plugin.watching` has the database tell."""

from __future__ import annotations

import select

import psycopg
from psycopg.pq.abc import PGconn, PGresult

from seedbed.pytest_plugin.watching import CHANNEL
from seedbed.url import libpq_url

LISTEN = f"LISTEN {CHANNEL}"


class Listener:
    """A connection that hears at any time what is committed; the test's own hears of it only after its transaction.

    Args:
        url: the database.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(libpq_url(url), autocommit=True)
        self._connection.execute(LISTEN)
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
