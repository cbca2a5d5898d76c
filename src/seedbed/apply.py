"""Making a database hold what a profile says: one transaction, under the lock, all or nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import psycopg
from psycopg import Connection, errors

from seedbed import guard, ledger
from seedbed.decisions import decide
from seedbed.environment import Verdict
from seedbed.errors import (
    DatabaseFailure,
    Interrupted,
    Locked,
    OutcomeUnknown,
    SeedbedError,
)
from seedbed.load.clashes import explain
from seedbed.load.execute import carry_out
from seedbed.load.failures import Clash, translated
from seedbed.load.preparing import prepared
from seedbed.load.run import Run
from seedbed.load.session import blockers, connect, take_lock, transaction
from seedbed.load.updating import Overtaken
from seedbed.options import Options
from seedbed.plan import Plan, summary
from seedbed.source import Source

ATTEMPTS = 3
ASKING = 15.0
"""For how many seconds the server is asked what became of a COMMIT."""
AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, Overtaken)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        table: the table it is at.
        phase: checking, writing, updating or pruning.
        done, total: rows of that table in that phase.
    """

    table: str
    phase: str
    done: int
    total: int


Told = Callable[[Progress], None]


def apply(
    source: Source,
    url: str,
    options: Options = Options(),  # noqa: B008 - frozen
    progress: Told | None = None,
) -> Plan:
    """Make a database hold exactly a profile's rows, beside those that are not seedbed's.

    Args:
        source: the profile.
        url: the database.
        options: see `Options`.
        progress: is called from time to time.

    Returns:
        What was done, in the form of the plan.

    Raises:
        SeedbedError: one of its kinds; nothing was written, except after OutcomeUnknown, where nobody knows.
    """
    with interruptible():
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _attempt(source, url, options, progress or (lambda _: None))
            except AGAIN as failure:
                if attempt == ATTEMPTS:
                    raise DatabaseFailure(
                        f"gave up after {ATTEMPTS} attempts: {_why(failure)}",
                        remedy="Something else writes to the same rows; try again when it is done.",
                    ) from None
    raise AssertionError("unreachable")


def _why(failure: Exception) -> str:
    return translated(failure).message if isinstance(failure, psycopg.Error) else str(failure)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM inside a block into `Interrupted`, after psycopg has cancelled the running statement.

    The signal is remembered: the cancel request may reach the server when it is at the ROLLBACK already, and what comes up then is
    a 57014 in place of the KeyboardInterrupt.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt  # what psycopg answers by cancelling

    replaced = _heard_by(stop)
    try:
        yield
    except OutcomeUnknown:
        raise
    except (KeyboardInterrupt, SeedbedError, psycopg.Error) as error:
        if not received and not isinstance(error, KeyboardInterrupt):
            raise
        raise Interrupted(signal_number=received[0] if received else signal.SIGINT) from None
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


def _heard_by(stop: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Install a handler where the program has none of its own; return what to put back."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    ours = [number for number, handler in usual.items() if signal.getsignal(number) is handler]
    return {number: signal.signal(number, stop) for number in ours}


def _attempt(source: Source, url: str, options: Options, progress: Told) -> Plan:
    started = time.monotonic()
    connection = connect(url)
    try:
        return _written(connection, source, url, options, progress, started)
    except AGAIN:
        raise
    except psycopg.Error as error:
        raise translated(error) from None
    finally:
        connection.close()


def _written(
    connection: Connection[Any],
    source: Source,
    url: str,
    options: Options,
    progress: Told,
    started: float,
) -> Plan:
    run: Run | None = None

    def told(table: str, phase: str, done: int, total: int) -> None:
        progress(Progress(table, phase, done, total))

    try:
        with transaction(connection, keep=True):
            take_lock(connection, wait=options.wait)
            verdict = _judge(connection, source, options)
            with prepared(connection, source, options.scope(writing=True), told) as run:
                done = _carried_out(connection, source, run, options, verdict, told, started)
                number = _record(connection, source, run, done)
            _commit(connection, url, number)
            return done
    except Clash as clash:
        assert run is not None
        raise explain(connection, run.works, clash) from None
    except errors.LockNotAvailable:
        raise _locked(connection) from None


def _carried_out(
    connection: Connection[Any],
    source: Source,
    run: Run,
    options: Options,
    verdict: Verdict,
    told: Callable[[str, str, int, int], None],
    started: float,
) -> Plan:
    decide(connection, run, options)
    ledger.ensure(connection)
    if verdict.unstamped:
        guard.stamp_verdict(connection, verdict)
    carry_out(connection, run, told, overwrite=options.edits == "overwrite")
    return summary(connection, source, run, options, verdict.environment, started, [])


def _judge(connection: Connection[Any], source: Source, options: Options) -> Verdict:
    return guard.judge(
        connection,
        profile=source.profile,
        environments=source.environments,
        production_safe=source.production_safe,
        said=options.said,
        confirm=options.confirm,
        patterns=source.patterns,
    )


def _record(connection: Connection[Any], source: Source, run: Run, done: Plan) -> tuple[int, str]:
    return ledger.record_run(
        connection,
        {
            "action": "apply",
            "outcome": "changed" if done.changed else "unchanged",
            "profile": source.profile,
            "environment": done.environment,
            "version": run.dataset.version,
            "seed": source.seed,
            "as_of": run.dataset.as_of,
            "scale": source.scale,
            "minimal": source.minimal,
            "counts": psycopg.types.json.Jsonb({n: t.counts for n, t in done.tables.items()}),
            "seconds": done.seconds,
        },
    )


def _locked(connection: Connection[Any]) -> Locked:
    try:
        who = blockers(connection)
    except psycopg.Error:
        who = ""
    return Locked(
        "somebody else holds a lock on a table or row" + (f": {who}" if who else ""),
        remedy="Wait for it, or end that process.",
    )


def _commit(connection: Connection[Any], url: str, run: tuple[int, str]) -> None:
    try:
        connection.commit()
    except KeyboardInterrupt as error:
        connection.close()  # a COMMIT that was not sent is then rolled back; one that was may have been carried out
        _ask(url, run, error)
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
    with connect(url) as connection:
        row = connection.execute(
            "SELECT CASE WHEN EXISTS (SELECT FROM seedbed.runs WHERE id = %s AND xid = %s::xid8) "
            "THEN 'committed' ELSE nullif(pg_xact_status(%s::xid8), 'committed') END",
            [number, xid, xid],
        ).fetchone()
    return str(row[0] or "") if row else ""
