"""Getting an archive's contents into an empty database: pg_restore, all of it or nothing."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from psycopg import Connection

from seedbed.backup.manifest import Manifest
from seedbed.errors import DatabaseFailure, InvalidInput
from seedbed.servers.programs import Program, access, find_program, run, running

_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"
"""What pg_restore says since version 17 to every server, although older ones do not know the setting."""


@dataclass(frozen=True, slots=True)
class Loader:
    """An archive and what can read it.

    Attributes:
        dump: the archive.
        manifest: its manifest.
        program: the pg_restore.
        psql: in its stead where the server is too old for it; else None.
        owners: whether objects keep their owners and grants.
    """

    dump: Path
    manifest: Manifest
    program: Program
    psql: Program | None
    owners: bool

    def load(self, connection: Connection[Any], database: str) -> None:
        """Restore into an empty database, in one transaction.

        Args:
            connection: to another database of that server.
            database: the empty one's name.

        Raises:
            DatabaseFailure: nothing was restored.
        """
        try:
            self._load(connection, database)
        except DatabaseFailure as error:
            raise DatabaseFailure(error.message, remedy=self._remedy(error.message)) from None

    def _load(self, connection: Connection[Any], database: str) -> None:
        chosen = [] if self.owners else ["--no-owner", "--no-privileges"]
        with access(connection, database) as reach:
            if self.psql is None:
                arguments: list[str | Path] = ["--single-transaction", "--exit-on-error", *chosen]
                run(self.program, [*arguments, self.dump], reach)
                return
            whole = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
            with (
                running(
                    self.program, ["--file=-", *chosen, self.dump], output=subprocess.PIPE
                ) as script,
                running(self.psql, [*whole, "--file=-"], reach, source=subprocess.PIPE) as client,
            ):
                assert script.stdout
                assert client.stdin
                with suppress(BrokenPipeError), client.stdin:  # psql stopped, and will say why
                    _pass_on(script.stdout, client.stdin)

    def _remedy(self, message: str) -> str:
        if "role" in message and "does not exist" in message and self.owners:
            return "--no-owner leaves owners and grants out: everything belongs to the role that restores."
        return ""


def _pass_on(script: IO[bytes], client: IO[bytes]) -> None:
    """Copy a script, but for the one line that stands in its head, before any row."""
    for line in script:
        if line == _UNKNOWN_BEFORE_17:
            break
        client.write(line)
    shutil.copyfileobj(script, client)


def loader_for(
    connection: Connection[Any], dump: Path, manifest: Manifest, *, owners: bool
) -> Loader:
    """Return how an archive gets into a database of the connection's server.

    Raises:
        InvalidInput: the server is older than the one the backup is of, or no program here can read it.
        DatabaseFailure: the archive cannot be read.
    """
    server, origin = connection.info.server_version // 10000, manifest.server_version // 10000
    if server < origin:
        raise InvalidInput(
            f"the backup is of a PostgreSQL {origin} server, and this is {server}: PostgreSQL does not restore into older ones"
        )
    program = find_program(
        "pg_restore", manifest.program, f"an archive of pg_dump {manifest.program}"
    )
    run(program, ["--list", dump])
    psql = None
    if server < 17 <= program.major:
        psql = find_program("psql", program.major, f"{program}'s script")
    return Loader(dump, manifest, program, psql, owners)
