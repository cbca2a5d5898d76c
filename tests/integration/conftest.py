"""A payroll database with the sound world in it, made once a server and never changed for good."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session as OrmSession

from factories.models import Base
from seedbed.servers import Server
from tests.payroll_world import add_world


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
