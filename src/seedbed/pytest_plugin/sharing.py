"""SQLAlchemy on a connection that many share: each of its connections' transactions and savepoints is known by who began it.

Its statements about savepoints go straight to the connection: compiling each anew takes longer than setting it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedbed.pytest_plugin.guarded import Guarded
    from seedbed.pytest_plugin.guarded_async import AsyncGuarded

_Begin = Callable[[Any, str], None]


def share(dialect: Any, guarded: Guarded, commits: Callable[[Any], bool]) -> None:
    """Let the connections of an engine share one.

    Args:
        dialect: the engine's.
        guarded: the engine's only connection.
        commits: whether the savepoint that a connection releases is for somebody a transaction.
    """
    usual_savepoint, usual_release, usual_back = _savepoints_of(dialect)

    def savepoint(connection: Any, name: str) -> None:
        if not guarded.begin((id(connection), name)):
            usual_savepoint(connection, name)  # which says what is wrong as SQLAlchemy does

    def release(connection: Any, name: str) -> None:
        who = (id(connection), name)
        if not guarded.over and not guarded.release(who, committing=commits(connection)):
            usual_release(connection, name)

    def back(connection: Any, name: str) -> None:
        if not guarded.over and not guarded.back((id(connection), name)):
            usual_back(connection, name)

    def rollback(dbapi_connection: Any) -> None:
        if not guarded.over:
            guarded.back(id(dbapi_connection))

    dialect.do_begin = lambda dbapi_connection: guarded.begin(id(dbapi_connection))
    dialect.do_rollback = rollback
    dialect.do_savepoint, dialect.do_release_savepoint = savepoint, release
    dialect.do_rollback_to_savepoint = back


def share_async(dialect: Any, found: Callable[[], AsyncGuarded]) -> None:
    """Let the connections of an engine for asyncio share one.

    Args:
        dialect: the engine's.
        found: gives its only connection.
    """
    from sqlalchemy.util import await_only

    usual_savepoint, usual_release, usual_back = _savepoints_of(dialect)

    def savepoint(connection: Any, name: str) -> None:
        if not await_only(found().begin((id(connection), name))):
            usual_savepoint(connection, name)

    def release(connection: Any, name: str) -> None:
        if not await_only(found().release((id(connection), name))):
            usual_release(connection, name)

    def back(connection: Any, name: str) -> None:
        if not await_only(found().back((id(connection), name))):
            usual_back(connection, name)

    dialect.do_begin = lambda dbapi_connection: await_only(found().begin(id(dbapi_connection)))
    dialect.do_rollback = lambda dbapi_connection: await_only(found().back(id(dbapi_connection)))
    dialect.do_savepoint, dialect.do_release_savepoint = savepoint, release
    dialect.do_rollback_to_savepoint = back


def _savepoints_of(dialect: Any) -> tuple[_Begin, _Begin, _Begin]:
    return (
        dialect.do_savepoint,
        dialect.do_release_savepoint,
        dialect.do_rollback_to_savepoint,
    )
