"""Everything that can be said against a table's rows before the database is asked: values, references, labels, keys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from seedbed.errors import Finding
from seedbed.load.binding import Binding, Link
from seedbed.load.digest import profile_digests
from seedbed.load.limits import Fault, unknown_characters
from seedbed.load.work import Work, Works


def examine(works: Works, work: Work, go_on: Callable[[], None] = lambda: None) -> list[Finding]:
    """Evaluate the columns of a table, compute its digests and return everything that is wrong.

    Args:
        go_on: called between columns; raises to stop.
    """
    binding = work.binding
    findings: list[Finding] = []
    for name in binding.plain:
        go_on()
        parent = binding.table.leads_to(name)
        for fault in work.check(name):
            if parent and not fault.remedy:
                remedy = f"to name a row of {parent}, make it fields.reference or pick"
                fault = Fault(fault.positions, fault.problem, remedy)
            findings.append(at_row(binding, name, fault))
    for link in binding.links:
        findings += _empty_references(work, link)
    if not findings:
        parts = {
            name: work.column(name) for name in sorted(binding.plain) if name in binding.compared
        }
        parts |= {
            f"-> {link.reference.name}": _referenced_keys(works, link)
            for link in binding.links
            if set(link.columns) & set(binding.compared)
        }
        work.digests = profile_digests(parts, work.size)
    findings += _labels(work)
    findings += _duplicates(work)
    return findings


def _labels(work: Work) -> list[Finding]:
    """The ledger keeps the labels of hand-picked rows."""
    named = work.binding.rows.named()
    labels = pl.Series(list(named.values()), dtype=pl.String)
    return [
        Finding(work.binding.place(list(named)[at]), f"its label has {fault.problem}")
        for fault in unknown_characters(labels, work.table.codec)
        for at in fault.positions.tolist()
    ]


def _referenced_keys(works: Works, link: Link) -> pl.Series:
    rows = link.reference.rows
    keys = works[link.parent].binding.rows.keys
    if not len(keys):
        return pl.Series(np.zeros(len(rows), dtype=np.int64))
    return pl.Series(np.where(rows >= 0, keys[rows], 0))


def at_row(binding: Binding, column: str, fault: Fault) -> Finding:
    """Return a fault as a finding: at the first row that has it, with the number of the others."""
    first = binding.place(int(fault.positions[0]))
    more = len(fault.positions) - 1
    others = f" and {more} more rows" if more > 1 else " and 1 more row" if more else ""
    return Finding(f"{first}: {binding.table.name}.{column}", fault.problem + others, fault.remedy)


def _empty_references(work: Work, link: Link) -> list[Finding]:
    columns = [work.table.columns[name] for name in link.columns]
    filling = work.binding.filling(columns[0].name)
    none = np.all([other.reference.rows < 0 for other, _ in filling], axis=0)
    if not none.any() or filling[0][0] is not link or any(c.nullable for c in columns):
        return []
    fault = Fault(
        np.flatnonzero(none), f"no {link.reference.name}, but {columns[0].name} is NOT NULL"
    )
    return [at_row(work.binding, columns[0].name, fault)]


def lost_references(works: Works, work: Work) -> list[Finding]:
    """Return the references to rows that are not there because this run does not write their table."""
    findings = []
    for link in work.binding.links:
        parent, rows = works[link.parent], link.reference.rows
        if parent.binding.written or not parent.size:
            continue
        lost = np.flatnonzero((rows >= 0) & ~parent.here[np.maximum(rows, 0)])
        if len(lost):
            problem = f"refers to a row of {link.parent} that is not there"
            fault = Fault(lost, problem, "write that table too")
            findings.append(at_row(work.binding, link.columns[0], fault))
    return findings


def _duplicates(work: Work) -> list[Finding]:
    binding = work.binding
    findings = _twice(binding, pl.DataFrame({"key": binding.rows.keys}), "the same row key")
    if binding.natural_key:
        frame = pl.DataFrame([key_part(work, name).alias(name) for name in binding.natural_key])
        columns = ", ".join(binding.natural_key)
        for name in binding.natural_key:
            nulls = frame[name].is_null().arg_true().to_numpy().astype(np.int64)
            if len(nulls):
                fault = Fault(
                    nulls, "NULL in the natural key", "a row without it cannot be recognised"
                )
                findings.append(at_row(binding, name, fault))
        if not findings:
            findings += _twice(binding, frame, f"the same natural key ({columns})")
    return findings


def key_part(work: Work, name: str) -> pl.Series:
    """Return a column of the natural key; where it is a reference, the positions of the rows referred to."""
    if name in work.binding.plain:
        return work.column(name)
    link = next(link for link in work.binding.links if name in link.columns)
    rows = link.reference.rows
    return pl.Series(rows).set(pl.Series(rows < 0), None)


def _twice(binding: Binding, frame: pl.DataFrame, what: str) -> list[Finding]:
    if frame.n_unique() == len(frame):
        return []
    doubled = frame.with_row_index("__at").filter(frame.is_duplicated())
    groups = (
        doubled.group_by(frame.columns, maintain_order=True).agg(pl.col("__at"))["__at"].to_list()
    )
    return [
        Finding(
            " and ".join(binding.place(at) for at in group[:3]),
            f"{what} in {binding.table.name}",
            f"{len(group)} rows share it",
        )
        for group in groups[:10]
    ]
