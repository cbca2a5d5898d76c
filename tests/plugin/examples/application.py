"""An application as most are: an engine and makers of sessions, there from the moment it is imported."""

from __future__ import annotations

from sqlalchemy import create_engine, func, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from factories.models import Session, User

URL = "postgresql+psycopg://db.example.com/payroll"
SessionLocal = sessionmaker(create_engine(URL))
AsyncSessionLocal = async_sessionmaker(create_async_engine(URL))


def rename(email: str, name: str) -> None:
    """Give somebody another name."""
    with SessionLocal() as session:
        session.scalars(select(User).where(User.email == email)).one().display_name = name
        session.commit()


async def sessions() -> int | None:
    """Return how many people are logged in."""
    async with AsyncSessionLocal() as session:
        return await session.scalar(select(func.count()).select_from(Session))
