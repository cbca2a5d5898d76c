"""What several integration tests need beside a database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session as OrmSession

from factories.models import Base
from seedbed import servers
from seedbed.servers import Server
from seedbed.servers.disposable import roomy_folder
from tests.payroll_world import add_world


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder for a development server, which is stopped afterwards.

    pytest's own temporary folders are closed to the account that root's servers run as.
    """
    folder = Path(tempfile.mkdtemp(prefix="seedbed-home-", dir=roomy_folder()))
    folder.chmod(0o755)
    yield folder
    servers.stop(home=folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _world(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE sound_world")
        engine = create_engine(_sqlalchemy(server.url("sound_world")))
        Base.metadata.create_all(engine)
        with OrmSession(engine) as session, session.begin():
            add_world(session)
        engine.dispose()
        with psycopg.connect(server.url("sound_world")) as connection:
            yield connection
        admin.execute("DROP DATABASE sound_world WITH (FORCE)")


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture
def world(_world: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Return a connection to the sound world; whatever a test does to it is rolled back."""
    yield _world
    _world.rollback()
