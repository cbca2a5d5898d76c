"""A small project in a folder of its own, and the command line as another process runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.canary import off_the_command_line

FILES = {
    "pyproject.toml": """
        [project]
        name = "shop"

        [tool.seedbed]
        schema = "factories.models:Base"
        """,
    "factories/__init__.py": "",
    "factories/models.py": """
        from sqlalchemy import ForeignKey
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

        class Base(DeclarativeBase):
            pass

        class Customer(Base):
            __tablename__ = "customers"
            id: Mapped[int] = mapped_column(primary_key=True)
            email: Mapped[str] = mapped_column(unique=True)
            name: Mapped[str]

        class Order(Base):
            __tablename__ = "orders"
            id: Mapped[int] = mapped_column(primary_key=True)
            customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
            customer: Mapped[Customer] = relationship()
            amount: Mapped[int]
        """,
    "factories/people.py": """
        import factory
        from factories.models import Customer, Order
        from seedbed import Factory, fields

        class CustomerFactory(Factory):
            class Meta:
                model = Customer
                key = ("email",)

            email = factory.Sequence("c{}@example.com".format)
            name = factory.Faker("name")

        class OrderFactory(Factory):
            class Meta:
                model = Order

            customer = factory.SubFactory(CustomerFactory)
            amount = fields.integer(1, 100)
        """,
    "profiles/__init__.py": """
        from factories.people import CustomerFactory, OrderFactory
        from seedbed import Profile

        def cast(dataset):
            return [("ann@example.com", "has three orders")]

        development = Profile("development", description="A small shop", cast=cast)

        @development.recipe
        def shop(rows):
            ann = rows.named(CustomerFactory, "ann")
            crowd = rows.many(CustomerFactory, rows.scaled(10))
            rows.each(ann, OrderFactory, 3, via="customer")
            rows.each(crowd, OrderFactory, 2, via="customer")
        """,
    "seeds/customers.yaml": """
        ann:
          email: ann@example.com
          name: Ann
        """,
}


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


def run_seedbed(
    folder: Path,
    *arguments: str,
    command: tuple[str, ...] = (sys.executable, "-m", "seedbed"),
    stdin: str | None = None,
    **variables: str,
) -> Ran:
    """Run seedbed in a folder, with nothing of the caller's environment but what a program needs to run."""
    bare, password = off_the_command_line(arguments)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [*command, *bare],
        cwd=folder,
        env={**kept, "LC_ALL": "C.UTF-8", **password, **variables},
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write indented texts into a folder."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
