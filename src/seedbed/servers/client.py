"""A psql session on a database, in place of this process."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

from psycopg.conninfo import make_conninfo

from seedbed.errors import InvalidInput
from seedbed.servers.choose import BACKENDS
from seedbed.servers.protocol import Unavailable
from seedbed.url import connection_parameters


def psql() -> str:
    """Return a psql program: the PATH's, which can edit lines, or a backend's own.

    Raises:
        InvalidInput: there is none.
    """
    found = shutil.which("psql")
    if found:
        return found
    for backend in BACKENDS:
        try:
            program = backend.program("psql")
        except Unavailable:
            continue
        if program is not None:
            return str(program)
    raise InvalidInput(
        "there is no psql on the PATH", remedy="Install PostgreSQL's client programs."
    )


def shell(url: str) -> NoReturn:
    """Replace this process by psql on a database; a password goes by its environment, never by an argument."""
    parameters = connection_parameters(url)
    password = parameters.pop("password", None)
    program = psql()
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    os.execve(program, [program, make_conninfo(**parameters)], environment)  # noqa: S606
