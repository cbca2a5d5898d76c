"""Databases that outlived their run because somebody wants to look at them: what ``seedbed test-db`` is about.

Each is a small file beside the user's other data of ours, with all that is needed to open it and to remove it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from seedbed.errors import InvalidInput, SeedbedError, nearest
from seedbed.servers.account import Account
from seedbed.servers.homes import data_home
from seedbed.servers.place import Place
from seedbed.testdb.host import Host
from seedbed.testdb.leases import Lease
from seedbed.testdb.registry import DATABASE, open_registry


@dataclass(frozen=True, slots=True)
class Kept:
    """A database that was kept.

    Attributes:
        name: its name on its server.
        test: whose it was.
        kept_at: when, as ISO text.
        url: where it is.
        admin: where its server's administration is.
        root: the folder of the local server that was left running for it, else empty.
        keeper: the process that keeps the container it is in, else None.
    """

    name: str
    test: str
    kept_at: str
    url: str
    admin: str
    root: str = ""
    keeper: Lease | None = None


def folder() -> Path:
    """Return where the files are."""
    return data_home(Account.caller()) / "test-databases"


def write_down(host: Host, name: str, test: str) -> Kept:
    """Note that a database is kept."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    keeper = Lease.of(host.keeper) if host.keeper else None
    kept = Kept(name, test, now, host.url(name), host.admin, host.root, keeper)
    folder().mkdir(parents=True, exist_ok=True)
    file = folder() / f"{name}.json"
    file.touch(mode=0o600)  # a container's URL has a password
    file.write_text(json.dumps(asdict(kept)))
    return kept


def listed() -> list[Kept]:
    """Return all that are kept, oldest first."""
    return sorted(_read(), key=lambda kept: (kept.kept_at, kept.name))


def find(name: str) -> Kept:
    """Return one by its name, or by the beginning of it.

    Raises:
        InvalidInput: there is none, or several.
    """
    known = listed()
    found = [each for each in known if each.name == name] or [
        each for each in known if each.name.startswith(name) or name in each.test
    ]
    if len(found) != 1:
        why = "several kept databases match" if found else "there is no kept database"
        raise InvalidInput(f"{why} {name!r}: {nearest(name, [each.name for each in known])}")
    return found[0]


def clean() -> list[Kept]:
    """Remove all of them, with the servers that were left running for them; return what was removed."""
    gone = []
    for kept in listed():
        if kept.root:
            place = Place.at(Path(kept.root))
            place.stop()
            shutil.rmtree(kept.root, ignore_errors=True)
        elif kept.keeper:
            if kept.keeper.ended is False:
                os.kill(kept.keeper.pid, signal.SIGTERM)
        elif not _dropped(kept):
            continue
        (folder() / f"{kept.name}.json").unlink(missing_ok=True)
        gone.append(kept)
    return gone


def _dropped(kept: Kept) -> bool:
    from seedbed.testdb.address import address

    try:
        registry = open_registry(kept.admin, address(kept.admin, DATABASE), "cleaning")
    except SeedbedError:
        return False
    try:
        return registry.drop(kept.name)
    finally:
        registry.end()
        registry.close()


def _read() -> Iterator[Kept]:
    for file in folder().glob("*.json"):
        values = json.loads(file.read_text())
        keeper = values.pop("keeper")
        yield Kept(**values, keeper=Lease(**keeper) if keeper else None)
