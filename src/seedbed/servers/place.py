"""The folder of one server: its data, socket, log, password and lock, and who owns which.

The folder belongs to the caller. Only ``data`` and ``socket`` belong to the account the server runs as, so
that root never writes through a folder another account controls.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from seedbed.errors import DatabaseFailure
from seedbed.servers.account import Account
from seedbed.servers.postmaster import Postmaster

SUPERUSER = "postgres"
"""The role made by initdb, which URLs name."""

_LONGEST_SOCKET = 103
"""Bytes a Unix socket's path may have, without its closing NUL: 103 on macOS, 107 on Linux."""

_HBA = """\
# Made by seedbed. The socket's folder is closed to everybody but its owner; TCP asks for the password.
local all         all                trust
local replication all                trust
host  all         all  127.0.0.1/32  scram-sha-256
host  replication all  127.0.0.1/32  scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one server below ``root``."""

    root: Path
    account: Account

    @classmethod
    def at(cls, root: Path) -> Place:
        """Return the place of a folder, which need not exist yet."""
        root = root.resolve()  # one spelling, by which its process is recognised
        return cls(root, Account.for_servers(root / "data"))

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """What the server wrote since its last start."""
        return self.root / "server.log"

    @property
    def passfile(self) -> Path:
        """The superuser's password for TCP, as libpq's ``passfile`` option reads it."""
        return self.root / "passfile"

    @property
    def hba(self) -> Path:
        """Who may connect, and how."""
        return self.root / "pg_hba.conf"

    @property
    def socket(self) -> Path:
        """The folder of the Unix socket: inside the root, or another where that path is too long or has a comma.

        A comma separates hosts in a URL, and cannot be quoted.
        """
        inside = self.root / "socket"
        longest = os.fsencode(inside / ".s.PGSQL.65535")
        if len(longest) <= _LONGEST_SOCKET and b"," not in longest:
            return inside
        tag = hashlib.blake2b(os.fsencode(self.root), digest_size=6).hexdigest()
        return Path("/tmp") / f"seedbed-{self.account.uid}-{tag}"  # noqa: S108 - owner and mode are checked

    def prepare(self) -> None:
        """Make the socket's folder and the files the server reads, where they are missing; needs the lock."""
        self._make_socket_folder()
        write_once(self.hba, _HBA, 0o644)
        write_once(self.passfile, f"127.0.0.1:*:*:{SUPERUSER}:{secrets.token_urlsafe(24)}\n", 0o600)

    @property
    def password(self) -> str:
        """The superuser's password."""
        return self.passfile.read_text().strip().rpartition(":")[2]

    def _make_root(self) -> None:
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            self.root.mkdir(mode=0o700)
        except FileExistsError:
            if self.root.lstat().st_uid != os.geteuid():
                raise PermissionError("the folder belongs to another user") from None
        else:
            self.root.chmod(0o711 if self.account.borrowed else 0o700)

    def _make_socket_folder(self) -> None:
        folder = self.socket
        try:
            folder.mkdir(mode=0o700)
            self.account.give(folder)
        except FileExistsError:
            status = folder.lstat()
            private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
            if not private or status.st_uid != self.account.uid:
                owner = self.account.name
                raise PermissionError(f"{folder} is not a private folder of {owner}") from None

    def url(self, database: str, port: int) -> str:
        """Return a database's URL through the Unix socket, which needs no password."""
        options = f"host={quote(str(self.socket), safe='/')}&port={port}"
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?{options}"

    def tcp_url(self, database: str, port: int) -> str:
        """Return a database's URL through 127.0.0.1; the password stays in a file that libpq reads."""
        options = f"passfile={quote(str(self.passfile), safe='/')}"
        return f"postgresql://{SUPERUSER}@127.0.0.1:{port}/{quote(database, safe='')}?{options}"

    def stop(self) -> bool:
        """Stop the server whose files these are; says whether there was one.

        Raises:
            DatabaseFailure: it belongs to somebody else.
        """
        if not self.root.is_dir():
            return False
        with self.locked():
            found = Postmaster.of(self.data)
            if found is not None:
                found.stop(self.data)
        return found is not None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from starting or stopping this server meanwhile; waits for them first.

        Raises:
            DatabaseFailure: the folder cannot be used; the message says why.
        """
        try:
            self._make_root()
            with self._lock():
                yield
        except OSError as error:
            raise DatabaseFailure(f"the server in {self.root} cannot be used: {error}") from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def write_once(path: Path, text: str, mode: int) -> None:
    """Write a file if there is none, complete or not at all, readable to nobody else at any moment."""
    if path.exists():
        return
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
    Path(draft).rename(path)
