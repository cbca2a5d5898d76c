"""A canary: a password and a row's value that run through every test of the suite and must come out nowhere.

The password is the disposable servers' own and stands in the URL of every ``database``. The value is in every row of the tables that
`given.prepare` makes, in a column that no test asks for: whatever quotes a row, quotes it. tests/canary_watch.py listens for it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from typing import Any

import psycopg

NUMBER = os.environ.setdefault("SEEDBED_CANARY", secrets.token_hex(4))
"""One for each run, its workers included: what runs beside it, on the same machine, has a canary of its own."""
PASSWORD = f"Kanarienvogel-{NUMBER}"
ROW = f"Wellensittich {NUMBER}"
COLUMN = "canary"
"""The name of the column that holds `ROW`."""

KINDS = {"password": PASSWORD, "row value": ROW}
SEALED = "<canary>"

_WIDE = 1_500
"""Tables with more columns than this get none more; 1,600 is all there is room for."""

HIDE = f"""
DO $$ DECLARE each regclass; BEGIN
    FOR each IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$|seedbed$)'
                   AND c.relnatts < {_WIDE}
    LOOP EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS {COLUMN} text DEFAULT %L', each, '{ROW}'); END LOOP;
END $$"""
"""Gives every table of a database the column, and every row of it the value."""


def with_password(url: str) -> str:
    """Return a URL of a disposable server with the canary for its password."""
    return url.replace("postgres@", f"postgres:{PASSWORD}@", 1)


def bare(url: str) -> str:
    """Return a URL without the password, for an argument of a test's own program; the socket lets it in all the same."""
    return url.replace(f":{PASSWORD}@", "@", 1)


def off_the_command_line(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return arguments without the password, and the environment variable that says it instead.

    That everybody can read a process's arguments is the caller's business, so a test that starts a program must not put it there.
    """
    found = [bare(argument) for argument in arguments]
    return found, {"PGPASSWORD": PASSWORD} if found != list(arguments) else {}


def adopt(server: Any) -> None:
    """Make the canary a server's password, also where its own URLs take it from."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
    server.place.passfile.write_text(f"127.0.0.1:*:*:postgres:{PASSWORD}\n")


def without_canary(row: Sequence[Any], columns: Sequence[str]) -> tuple[Any, ...]:
    """Return a row of SELECT * as a test expects it."""
    return tuple(value for value, name in zip(row, columns, strict=True) if name != COLUMN)


def sealed(text: str) -> str:
    """Return a text without the canary."""
    return re.sub("|".join(map(re.escape, KINDS.values())), SEALED, text)
