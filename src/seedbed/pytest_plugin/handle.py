"""What a test sees of its seeded database."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from seedbed.creating import Creating
from seedbed.errors import InvalidInput, nearest
from seedbed.pytest_plugin.stay import Stay
from seedbed.testdb.address import driven
from seedbed.testdb.blueprint import Blueprint, Manifest
from seedbed.testdb.host import Host

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session

    from seedbed.factory import Factory

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

_inside: ContextVar[Session | None] = ContextVar("inside", default=None)
"""The asynchronous session, in what `Seedbed.run_sync` calls."""


class Seedbed:
    """A test's database: the profile's rows, and nothing that another test did.

    Attributes:
        profile: the profile's name.
        isolation: ``rollback``, ``clone`` or ``shared``.
        as_of: the moment the rows were made for, naive UTC.
        server: the server it is on: ``.kind``, ``.version`` and ``.url(database)``.
    """

    def __init__(
        self,
        stay: Stay,
        blueprint: Blueprint,
        server: Host,
        async_session: Callable[[], AsyncSession],
    ) -> None:
        self._stay, self._blueprint, self.server = stay, blueprint, server
        self._async_session = async_session
        self.profile, self.isolation = blueprint.profile, stay.isolation
        self._manifest = Manifest.read(stay.template.manifest)
        self.as_of = datetime.fromisoformat(self._manifest.as_of)

    def creating(self, seed: str | None, *, commits: bool) -> Creating:
        """Return what lets factories' ``create()`` write here, other values than the profile's rows have.

        Args:
            seed: what was asked for; None for the project's.
            commits: whether other connections see a row at once.
        """
        return Creating(
            lambda: self.session,
            f"{seed or 'seedbed'}, in a test",
            self._manifest.seed,
            self.as_of,
            _insert,
            commits=commits,
        )

    @property
    def name(self) -> str:
        """The database's name on its server."""
        return self._stay.name

    @property
    def dsn(self) -> str:
        """The database's URL as libpq, psycopg and psql take it."""
        return self._stay.url

    @property
    def url(self) -> str:
        """The database's URL as SQLAlchemy takes it, with psycopg as the driver."""
        return driven(self._stay.url)

    @property
    def async_url(self) -> str:
        """The same for ``create_async_engine``."""
        return driven(self._stay.url)

    @property
    def engine(self) -> Engine:
        """A SQLAlchemy engine. Under ``rollback`` it has one connection, whose commits are savepoints."""
        return self._stay.engine

    @property
    def connection(self) -> Connection:
        """A SQLAlchemy connection."""
        return self._stay.connection

    @property
    def session(self) -> Session:
        """The session that factories write through, and that `row` and `rows` read with."""
        return _inside.get() or self._stay.session

    @property
    def psycopg(self) -> psycopg.Connection[Any]:
        """A psycopg connection; under ``rollback`` the one below the session."""
        return self._stay.psycopg

    def row(self, factory: type[Factory[T]], label: str) -> T:
        """Return a hand-picked row, as an object of the test's session.

        Args:
            factory: the row's.
            label: its label in the seeds.

        Raises:
            InvalidInput: the profile has no such row; the nearest label is suggested.
        """
        from seedbed.pytest_plugin.rows import labels, load

        found = load(self.session, factory, label)
        if found:
            return found[0]
        those = labels(self.session, factory)
        if label in those:
            raise InvalidInput(f"the row {label!r} of {factory.__name__} has been deleted since")
        known = nearest(label, those)
        raise InvalidInput(
            f"the profile {self.profile} has no row {label!r} of {factory.__name__}: {known}"
        )

    def rows(self, factory: type[Factory[T]]) -> list[T]:
        """Return all seeded rows of a factory's table, as objects of the test's session, in the order they were made."""
        from seedbed.pytest_plugin.rows import load

        return load(self.session, factory)

    async def run_sync(
        self, function: Callable[P, R], /, *arguments: P.args, **named: P.kwargs
    ) -> R:
        """Call what reads or writes rows, on the asynchronous session in place of the synchronous one.

        ``await seedbed.run_sync(seedbed.row, UserFactory, "tess-admin")`` gives an object of ``seedbed_async_session``,
        ``await seedbed.run_sync(UserFactory.create, display_name="Tess")`` a row that it sees.

        Args:
            function: `row`, `rows`, a factory's ``create``, or a function that calls some of them.
            arguments: the function's.
            named: the function's.
        """

        def call(session: Session) -> R:
            token = _inside.set(session)
            try:
                return function(*arguments, **named)
            finally:
                _inside.reset(token)

        return await self._async_session().run_sync(call)

    def reseed(self) -> None:
        """Bring the profile's rows back to what they were; under ``clone``, rows the test added stay.

        Under ``rollback`` everything the test did is undone, and objects loaded before are detached.
        """
        if self._stay.reseed():
            return
        from seedbed.testdb.templates import restore

        restore(self._blueprint, self._stay.url, self.as_of)

    def __repr__(self) -> str:
        return f"<Seedbed {self.profile} {self.isolation} {self.name}>"


def _insert(session: Session, factory: Any, attributes: dict[str, Any]) -> Any:
    """Write a row of a factory without a model; few tests do."""
    from seedbed.pytest_plugin.records import insert

    return insert(session, factory, attributes)
