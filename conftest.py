"""This repository's own tests: a throw-away server of each PostgreSQL at hand, an empty database for each test.

A test that asks for ``database`` gets the URL of a fresh, empty one and runs once per server (ids ``pg18``, ``pg15``);
one that asks for ``server`` gets the server itself. ``--servers 18`` runs on one of them only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import psycopg
import pytest
from psycopg import sql

from seedbed.servers import Embedded, Server, System, Unavailable, disposable

Backends = dict[str, Embedded | System]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people choose how many servers a run is repeated on."""
    help_text = "major version of PostgreSQL to test on, or all (default)"
    parser.addoption("--servers", default="all", metavar="MAJOR", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Find the servers: the embedded one, and the machine's if that is another major version."""
    found: Backends = {}
    for backend in (Embedded(), System()):
        try:
            found.setdefault(str(backend.binaries().major), backend)
        except Unavailable:
            continue
    wanted = config.getoption("--servers")
    if wanted != "all":
        found = {major: backend for major, backend in found.items() if major == wanted}
    if not found:
        raise pytest.UsageError(f"no PostgreSQL for --servers {wanted} on this machine")
    config.stash[_BACKENDS] = found


_BACKENDS = pytest.StashKey[Backends]()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which servers the run uses."""
    backends = config.stash[_BACKENDS].values()
    return f"servers: {', '.join(str(backend.binaries()) for backend in backends)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat tests that use a server for each of them."""
    if "server" in metafunc.fixturenames:
        majors = list(metafunc.config.stash[_BACKENDS])
        ids = [f"pg{major}" for major in majors]
        metafunc.parametrize("server", majors, indirect=True, scope="session", ids=ids)


@pytest.fixture(scope="session")
def _started(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Server]]:
    """Start each server when it is first asked for, once; all end with the session."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def started(major: str) -> Server:
            if major not in servers:
                backend = request.config.stash[_BACKENDS][major]
                servers[major] = stack.enter_context(disposable(backend))
            return servers[major]

        yield started


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, _started: Callable[[str], Server]) -> Server:
    """Return a running throw-away server."""
    return _started(request.param)


@pytest.fixture(scope="session")
def _admin(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        yield connection


_numbers = count(1)


@pytest.fixture
def database(server: Server, _admin: psycopg.Connection) -> Iterator[str]:
    """Return the URL of a new, empty database, dropped after the test."""
    name = f"empty_{next(_numbers)}"  # a name that claims no environment
    # Copying files is twice as fast as logging pages where nothing is flushed; before 15 it was the only way.
    strategy = sql.SQL("STRATEGY file_copy" if _admin.info.server_version >= 150000 else "")
    _admin.execute(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), strategy))
    yield server.url(name)
    _admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
