"""What mypy knows of a test: the rows of a factory are objects of its model, also of one written as the tutorial does."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.plugin.conftest import PROJECT

ROOT = Path(__file__).parents[2]
TYPED = """
    import psycopg
    from sqlalchemy.orm import Session

    from factories import OrderFactory, UserFactory
    from bookshop import BookFactory
    from seedbed import Factory
    from seedbed.pytest_plugin import Seedbed
    from shop.models import Order, User

    class TeamFactory(Factory):
        class Meta:
            table = "teams"

    def test_the_tutorials(seedbed: Seedbed) -> None:
        reveal_type(seedbed.rows(BookFactory))
        reveal_type(BookFactory.create().title)

    def test_without_a_model(seedbed: Seedbed) -> None:
        reveal_type(seedbed.rows(TeamFactory))

    def test_right(seedbed: Seedbed, seedbed_session: Session) -> None:
        amina = seedbed.row(UserFactory, "amina")
        reveal_type(amina)
        reveal_type(amina.name)
        reveal_type(seedbed.rows(OrderFactory))
        reveal_type(UserFactory.build())
        reveal_type(UserFactory.create_batch(2))
        reveal_type(seedbed.session)
        reveal_type(seedbed.psycopg)
        user: User = seedbed.row(UserFactory, "bo")

    def test_wrong(seedbed: Seedbed) -> None:
        order: Order = seedbed.row(UserFactory, "amina")
        users: list[User] = seedbed.rows(OrderFactory)
        seedbed.row(UserFactory, 1)
        seedbed.row(User, "amina")
        seedbed.row(UserFactory, "amina").nmae
        seedbed.reseeed()
    """


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[str]]:
    """Return mypy's remarks, by the line of `TYPED` they are about."""
    folder = tmp_path_factory.mktemp("typed")
    tutorial = (ROOT / "docs" / "tutorial.md").read_text()
    shown = re.search(r'title="factories.py"\n(.*?)```', tutorial, re.S)
    assert shown is not None
    files = {**PROJECT, "bookshop.py": shown[1], "test_typed.py": TYPED}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "test_typed.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    found: dict[int, list[str]] = {}
    for line in done.stdout.splitlines():
        remark = re.match(r"test_typed.py:(\d+): (.*)", line)
        if remark:
            found.setdefault(int(remark[1]), []).append(remark[2])
    assert found, done.stdout + done.stderr
    return found


def line_of(code: str) -> int:
    """Return the number of the line that has some code."""
    lines = textwrap.dedent(TYPED).lstrip().splitlines()
    return next(number for number, line in enumerate(lines, 1) if code in line)


@pytest.mark.parametrize(
    ("code", "type_"),
    [
        ("reveal_type(amina)", "shop.models.User"),
        ("reveal_type(amina.name)", "str"),
        ("reveal_type(seedbed.rows(OrderFactory))", "list[shop.models.Order]"),
        ("reveal_type(UserFactory.build())", "shop.models.User"),
        ("reveal_type(UserFactory.create_batch(2))", "list[shop.models.User]"),
        ("reveal_type(seedbed.rows(BookFactory))", "list[bookshop.Book]"),
        ("reveal_type(BookFactory.create().title)", "str"),
        ("reveal_type(seedbed.rows(TeamFactory))", "list[seedbed.factory.factory.Record]"),
        ("reveal_type(seedbed.session)", "sqlalchemy.orm.session.Session"),
        ("reveal_type(seedbed.psycopg)", "psycopg.connection.Connection[Any]"),
    ],
)
def test_types_are_known(said: dict[int, list[str]], code: str, type_: str) -> None:
    """Without a word in the test."""
    assert said[line_of(code)] == [f'note: Revealed type is "{type_}"']


@pytest.mark.parametrize("code", ["user: User = ", "class TeamFactory(Factory):"])
def test_right_use_is_no_error(said: dict[int, list[str]], code: str) -> None:
    """Under --strict."""
    assert line_of(code) not in said


@pytest.mark.parametrize(
    "code",
    [
        "order: Order = ",
        "users: list[User] = ",
        "seedbed.row(UserFactory, 1)",
        'seedbed.row(User, "amina")',
        ".nmae",
        ".reseeed()",
    ],
)
def test_wrong_use_is_an_error(said: dict[int, list[str]], code: str) -> None:
    """Another model's row, a label that is no text, a model for a factory, a wrong name."""
    assert any(remark.startswith("error: ") for remark in said[line_of(code)])
