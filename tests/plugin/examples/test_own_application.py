"""An application's own sessions, on the test's database."""

from __future__ import annotations

import application
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from factories import UserFactory
from seedbed.pytest_plugin import Seedbed


@pytest.mark.parametrize("seedbed_isolation", ["rollback", "clone"])
def test_renaming(seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application commits: a savepoint under rollback, for good in a clone."""
    monkeypatch.setitem(application.SessionLocal.kw, "bind", seedbed.engine)
    tess = seedbed.row(UserFactory, "tess-admin")
    application.rename(tess.email, "Tess")
    seedbed.session.expire_all()
    assert tess.display_name == "Tess"


@pytest.mark.asyncio
async def test_counting(seedbed_async_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for asyncio."""
    monkeypatch.setitem(application.AsyncSessionLocal.kw, "bind", seedbed_async_engine)
    assert await application.sessions() is not None
