"""Copying a database on its server, in the way that is fastest there.

FILE_COPY copies files and flushes everything twice, WAL_LOG writes all pages to the log as well; from version 18 on the system may
share the files' blocks (``file_copy_method``). Which is fastest depends on the file system and on fsync, so each is tried, once, and the
registry remembers.
"""

from __future__ import annotations

import math
import time

from psycopg import sql

from seedbed.errors import DatabaseFailure
from seedbed.testdb.registry import Registry

_FACT = "copying"
_SAMPLE = "template1"
"""What is copied to find out: it is always there, and little smaller than most databases of tests."""


def create_database(
    registry: Registry, name: str, template: str | None = None, way: str = ""
) -> None:
    """Create a database whose name has been reserved.

    Args:
        template: what it is a copy of; by default the server's own, which is empty.
        way: one of `ways`.
    """
    strategy, _, method = way.partition(" ")
    if method:
        registry.execute(sql.SQL("SET file_copy_method = {}").format(sql.Identifier(method)))
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    if strategy:
        statement += sql.SQL(" STRATEGY {}").format(sql.Identifier(strategy))
    registry.execute(statement)


def ways(server_version: int) -> tuple[str, ...]:
    """Return in how many ways a server copies databases: a strategy, and how files are copied where that can be said."""
    if server_version < 150000:
        return ("",)
    if server_version < 180000:
        return ("file_copy", "wal_log")
    return ("file_copy copy", "file_copy clone", "wal_log")


def fastest_way(registry: Registry) -> str:
    """Return how databases are copied fastest on a server; found out by the first that asks."""
    known = registry.fact(_FACT)
    if known is not None:
        return known
    candidates = ways(registry.connection.info.server_version)
    if len(candidates) == 1:
        return candidates[0]
    tried = {way: _seconds(registry, way) for way in candidates}
    best = min(candidates, key=tried.__getitem__)
    if math.isfinite(tried[best]):
        registry.remember(_FACT, best)
    return best


def _seconds(registry: Registry, way: str) -> float:
    name = registry.reserve("draft")[0]
    began = time.perf_counter()
    try:
        create_database(registry, name, _SAMPLE, way)
    except DatabaseFailure:  # 55006: somebody is connected to it
        return math.inf
    seconds = time.perf_counter() - began
    registry.drop(name, force=True)
    return seconds
