"""PostgreSQL's client programs (pg_dump, pg_restore, psql): finding one of a fitting version, and running it on a server.

A program is told exactly the server that a connection of ours reached, not the URL that led there, and gets the connection's password
by a file that has no name: neither its arguments nor its environment hold one, and nothing is left behind whatever ends us.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from seedbed.errors import DatabaseFailure, Finding, InvalidInput
from seedbed.servers.account import clean_environment
from seedbed.servers.embedded import Embedded
from seedbed.servers.protocol import Unavailable
from seedbed.servers.reached import reached
from seedbed.servers.system import usual_places
from seedbed.url import without_passwords

_URL_PASSWORD = re.compile(r"://[^/\s@]*:[^\s]*@")
_NEEDED = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TMPDIR"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "KRB5CCNAME", "KRB5_CONFIG", "OPENSSL_CONF"),
}
"""Variables that programs cannot do without; a password such as ``bin`` is in them by chance."""


@dataclass(frozen=True, slots=True)
class Program:
    """A client program.

    Attributes:
        path: the file; not resolved, for a wrapper looks at the name it is called by.
        version: for example ``18.6``.
    """

    path: Path
    version: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.name

    @property
    def major(self) -> int:
        """Its major version."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Access:
    """How a program reaches a database.

    Attributes:
        conninfo: for its ``--dbname``; holds no password.
        environment: its process environment.
        files: descriptors that it must inherit.
    """

    conninfo: str
    environment: dict[str, str]
    files: tuple[int, ...]


def find_program(name: str, at_least: int, why: str) -> Program:
    """Return the program of the lowest major version that is high enough; of several, the PATH's.

    Args:
        name: such as ``pg_dump``.
        at_least: the major version it must have.
        why: what asks for that version, for the message.

    Raises:
        InvalidInput: there is none; those that were looked at are listed.
    """
    looked_at: list[Finding] = []
    fitting: list[Program] = []
    for path in _candidates(name):
        version = _version(path)
        if version is None:
            looked_at.append(Finding(str(path), "does not run here"))
            continue
        program = Program(path, version)
        if program.major >= at_least:
            fitting.append(program)
        else:
            looked_at.append(Finding(str(path), f"is version {version}"))
    if fitting:
        return min(fitting, key=lambda program: program.major)
    raise InvalidInput(
        f"there is no {name} of version {at_least} or newer, which {why} takes",
        findings=looked_at or [Finding("", f"there is no {name} on the PATH")],
        remedy="Install PostgreSQL's client programs of that version, or seedbed[embedded].",
    )


def _candidates(name: str) -> Iterator[Path]:
    """Yield the places of a program, each once: the PATH, the embedded wheel, where distributions put it."""
    seen = set()
    on_path = [shutil.which(name, path=folder) for folder in os.get_exec_path()]
    found = [Path(path) for path in on_path if path]
    with suppress(Unavailable):
        found += filter(None, [Embedded().program(name)])
    for path in (*found, *usual_places(name)):
        if path not in seen:
            seen.add(path)
            yield path


def _version(path: Path) -> str | None:
    try:
        done = subprocess.run(
            [path, "--version"],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d[\w.]*)", done.stdout)
    return found[1] if found and done.returncode == 0 else None


@contextmanager
def access(connection: Connection[Any], database: str | None = None) -> Iterator[Access]:
    """Yield how a program reaches the very server that a connection reached.

    Args:
        connection: an open one, whatever made of the URL, of variables and of service files led there.
        database: another database than the connection's.
    """
    server = reached(connection)
    parameters = {**server.parameters, "dbname": database or connection.info.dbname}
    environment = _environment(server.password)
    with ExitStack() as stack:
        files: list[int] = []

        def private(text: str) -> str:
            """Return the path of a file of this text that only we and the program can read."""
            path, descriptor = stack.enter_context(_private_file(text))
            files.extend(descriptor)
            return path

        if server.password:
            password = re.sub(r"([\\:])", r"\\\1", server.password)
            environment["PGPASSFILE"] = private(f"*:*:*:*:{password}\n")
        if server.secrets:  # the passphrase of a TLS key, for example
            lines = "".join(f"{name}={value}\n" for name, value in server.secrets.items())
            environment["PGSERVICEFILE"] = private(f"[seedbed]\n{lines}")
            parameters["service"] = "seedbed"
        yield Access(make_conninfo(**parameters), environment, tuple(files))


def _has(value: str, password: str) -> bool:
    return bool(password) and password in value


def _environment(password: str = "") -> dict[str, str]:
    """Return a process environment for a program, without variables such as DATABASE_URL."""
    return {
        name: value
        for name, value in clean_environment(os.environ).items()
        if name in _NEEDED or not (_has(value, password) or _URL_PASSWORD.search(value))
    }


@contextmanager
def _private_file(text: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the path of a file that only we and the programs we start can read, and what they must inherit."""
    if hasattr(os, "memfd_create"):  # Linux: a file in memory, without a name
        descriptor = os.memfd_create("seedbed")
        try:
            os.fchmod(descriptor, 0o600)  # libpq ignores a password file that others may read
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}", (descriptor,)
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.name, ()


@contextmanager
def running(
    program: Program,
    arguments: Sequence[str | Path],
    reach: Access | None = None,
    *,
    output: int = subprocess.DEVNULL,
    source: int | Any = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of a block; it is ended when the block fails.

    It has a session of its own, so that Ctrl-C reaches only us, and we end it.

    Args:
        program: the program.
        arguments: its arguments, without the connection's.
        reach: the database it is to work on, if it needs one.
        output: where its standard output goes.
        source: where its standard input comes from.

    Raises:
        DatabaseFailure: it failed; its first complaint is quoted, without values of rows.
    """
    connected = [f"--dbname={reach.conninfo}", "--no-password"] if reach else []
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [program.path, *arguments, *connected],
            stdin=source,
            stdout=output,
            stderr=complaints,
            env=reach.environment if reach else _environment(),
            pass_fds=reach.files if reach else (),
            start_new_session=True,
        )
        try:
            yield process
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        if code:
            complaints.seek(0)
            raise DatabaseFailure(_complaint(program, complaints.read().decode(errors="replace")))


def run(program: Program, arguments: Sequence[str | Path], reach: Access | None = None) -> None:
    """Run a program to its end; see `running`."""
    with running(program, arguments, reach):
        pass


def _complaint(program: Program, text: str) -> str:
    """Return a program's first error, without what it may quote of a row: DETAIL, CONTEXT and values."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\b(error|fatal)\b", line, re.IGNORECASE)]
    first = (errors or lines or ["it ended without a word"])[0]
    first = re.sub(rf"^({re.escape(program.name)}|psql:<stdin>:\d+): (error: )?", "", first)
    first = re.sub(r':\s+".*$', "", first)
    return f"{program} failed: {without_passwords(first)}"
