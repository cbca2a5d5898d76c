"""This repository's own use of the pytest plugin, and what the tests of the engine need beside it.

The plugin needs no set-up: a test of the payroll domain asks for ``seedbed_session`` and has the profile's rows. `broken_rules` is an
example of a fixture built on its fixtures; tests/plugin/examples has one file for each style.

The engine's tests need what the plugin does not give: databases without rows, on several versions of PostgreSQL, and servers that no
other worker uses, for they make roles, watch all sessions and give the superuser another password. A test that asks for ``database``
gets the URL of a fresh, empty one and runs once per server (ids ``pg18``, ``pg15``); one that asks for ``server`` gets the server itself,
for ``backend`` what servers are made from. ``--servers 18`` runs on one of them only. What is marked ``on_one_server``, because it is
about the command line, files, messages or the guard's verdicts and not about a version of PostgreSQL, runs on the first one, unless
``--servers all`` is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import psycopg
import pytest
from psycopg import sql

from seedbed.databases.marks import marked
from seedbed.pytest_plugin import Seedbed
from seedbed.servers import Embedded, Server, System, Unavailable, disposable
from tests import canary, canary_watch
from tests.integrity import violations

LocalBackend = Embedded | System
_BACKENDS = pytest.StashKey[dict[str, LocalBackend]]()


@pytest.fixture
def broken_rules(seedbed: Seedbed) -> Callable[[], dict[str, list[str]]]:
    """Return what tells which integrity rules of the payroll domain the test's rows break, by number, and where."""
    return lambda: violations(seedbed.psycopg, seedbed.as_of)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people choose how many servers a run is repeated on."""
    help_text = "major version of PostgreSQL to test on; all for every one, also in tests marked on_one_server"
    parser.addoption("--servers", metavar="MAJOR", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Find the servers: the embedded one, and the machine's if that is another major version."""
    config.pluginmanager.register(canary_watch)
    config.addinivalue_line("markers", "on_one_server: one version of PostgreSQL says it all")
    found: dict[str, LocalBackend] = {}
    for backend in (Embedded(), System()):
        try:
            found.setdefault(str(backend.binaries().major), backend)
        except Unavailable:
            continue
    wanted = config.getoption("--servers")
    if wanted not in (None, "all"):
        found = {major: backend for major, backend in found.items() if major == wanted}
    if not found:
        raise pytest.UsageError(f"no PostgreSQL for --servers {wanted} on this machine")
    config.stash[_BACKENDS] = found


def pytest_report_header(config: pytest.Config) -> str:
    """Say which servers the run uses."""
    backends = config.stash[_BACKENDS].values()
    return f"servers: {', '.join(str(backend.binaries()) for backend in backends)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat tests that use a server for each of them."""
    if "backend" in metafunc.fixturenames:
        backends = list(metafunc.config.stash[_BACKENDS].items())
        if metafunc.definition.get_closest_marker("on_one_server"):
            backends = backends if metafunc.config.getoption("--servers") else backends[:1]
        ids = [f"pg{major}" for major, _ in backends]
        values = [backend for _, backend in backends]
        metafunc.parametrize("backend", values, indirect=True, scope="session", ids=ids)


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> LocalBackend:
    """Return where servers come from."""
    backend: LocalBackend = request.param
    return backend


@pytest.fixture(scope="session")
def _started() -> Iterator[Callable[[LocalBackend], Server]]:
    """Start each server when it is first asked for, once; all end with the session."""
    servers: dict[LocalBackend, Server] = {}
    with ExitStack() as stack:

        def started(backend: LocalBackend) -> Server:
            if backend not in servers:
                servers[backend] = stack.enter_context(disposable(backend))
                canary.adopt(servers[backend])
            return servers[backend]

        yield started


@pytest.fixture(scope="session")
def server(backend: LocalBackend, _started: Callable[[LocalBackend], Server]) -> Server:
    """Return a running throw-away server."""
    return _started(backend)


@pytest.fixture(scope="session")
def _admin(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


_numbers = count(1)


@pytest.fixture
def database(server: Server, _admin: psycopg.Connection) -> Iterator[str]:
    """Return the URL of a new, empty database, dropped after the test with what seedbed made beside it."""
    name = f"empty_{next(_numbers)}"  # a name that claims no environment
    # Copying files is twice as fast as logging pages where nothing is flushed; before 15 it was the only way.
    strategy = sql.SQL("STRATEGY file_copy" if _admin.info.server_version >= 150000 else "")
    _admin.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), strategy))
    yield canary.with_password(server.url(name))
    for each in (name, *(mark.database for mark in marked(_admin, name))):
        gone = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(each))
        _admin.execute(gone)
