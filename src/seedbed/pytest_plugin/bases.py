"""The databases that several tests of one process use in turn: one to roll back in, one to read from, for each template."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedbed.testdb.address import driven
from seedbed.testdb.databases import Databases
from seedbed.testdb.registry import Template

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from seedbed.pytest_plugin.guarded import Guarded


class RollbackBase:
    """A database that every test leaves as it found it.

    Args:
        databases: makes it.
        template: what it is like.
    """

    def __init__(self, databases: Databases, template: Template) -> None:
        from seedbed.pytest_plugin.guarded import Listener, open_guarded

        self.template = template
        self.name = databases.clone(template)
        self.url = databases.host.url(self.name)
        with databases.timed("connect"):
            self.psycopg: Guarded = open_guarded(self.url)
            self.listener = Listener(self.url)

    @cached_property
    def engine(self) -> Engine:
        """An engine on the one connection."""
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        from seedbed.pytest_plugin.guarded import shorten_savepoints

        engine = create_engine(
            driven(self.url),
            poolclass=StaticPool,
            creator=lambda: self.psycopg,
            pool_reset_on_return=None,
        )
        shorten_savepoints(engine.dialect, self.psycopg)
        return engine

    def close(self) -> None:
        """Close the connection."""
        self.psycopg.holding = False
        if "engine" in self.__dict__:
            self.engine.dispose()
        self.psycopg.close()
        self.listener.close()


class SharedBase:
    """A database that tests only read from: its transactions are read-only unless a test says otherwise.

    Args:
        databases: makes it.
        template: what it is like.
    """

    def __init__(self, databases: Databases, template: Template) -> None:
        from psycopg import sql

        from seedbed.testdb.connecting import connect

        self.template = template
        self.name = databases.clone(template)
        self.url = databases.host.url(self.name)
        with connect(self.url) as connection:
            name = sql.Identifier(self.name)
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name)
            )

    @cached_property
    def engine(self) -> Engine:
        """An engine with a pool."""
        from sqlalchemy import create_engine

        return create_engine(driven(self.url))

    @cached_property
    def psycopg(self) -> Any:
        """A connection."""
        import psycopg

        return psycopg.connect(self.url)

    def close(self) -> None:
        """Close the connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        if "psycopg" in self.__dict__:
            self.psycopg.close()
