"""Copies of a prepared database, one for each trial."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
from given import prepare
from psycopg import sql

from seedbed.servers import Server

_numbers = count(1)


@contextmanager
def clone(server: Server, template: str, *, stamped: bool = True) -> Iterator[str]:
    """Give the URL of a copy of a database for the length of a block, stamped for tests: a copied stamp is nobody's."""
    name = f"copy_{next(_numbers)}"
    copied, source = sql.Identifier(name), sql.Identifier(template)
    with psycopg.connect(server.url(), autocommit=True) as admin:
        strategy = sql.SQL("STRATEGY file_copy" if admin.info.server_version >= 150000 else "")
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(copied, source, strategy))
        try:
            if stamped:
                prepare(server.url(name), "SELECT 1")
            yield server.url(name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(copied))
