"""How many rows the tables of a database hold, and how many an archive of it does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from psycopg import Connection, sql

from seedbed.errors import Finding
from seedbed.servers.programs import Program, running

_TABLES = """
SELECT n.nspname, c.relname, coalesce(config.condition, ''),
       pg_catalog.convert_to(n.nspname || '.' || c.relname, pg_catalog.getdatabaseencoding())
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (SELECT t.oid, t.condition FROM pg_catalog.pg_extension e, unnest(e.extconfig, e.extcondition) AS t (oid, condition)
           WHERE e.oid >= 16384) AS config ON config.oid = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
  AND (config.oid IS NOT NULL OR (n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'
                       AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid)))
ORDER BY 1, 2
"""
"""Tables whose rows pg_dump writes: of an extension's only those it calls its configuration (of these the rows that meet its condition, a
WHERE clause), and on a standby no unlogged ones. The last column is the name as the database's encoding has it."""

_NAME = rb'((?:[^\s".]|"(?:[^"]|"")*")+)'
_COPY = re.compile(rb"COPY " + _NAME + rb"\." + _NAME + rb" .*FROM stdin;\n", re.DOTALL)
_BALANCED = re.compile(rb"""(?:[^'"]++|'[^']*+'|"[^"]*+")*+""")
_END = b"\\.\n"


def count_tables(connection: Connection[Any]) -> dict[str, int]:
    """Return how many rows each table of a database holds, by qualified name; for the rest of the transaction no search_path is set."""
    counts = {}
    connection.execute("SELECT pg_catalog.set_config('search_path', '', true)")  # as in pg_dump
    for schema, name, condition, _ in connection.execute(_TABLES).fetchall():
        table = sql.Identifier(schema, name)
        # As pg_dump asks: it says ONLY where an extension has no condition.
        query = sql.SQL(
            "SELECT count(*) FROM {} {}" if condition else "SELECT count(*) FROM ONLY {}"
        )
        row = connection.execute(query.format(table, sql.SQL(condition))).fetchone()
        counts[f"{schema}.{name}"] = row[0] if row else 0
    return counts


def archived_names(connection: Connection[Any]) -> dict[bytes, str]:
    """Return the qualified names of the tables of a database, by how an archive in the database's encoding has them.

    PostgreSQL has encodings that Python has not.
    """
    return {raw: f"{schema}.{name}" for schema, name, _, raw in connection.execute(_TABLES)}


def count_archive(reader: Program, dump: Path, names: Mapping[bytes, str]) -> dict[str, int]:
    """Return how many rows of each table an archive holds, by reading all of it.

    Args:
        reader: the pg_restore.
        dump: the archive.
        names: see `archived_names`.

    Raises:
        DatabaseFailure: it cannot be read to its end.
    """
    arguments: list[str | Path] = ["--data-only", "--file=-", dump]
    with running(reader, arguments, output=subprocess.PIPE) as process:
        assert process.stdout is not None
        found = _count_script(process.stdout)
    return {names.get(raw, raw.decode(errors="replace")): count for raw, count in found.items()}


def _count_script(script: IO[bytes]) -> dict[bytes, int]:
    counts: dict[bytes, int] = {}
    for statement in _statements(script):
        found = _COPY.fullmatch(statement)
        if found:
            # In COPY's text format a line is a row, and no row is the end mark.
            count = 0
            for row in script:
                if row == _END:
                    break
                count += 1
            counts[b".".join(_unquoted(part) for part in found.groups())] = count
    return counts


def _statements(script: IO[bytes]) -> Iterator[bytes]:
    """Yield the statements of a script, of which a quoted name may hold any number of lines; the reader takes the rows."""
    statement = b""
    for line in script:
        if not statement and (line.startswith((b"--", b"\\")) or not line.strip()):
            continue  # a comment, a word to psql
        statement += line
        if line.endswith(b";\n") and _BALANCED.fullmatch(statement):
            yield statement
            statement = b""


def _unquoted(name: bytes) -> bytes:
    return name[1:-1].replace(b'""', b'"') if name.startswith(b'"') else name


def differences(expected: Mapping[str, int], found: Mapping[str, int]) -> list[Finding]:
    """Return where two counts of rows differ."""
    return [
        Finding(name, f"{found.get(name, 0):,} rows instead of {expected.get(name, 0):,}")
        for name in sorted({*expected, *found})
        if expected.get(name, 0) != found.get(name, 0)
    ]
