"""A unique key was taken: by which row? Found out afterwards, in a new transaction, for the server names only the value."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
from psycopg import Connection

from seedbed.errors import DatabaseFailure, Drift, Finding, InvalidInput, SeedbedError
from seedbed.load.culprits import find_culprit
from seedbed.load.failures import Blurred, Clash
from seedbed.load.session import transaction
from seedbed.load.staging import staged
from seedbed.load.uniqueness import Uniqueness, read_uniqueness
from seedbed.load.updating import Overtaken
from seedbed.load.work import Work, Works


def clash_error(
    connection: Connection[Any], works: Works, clash: Clash
) -> SeedbedError | Overtaken:
    """Return the error to raise for a clash: both rows named, or a reason to try again where the other row is gone."""
    if isinstance(clash, Blurred):
        return find_culprit(connection, works, clash)
    try:
        with transaction(connection, keep=True):
            key = read_uniqueness(connection, clash.work, clash.about)
            if key is not None:
                return _explained(connection, works, clash.work, key)
    except psycopg.Error:
        pass  # the key is made of something that cannot be computed from what the profile says
    return DatabaseFailure(str(clash))


def _explained(
    connection: Connection[Any], works: Works, work: Work, key: Uniqueness
) -> SeedbedError | Overtaken:
    positions = np.arange(work.size)
    with staged(connection, key.stage_columns(works, positions)) as stage:
        twins = key.twins(connection, stage)
        held = key.holders(connection, stage)
    what, place = f"{key} of {work.table.name}", work.binding.place
    if twins:
        return InvalidInput(
            f"rows of the profile share {what}",
            findings=[
                Finding(f"{place(one)} and {place(other)}", f"the same values in {what}")
                for one, other in twins
            ],
        )
    ours = {work.known.identity(at) for at in range(len(work.known.keys))}
    strangers = [(at, who) for at, who in held if who not in ours]
    if strangers and not key.is_natural:
        problem = f"its values in {what} are held by row {{}}, which seedbed did not write"
        return Drift(f"{what} is already taken", findings=_findings(work, strangers, problem))
    exchanged = [(at, who) for at, who in held if who in ours and who != _itself(work, at)]
    if exchanged and not strangers:
        problem = f"its values in {what} are those of row {{}} of ours"
        return InvalidInput(
            f"rows exchange {what}",
            findings=_findings(work, exchanged, problem),
            remedy=_ways_out(key, place(exchanged[0][0])),
        )
    return Overtaken(f"{what} was taken in the meantime")


def _ways_out(key: Uniqueness, place: str) -> str:
    """Return what to do where rows want each other's values and none of them can be NULL for a moment."""
    why = "Values that cannot be NULL for a moment cannot be exchanged in one run."
    constraint = "Make the key DEFERRABLE, or apply" if key.plain else "Apply"
    return f"{why} {constraint} twice: first with a value that no row has for {place}, then with the one you want."


def _findings(work: Work, held: list[tuple[int, str]], problem: str) -> list[Finding]:
    return [Finding(work.binding.place(at), problem.format(who)) for at, who in held]


def _itself(work: Work, position: int) -> str:
    place = int(work.place[position])
    return work.known.identity(place) if place >= 0 else ""
