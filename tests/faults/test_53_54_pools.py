"""What stands between a run and the primary: a hot standby, and PgBouncer in transaction mode. Faults 53 and 54."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from busy_world import apply_new, make_old
from contents import bytes_of, meaning_of
from given import applied, execute, planned, prepare, source
from machines import machine, missing, run
from psycopg.conninfo import conninfo_to_dict
from seeders import DDL, users, wait_for

import seedbed
from seedbed.apply import apply
from seedbed.errors import InvalidInput, Refused
from seedbed.options import Options
from seedbed.servers import Server
from seedbed.servers.account import Account
from seedbed.servers.disposable import new_root

STREAMING = {"wal_level": "replica", "max_wal_senders": "3"}


@pytest.fixture
def standby(backend) -> Iterator[tuple[Server, Server]]:
    """Give a primary with a stamped database `shop`, and its hot standby."""
    with machine(backend, STREAMING) as primary, machine(backend, STREAMING) as second:
        primary.start()
        execute(primary.url(), "CREATE DATABASE shop")
        prepare(primary.url("shop"), DDL)
        with second.place.locked():
            second.place.prepare()
            second.place.root.chmod(0o777)  # for the account that copies the data into it
        copy = ["--pgdata", second.place.data, "--dbname", primary.url(), "--write-recovery-conf"]
        run(second, "pg_basebackup", *copy, "--checkpoint=fast")
        second.start()
        yield primary, second


def test_fault_53_a_hot_standby_is_found_before_locking(standby):
    primary, second = standby
    applied(primary.url("shop"), users("ann"))
    wait_for(second.url("shop"), "SELECT count(*) = 1 FROM users")
    url = second.url("shop")
    with pytest.raises(Refused, match="hot standby") as caught:
        applied(url, users("ann", "bob"))
    assert caught.value.exit_code == 3
    assert "primary" in caught.value.remedy
    assert execute(url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]
    assert execute(primary.url("shop"), "SELECT email FROM users") == [("ann",)]


def test_fault_53_a_standby_that_was_promoted_is_a_primary(standby):
    """Its stamp is the one of the primary, whose copy to the byte it is."""
    primary, second = standby
    applied(primary.url("shop"), users("ann"))
    wait_for(second.url("shop"), "SELECT count(*) = 1 FROM users")
    primary.stop()
    execute(second.url(), "SELECT pg_promote()")
    assert applied(second.url("shop"), users("ann", "bob")).tables["users"].create == 1


def test_fault_53_a_backup_can_be_made_of_a_standby(standby, tmp_path):
    primary, second = standby
    execute(primary.url("shop"), "CREATE UNLOGGED TABLE not_copied AS SELECT 1 AS one")
    applied(primary.url("shop"), users("ann"))
    wait_for(second.url("shop"), "SELECT count(*) = 1 FROM users")
    made = seedbed.backup(second.url("shop"), out=tmp_path)
    assert made.manifest.rows["public.users"] == 1
    assert "public.not_copied" not in made.manifest.rows


PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
pool_mode = transaction
default_pool_size = 1
auth_type = any
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
logfile =
pidfile =
"""


@pytest.fixture
def pooled(database) -> Iterator[str]:
    """Give the URL of a database through PgBouncer in transaction mode, with a single connection to the server."""
    if PGBOUNCER is None:
        missing("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    parts = conninfo_to_dict(database)
    folder, account = new_root(), Account.for_servers()
    folder.mkdir()
    account.give(folder)
    ini = folder / "pgbouncer.ini"
    user = f"user={parts['user']} "
    text = CONFIGURATION.format(host=parts["host"], port=parts["port"], folder=folder)
    ini.write_text(text.replace("* = ", f"* = {user}"))
    account.give(ini)
    with subprocess.Popen(
        [PGBOUNCER, str(ini)],
        user=account.uid if account.borrowed else None,
        group=account.gid if account.borrowed else None,
        stderr=subprocess.PIPE,
        text=True,
    ) as pooler:
        try:
            assert pooler.stderr
            said = ""
            while "listening on unix" not in said:
                line = pooler.stderr.readline()
                assert line, said
                said += line
            yield f"postgresql://{parts['user']}@/{parts['dbname']}?host={folder}&port=6432"
        finally:
            pooler.terminate()
            pooler.communicate()
            shutil.rmtree(folder)


LEFT = """
SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), (SELECT count(*) FROM pg_prepared_statements),
       (SELECT count(*) FROM pg_class WHERE relpersistence = 't'),
       (SELECT array_agg(name || '=' || setting ORDER BY name) FROM pg_settings
        WHERE source = 'session' AND name <> 'application_name') -- which is PgBouncer's own doing
"""


def test_fault_54_through_pgbouncer_in_transaction_mode(pooled, database):
    """A whole run, with all it can do; the next client gets the very connection that the run had, and finds nothing on it."""
    make_old(database)
    same = "SELECT pg_backend_pid()"
    fresh = execute(pooled, LEFT), execute(pooled, same)
    assert apply_new(pooled).changed
    assert (execute(pooled, LEFT), execute(pooled, same)) == fresh
    through = meaning_of(database)
    assert not apply_new(database).changed
    assert meaning_of(database) == through


def test_fault_54_a_run_that_is_refused_leaves_nothing_behind_either(pooled, database):
    prepare(database, DDL)
    before = bytes_of(database)
    fresh = execute(pooled, LEFT)
    with pytest.raises(Refused):
        apply(source(users("ann")), pooled, Options(environment="production"))
    assert execute(pooled, LEFT) == fresh
    assert bytes_of(database) == before


def test_fault_54_planning_through_pgbouncer(pooled, database):
    prepare(database, DDL)
    fresh = execute(pooled, LEFT)
    assert planned(pooled, users("ann")).changed
    assert execute(pooled, LEFT) == fresh


def test_fault_54_what_needs_sessions_of_its_own_says_so(pooled, database, tmp_path):
    """pg_dump would wait for the pool's one connection, which we hold, and leave it with an empty search_path."""
    prepare(database, DDL)
    fresh = execute(pooled, LEFT)
    for step in (
        lambda: seedbed.backup(pooled, out=tmp_path),
        lambda: seedbed.snapshot.save(pooled, "first"),
    ):
        with pytest.raises(InvalidInput, match="PgBouncer"):
            step()
    assert execute(pooled, LEFT) == fresh
    assert list(tmp_path.iterdir()) == []


def test_fault_54_several_runs_share_the_servers_connection_one_after_the_other(pooled, database):
    """The pool has one connection: a lock that outlived its transaction would stop the second run."""
    prepare(database, DDL)
    for names in (["ann"], ["ann", "bob"], ["bob"]):
        assert applied(pooled, users(*names), wait=False).changed
    assert execute(database, "SELECT email FROM users") == [("bob",)]


def test_fault_54_nothing_is_left_behind_on_a_connection_of_its_own(database):
    """No session lock, no temporary table."""
    prepare(database, DDL)
    applied(database, users("ann"))
    with psycopg.connect(database) as connection:
        locks, _, temporary, _ = connection.execute(LEFT).fetchone()
    assert (locks, temporary) == (0, 0)
