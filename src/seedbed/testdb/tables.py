"""Making a test database's tables with code of the project: an ``env.py``, a callable, a hook.

Such code may look for its database anywhere, and must not find another than the one that is being made: somebody's DATABASE_URL
leads to a database of value. So the process's environment names ours meanwhile, SQLAlchemy connects to no other, and at the
end something must be in it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from psycopg import Connection, pq

from seedbed.blame import is_theirs, place_in, summary
from seedbed.errors import Finding, InvalidInput, SeedbedError
from seedbed.settings import database_variables
from seedbed.testdb.connecting import connect

_MOST_FRAMES = 5
"""How many of the project's lines that led to an exception are shown."""

DRAFT: ContextVar[str | None] = ContextVar("DRAFT", default=None)
"""The database that may be connected to; a context variable, for other threads of the tests' have nothing to do with it."""

_REMEDY = (
    "While tables are made, take the database from the URL or connection that is given (Alembic's env.py: "
    'config.attributes["connection"], or config.get_main_option("sqlalchemy.url")), or read DATABASE_URL then and not earlier: '
    "settings that were read at the start name another one."
)


_ROLES = (
    "A role belongs to the whole server, which holds several templates. Make it only where it is missing: "
    "DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
)


class _Elsewhere(InvalidInput):
    """Something connects to another database."""


class TablesFailure(InvalidInput):
    """The project's code could not make the tables.

    Attributes:
        sqlstate: the server's code, where it said no.
    """

    sqlstate = ""

    def again(self) -> TablesFailure:
        """Return it for those who come later: the lines that led to it have been told."""
        return tables_failure(self.message, self.sqlstate)


@contextmanager
def making(root: Path, what: str, url: str) -> Iterator[None]:
    """Run the project's code that makes tables in a block.

    Args:
        root: the project's folder.
        what: the code, for people.
        url: the database that is being made.

    Raises:
        TablesFailure: it raised something.
        InvalidInput: it went to another database.
    """
    with connect(url) as connection:
        variables, name = _variables(connection), connection.info.dbname
    with _reported(root, what), _no_other(name), database_variables(url, variables):
        yield


def require_tables(what: str, url: str) -> None:
    """Check that there is something in a database that was to get tables.

    Raises:
        InvalidInput: there is nothing.
    """
    with connect(url) as connection:
        row = connection.execute(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'seedbed'))"
        ).fetchone()
    if row != (True,):
        raise InvalidInput(f"{what} made no tables in the database it was given", remedy=_REMEDY)


def _variables(connection: Connection[Any]) -> Mapping[str, str]:
    """Return libpq's environment variables that lead to where a connection leads, whatever it took from the environment itself."""
    info = connection.info
    said = {**info.get_parameters(), "password": info.password}
    names = {each.keyword.decode(): each.envvar for each in pq.Conninfo.get_defaults()}
    return {
        name.decode(): value for key, value in said.items() if value and (name := names.get(key))
    }


@contextmanager
def _no_other(name: str) -> Iterator[None]:
    """Let SQLAlchemy connect to one PostgreSQL database only."""
    from sqlalchemy import Engine, event

    token = DRAFT.set(name)
    event.listen(Engine, "do_connect", _refuse_another)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", _refuse_another)
        DRAFT.reset(token)


def _refuse_another(dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
    wanted = DRAFT.get()
    if wanted is None or dialect.name != "postgresql":
        return
    said = parameters.get("dbname") or parameters.get("database") or parameters.get("service")
    if said not in (None, wanted):
        raise _Elsewhere(
            f"connects to the database {said!r} while a test database's tables are made: refused",
            remedy=_REMEDY,
        )


@contextmanager
def _reported(root: Path, what: str) -> Iterator[None]:
    try:
        yield
    except _Elsewhere as error:
        raise InvalidInput(f"{_where(root, what, error)} {error.message}", remedy=_REMEDY) from None
    except SeedbedError:
        raise
    except (Exception, SystemExit) as error:
        message = f"{_where(root, what, error)}: {summary(error)}"
        raise tables_failure(message, _sqlstate(error), _frames(root, error)) from None


def _where(root: Path, what: str, error: BaseException) -> str:
    place = place_in(root, error)
    return f"{what}: {place}" if place else what


def tables_failure(message: str, sqlstate: str, findings: Sequence[Finding] = ()) -> TablesFailure:
    """Return why tables could not be made.

    Args:
        message: what was raised, and where.
        sqlstate: the server's code, empty where it was not the server.
        findings: the project's lines that led there.
    """
    remedy = "It was raised while the tables of a test database were made."
    failure = TablesFailure(
        message, findings=findings, remedy=_ROLES if sqlstate == "42710" else remedy
    )
    failure.sqlstate = sqlstate
    return failure


def _frames(root: Path, error: BaseException) -> list[Finding]:
    """Return the project's own lines that led to an exception, where there are several."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if is_theirs(root, frame.filename)]
    if len(theirs) < 2:
        return []
    return [
        Finding(f"{Path(frame.filename).relative_to(root)}:{frame.lineno}", frame.line or "")
        for frame in theirs[-_MOST_FRAMES:]
    ]


def _sqlstate(error: BaseException) -> str:
    said = getattr(getattr(error, "orig", None), "sqlstate", None)  # SQLAlchemy's
    return str(said or getattr(error, "sqlstate", None) or "")
