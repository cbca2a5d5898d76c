"""Making a database hold what a profile says: one transaction, under the lock, all or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import Connection, errors

from seedbed import guard, ledger
from seedbed.decisions import decide, permit_emptying
from seedbed.environment import Verdict
from seedbed.interruption import interruptible
from seedbed.load.clashes import clash_error
from seedbed.load.committing import commit
from seedbed.load.execute import carry_out
from seedbed.load.failures import Clash, translated, translating_errors
from seedbed.load.preparing import prepared
from seedbed.load.retrying import AGAIN, persistently
from seedbed.load.run import Run
from seedbed.load.session import connect, locked, take_lock, transaction
from seedbed.options import Options
from seedbed.plan import Contents, Plan, case_of, summary
from seedbed.source import Source


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        table: the table it is at.
        phase: checking, emptying, writing, updating or pruning.
        done, total: rows of that table in that phase.
    """

    table: str
    phase: str
    done: int
    total: int


OnProgress = Callable[[Progress], None]
"""Is told how far a run is."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What went before the rows came.

    Attributes:
        tables: whose rows went with each table.
        notes: what went with them and does not come back, and is worth knowing.
    """

    tables: Mapping[str, Contents] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Before(Protocol):
    """What comes before the rows, in the same transaction."""

    def check(self, connection: Connection[Any], verdict: Verdict) -> None:
        """Refuse, where it is to be refused; writes nothing."""

    def carry_out(self, connection: Connection[Any]) -> Gone:
        """Do it, and return what went."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run: which rows, where to, and what comes before them.

    Attributes:
        action: what the ledger calls it.
        before: what comes before the rows; None where nothing does.
    """

    source: Source
    url: str
    options: Options = field(default_factory=Options)
    progress: OnProgress = lambda _: None
    action: str = "apply"
    before: Before | None = None

    def told(self, table: str, phase: str, done: int, total: int) -> None:
        """Tell how far the run is."""
        self.progress(Progress(table, phase, done, total))


def apply(
    source: Source,
    url: str,
    options: Options = Options(),  # noqa: B008 - frozen
    progress: OnProgress | None = None,
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
    return write(Job(source, url, options, progress or (lambda _: None)))


def write(job: Job) -> Plan:
    """Do a run: a backup where one is asked for, then all in one transaction, a few times where others get in its way.

    Raises:
        SeedbedError: one of its kinds; nothing was written, except after OutcomeUnknown, where nobody knows.
    """
    with interruptible():
        made = _backed_up(job) if job.options.backup else None
        return replace(persistently(lambda: _attempt(job)), backup=made)


def _backed_up(job: Job) -> Path | None:
    from seedbed.backup import made_first  # programs to run, which few applies need

    _rehearse(job)
    made = made_first(job.url, job.options.backup, job.options.said)
    return made.path if made else None


def _rehearse(job: Job) -> None:
    """Meet what would refuse the run before a backup is made for nothing; the run itself judges again."""
    options = job.options
    with (
        connect(job.url, options.limits) as connection,
        translating_errors(),
        transaction(connection, keep=True, limits=options.limits),
    ):
        verdict = guard.judge(connection, case_of(job.source, options))
        if job.before:
            job.before.check(connection, verdict)
            return
        with prepared(connection, job.source, options.scope(writing=False)) as run:
            decide(connection, run, options)
            permit_emptying(connection, job.source, run, options, verdict)


def _attempt(job: Job) -> Plan:
    connection = connect(job.url, job.options.limits)
    try:
        return _written(connection, job)
    except AGAIN:
        raise
    except psycopg.Error as error:
        raise translated(error) from None
    finally:
        connection.close()


def _written(connection: Connection[Any], job: Job) -> Plan:
    run: Run | None = None
    started, options = time.monotonic(), job.options
    try:
        with transaction(connection, keep=True, limits=options.limits):
            take_lock(connection, wait=options.wait)
            verdict = guard.judge(connection, case_of(job.source, options))
            gone = _carried_out_before(connection, job, verdict)
            with prepared(connection, job.source, options.scope(writing=True), job.told) as run:
                done = _carried_out(connection, job, run, verdict, started)
                done = _with(done, gone)
                number = _record(connection, job, run, done)
            commit(connection, job.url, number)
            return done
    except Clash as clash:
        assert run is not None
        raise clash_error(connection, run.works, clash) from None
    except errors.LockNotAvailable:
        raise locked(connection) from None


def _with(done: Plan, gone: Gone) -> Plan:
    return replace(
        done,
        dropped=gone.tables,
        changed=done.changed or bool(gone.tables),
        notes=(*gone.notes, *done.notes),
    )


def _carried_out_before(connection: Connection[Any], job: Job, verdict: Verdict) -> Gone:
    if job.before is None:
        return Gone()
    job.before.check(connection, verdict)
    return job.before.carry_out(connection)


def _carried_out(
    connection: Connection[Any], job: Job, run: Run, verdict: Verdict, started: float
) -> Plan:
    source, options = job.source, job.options
    if options.saved:
        options.saved.check(connection, run, verdict.site)
    decide(connection, run, options)
    permit_emptying(connection, source, run, options, verdict)
    ledger.ensure(connection)
    if verdict.unstamped:
        guard.stamp_verdict(connection, verdict)
    carry_out(connection, run, job.told, overwrite=options.edits == "overwrite")
    return summary(
        connection, source, run, options, environment=verdict.environment, started=started
    )


def _record(connection: Connection[Any], job: Job, run: Run, done: Plan) -> tuple[int, str]:
    counts = {name: dict(table.counts) for name, table in done.tables.items()}
    for name, contents in {**done.dropped, **done.emptied}.items():
        counts.setdefault(name, {})["emptied"] = contents.rows
    return ledger.record_run(
        connection,
        {
            "action": job.action,
            "outcome": "changed" if done.changed else "unchanged",
            "profile": job.source.profile,
            "environment": done.environment,
            "version": run.dataset.version,
            "seed": job.source.seed,
            "as_of": run.dataset.as_of,
            "scale": job.source.scale,
            "minimal": job.source.minimal,
            "counts": psycopg.types.json.Jsonb(counts),
            "seconds": done.seconds,
        },
    )
