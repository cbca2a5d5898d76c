"""A plan kept in a file, and applied only while the database and the profile are what it saw.

A plan is a promise about a difference. Its file holds fingerprints of the two sides and of the difference itself; `apply` takes them
again inside its writing transaction, under the lock, and refuses where one is another.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import Connection

from seedbed import ledger
from seedbed.environment import Site
from seedbed.errors import Drift, Finding, InvalidInput
from seedbed.load.run import Leaving, Run
from seedbed.load.work import Work

FORMAT = 1

Prints = Mapping[str, str]
"""Fingerprints by table."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a plan saw.

    Attributes:
        database: which server and database, by number.
        run: the last run that changed it.
        schema: of each table its columns, constraints, indexes, triggers and policies.
        profile: of each table the rows the profile has.
        difference: of each table which rows need what.
    """

    database: str
    run: int
    schema: Prints
    profile: Prints
    difference: Prints


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan as it is kept in a file: what was asked for, what was seen, and for people how many rows need what.

    Attributes:
        as_of, scale, seed, minimal, only, skip, clean: the rows it is about, and whether all others go first.
    """

    profile: str
    as_of: str
    scale: float
    seed: str
    minimal: bool
    only: tuple[str, ...]
    skip: tuple[str, ...]
    clean: bool
    seen: Seen
    tables: Mapping[str, Mapping[str, int]]

    def write(self, file: Path) -> None:
        """Write it, complete or not at all."""
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.write_text(
            json.dumps({"seedbed_plan": FORMAT, **asdict(self)}, indent=2) + "\n", "utf-8"
        )
        draft.replace(file)

    @property
    def moment(self) -> datetime:
        """The moment the rows are made for."""
        return datetime.fromisoformat(self.as_of)

    def check(self, connection: Connection[Any], run: Run, site: Site) -> None:
        """Go on only where everything is as it was.

        Raises:
            Drift: something is not; all of it is named.
        """
        run.ready_all()
        findings = list(_changes(self.seen, look(connection, run, site)))
        if findings:
            raise Drift(
                f"the saved plan of {self.profile} is stale",
                findings=findings,
                remedy="Plan again, and look at what it says now.",
            )


def read(file: Path, profile: str) -> Saved:
    """Read a saved plan.

    Raises:
        InvalidInput: the file holds none, one of another seedbed, or one of another profile.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
        version = found.pop("seedbed_plan")
        saved = Saved(**{**found, "seen": Seen(**found["seen"])})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInput(f"{file}: holds no saved plan", remedy=_MAKE) from None
    if version != FORMAT:
        raise InvalidInput(f"{file}: was saved by another version of seedbed", remedy=_MAKE)
    if saved.profile != profile:
        raise InvalidInput(f"{file}: is a plan of {saved.profile}, not of {profile}", remedy=_MAKE)
    return saved


_MAKE = "seedbed plan PROFILE --save FILE makes one."


def look(connection: Connection[Any], run: Run, site: Site) -> Seen:
    """Return the fingerprints of a run that has been compared and not yet written."""
    return Seen(
        database=f"{site.system_identifier}/{site.database_oid}",
        run=ledger.last_change(connection),
        schema=_schema(connection, run),
        profile={run.name(work.table.name): _rows_of(work, run) for work in run.written},
        difference={run.name(each.table.name): _difference(each, run) for each in run.touched},
    )


def _changes(before: Seen, now: Seen) -> Iterable[Finding]:
    if before.database != now.database:
        yield Finding("", "it was made for another database")
    if before.run != now.run:
        yield Finding(
            "", f"run {now.run} has changed the database since, the plan saw {before.run}"
        )
    what = {
        "schema": "its schema is another one than then",
        "profile": "the profile has other rows of it than then",
        "difference": "other rows of it differ from the profile than then",
    }
    for field in fields(Seen):
        if field.name in what:
            then, today = getattr(before, field.name), getattr(now, field.name)
            for table in sorted(then.keys() | today.keys()):
                if then.get(table) != today.get(table):
                    yield Finding(table, what[field.name])


def _schema(connection: Connection[Any], run: Run) -> Prints:
    oids = [each.table.oid for each in run.touched]
    named = {each.table.oid: run.name(each.table.name) for each in run.touched}
    rows = connection.execute(SCHEMA, [oids]).fetchall()
    return {named[oid]: _digest([text.encode()]) for oid, text in rows}


def _rows_of(work: Work, run: Run) -> str:
    parts = [work.binding.rows.keys, work.digests, np.array([run.dataset.version])]
    return _digest(part.tobytes() for part in parts)


def _difference(each: Work | Leaving, run: Run) -> str:
    known, parts = each.known, [each.gone, each.gone_edited, each.forget]
    found = [known.keys[places].tobytes() for places in parts]
    if isinstance(each, Work):
        keys = each.binding.rows.keys
        for positions in (each.create, each.update, each.adopt, each.edited):
            found.append(keys[positions].tobytes())
        # What an edited row holds now is part of what was looked at.
        for changes in (each.changes, each.hashes):
            found.append(repr(sorted(changes.items())).encode())
    for one in run.emptied:
        if one.table.name == each.table.name:
            found.append(repr((one.ours, one.edited, one.others)).encode())
    return _digest(found)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


SCHEMA = """
SELECT c.oid, concat_ws(E'\\n', c.relkind, c.relrowsecurity, c.relforcerowsecurity,
       (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                                    a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid)), E'\\n' ORDER BY a.attnum)
          FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT string_agg(concat_ws(' ', k.conname, k.convalidated, pg_get_constraintdef(k.oid)), E'\\n' ORDER BY k.conname)
          FROM pg_constraint k WHERE c.oid IN (k.conrelid, k.confrelid)),
       (SELECT string_agg(concat_ws(' ', i.indisvalid, pg_get_indexdef(i.indexrelid)), E'\\n' ORDER BY i.indexrelid::regclass::text)
          FROM pg_index i WHERE i.indrelid = c.oid),
       (SELECT string_agg(concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid), p.prosrc), E'\\n' ORDER BY t.tgname)
          FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
       (SELECT string_agg(concat_ws(' ', y.polname, y.polcmd, y.polpermissive, pg_get_expr(y.polqual, c.oid),
                                    pg_get_expr(y.polwithcheck, c.oid)), E'\\n' ORDER BY y.polname)
          FROM pg_policy y WHERE y.polrelid = c.oid))
  FROM pg_class c WHERE c.oid = ANY (%s::oid[])"""
