"""The asynchronous fixtures live in the test's own loop, with pytest-asyncio and with anyio."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from factories.models import User
from seedbed.pytest_plugin import Seedbed

DELETE, COUNT = text("DELETE FROM notifications"), text("SELECT count(*) FROM notifications")
TWICE = pytest.mark.parametrize("time", [1, 2])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class TestRollback:
    @TWICE
    @pytest.mark.asyncio
    async def test_asyncio(self, seedbed_async_session: AsyncSession, time: int) -> None:
        assert await seedbed_async_session.scalar(COUNT) == 1
        await seedbed_async_session.execute(DELETE)
        await seedbed_async_session.commit()
        assert await seedbed_async_session.scalar(COUNT) == 0

    @TWICE
    @pytest.mark.anyio
    async def test_anyio(self, seedbed_async_session: AsyncSession, time: int) -> None:
        assert await seedbed_async_session.scalar(COUNT) == 1
        await seedbed_async_session.execute(DELETE)
        await seedbed_async_session.commit()
        assert await seedbed_async_session.scalar(COUNT) == 0

    @pytest.mark.asyncio
    async def test_a_rollback_goes_back_to_the_last_commit(
        self, seedbed_async_session: AsyncSession
    ) -> None:
        await seedbed_async_session.execute(DELETE)
        await seedbed_async_session.commit()
        await seedbed_async_session.execute(text("DELETE FROM sessions"))
        await seedbed_async_session.rollback()
        assert await seedbed_async_session.scalar(text("SELECT count(*) FROM sessions")) == 1

    @pytest.mark.asyncio
    async def test_a_connection_that_reads_undoes_nothing(
        self, seedbed_async_engine: AsyncEngine, seedbed_async_session: AsyncSession
    ) -> None:
        await seedbed_async_session.execute(DELETE)
        async with seedbed_async_engine.connect() as other:
            assert await other.scalar(COUNT) == 0
        assert await seedbed_async_session.scalar(COUNT) == 0
        await seedbed_async_session.rollback()
        assert await seedbed_async_session.scalar(COUNT) == 1

    @pytest.mark.asyncio
    async def test_a_nested_one_is_undone_alone(self, seedbed_async_session: AsyncSession) -> None:
        await seedbed_async_session.execute(text("DELETE FROM sessions"))
        nested = await seedbed_async_session.begin_nested()
        await seedbed_async_session.execute(DELETE)
        await nested.rollback()
        counts = text(
            "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM notifications)"
        )
        assert tuple((await seedbed_async_session.execute(counts)).one()) == (0, 1)

    @pytest.mark.asyncio
    async def test_objects_outlive_a_commit(self, seedbed_async_session: AsyncSession) -> None:
        user = await seedbed_async_session.get_one(User, 1)
        user.display_name = "Else"
        await seedbed_async_session.commit()
        assert user.display_name == "Else"


@pytest.mark.seedbed(isolation="clone")
class TestClone:
    @pytest.mark.asyncio
    async def test_several_connections_at_once(self, seedbed_async_engine: AsyncEngine) -> None:
        async def pid() -> int:
            async with seedbed_async_engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
                await ready.wait()
                return await connection.scalar(text("SELECT pg_backend_pid()"))

        ready = asyncio.Barrier(3)
        assert len(set(await asyncio.gather(pid(), pid(), pid()))) == 3

    @pytest.mark.asyncio
    async def test_an_engine_of_the_tests_own(
        self, seedbed: Seedbed, seedbed_async_session: AsyncSession
    ) -> None:
        await seedbed_async_session.execute(DELETE)
        await seedbed_async_session.commit()
        engine = create_async_engine(seedbed.async_url)
        async with engine.connect() as connection:
            assert await connection.scalar(COUNT) == 0
        await engine.dispose()
