"""Making a backup: one snapshot of the database, dumped, read back, counted, and only then given its name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, IsolationLevel

from seedbed import guard
from seedbed.backup.counting import archived_names, count_archive, count_tables, differences
from seedbed.backup.drafting import draft
from seedbed.backup.manifest import Manifest, digest
from seedbed.backup.publishing import publish
from seedbed.backup.retention import Retention, retire
from seedbed.environment import Patterns, Verdict
from seedbed.errors import DatabaseFailure, Locked
from seedbed.interruption import interruptible
from seedbed.load.failures import translated
from seedbed.load.session import SETTINGS, connect, trust_the_catalogue
from seedbed.servers.programs import Program, access, find_program, run
from seedbed.settings import Said

FOLDER = Path("backups")
"""Where backups go when nobody says anything."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made.

    Attributes:
        path: the dump, in pg_dump's custom format; its manifest is beside it, with ``.json`` after the name.
        manifest: what it is of.
        seconds: how long it took.
        retired: older backups of the same database that were removed.
    """

    path: Path
    manifest: Manifest
    seconds: float
    retired: tuple[Path, ...] = ()

    @property
    def size(self) -> int:
        """The dump's size in bytes."""
        return self.manifest.size


def backup(
    url: str,
    *,
    out: Path | None = None,
    keep: int | None = None,
    keep_days: float | None = None,
    said: Said | None = None,
    patterns: Patterns | None = None,
) -> Backup:
    """Dump a database into a file that is known to be whole: read back, counted and hashed before it gets its name.

    Args:
        url: the database; nothing is written to it.
        out: the folder, made where there is none; ``backups`` here by default.
        keep: how many backups of this database stay in the folder, this one included; all by default.
        keep_days: how many days they stay; for ever by default.
        said: what the operator says the database is for, for the manifest.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        InvalidInput: there is no pg_dump that fits the server, a pooler is in between, or `keep` or `keep_days` make no sense.
        DatabaseFailure: the database could not be dumped, or the folder not be written to; there is no file then. Or older backups
            could not be removed; the message names the new one, which is good.
    """
    started = time.monotonic()
    retention = Retention(keep, keep_days)
    with interruptible(), connect(url) as connection:
        try:
            _settle(connection)
            verdict = guard.assess(connection, guard.Case(said=said, patterns=patterns))
            made = _dump(connection, out or FOLDER, verdict)
        except psycopg.errors.LockNotAvailable:
            raise Locked("a table is locked by somebody else, so it cannot be dumped") from None
        except psycopg.Error as error:
            raise translated(error) from None
        except OSError as error:
            raise DatabaseFailure(
                f"the backup cannot be written to {out or FOLDER}: {error.strerror}"
            ) from None
        finally:
            if not connection.closed:
                connection.rollback()
    path, manifest = made
    retired = retire(path.parent, manifest, retention)
    return Backup(path, manifest, time.monotonic() - started, tuple(retired))


def _settle(connection: Connection[Any]) -> None:
    """Begin a transaction whose statements all see the same, for as long as pg_dump needs it."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    trust_the_catalogue(connection)
    connection.execute(
        "SELECT set_config('lock_timeout', %s, true), set_config('row_security', 'off', true), "
        "set_config('statement_timeout', '0', true), "
        "set_config('idle_in_transaction_session_timeout', '0', true)",
        [SETTINGS["lock_timeout"]],
    )


def _dump(connection: Connection[Any], folder: Path, verdict: Verdict) -> tuple[Path, Manifest]:
    server = connection.info.server_version
    program = find_program("pg_dump", server // 10000, f"a PostgreSQL {server // 10000} server")
    reader = find_program("pg_restore", program.major, f"an archive of {program}")
    rows, names = count_tables(connection), archived_names(connection)
    moment, snapshot = _snapshot(connection)
    with draft(folder) as file:
        arguments = ["--format=custom", f"--file={file}", f"--snapshot={snapshot}"]
        # Whatever a role or the database has for a setting: any row can be said in this encoding.
        arguments.append(f"--encoding={connection.info.parameter_status('server_encoding')}")
        arguments.append(f"--lock-wait-timeout={SETTINGS['lock_timeout']}")
        with access(connection) as reach:
            run(program, arguments, reach)
        _verify(reader, file, rows, names)
        manifest = Manifest(
            file="",
            size=file.stat().st_size,
            sha256=digest(file),
            database=verdict.site.database,
            system_identifier=verdict.site.system_identifier,
            environment=str(verdict.environment),
            server_version=server,
            program=program.major,
            made_at=moment,
            rows=rows,
        )
        return publish(file, folder, manifest)


def _snapshot(connection: Connection[Any]) -> tuple[datetime, str]:
    """Return the moment of the transaction's snapshot, and the name by which pg_dump shares it.

    No other server and no other database knows that name: pg_dump could not even begin anywhere else.
    """
    row = connection.execute("SELECT now(), pg_catalog.pg_export_snapshot()").fetchone()
    assert row is not None
    return row[0].astimezone(UTC), row[1]


def _verify(
    reader: Program, dump: Path, rows: Mapping[str, int], names: Mapping[bytes, str]
) -> None:
    """Read the whole archive back: its list of contents, and every row.

    Raises:
        DatabaseFailure: it cannot be read, or does not hold the rows that the snapshot held.
    """
    run(reader, ["--list", dump])
    wrong = differences(rows, count_archive(reader, dump, names))
    if wrong:
        raise DatabaseFailure("the dump does not hold what the database held", findings=wrong)
