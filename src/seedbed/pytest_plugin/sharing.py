"""SQLAlchemy on a connection that many share: each of its connections' transactions and savepoints is known by who began it.

Its statements about savepoints go straight to the connection: compiling each anew takes longer than setting it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import InvalidRequestError

from seedbed.pytest_plugin.guarded import FIXED

if TYPE_CHECKING:
    from seedbed.pytest_plugin.guarded import Guarded
    from seedbed.pytest_plugin.guarded_async import AsyncGuarded

_NONE: dict[str, Any] = {}
_LEVEL, _AUTOCOMMIT = "isolation_level", "AUTOCOMMIT"
_GIVEN = (_AUTOCOMMIT, "READ COMMITTED", "READ UNCOMMITTED")
"""PostgreSQL makes one of the last two."""

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

    _execute_by(dialect, guarded.begin, guarded.back, guarded.commit, guarded)
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

    _execute_by(
        dialect,
        lambda who: await_only(found().begin(who)),
        lambda who: await_only(found().back(who)),
        lambda: await_only(found().commit()),
        SimpleNamespace(),
    )
    dialect.do_begin = lambda dbapi_connection: await_only(found().begin(id(dbapi_connection)))
    dialect.do_rollback = lambda dbapi_connection: await_only(found().back(id(dbapi_connection)))
    dialect.do_savepoint, dialect.do_release_savepoint = savepoint, release
    dialect.do_rollback_to_savepoint = back


def _execute_by(
    dialect: Any,
    begin: Callable[[Hashable], bool],
    back: Callable[[Hashable], bool],
    commit: Callable[[], None],
    borrowed: Any,
) -> None:
    """Let an engine's statements be told from others', and commit each where that is the connection's isolation level.

    Args:
        dialect: the engine's.
        begin: notes that a transaction begins.
        back: undoes what was done since.
        commit: keeps it.
        borrowed: is told who uses it.
    """

    def around(usual: Callable[..., None]) -> Callable[..., None]:
        def execute(*given: Any) -> None:
            options = getattr(given[-1], "execution_options", _NONE)  # the last is the context
            alone = options.get(_LEVEL) == _AUTOCOMMIT
            if alone:
                begin(_AUTOCOMMIT)
            borrowed.borrowed = True
            try:
                usual(*given)
            except BaseException:
                if alone:
                    back(_AUTOCOMMIT)
                raise
            finally:
                borrowed.borrowed = False
            if alone:
                commit()

        return execute

    def set_isolation_level(dbapi_connection: Any, level: str) -> None:
        if level not in _GIVEN:
            raise InvalidRequestError(FIXED.format(_LEVEL))

    for name in ("do_execute", "do_executemany", "do_execute_no_params"):
        setattr(dialect, name, around(getattr(dialect, name)))
    dialect.set_isolation_level = set_isolation_level


def _savepoints_of(dialect: Any) -> tuple[_Begin, _Begin, _Begin]:
    return (
        dialect.do_savepoint,
        dialect.do_release_savepoint,
        dialect.do_rollback_to_savepoint,
    )
