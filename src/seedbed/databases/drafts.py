"""A database that is made beside another, marked as ours from its first moment, and gone again unless it takes a place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from seedbed.databases.marks import PASSING, Mark, marked
from seedbed.databases.properties import Properties, properties
from seedbed.errors import DatabaseFailure, Finding
from seedbed.load.failures import translated

_WORKING = """
SELECT pid FROM pg_catalog.pg_stat_activity
WHERE pid <> pg_catalog.pg_backend_pid() AND application_name = 'seedbed'
"""
"""Sessions that may be at work on a draft; the name is ours wherever we connect beside a database."""
_LARGE = 256 * 1024 * 1024
"""Bytes from which a database is copied faster as files, although that takes two checkpoints."""


def empty_like(admin: Connection[Any], like: Properties, mark: Mark) -> None:
    """Create an empty database with the owner, encoding, locale and tablespace of another.

    Raises:
        DatabaseFailure: the server said no.
    """
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {} {}").format(
        sql.Identifier(mark.database),
        sql.SQL(" ").join(like.creation()),
        _belonging(admin, like, "template0"),
    )
    _create(admin, create, mark)


def copy_of(admin: Connection[Any], template: str, like: Properties, mark: Mark) -> None:
    """Create a database with the contents of one, and the owner and tablespace of another.

    Raises:
        ObjectInUse: somebody is connected to the template (psycopg's error, 55006).
        DatabaseFailure: the server said no for another reason.
    """
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} {} {}").format(
        sql.Identifier(mark.database),
        sql.Identifier(template),
        _strategy(admin, template),
        _belonging(admin, like, template),
    )
    _create(admin, create, mark)


def _belonging(admin: Connection[Any], like: Properties, template: str) -> sql.Composed:
    owner = sql.SQL("OWNER {}").format(sql.Identifier(like.owner))
    place = like.values["tablespace"]
    if properties(admin, template).values["tablespace"] == place:
        return owner  # to name it takes a privilege, even where it is the template's own
    return owner + sql.SQL(" TABLESPACE {}").format(sql.Identifier(place))


def _strategy(admin: Connection[Any], template: str) -> sql.SQL:
    if admin.info.server_version < 150000:  # there is one way only
        return sql.SQL("")
    row = admin.execute(
        "SELECT current_setting('fsync') = 'off' OR pg_catalog.pg_database_size(%s) > %s",
        [template, _LARGE],
    ).fetchone()
    return sql.SQL("STRATEGY file_copy" if row == (True,) else "STRATEGY wal_log")


def _create(admin: Connection[Any], create: sql.Composed, mark: Mark) -> None:
    """Create and mark a database in one message, so that our end cannot come in between.

    CREATE DATABASE must not be in a transaction with anything else; in a pipeline it may come first, is committed by itself, and the
    server goes on with the rest without asking us.
    """
    name = sql.Identifier(mark.database)
    try:
        with admin.pipeline():
            admin.execute(create)
            admin.execute(replace(mark, worker=admin.info.backend_pid).statement())
            admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    except errors.ObjectInUse:
        raise
    except psycopg.Error as error:
        raise translated(error) from None


@contextmanager
def dropped_unless_renamed(admin: Connection[Any], name: str) -> Iterator[None]:
    """Drop a draft after a block that did not bring it to its place; where we cannot, `clean` will."""
    try:
        yield
    except BaseException:
        with suppress(psycopg.Error):
            drop(admin, name)
        raise


def drop(admin: Connection[Any], name: str) -> None:
    """Drop a database of ours, with the sessions on it."""
    database = sql.Identifier(name)
    flagged = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s AND datistemplate"
    if admin.execute(flagged, [name]).fetchone():  # as the one was whose place it had
        admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(database))
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))


def drop_each(admin: Connection[Any], names: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """Drop databases of ours; returns the names of those that are gone, and why the others are not.

    Args:
        admin: a connection in autocommit, to another database.
        names: of databases of ours.
    """
    gone, left = [], []
    for name in names:
        try:
            drop(admin, name)
            gone.append(name)
        except psycopg.Error as error:
            left.append(Finding(name, f"cannot be dropped: {translated(error).message}"))
    return gone, left


def clean(admin: Connection[Any], of: str) -> list[str]:
    """Drop the drafts beside a database that runs left which were killed; returns their names.

    The caller must be `alone` with that database. That holds off others beside the same database only, for advisory locks do not
    reach further, so those that a living session says it works on stay.

    Raises:
        DatabaseFailure: one of them cannot be dropped.
    """
    working = {pid for (pid,) in admin.execute(_WORKING).fetchall()}
    drafts = [
        mark.database
        for mark in marked(admin, of)
        if mark.kind in PASSING and mark.worker not in working
    ]
    for name in drafts:
        try:
            drop(admin, name)
        except psycopg.Error as error:
            raise DatabaseFailure(
                f"{name}, left by a run that was killed, cannot be dropped: {translated(error).message}"
            ) from None
    return drafts


def draft_name() -> str:
    """Return a name that nobody has."""
    return f"seedbed_draft_{secrets.token_hex(8)}"


def free_name(admin: Connection[Any], first: str, rest: str) -> str:
    """Return a name for a database that is not taken and not too long for PostgreSQL, which would cut it.

    Args:
        admin: a connection to the server.
        first: how it begins; cut where need be.
        rest: how it ends.
    """
    number = 1
    while True:
        ending = f"{rest}{f'_{number}' if number > 1 else ''}".encode()[:50].decode(errors="ignore")
        room = 63 - len(ending.encode())
        name = first.encode()[:room].decode(errors="ignore") + ending
        taken = admin.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", [name])
        if taken.fetchone() is None:
            return name
        number += 1
