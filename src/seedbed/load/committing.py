"""COMMIT, whose answer may get lost."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
from psycopg import Connection, sql

from seedbed import ledger
from seedbed.errors import DatabaseFailure, OutcomeUnknown
from seedbed.interruption import too_late
from seedbed.load.session import connect, trust_the_catalogue

ASKING = 15.0
"""For how many seconds the server is asked what became of a COMMIT."""


def commit(connection: Connection[Any], url: str, run: tuple[int, str]) -> None:
    """Commit a run; where its answer does not come, find out what became of it.

    Args:
        run: its number in the ledger and its transaction's.

    Raises:
        DatabaseFailure: it was not committed.
        OutcomeUnknown: nobody could be asked.
    """
    try:
        connection.commit()
        too_late()
    except KeyboardInterrupt as error:
        connection.close()  # a COMMIT that was not sent is then rolled back; one that was may have been carried out
        _ask(url, run, error)
        too_late()
    except psycopg.OperationalError as error:
        if not connection.closed:
            raise
        _ask(url, run, error)


def _ask(url: str, run: tuple[int, str], error: BaseException) -> None:
    """Find out whether a commit whose answer never came took place.

    Raises:
        DatabaseFailure: it did not.
        OutcomeUnknown: nobody could be asked.
    """
    number, xid = run
    until = time.monotonic() + ASKING
    while time.monotonic() < until:
        try:
            outcome = _outcome(url, number, xid)
        except (psycopg.Error, DatabaseFailure):
            outcome = ""  # nobody answers yet
        if outcome == "committed":
            return
        if outcome == "aborted":
            raise DatabaseFailure("the connection broke during COMMIT; everything was rolled back")
        threading.Event().wait(0.25)
    raise OutcomeUnknown(
        "the connection broke during COMMIT, and the server could not be asked what became of it",
        remedy="Run it again: a run that was committed finds nothing to do.",
    ) from error


def _outcome(url: str, number: int, xid: str) -> str:
    """Return what the server says of a run: committed, aborted, in progress or nothing that can be relied on."""
    status = sql.SQL("nullif(pg_xact_status({}::xid8), 'committed')").format(xid)
    with connect(url) as connection:
        trust_the_catalogue(connection)
        if ledger.exists(connection):  # a first run that was rolled back took the ledger with it
            status = sql.SQL(
                "CASE WHEN EXISTS (SELECT FROM seedbed.runs WHERE id = {} AND xid = {}::xid8) THEN 'committed' ELSE {} END"
            ).format(number, xid, status)
        row = connection.execute(sql.SQL("SELECT {}").format(status)).fetchone()
    return str(row[0] or "") if row else ""
