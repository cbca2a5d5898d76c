"""The very server that a connection reached, as parameters for another connection to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from seedbed.errors import InvalidInput

_RESOLVED = (
    "service",  # the connection says what it came to
    "servicefile",
    "passfile",
    "load_balance_hosts",  # there is one host left
    "target_session_attrs",
    "client_encoding",  # programs choose theirs
    "replication",
)
"""Parameters that have had their effect on the first connection, or were for it alone."""

_SECRET = re.compile("password|secret|scram_")
_USUAL = {"sslcertmode": "allow"}
"""What our libpq reports although nobody said it, and libpq before 16 does not know."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How to reach a server again.

    Attributes:
        parameters: libpq's, with one host, its address and its port; nothing secret.
        password: the one that was used, from wherever it came; empty where there was none.
        secrets: other parameters that nobody may see, such as the passphrase of a TLS key.
    """

    parameters: Mapping[str, str]
    password: str
    secrets: Mapping[str, str]

    def everything(self, database: str) -> dict[str, str]:
        """Return all of it, for a connection of ours to a database."""
        password = {"password": self.password} if self.password else {}
        return {**self.parameters, **self.secrets, **password, "dbname": database}


def reached(connection: Connection[Any]) -> Reached:
    """Return how to reach the server of a connection again, whatever URL, variables and service files led there.

    Raises:
        InvalidInput: a pooler is in between.
    """
    _refuse_pooler(connection)
    info = connection.info
    parameters = {
        name: value
        for name, value in info.get_parameters().items()
        if name not in _RESOLVED and _USUAL.get(name) != value
    }
    secrets = {name: parameters.pop(name) for name in list(parameters) if _SECRET.search(name)}
    parameters |= {"host": info.host, "port": str(info.port), "user": info.user}
    parameters |= {"dbname": info.dbname, "application_name": "seedbed"}
    parameters.pop("hostaddr", None)
    if info.hostaddr:
        parameters["hostaddr"] = info.hostaddr
    return Reached(parameters, info.password, secrets)


def _refuse_pooler(connection: Connection[Any]) -> None:
    """Make sure that a second connection is beside the first, and what programs set for their session ends with it.

    A pooler tells its clients process ids of its own making. One with a single connection to the server would let pg_dump wait for
    our transaction for ever; and pg_dump empties the search_path of a session that the application gets next.
    """
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    if row != (connection.info.backend_pid,):
        raise InvalidInput(
            "there is a connection pooler, such as PgBouncer, between us and the server",
            remedy="Backups, restores and snapshots take the address of the server itself.",
        )
