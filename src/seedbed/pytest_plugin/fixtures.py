"""The fixtures. Each is one line: what it gives is a property of the handle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.pytest_plugin.session import HANDLE, of

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session

    from seedbed.pytest_plugin.handle import Seedbed
    from seedbed.pytest_plugin.visit import Visit
    from seedbed.testdb.host import Host
    from seedbed.testdb.registry import Template


@pytest.fixture
def seedbed_isolation() -> str | None:
    """How tests are kept apart: for a folder, a module or a class to override, or to parametrize; a marker wins over it."""
    return None


@pytest.fixture
def seedbed(request: pytest.FixtureRequest, seedbed_isolation: str | None) -> Iterator[Seedbed]:
    """The test's database: its URL, engine and session, and its rows by name."""
    visit = of(request.config).visit(request, seedbed_isolation)
    request.node.stash[HANDLE] = visit
    with visit.lent():
        yield visit.handle
    visit.leave()


@pytest.fixture
def seedbed_session(seedbed: Seedbed) -> Session:
    """A SQLAlchemy session on the test's database, through which factories write, too."""
    return seedbed.session


@pytest.fixture
def seedbed_connection(seedbed: Seedbed) -> Connection:
    """A SQLAlchemy connection to the test's database; the session's own."""
    return seedbed.connection


@pytest.fixture
def seedbed_psycopg(seedbed: Seedbed) -> psycopg.Connection[Any]:
    """A psycopg connection to the test's database; under ``rollback`` the session's own."""
    return seedbed.psycopg


@pytest.fixture
def seedbed_async_engine(request: pytest.FixtureRequest, seedbed: Seedbed) -> AsyncEngine:
    """An engine for asyncio that connects in the test's own loop; under ``rollback`` in a transaction of its own."""
    visit: Visit = request.node.stash[HANDLE]
    return visit.async_engine()


@pytest.fixture
def seedbed_async_session(
    request: pytest.FixtureRequest, seedbed_async_engine: AsyncEngine
) -> AsyncSession:
    """A session for asyncio on `seedbed_async_engine`."""
    visit: Visit = request.node.stash[HANDLE]
    return visit.async_session()


@pytest.fixture(scope="session")
def seedbed_server(request: pytest.FixtureRequest) -> Host:
    """The run's server: ``.url(database)``, ``.kind`` and ``.version``."""
    return of(request.config).databases.host


@pytest.fixture(scope="session")
def seedbed_template(request: pytest.FixtureRequest) -> Template:
    """The database that tests without a marker get copies of: its ``.name`` on the server, built if need be."""
    session = of(request.config)
    return session.databases.template(session.blueprint(session.wishes))
