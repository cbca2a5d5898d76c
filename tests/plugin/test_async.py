"""The asynchronous fixtures live in the test's own loop, with pytest-asyncio and with anyio."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from factories import UserFactory
from factories.models import User
from seedbed.pytest_plugin import Seedbed
from seedbed.testdb.host import Host

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
    async def test_the_engine_keeps_no_connection(self, seedbed_async_engine: AsyncEngine) -> None:
        """None is bound to a loop, though what one has committed the next one sees."""
        assert isinstance(seedbed_async_engine.pool, NullPool)
        async with seedbed_async_engine.begin() as first:
            await first.execute(DELETE)
        async with seedbed_async_engine.connect() as second:
            assert await second.scalar(COUNT) == 0

    @pytest.mark.asyncio
    async def test_connections_that_open_at_once_share_what_they_see(
        self, seedbed_async_engine: AsyncEngine
    ) -> None:
        async def pid() -> int:
            async with seedbed_async_engine.connect() as connection:
                return await connection.scalar(text("SELECT pg_backend_pid()"))

        assert len(set(await asyncio.gather(pid(), pid(), pid()))) == 1

    @pytest.mark.asyncio
    async def test_each_connection_undoes_what_was_done_since_it_began(
        self, seedbed_async_engine: AsyncEngine
    ) -> None:
        """Though both are open at once."""
        async with seedbed_async_engine.connect() as outer, seedbed_async_engine.connect() as inner:
            await outer.execute(text("DELETE FROM sessions"))
            await inner.execute(DELETE)
            await inner.rollback()
            counts = text(
                "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM notifications)"
            )
            assert tuple((await outer.execute(counts)).one()) == (0, 1)
            await outer.rollback()
            assert tuple((await outer.execute(counts)).one()) == (1, 1)

    @pytest.mark.asyncio
    async def test_one_that_the_server_has_ended_is_replaced(
        self, seedbed_async_engine: AsyncEngine, seedbed_server: Host
    ) -> None:
        """As without a pool: the next one is new."""
        async with seedbed_async_engine.connect() as connection:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            with psycopg.connect(seedbed_server.url("postgres")) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            with pytest.raises(DBAPIError):
                await connection.execute(text("SELECT 1"))
        async with seedbed_async_engine.connect() as another:
            assert await another.scalar(text("SELECT pg_backend_pid()")) != pid

    @pytest.mark.asyncio
    async def test_a_notice_is_logged_once(
        self, seedbed_async_engine: AsyncEngine, caplog: pytest.LogCaptureFixture
    ) -> None:
        """By SQLAlchemy, which listens anew on each of its connections."""
        caplog.set_level("INFO", "sqlalchemy.dialects.postgresql")
        for _ in range(2):
            async with seedbed_async_engine.connect() as connection:
                await connection.execute(text("DO $$ BEGIN RAISE NOTICE 'heard'; END $$"))
        assert caplog.messages.count("NOTICE: heard") == 2

    @pytest.mark.asyncio
    async def test_autocommit_keeps_each_statement(self, seedbed_async_engine: AsyncEngine) -> None:
        async with seedbed_async_engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.execute(DELETE)
            with pytest.raises(DBAPIError):
                await alone.execute(text("SELECT 1/0"))
            await alone.rollback()
            assert await alone.scalar(COUNT) == 0

    @pytest.mark.asyncio
    async def test_who_waits_for_the_synchronous_one_is_told_why(
        self, seedbed: Seedbed, seedbed_async_session: AsyncSession
    ) -> None:
        """It would wait for ever, in the thread in which the lock would be given up."""
        seedbed.psycopg.execute("LOCK TABLE notifications")
        await seedbed_async_session.execute(text("SET LOCAL lock_timeout = '1ms'"))
        with pytest.raises(DBAPIError, match="isolation='clone'"):
            await seedbed_async_session.execute(COUNT)

    @pytest.mark.asyncio
    async def test_nobody_waits_for_ever(
        self, seedbed: Seedbed, seedbed_async_session: AsyncSession
    ) -> None:
        """Neither the one, nor the other, nor an application that connects by itself."""
        how_long = text("SHOW lock_timeout")
        with psycopg.connect(seedbed.dsn) as other:
            assert other.execute(how_long.text).fetchone() == ("10s",)
        assert await seedbed_async_session.scalar(how_long) == "10s"
        assert seedbed.session.scalar(how_long) == "10s"

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


@pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone"])
class TestRunSync:
    """What reads and writes rows does so on the asynchronous session."""

    @pytest.mark.asyncio
    async def test_a_row_is_an_object_of_the_asynchronous_session(
        self, seedbed: Seedbed, seedbed_async_session: AsyncSession
    ) -> None:
        tess = await seedbed.run_sync(seedbed.row, UserFactory, "tess-admin")
        assert tess in seedbed_async_session
        assert tess in await seedbed.run_sync(seedbed.rows, UserFactory)

    @pytest.mark.asyncio
    async def test_what_is_created_is_seen(
        self, seedbed: Seedbed, seedbed_async_engine: AsyncEngine
    ) -> None:
        made = await seedbed.run_sync(UserFactory.create, display_name="Tess Two")
        async with seedbed_async_engine.connect() as other:
            name = select(User.display_name).where(User.id == made.id)
            assert await other.scalar(name) == "Tess Two"

    @pytest.mark.asyncio
    async def test_afterwards_the_synchronous_session_is_used_again(self, seedbed: Seedbed) -> None:
        before = seedbed.session
        inside = await seedbed.run_sync(lambda: seedbed.session)
        assert seedbed.session is before is not inside


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
