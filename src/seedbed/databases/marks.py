"""What we write on a database of ours, as its comment: by that, and by nothing else, we know it again.

A mark names the database it is on, so that one that was renamed since is its new owner's and no longer ours.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from psycopg import Connection, sql

_BEGINNING = "seedbed: "

Kind = Literal["restoring", "saving", "going", "replaced", "snapshot"]
"""A draft of a restore or of a snapshot; one that was replaced and is to be dropped, or is kept; a snapshot."""

PASSING: tuple[Kind, ...] = ("restoring", "saving", "going")
"""What is there only while a run works on it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is written on a database of ours.

    Attributes:
        kind: what it is.
        of: the name of the database it was made beside.
        database: its own name.
        environment: what `of` was for then; may be unknown.
        name: a snapshot's, as people call it.
        comment: the database's own comment, which the mark hides.
        worker: the server's process that works on it, for one that is only passing; 0 where none does.
        at: when.
    """

    kind: Kind
    of: str
    database: str
    environment: str = ""
    name: str = ""
    comment: str = ""
    worker: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def statement(self) -> sql.Composed:
        """Return the statement that writes it."""
        text = _BEGINNING + json.dumps({**asdict(self), "at": self.at.isoformat()})
        return comment_on(self.database, text)


def comment_on(database: str, text: str | None) -> sql.Composed:
    """Return the statement that gives a database a comment, or takes it away."""
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), text)


def marked(connection: Connection[Any], of: str) -> list[Mark]:
    """Return the marks of the databases of ours that were made beside a database, the oldest first."""
    rows = connection.execute(
        "SELECT datname, pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database "
        "WHERE pg_catalog.shobj_description(oid, 'pg_database') LIKE %s",
        [f"{_BEGINNING}%"],
    ).fetchall()
    found = [mark for name, text in rows if (mark := _read(text)) and mark.database == name]
    return sorted((mark for mark in found if mark.of == of), key=lambda mark: mark.at)


def _read(text: str) -> Mark | None:
    try:
        values: dict[str, Any] = json.loads(text.removeprefix(_BEGINNING))
        return Mark(**{**values, "at": datetime.fromisoformat(values["at"])})
    except (ValueError, TypeError, KeyError):
        return None
