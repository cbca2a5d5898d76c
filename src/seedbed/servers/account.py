"""The operating-system account a server runs as: PostgreSQL refuses to run as root, so root lends it another one."""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import DatabaseFailure

_BORROWED = ("postgres", "nobody")
"""Accounts root may run a server as, best first; every Unix has the last one."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group.

    Attributes:
        borrowed: whether the account is not the caller's own, so that processes must change to it.
    """

    uid: int
    gid: int
    name: str
    borrowed: bool

    @classmethod
    def caller(cls) -> Account:
        """Return the account of this process."""
        return cls(os.geteuid(), os.getegid(), _name(os.geteuid()), borrowed=False)

    @classmethod
    def for_servers(cls, data: Path | None = None) -> Account:
        """Return the account a server runs as: the caller's own, or an ordinary one when root calls.

        Args:
            data: the server's data directory. Where there is one already, root lends it to its owner again, who is not
                always the account that would be chosen today.
        """
        if os.geteuid() != 0:
            return cls.caller()
        if data is not None and data.exists():
            status = data.stat()
            return cls(status.st_uid, status.st_gid, _name(status.st_uid), borrowed=True)
        for name in _BORROWED:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, name, borrowed=True)
        return cls(65534, 65534, "65534", borrowed=True)

    def run(
        self, command: Sequence[str | Path], *, errors: int = subprocess.STDOUT
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, without raising when it fails.

        It gets a session of its own, so that Ctrl-C in a terminal reaches neither it nor what it leaves running.

        Args:
            command: the program and its arguments.
            errors: a file descriptor for its standard error; by default that goes where its output goes.

        Raises:
            OSError: the program cannot be run.
            DatabaseFailure: this root may not become another account, as in some containers.
        """
        try:
            return subprocess.run(
                [str(part) for part in command],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
                cwd="/",
                env=clean_environment(os.environ),
                start_new_session=True,
                user=self.uid if self.borrowed else None,
                group=self.gid if self.borrowed else None,
                extra_groups=[] if self.borrowed else None,
            )
        except OSError as error:
            if self.borrowed and error.errno in (errno.EPERM, errno.EINVAL):
                raise DatabaseFailure(
                    f"PostgreSQL refuses to run as root, and root may not become {self.name} here",
                    remedy="Run as an ordinary user, or give a --database-url.",
                ) from error
            raise

    def can_enter(self, folder: Path) -> bool:
        """Say whether this account can reach a folder and list it, as the operating system sees it."""
        if not self.borrowed:
            return os.access(folder, os.R_OK | os.X_OK)
        if _open_to_all(folder):
            return True
        probe = self.run(["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", folder])
        return probe.returncode == 0

    def give(self, path: Path) -> None:
        """Make a fresh file or folder of ours this account's."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def _open_to_all(folder: Path) -> bool:
    """Say whether a folder's modes let everybody in, which spares a process that asks as somebody else."""
    try:
        inside = folder.stat().st_mode & 0o005 == 0o005
        return inside and all(parent.stat().st_mode & 0o001 for parent in folder.parents)
    except OSError:
        return False


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a process environment without what would redirect PostgreSQL's programs or change their language."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PG", "LC_", "LD_PRELOAD")) and name not in ("LANGUAGE", "TZ")
    }
    return kept | {"LANG": "C", "LC_ALL": "C"}


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
