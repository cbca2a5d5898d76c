"""A small project for pytester's runs: two people in a shop, three made-up orders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = {
    "pyproject.toml": """
        [project]
        name = "shop"
        [tool.seedbed]
        profiles = "shop.profiles"
        schema = "shop.models:Base"
    """,
    "shop/__init__.py": "",
    "shop/models.py": """
        from sqlalchemy import ForeignKey
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        class Base(DeclarativeBase):
            pass

        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = mapped_column(unique=True)

        class Order(Base):
            __tablename__ = "orders"
            id: Mapped[int] = mapped_column(primary_key=True)
            user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
            pieces: Mapped[int]
    """,
    "factories/__init__.py": """
        import factory
        from seedbed import Factory
        from seedbed.fields import integer
        from shop.models import Order, User

        class UserFactory(Factory[User]):
            class Meta:
                model = User
                key = ("name",)
            name = factory.Sequence("user {}".format)

        class OrderFactory(Factory[Order]):
            class Meta:
                model = Order
            user_id = None
            pieces = integer(1, 9)
    """,
    "shop/profiles.py": """
        from seedbed import Profile
        from factories import UserFactory

        testing = Profile("testing")

        @testing.recipe
        def people(rows):
            rows.named(UserFactory)

        demo = Profile("demo")

        @demo.recipe
        def more_people(rows):
            rows.named(UserFactory)
            rows.many(UserFactory, rows.scaled(3))
    """,
    "seeds/users.yaml": """
        amina:
          name: Amina
        bo:
          name: Bo
    """,
    "conftest.py": """
        import pytest
        from sqlalchemy import func, select
        from shop.models import User

        @pytest.fixture
        def count():
            return lambda session: session.scalar(select(func.count()).select_from(User))
    """,
}

FOREIGN = ("hypothesispytest", "pytest_postgresql", "faker", "pytest_cov", "xdist.looponfail")
"""Plugins that no test here uses in its runs: they take half of the time in which pytest starts.

That ours lives beside them is seen in this repository's own run, which has them all.
"""

Write = Callable[..., None]


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, _cache: Path
) -> pytest.Pytester:
    """Return a pytester in the project's folder. Data directories are shared by the session, all else is the test's."""
    for name in ("DATABASE_URL", "SEEDBED_ENVIRONMENT", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in FOREIGN))
    monkeypatch.setenv("XDG_CACHE_HOME", str(_cache))
    monkeypatch.setenv("XDG_DATA_HOME", str(pytester.path / "data"))
    monkeypatch.setenv("SEEDBED_TEST_SERVER", "embedded")
    write(pytester, PROJECT)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def write(pytester: pytest.Pytester, files: dict[str, str]) -> None:
    """Write a project's files, as they stand in a test's source."""
    import textwrap

    for name, text in files.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
