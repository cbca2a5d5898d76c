"""Putting one database in the place of another: both names change in one transaction, or none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

from seedbed.databases.beside import alone
from seedbed.databases.drafts import clean
from seedbed.databases.marks import Mark, comment_on
from seedbed.databases.properties import Properties, carry_over, properties, require_rights
from seedbed.databases.sessions import Ousting, Sessions, require_right_to_end
from seedbed.errors import DatabaseFailure, OutcomeUnknown
from seedbed.load.failures import translated


@dataclass(frozen=True, slots=True)
class Swapped:
    """What changing places took.

    Attributes:
        ended: the sessions on the old database that were ended.
        notes: what the new database could not be given of the old one's properties.
    """

    ended: Sessions
    notes: tuple[str, ...]


def ready(
    admin: Connection[Any], database: str, *, end: bool = True
) -> tuple[Properties, list[str]]:
    """Return a database's properties when nothing stands against copying or replacing it, and what killed runs left that is now gone.

    Until the connection ends nobody else copies or replaces it.

    Args:
        admin: a connection to another database.
        database: the database.
        end: whether sessions on it are going to be ended.

    Raises:
        Locked: somebody is at it.
        DatabaseFailure: the role may not, or may not end the sessions that are there, or a prepared transaction holds the database.
    """
    alone(admin, database)
    require_rights(admin, database)
    if end:
        require_right_to_end(admin, database)
    _refuse_prepared(admin, database)
    return properties(admin, database), clean(admin, database)


def swap(admin: Connection[Any], old: Properties, draft: str, kept: Mark) -> Swapped:
    """Give a draft the name of a database, and the database another one; sessions on it are ended.

    The new database gets what the old one had beside its contents. Whatever happens, the name leads to the one or to the other.

    Args:
        admin: a connection in autocommit, to a third database.
        old: the database to replace.
        draft: the name of the database that takes its place.
        kept: the mark of the old database under its new name.

    Raises:
        DatabaseFailure: sessions keep coming back, or cannot be ended; the names are as they were.
        OutcomeUnknown: the connection broke, and nobody knows whether the names have changed.
    """
    notes: list[str] = []
    ousting = Ousting(admin, old.name)
    try:
        with admin.transaction():
            with ousting:
                _rename(admin, old.name, kept.database)
            # From here on nobody can get into the old one: who tries waits for this transaction, is then refused once ("just been
            # renamed") and gets into the new one when they try again, as our own `connect` does.
            notes = carry_over(admin, old, draft, of=kept.database)
            _rename(admin, draft, old.name)
            admin.execute(kept.statement())
            admin.execute(comment_on(old.name, old.comment or None))
    except KeyboardInterrupt:
        if not _is_there(admin, kept.database):
            raise
    except psycopg.Error as error:
        if admin.closed:
            raise _unknown(old.name, kept.database) from None
        raise translated(error) from None
    return Swapped(ousting.ended, tuple(notes))


def _is_there(admin: Connection[Any], database: str) -> bool:
    query = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = %s)"
    return not admin.closed and admin.execute(query, [database]).fetchone() == (True,)


def _unknown(database: str, kept: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the connection broke while {database} was replaced, and nobody knows whether it still was",
        remedy=f"Look whether there is a database {kept}: that is then the old one.",
    )


def _rename(admin: Connection[Any], old: str, new: str) -> None:
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    admin.execute(rename.format(sql.Identifier(old), sql.Identifier(new)))


def _refuse_prepared(admin: Connection[Any], database: str) -> None:
    query = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = %s ORDER BY 1"
    prepared: Sequence[tuple[str]] = admin.execute(query, [database]).fetchall()
    if prepared:
        raise DatabaseFailure(
            f"{database} has prepared transactions: {', '.join(gid for (gid,) in prepared)}",
            remedy="COMMIT PREPARED or ROLLBACK PREPARED them.",
        )
