"""How many rows the tables of a database hold, and how many an archive of it does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from psycopg import Connection, sql

from seedbed.errors import Finding
from seedbed.servers.programs import Program, running

_TABLES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
                  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid)
ORDER BY 1, 2
"""
"""Tables whose rows pg_dump writes: not an extension's, nor, on a standby, unlogged ones."""

_NAME = rb'((?:[^\s".]|"(?:[^"]|"")*")+)'
_COPY = re.compile(rb"COPY " + _NAME + rb"\." + _NAME + rb" .*FROM stdin;\n")
_END = b"\\.\n"


def count_tables(connection: Connection[Any]) -> dict[str, int]:
    """Return how many rows each table of a database holds, by qualified name."""
    counts = {}
    for schema, name in connection.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, name))
        row = connection.execute(query).fetchone()
        counts[f"{schema}.{name}"] = row[0] if row else 0
    return counts


def count_archive(reader: Program, dump: Path) -> dict[str, int]:
    """Return how many rows of each table an archive holds, by reading all of it.

    Raises:
        DatabaseFailure: it cannot be read to its end.
    """
    arguments: list[str | Path] = ["--data-only", "--file=-", dump]
    with running(reader, arguments, output=subprocess.PIPE) as process:
        assert process.stdout is not None
        return _count_script(process.stdout)


def _count_script(script: IO[bytes]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in script:
        found = _COPY.fullmatch(line) if line.startswith(b"COPY ") else None
        if found:
            # In COPY's text format a line is a row, and no row is the end mark.
            count = 0
            for row in script:
                if row == _END:
                    break
                count += 1
            counts[".".join(_unquoted(part) for part in found.groups())] = count
    return counts


def _unquoted(name: bytes) -> str:
    text = name.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def differences(expected: Mapping[str, int], found: Mapping[str, int]) -> list[Finding]:
    """Return where two counts of rows differ."""
    return [
        Finding(name, f"{found.get(name, 0):,} rows instead of {expected.get(name, 0):,}")
        for name in sorted({*expected, *found})
        if expected.get(name, 0) != found.get(name, 0)
    ]
