"""The fixtures. Each is one line: what it gives is a property of the handle.

None of those that each test pays for asks for ``request``: pytest makes a fixture of it anew for every test, which takes as long as a
query. They know the test from `Session.item`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.errors import SeedbedError
from seedbed.pytest_plugin.session import HANDLE, current, in_one_line, of

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.orm import Session

    from seedbed.pytest_plugin.handle import Seedbed
    from seedbed.pytest_plugin.visit import Visit
    from seedbed.testdb.host import Host
    from seedbed.testdb.registry import Template


@pytest.fixture(scope="session")
def seedbed_isolation() -> str | None:
    """How tests are kept apart: for a folder, a module or a class to override, or to parametrize; a marker wins over it."""
    return None


@pytest.fixture
def seedbed(seedbed_isolation: str | None) -> Seedbed:
    """The test's database: its URL, engine and session, and its rows by name."""
    return _visit(seedbed_isolation).handle


@pytest.fixture
def seedbed_session(seedbed_isolation: str | None) -> Session:
    """A SQLAlchemy session on the test's database, through which factories write, too."""
    return _visit(seedbed_isolation).handle.session


@pytest.fixture
def seedbed_connection(seedbed_isolation: str | None) -> Connection:
    """A SQLAlchemy connection to the test's database; the session's own."""
    return _visit(seedbed_isolation).handle.connection


@pytest.fixture
def seedbed_psycopg(seedbed_isolation: str | None) -> psycopg.Connection[Any]:
    """A psycopg connection to the test's database; under ``rollback`` the session's own."""
    return _visit(seedbed_isolation).handle.psycopg


@pytest.fixture
def seedbed_async_engine(seedbed_isolation: str | None) -> AsyncEngine:
    """An engine for asyncio that connects in the test's own loop; under ``rollback`` in a transaction of its own."""
    return _visit(seedbed_isolation).async_engine()


@pytest.fixture
def seedbed_async_session(seedbed_isolation: str | None) -> AsyncSession:
    """A session for asyncio on `seedbed_async_engine`."""
    return _visit(seedbed_isolation).async_session()


def _visit(isolation: str | None) -> Visit:
    """Return the test's visit, begun by the first of its fixtures: each of them by itself, for a fixture costs more than a query."""
    session = current()
    item = session.item
    visit = item.stash.get(HANDLE, None)
    if visit is None:
        visit = item.stash[HANDLE] = session.visit(item, isolation)
        item.addfinalizer(visit.finalize)
    return visit


@pytest.fixture(scope="session")
def seedbed_clone() -> Callable[..., AbstractContextManager[Seedbed]]:
    """Makes databases that outlive a test, for fixtures of a wider scope: ``with seedbed_clone(profile="demo") as database``."""
    from seedbed.pytest_plugin.lasting import lasting

    return partial(lasting, current())


@pytest.fixture(scope="session")
def seedbed_server(request: pytest.FixtureRequest) -> Host:
    """The run's own server, whatever a test's marker says: ``.url(database)``, ``.kind`` and ``.version``."""
    try:
        return of(request.config).databases().host
    except SeedbedError as error:
        raise in_one_line(error) from None


@pytest.fixture(scope="session")
def seedbed_template(request: pytest.FixtureRequest) -> Template:
    """The database that tests without a marker get copies of: its ``.name`` on the run's own server, built if need be."""
    session = of(request.config)
    try:
        databases, blueprint = session.place(session.wishes)
        return databases.template(blueprint)
    except SeedbedError as error:
        raise in_one_line(error) from None
