"""What the plugin has made on a server, kept in a database of its own there.

A name is written down before the database of that name is made, so that a killed run leaves nothing that nobody knows of;
and nothing is ever dropped whose name is not written down here.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, errors, sql

from seedbed.errors import DatabaseFailure
from seedbed.testdb.connecting import connect, failure
from seedbed.testdb.leases import Lease
from seedbed.url import libpq_url

DATABASE = "seedbed_tests"
SILENCE = "10 minutes"
"""After how long without a heartbeat a run of another machine is taken for dead."""
UNUSED = "14 days"
"""After how long a template nobody asked for is dropped."""
_LOST = "the connection to the tests' server was lost"
_LEAVING = 0.1
"""Seconds a session may take to end."""

_DDL = """
CREATE TABLE IF NOT EXISTS runs (
    id text PRIMARY KEY, place text NOT NULL, pid int NOT NULL, born text NOT NULL,
    heartbeat timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS databases (
    name text PRIMARY KEY, kind text NOT NULL, run text, key text, manifest text,
    used_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS facts (name text PRIMARY KEY, value text NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Template:
    """A database to be copied.

    Attributes:
        name: what it is called on the server.
        key: its blueprint's fingerprint.
        manifest: see `seedbed.testdb.blueprint.Manifest`, as text.
    """

    name: str
    key: str
    manifest: str


class Registry:
    """The databases of ours on one server, through one connection; safe for several threads.

    Args:
        url: the registry's own database.
        run: the run that makes databases now.
        lease: the process whose end is the run's end.
    """

    def __init__(self, url: str, run: str, lease: Lease) -> None:
        self.run, self._url, self._lease = run, url, lease
        self._lock, self._facts = threading.RLock(), dict[str, str]()
        self.connection = psycopg.connect(libpq_url(url), autocommit=True, connect_timeout=10)

    def execute(self, query: Any, arguments: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has any.

        Raises:
            DatabaseFailure: the server said no.
        """
        with self._lock:
            if self.connection.closed:
                self.connection = self._connected_again()
            try:
                cursor = self.connection.execute(query, arguments or None)
            except psycopg.Error as error:
                if self.connection.closed:
                    raise DatabaseFailure(f"{_LOST}: {failure(error).message}") from None
                raise failure(error) from None
            return cursor.fetchall() if cursor.description else []

    def _connected_again(self) -> Connection[Any]:
        try:
            connection = connect(self._url)
        except DatabaseFailure as gone:
            raise DatabaseFailure(f"{_LOST}, and it is gone: {gone.message}") from None
        connection.autocommit = True
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block in one transaction."""
        with self._lock, self.connection.transaction():
            yield

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Keep every other process from the same thing meanwhile; the server forgets the lock with the connection."""
        # Another connection: this one's threads must not wait for another process's building.
        with connect(self._url) as connection:
            connection.autocommit = True
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
            yield

    def begin(self) -> None:
        """Enter the run."""
        lease = self._lease
        self.execute(
            "INSERT INTO runs (id, place, pid, born) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [self.run, lease.place, lease.pid, lease.born],
        )

    def beat(self) -> None:
        """Say that the run is alive."""
        self.execute("UPDATE runs SET heartbeat = now() WHERE id = %s", [self.run])

    def end(self) -> None:
        """Drop what the run made and did not keep, and forget it."""
        self.drop_all("run = %s AND kind IN ('clone', 'draft')", [self.run], force=True)
        self.execute("DELETE FROM runs WHERE id = %s", [self.run])

    def reserve(self, kind: str, count: int = 1) -> list[str]:
        """Return new names, written down as this run's."""
        names = [f"seedbed_{kind}_{self.run}_{secrets.token_hex(5)}" for _ in range(count)]
        self.execute(
            "INSERT INTO databases (name, kind, run) SELECT unnest(%s::text[]), %s, %s",
            [names, kind, self.run],
        )
        return names

    def template(self, key: str) -> Template | None:
        """Return a template that is complete."""
        rows = self.execute(
            "UPDATE databases SET used_at = now() WHERE kind = 'template' AND key = %s "
            "AND name IN (SELECT datname FROM pg_database) RETURNING name, key, manifest",
            [key],
        )
        return Template(*rows[0]) if rows else None

    def publish(self, draft: str, template: Template) -> None:
        """Make a finished draft a template: from one moment to the next, for everybody.

        Nobody else can be connected to it: connections were off before its name was known to anyone. What the project's
        own code has left open, such as an engine's pool, is ended.
        """
        old, new = sql.Identifier(draft), sql.Identifier(template.name)
        self.execute(
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true").format(old)
        )
        self.wait_until_left(draft)
        self.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
            "WHERE datname = %s AND pg_has_role(usesysid, 'USAGE')",
            [draft],
        )
        with self.transaction():
            self.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
            self.execute("DELETE FROM databases WHERE name = %s", [template.name])
            self.execute(
                "UPDATE databases SET name = %s, kind = 'template', run = NULL, key = %s, manifest = %s WHERE name = %s",
                [template.name, template.key, template.manifest, draft],
            )

    def fact(self, name: str) -> str | None:
        """Return what was found out about the server; None where nobody has tried yet."""
        if name not in self._facts:
            rows = self.execute("SELECT value FROM facts WHERE name = %s", [name])
            if rows:
                self._facts[name] = rows[0][0]
        return self._facts.get(name)

    def remember(self, name: str, value: str) -> None:
        """Write down what was found out about the server."""
        self._facts[name] = value
        self.execute("INSERT INTO facts VALUES (%s, %s) ON CONFLICT DO NOTHING", [name, value])

    def keep(self, name: str) -> None:
        """Let a database outlive its run."""
        self.execute("UPDATE databases SET kind = 'kept' WHERE name = %s", [name])

    def clean(self) -> None:
        """Remove what runs that have died left behind, and templates nobody asked for in a long time."""
        for run, place, pid, born, silent in self.execute(
            "SELECT id, place, pid, born, heartbeat < now() - %s::interval FROM runs WHERE id <> %s",
            [SILENCE, self.run],
        ):
            ended = Lease(place, pid, born).ended
            if ended if ended is not None else silent:
                self.drop_all("run = %s AND kind IN ('clone', 'draft')", [run])
                self.execute("DELETE FROM runs WHERE id = %s", [run])
        self.drop_all("kind = 'template' AND used_at < now() - %s::interval", [UNUSED])
        # A run that is alive may have found one before it was forgotten, and copy it yet.
        if not self.execute("SELECT 1 FROM runs WHERE id <> %s", [self.run]):
            self.drop_all("kind = 'template' AND key IS NULL", [])

    def forget(self, beginning: str) -> None:
        """Let nobody find the templates whose keys begin so; `clean` drops them once nobody can be using them."""
        self.execute(
            "UPDATE databases SET key = NULL WHERE kind = 'template' AND starts_with(key, %s)",
            [beginning],
        )

    def retire(self, most: int) -> None:
        """Drop templates beyond a number of them, those used longest ago first."""
        self.drop_all(
            "kind = 'template' AND name NOT IN (SELECT name FROM databases WHERE kind = 'template' "
            "AND key IS NOT NULL ORDER BY used_at DESC LIMIT %s)",
            [most],
        )

    def wait_until_left(self, name: str) -> None:
        """Wait a little for sessions on a database that are just ending.

        Whatever changes a database as a whole sleeps for a tenth of a second where it meets one, and looks again.
        """
        deadline = time.monotonic() + _LEAVING
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s"
        while self.execute(query, [name]) and time.monotonic() < deadline:
            time.sleep(0.002)

    def drop_all(
        self, condition: LiteralString, arguments: Sequence[Any], *, force: bool = False
    ) -> None:
        """Drop the databases that a condition on `databases` names; one that is in use stays for another time."""
        query = sql.SQL("SELECT name FROM databases WHERE {}").format(sql.SQL(condition))
        for (name,) in self.execute(query, arguments):
            self.drop(name, force=force)

    def drop(self, name: str, *, force: bool = False) -> bool:
        """Drop a database of ours; says whether it is gone.

        Args:
            name: its name.
            force: end the sessions on it. Only for what this run made: other people's are left alone.
        """
        known = self.execute("SELECT kind FROM databases WHERE name = %s", [name])
        if not known:
            return False
        self.wait_until_left(name)
        named = sql.Identifier(name)
        ending = sql.SQL("WITH (FORCE)" if force else "")
        try:
            if known[0][0] == "template":
                present = self.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if present:
                    self.execute(sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE false").format(named))
            self.execute(sql.SQL("DROP DATABASE IF EXISTS {} {}").format(named, ending))
        except DatabaseFailure:  # 55006: somebody is connected
            return False
        self.execute("DELETE FROM databases WHERE name = %s", [name])
        return True

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def open_registry(
    server_url: str, registry_url: str, run: str, lease: Lease | None = None
) -> Registry:
    """Return the registry of a server, made where there is none.

    Args:
        server_url: a database that exists.
        registry_url: the registry's, which may not.
        run: the run that makes databases now.
        lease: the process whose end is the run's end; this one by default.

    Raises:
        DatabaseFailure: the server cannot be reached, or its role may not create databases.
    """
    try:
        registry = Registry(registry_url, run, lease or Lease.own())
    except psycopg.OperationalError:  # the usual case is that it is there
        _ensure(server_url)
        registry = Registry(registry_url, run, lease or Lease.own())
    try:
        _ensure_tables(registry.connection)
        registry.begin()
    except (psycopg.Error, DatabaseFailure) as error:
        refusal = _strangers(registry)
        registry.close()
        if refusal:
            raise refusal from None
        raise failure(error) if isinstance(error, psycopg.Error) else error from None
    return registry


def _strangers(registry: Registry) -> DatabaseFailure | None:
    """Return what is wrong where a role that is not ours has made the registry."""
    rows = registry.execute(
        "SELECT pg_get_userbyid(datdba), current_user FROM pg_database "
        "WHERE datname = current_database() AND NOT pg_has_role(datdba, 'USAGE')"
    )
    if not rows:
        return None
    owner, role = (sql.Identifier(name).as_string() for name in rows[0])
    return DatabaseFailure(
        f"the database {DATABASE} on the tests' server belongs to the role {owner}, and {role} may not write into it",
        remedy=f"Run the tests as {owner}, or GRANT {owner} TO {role}, or, if nobody runs tests there, DROP DATABASE {DATABASE}.",
    )


def _ensure(server_url: str) -> None:
    with connect(server_url) as connection:
        connection.autocommit = True
        present = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
        ).fetchone()
        if not present:
            _may_create(connection)
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                pass  # another process was first
            except psycopg.Error as error:
                raise failure(error) from None


def _ensure_tables(connection: Connection[Any]) -> None:
    """Make the tables in a registry that another process may just have made, too."""
    present = connection.execute("SELECT to_regclass('facts') IS NOT NULL").fetchone()
    if present == (True,):
        return
    with connection.transaction():
        # Two that create the same table at once: one of them fails (23505), whatever IF NOT EXISTS says.
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute(_DDL)


def _may_create(connection: Connection[Any]) -> None:
    row = connection.execute(
        "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row != (True,):
        role = sql.Identifier(connection.info.user).as_string(connection)
        raise DatabaseFailure(
            f"the role {role} may not create databases", remedy=f"ALTER ROLE {role} CREATEDB"
        )
