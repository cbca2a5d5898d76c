"""The same for asyncio, with pytest-asyncio or anyio."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from factories.models import User


@pytest.mark.asyncio
async def test_counting(seedbed_async_session: AsyncSession) -> None:
    """The session connects in the test's own loop."""
    assert await seedbed_async_session.scalar(select(func.count()).select_from(User)) == 3
