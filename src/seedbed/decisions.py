"""What a run meets that it must not decide by itself: edited rows, rows of others, rows that others depend on."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from seedbed import guard, ledger
from seedbed.environment import Verdict
from seedbed.errors import Drift, Finding, Unconfirmed, so_many_rows
from seedbed.ledger import NOTHING
from seedbed.load import emptying
from seedbed.load.execute import doom_leaving
from seedbed.load.passing import passed_on
from seedbed.load.pruning import Owned, holders, what_holds
from seedbed.load.run import Run
from seedbed.load.work import Work
from seedbed.options import Options
from seedbed.source import Source

EDIT_POLICIES, ADOPT = "--keep-edits / --overwrite-edits", "--adopt"
"""The options that decide what becomes of edited rows, and of rows that seedbed did not write."""

CONFIRM = "--confirm DATABASE"
"""The option that lets rows go that seedbed did not write, or that somebody changed since, where tables are emptied."""

WAYS = {
    EDIT_POLICIES: "--keep-edits leaves edited rows as they are, --overwrite-edits restores them",
    ADOPT: "--adopt takes rows over",
}

SHOWN = 20
"""How many rows of a table an error lists."""


def decide(connection: Connection[Any], run: Run, options: Options) -> None:
    """Go on only where nothing is left to be decided.

    Raises:
        Drift: something is; all of it is listed.
    """
    findings = undecided_rows(run, options)
    obstacles = find_obstacles(connection, run, options, lock=True)
    if findings or obstacles:
        ways = [WAYS[one.remedy] for one in undecided(run, options) if one.remedy in WAYS]
        raise Drift(
            "the database is not as seedbed left it",
            findings=[*findings, *obstacles],
            remedy="; ".join(ways),
        )


def find_obstacles(
    connection: Connection[Any], run: Run, options: Options, *, lock: bool = False
) -> list[Finding]:
    """Return the rows that are not in the plan and stand in its way: they refer to rows to prune, to empty out or to get another key.

    Args:
        lock: let nobody begin to refer to rows that get another key.
    """
    leaving = {}
    for each in run.leaving:
        overwritten = options.edits == "overwrite"
        stays = NOTHING if overwritten else each.known.keys[each.gone_edited]
        leaving[each.table.name] = Owned(each.table, each.entry, stays)
    reached = emptying.beyond(connection, run.emptied, leaving)
    passed = passed_on(connection, run, overwrite=options.edits == "overwrite", lock=lock)
    return [*_held(connection, run, options), *reached, *passed]


def _held(connection: Connection[Any], run: Run, options: Options) -> list[Finding]:
    """Return what keeps rows from being pruned."""
    if not ledger.exists(connection):
        return []
    doomed = doom_leaving(connection, run, edited=options.edits == "overwrite")
    kept = {
        w.table.name: w.edited_keys if options.edits == "keep" else NOTHING for w in run.written
    }
    ours = {
        work.table.name: Owned(work.table, work.entry, kept[work.table.name])
        for work in run.written
        if work.entry
    }
    emptied = frozenset(one.table.name for one in run.emptied)
    held = what_holds(connection, doomed, ours, emptied) if doomed else []
    findings = []
    for one in held:
        remedy = "delete them, or let the profile keep its rows"
        work = run.works.get(one.by)
        if work and len(kept.get(one.by, ())):
            keys = holders(connection, doomed[one.table], one, work.table, kept[one.by])
            if len(keys):
                rows = ", ".join(work.shown(key) for key in keys.tolist()[:SHOWN])
                remedy = f"edited and kept: {rows}; --overwrite-edits lets go, or let the profile keep what they refer to"
        findings.append(Finding(str(one.table), str(one), remedy))
    return findings


def undecided(run: Run, options: Options) -> list[Finding]:
    """Return what apply has not been told to decide, in numbers; the remedies are the options that decide it."""
    found = []
    edited = sum(len(work.edited) for work in run.written)
    edited += sum(len(each.gone_edited) for each in run.touched)
    if edited and options.edits == "refuse":
        found.append(Finding("", f"{so_many_rows(edited)} edited", EDIT_POLICIES))
    adopt = sum(len(work.adopt) for work in run.written)
    if adopt and not options.adopt:
        found.append(Finding("", f"{so_many_rows(adopt)} that seedbed did not write", ADOPT))
    others = [f"{one.where}: {one.problem}" for one in lost_to_others(run)]
    if others and options.confirm is None:
        found.append(Finding("", f"the tables hold {'; '.join(others)}", CONFIRM))
    return found


def lost_to_others(run: Run) -> list[Finding]:
    """Return, by table, the rows to be emptied out that are more than what seedbed left there."""
    findings = []
    for one in run.emptied:
        parts = [f"{so_many_rows(one.others)} that seedbed did not write"] if one.others else []
        if one.edited:
            parts.append(f"{so_many_rows(one.edited)} edited since")
        if parts:
            findings.append(Finding(run.name(one.table.name), ", ".join(parts)))
    return findings


def permit_emptying(
    connection: Connection[Any], source: Source, run: Run, options: Options, verdict: Verdict
) -> None:
    """Go on only where tables may be emptied of what is in them; the caller has taken the verdict over this connection.

    Raises:
        Unconfirmed: they hold rows that seedbed did not write, or that were edited since, and the database's name was not repeated.
        BackupUndecided: rows go, and nobody has said whether to make a backup.
    """
    losses = lost_to_others(run)
    name = verdict.site.database
    if losses and options.confirm is None:
        raise Unconfirmed(
            f"refused: --clean would empty tables in {name} of more than what seedbed left there",
            findings=losses,
            remedy=f"If you mean it: --confirm {name}",
        )
    if losses:
        guard.permit(
            connection,
            "clean",
            confirm=options.confirm,
            said=options.said,
            patterns=source.patterns,
        )
    if any(one.rows for one in run.emptied):
        from seedbed.backup import require_decision  # programs to run, which few applies need

        require_decision(options.backup, verdict, "clean")


def undecided_rows(run: Run, options: Options) -> list[Finding]:
    """Return the rows for which apply has not been told what to do; of many, the first."""
    findings = []
    for each in run.touched:
        name = run.name(each.table.name)
        if options.edits == "refuse":
            gone = [f"{name} {each.known.identity(place)}" for place in each.gone_edited[:SHOWN]]
            problem = "edited since, and no longer in the profile"
            findings += [Finding(where, problem) for where in gone]
            findings += _more(name, problem, len(each.gone_edited))
        if isinstance(each, Work):
            findings += _undecided_in(each, name, options)
    return findings


def _undecided_in(work: Work, name: str, options: Options) -> list[Finding]:
    label = work.binding.rows.label
    findings = []
    if options.edits == "refuse":
        for at in work.edited[:SHOWN].tolist():
            both = work.known.digests[work.place[at]] != work.digests[at]
            too = ", and the profile has changed it too" if both else ""
            problem = f"edited since{too}: {', '.join(fields_of(work, at))}"
            findings.append(Finding(f"{name} {label(at)}", problem))
        findings += _more(name, "edited since", len(work.edited))
    if not options.adopt:
        key = ", ".join(work.binding.natural_key)
        problem = f"a row with its natural key ({key}) is there, and seedbed did not write it"
        findings += [Finding(f"{name} {label(at)}", problem) for at in work.adopt[:SHOWN].tolist()]
        findings += _more(name, problem, len(work.adopt))
    return findings


def _more(name: str, problem: str, count: int) -> list[Finding]:
    return [Finding(f"{name}, {count - SHOWN} more rows", problem)] if count > SHOWN else []


def fields_of(work: Work, position: int) -> tuple[str, ...]:
    """Return the columns in which a row differs from the database."""
    flags = work.changes.get(position, "")
    return tuple(
        name for name, flag in zip(work.binding.compared, flags, strict=False) if flag == "t"
    )
