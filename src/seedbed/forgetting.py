"""Making seedbed forget rows, which stay where they are and are nobody's from then on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from seedbed import guard, ledger, target
from seedbed.environment import Patterns
from seedbed.errors import InvalidInput, Unconfirmed, nearest
from seedbed.ledger import Entry
from seedbed.load.failures import translating_errors
from seedbed.load.recording import forget_table
from seedbed.load.session import connect, take_lock, transaction
from seedbed.settings import Said


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What `forget` did.

    Attributes:
        database: the database's name.
        tables: by table, how many rows of the ledger went.
    """

    database: str
    tables: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ForgetOptions:
    """What a caller of `forget` may choose.

    Attributes:
        confirm: the database's name.
        said: what the operator says the database is for.
        wait: wait for another run's lock.
        patterns: what the project says of names; None: the project of the current folder does.
    """

    confirm: str | None = None
    said: Said | None = None
    wait: bool = True
    patterns: Patterns | None = None


def forget(url: str, tables: Sequence[str], options: ForgetOptions) -> Forgotten:
    """Delete from the ledger what it knows of tables; the tables are not touched, nor looked at.

    Args:
        url: the database.
        tables: their names, as `status` shows them, or with their schemas.
        options: see `ForgetOptions`.

    Raises:
        Refused: the name was not repeated, or the guard says no.
        InvalidInput: the ledger does not know a table.
    """
    started = time.monotonic()
    with connect(url) as connection, translating_errors(), transaction(connection, keep=True):
        take_lock(connection, wait=options.wait)
        database = _admit(connection, options)
        gone = {}
        for name, entry in _meant(connection, tables).items():
            gone[name] = ledger.count(connection, entry)
            forget_table(connection, entry)
        values = {
            "action": "forget",
            "outcome": "changed",
            "counts": Jsonb({name: {"forgotten": rows} for name, rows in gone.items()}),
            "seconds": time.monotonic() - started,
        }
        ledger.record_run(connection, values)
        connection.commit()
    return Forgotten(database, gone)


def _admit(connection: Connection[Any], options: ForgetOptions) -> str:
    name = connection.info.dbname
    if options.confirm != name:
        raise Unconfirmed(
            f"to forget which rows are seedbed's takes the name of the database, {name}, said once more",
            remedy=f"If you mean it: --confirm {name}",
        )
    guard.permit(
        connection,
        "forget",
        confirm=options.confirm,
        said=options.said,
        patterns=options.patterns,
    )
    return name


def _meant(connection: Connection[Any], tables: Sequence[str]) -> dict[str, Entry]:
    """Return what the ledger knows of tables, by the names people know them by."""
    entries = ledger.entries(connection) if ledger.exists(connection) else {}
    live = target.read(connection, entries)
    known = {str(name): (live.shown(name), entry) for name, entry in entries.items()}
    known |= {shown: (shown, entry) for shown, entry in list(known.values())}
    for wanted in tables:
        if wanted not in known:
            problem = f"the ledger knows no rows of a table {wanted!r}"
            raise InvalidInput(problem, remedy=nearest(wanted, list(known)))
    return dict(known[wanted] for wanted in tables)
