"""The connection a run lives on: how it is opened, what it sets for its one transaction, and the lock."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from seedbed.errors import DatabaseFailure, InvalidInput, Locked, Refused
from seedbed.ledger import LOCK
from seedbed.url import connection_parameters

# For this transaction only (SET LOCAL), so that nothing is left behind in a pool. Everything that a value's text depends on is
# fixed; row_security = off turns rows hidden by a policy into an error instead of a false "clean".
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "row_security": "off",
    "lock_timeout": "10s",
    "work_mem": "64MB",
    "jit": "off",
}
PATIENCE = "15min"
"""How long a run waits for another one."""
LONGEST = "15min"
"""How long one statement may take where neither the caller nor the role or database says otherwise."""

# A server that is gone is noticed in bounded time (milliseconds, seconds, seconds, times).
BOUNDS = {
    "connect_timeout": "10",
    "tcp_user_timeout": "30000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}

RENAMED = "just been dropped or renamed"
"""What the server says to somebody who waited at a database's door while another took its place: the name leads there by now."""
_KNOCKS = 5
"""How often such a one tries again."""

WAYS_IN = {
    RENAMED: "Try again: another database has taken its place, or is about to.",
    "password|authentication|pg_hba.conf": "Look at the user and the password: in the URL, PGPASSWORD or ~/.pgpass.",
    'role "': "Look at the user in the URL, or make the role.",
    "does not exist": "Look at the database's name in the URL, or make it: createdb.",
    "refused|No such file|timeout|timed out|could not translate|resolve|route": (
        "Look at the host and port in the URL, and whether the server runs."
    ),
}
"""What to do, by words in the reason that a connection was not made."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a run waits before it gives up, in seconds; 0 is for ever, None the default.

    Attributes:
        lock: for a table or row that somebody else has locked; 10 by default.
        statement: for one statement; what the role or the database sets by default, else 15 minutes.
        connect: for the server to let us in; what the URL says by default, else 10.
    """

    lock: float | None = None
    statement: float | None = None
    connect: float | None = None

    def __post_init__(self) -> None:
        for name in ("lock", "statement", "connect"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InvalidInput(
                    f"{name} timeout {value:g}: must be a number of seconds, 0 for no limit"
                )


def connect(url: str, limits: Limits = Limits()) -> Connection[Any]:
    """Open a connection; prepared statements stay off, for a pooler may give each transaction another server.

    Args:
        url: the database.
        limits: how long to wait for it.

    Raises:
        InvalidInput: the URL is not one.
        DatabaseFailure: the server cannot be reached or does not let us in.
    """
    parameters: dict[str, Any] = {
        "application_name": "seedbed",
        **BOUNDS,
        **connection_parameters(url),
    }
    if limits.connect is not None:
        parameters["connect_timeout"] = str(math.ceil(limits.connect))  # libpq counts in seconds
    try:
        return _knock(parameters)
    except psycopg.OperationalError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = "; ".join(dict.fromkeys(lines))
        password = parameters.get("password")
        if password:
            reason = reason.replace(password, "***")
        raise DatabaseFailure(
            f"no connection to the database: {reason}", remedy=_way_in(reason)
        ) from None
    except (psycopg.Error, UnicodeError, ValueError):
        raise InvalidInput("the database URL cannot be used") from None


def _knock(parameters: dict[str, Any]) -> Connection[Any]:
    for _ in range(_KNOCKS):
        try:
            return psycopg.connect(**parameters, prepare_threshold=None)
        except psycopg.OperationalError as error:
            if RENAMED not in str(error):
                raise
    return psycopg.connect(**parameters, prepare_threshold=None)


def _way_in(reason: str) -> str:
    # psycopg has no SQLSTATE for a connection that was not made; a text in another language gets the last remedy.
    for words, remedy in WAYS_IN.items():
        if any(word in reason for word in words.split("|")):
            return remedy
    return "Look at the host, port, user and database in the URL."


@contextmanager
def transaction(
    connection: Connection[Any],
    *,
    keep: bool,
    limits: Limits = Limits(),
) -> Iterator[None]:
    """Run a block in one transaction that is rolled back unless the block commits it itself.

    READ COMMITTED whatever the role's default: a run that has waited for the lock must see what the one before it wrote.

    Args:
        keep: whether the transaction may write.
        limits: how long its statements may take, and wait for locks.
    """
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    try:
        _settle(connection, limits)
        if keep:
            _refuse_standby(connection)
        yield
    finally:
        if not connection.closed:
            connection.rollback()


def trust_the_catalogue(connection: Connection[Any]) -> None:
    """Make names mean PostgreSQL's own functions, operators and tables first, for the rest of the transaction.

    A search_path that names pg_catalog behind another schema lets whoever may create things there answer in the server's name:
    which database this is, for one. Out of the path, pg_catalog comes first by itself; all else in it stays as the application's
    triggers and defaults have it.
    """
    row = connection.execute("SELECT pg_catalog.current_setting('search_path')").fetchone()
    parts = _PART.findall(row[0] if row else "")
    rest = [part for part in parts if part.lower() not in ("pg_catalog", '"pg_catalog"')]
    if len(rest) < len(parts):
        change = "SELECT pg_catalog.set_config('search_path', %s, true)"
        connection.execute(change, [", ".join(rest)])


_PART = re.compile(r'"(?:[^"]|"")*"|[^,\s]+')
"""One name of a search_path."""


def _settle(connection: Connection[Any], limits: Limits) -> None:
    trust_the_catalogue(connection)
    wanted = dict(SETTINGS)
    if limits.lock is not None:
        wanted["lock_timeout"] = _milliseconds(limits.lock)
    if limits.statement is not None:
        wanted["statement_timeout"] = _milliseconds(limits.statement)
    calls = ", ".join("set_config(%s, %s, true)" for _ in wanted)
    arguments = [part for pair in wanted.items() for part in pair]
    if limits.statement is None:
        calls += (
            ", set_config('statement_timeout', CASE current_setting('statement_timeout') "
            f"WHEN '0' THEN '{LONGEST}' ELSE current_setting('statement_timeout') END, true)"
        )
    connection.execute(f"SELECT {calls}", arguments)
    try:
        with connection.transaction():
            connection.execute("SET LOCAL client_connection_check_interval = '2s'")
    except psycopg.errors.Error:  # not on every platform a server runs on
        if connection.closed:
            raise


def _milliseconds(seconds: float) -> str:
    return f"{math.ceil(seconds * 1000)}ms"


def _refuse_standby(connection: Connection[Any]) -> None:
    row = connection.execute(
        "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'"
    ).fetchone()
    if row and row[0]:
        raise Refused("this server is a hot standby", remedy="Connect to the primary.")
    if row and row[1]:
        raise Refused(
            "transactions of this role or database are read-only",
            remedy="See its default_transaction_read_only.",
        )


def take_lock(connection: Connection[Any], *, wait: bool) -> None:
    """Take the lock that lets one run at a time write to a database; it ends with the transaction.

    Raises:
        Locked: another run has it, and we were told not to wait or waited long enough.
    """
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    if row and row[0]:
        return
    holder = _holder(connection)
    busy = Locked(
        f"another run of seedbed holds the lock{holder}", remedy="Wait for it, or end that process."
    )
    if not wait:
        raise busy
    before = connection.execute(
        "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    ).fetchone()
    try:
        connection.execute(_BOTH_TIMEOUTS, [PATIENCE, "0"])
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(_BOTH_TIMEOUTS, before)
    except psycopg.errors.LockNotAvailable:
        raise busy from None


_BOTH_TIMEOUTS = (
    "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"
)


def _holder(connection: Connection[Any]) -> str:
    row = connection.execute(
        "SELECT min(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = 0 "
        "AND objid = %s::bigint::oid AND database = (SELECT oid FROM pg_database WHERE datname = pg_catalog.current_database())",
        [LOCK],
    ).fetchone()
    return f" (process {row[0]})" if row and row[0] else ""


def locked(connection: Connection[Any]) -> Locked:
    """Return the error for a lock that was waited for in vain, with who has it, as far as the server still tells."""
    try:
        who = _blockers(connection)
    except psycopg.Error:
        who = ""
    return Locked(
        "somebody else holds a lock on a table or row" + (f": {who}" if who else ""),
        remedy="Wait for it, or end that process.",
    )


def _blockers(connection: Connection[Any]) -> str:
    """Return, for a message, which processes hold locks for writing on tables of this database."""
    rows = connection.execute(
        "SELECT l.pid, string_agg(DISTINCT c.relname, ', ') FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
        "WHERE l.granted AND l.pid <> pg_backend_pid() AND l.mode <> 'AccessShareLock' AND c.relkind IN ('r', 'p') "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = pg_catalog.current_database()) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return "; ".join(f"process {pid} has locks on {tables}" for pid, tables in rows)
