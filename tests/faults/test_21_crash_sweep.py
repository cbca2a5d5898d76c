"""Fault 21: whatever ends a run, and wherever, there is the old state or the complete new one, and the next run converges.

Three runs are swept: the first apply to a database, which makes the ledger; one that creates, updates, adopts, restores, moves and
prunes; and one that cleans first. Their statements are counted as the server gets them, COPY's data by message. In one sweep the
process is killed, in the other one the server's process that works for it. Points: before each statement, in the middle of each
piece of COPY's data, and after each other statement, when the server has answered and the client has not heard it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import psycopg
import pytest
from busy_world import MAKERS, RUNS
from clones import clone
from contents import bytes_of, meaning_of
from psycopg.conninfo import conninfo_to_dict
from seeders import ALONE, wait_for
from wire import Point, Struck, through_wire

from seedbed.errors import DatabaseFailure
from seedbed.servers import Server

pytestmark = pytest.mark.on_one_server

STEPS = {"first": 50, "next": 60, "clean": 90}
"""The runs; the short form takes every so many statements, and the places that matter."""


@dataclass(frozen=True)
class Track:
    """A run, how it goes undisturbed, and the state before and after.

    Attributes:
        name: which one of `RUNS`.
        server, template: where the old state is.
        statements: what the run sends.
        old: the old state, to the byte.
        new: the meaning of the new state.
    """

    name: str
    server: Server
    template: str
    statements: list[str] = field(repr=False)
    old: dict[str, object] = field(repr=False)
    new: str

    def points(self) -> list[Point]:
        """Return every place where a run can be ended."""
        found = []
        for number, statement in enumerate(self.statements, 1):
            middle = "within" if statement == "(COPY data)" else "after"
            found += [Point(number, "before"), Point(number, middle)]
        return found

    def short(self) -> list[Point]:
        """Return some of them: the first and last statement, some on the way, and what the next run COPYs into tables."""
        copies = [
            data
            for copy, data in pairwise(range(1, len(self.statements) + 1))
            if self.name == "next" and self.statements[copy - 1].startswith('COPY "public"')
        ]
        numbers = {
            1,
            len(self.statements),
            *copies,
            *range(STEPS[self.name], len(self.statements), STEPS[self.name]),
        }
        return [point for point in self.points() if point.statement in numbers]

    def copy(self) -> AbstractContextManager[str]:
        """Give the URL of a copy of the old state."""
        return clone(self.server, self.template, stamped=self.name != "first")

    def judge(self, url: str, point: Point) -> bool:
        """Check that a database is in one of the two states, and that the next run converges; return whether it was the new one."""
        where = f"{point}: {self.statements[int(point.statement) - 1][:100]}"
        done = bytes_of(url) != self.old
        if done:
            assert meaning_of(url) == self.new, f"{where}: neither the old state nor the new one"
        if done:
            assert not RUNS["first" if self.name == "first" else "next"](url).changed, where
        else:
            assert RUNS[self.name](url).changed, where
        assert meaning_of(url) == self.new, f"{where}: the next run leads elsewhere"
        return done


@pytest.fixture(params=list(STEPS))
def track(request: pytest.FixtureRequest, server: Server, database: str) -> Track:
    """Prepare the old state, and watch a run that nobody disturbs."""
    MAKERS[request.param](database)
    template = str(conninfo_to_dict(database)["dbname"])
    track = Track(request.param, server, template, [], dict(bytes_of(database)), "")
    with track.copy() as url, through_wire(url) as (line, wire):
        RUNS[track.name](line)
        assert bytes_of(url) != track.old
        return replace(track, statements=wire.statements, new=meaning_of(url))


@pytest.fixture
def runner() -> Iterator[subprocess.Popen[str]]:
    """Start the program whose children are killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "busy_world"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


def kill(who: Struck) -> bool:
    """End the client with SIGKILL, and return when it is gone."""
    process = os.pidfd_open(who.client)
    try:
        os.kill(who.client, signal.SIGKILL)
        gone = select.poll()
        gone.register(process, select.POLLIN)
        gone.poll()
    finally:
        os.close(process)
    return False


def run_killed(track: Track, runner: subprocess.Popen[str], point: Point) -> bool:
    """Kill a run's process at a point; return whether the new state was reached all the same."""
    assert runner.stdin
    assert runner.stdout
    with track.copy() as url:
        with through_wire(url, point, kill) as (line, wire):
            print(track.name, line, file=runner.stdin, flush=True)
            assert runner.stdout.readline().strip() == str(-signal.SIGKILL)
            assert wire.struck
        wait_for(url, ALONE)
        return track.judge(url, point)


def run_terminated(track: Track, point: Point) -> bool:
    """End a run's backend at a point; return whether the new state was reached all the same."""

    def terminate(who: Struck) -> bool:
        with psycopg.connect(track.server.url(), autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [who.backend])
            there = "SELECT FROM pg_stat_activity WHERE pid = %s"
            while admin.execute(there, [who.backend]).fetchone() is not None:
                admin.execute("SELECT pg_sleep(0.001)")
        return True

    with track.copy() as url:
        with through_wire(url, point, terminate) as (line, wire):
            try:
                RUNS[track.name](line)
                said = True
            except DatabaseFailure:
                said = False
            assert wire.struck
        done = track.judge(url, point)
        assert done == said, f"{point}: the run says {said}, and it is {done}"
        return done


def check(track: Track, points: list[Point], outcomes: list[bool]) -> None:
    """Only the answer to COMMIT comes too late to undo anything."""
    done = [point for point, outcome in zip(points, outcomes, strict=True) if outcome]
    assert track.statements[-1] == "COMMIT"
    assert done == [Point(len(track.statements), "after")]


def test_fault_21_the_process_is_killed_at_chosen_points(track, runner):
    points = track.short()
    check(track, points, [run_killed(track, runner, point) for point in points])


def test_fault_21_the_backend_is_terminated_at_chosen_points(track):
    points = track.short()
    check(track, points, [run_terminated(track, point) for point in points])


@pytest.mark.slow_fault
def test_fault_21_the_process_is_killed_at_every_point(track, runner, figure):
    points = track.points()
    check(track, points, [run_killed(track, runner, point) for point in points])
    figure(f"{len(points)} points of {len(track.statements)} statements")


@pytest.mark.slow_fault
def test_fault_21_the_backend_is_terminated_at_every_point(track, figure):
    points = track.points()
    check(track, points, [run_terminated(track, point) for point in points])
    figure(f"{len(points)} points of {len(track.statements)} statements")
