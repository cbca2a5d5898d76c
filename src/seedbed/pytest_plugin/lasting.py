"""Seeded databases for longer than a test: a module's, a class's or a run's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from seedbed.errors import InvalidInput, SeedbedError
from seedbed.pytest_plugin.handle import Seedbed
from seedbed.pytest_plugin.options import resolve, with_server
from seedbed.pytest_plugin.session import in_one_line
from seedbed.pytest_plugin.stay import OfItsOwn

if TYPE_CHECKING:
    from seedbed.pytest_plugin.options import Wishes
    from seedbed.pytest_plugin.session import Session

SAID = "seedbed_clone"


@contextmanager
def lasting(session: Session, **options: Any) -> Iterator[Seedbed]:
    """Make a database like those of tests with ``isolation="clone"``, and drop it at the end of the block.

    Args:
        session: the plugin's object of this process.
        options: what a test's marker may say, but for the isolation.
    """
    try:
        wishes = _wishes(session, options)
        databases, blueprint = session.place(wishes)
        template = databases.template(blueprint)
        stay = OfItsOwn(databases, template, wishes.pool)
    except SeedbedError as error:
        raise in_one_line(error) from None
    handle = Seedbed(stay, blueprint, databases.host, _no_async_session)
    creating = handle.creating(wishes.seed, commits=True)
    creating.begin()
    test, failed = session.item.nodeid, session.item.session.testsfailed
    try:
        yield handle
    finally:
        creating.end()
        keep = wishes.keep == "all" or (
            wishes.keep == "failed" and session.item.session.testsfailed > failed
        )
        stay.leave(keep=keep)
        if keep:
            session.keep(databases, stay.name, f"{test} and others")


def _wishes(session: Session, options: dict[str, Any]) -> Wishes:
    if "isolation" in options:
        raise InvalidInput(f"{SAID}(isolation=...): the database is always a clone")
    return resolve(session.config, with_server(options), SAID)


def _no_async_session() -> NoReturn:
    raise InvalidInput(
        "a database that outlives a test has no asynchronous session: an event loop does not",
        remedy="Make an engine where it is used: create_async_engine(database.async_url).",
    )
