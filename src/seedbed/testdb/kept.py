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

from seedbed.errors import Finding, InvalidInput, SeedbedError, nearest
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
    """Return one by its name or its test's, or by a part of either.

    Raises:
        InvalidInput: there is none, or several.
    """
    known = listed()
    for fits in (_is_called, _mentions):
        found = [each for each in known if fits(each, name)]
        if len(found) == 1:
            return found[0]
        if found:
            each_one = [Finding(each.name, each.test) for each in found]
            raise InvalidInput(f"several kept databases match {name!r}", findings=each_one)
    names = [each.name for each in known]
    raise InvalidInput(f"there is no kept database {name!r}: {nearest(name, names)}")


def _is_called(kept: Kept, name: str) -> bool:
    return name in (kept.name, kept.test) or kept.test.endswith(f"::{name}")


def _mentions(kept: Kept, name: str) -> bool:
    return kept.name.startswith(name) or name in kept.test


def clean(*, forget: bool = False) -> tuple[list[Kept], list[Finding]]:
    """Remove all of them, with the servers that were left running for them; return what was removed, and why others were not.

    Args:
        forget: strike those off the list that cannot be removed.
    """
    gone, left = list[Kept](), list[Finding]()
    for kept in listed():
        if kept.root:
            place = Place.at(Path(kept.root))
            place.stop()
            shutil.rmtree(kept.root, ignore_errors=True)
        elif kept.keeper:
            if kept.keeper.ended is False:
                os.kill(kept.keeper.pid, signal.SIGTERM)
        else:
            problem = _drop(kept)
            if problem and not forget:
                left.append(Finding(kept.name, problem))
                continue
        (folder() / f"{kept.name}.json").unlink(missing_ok=True)
        gone.append(kept)
    return gone, left


def _drop(kept: Kept) -> str:
    """Drop a database on a given server; return why that cannot be done."""
    from seedbed.testdb.address import address

    try:
        registry = open_registry(kept.admin, address(kept.admin, DATABASE), "cleaning")
    except SeedbedError as error:
        return str(error)
    try:
        there = "SELECT 1 FROM pg_database WHERE datname = %s"
        if registry.drop(kept.name) or not registry.execute(there, [kept.name]):
            return ""
        return "somebody is connected to it, or the plugin does not know it any more"
    finally:
        registry.end()
        registry.close()


def _read() -> Iterator[Kept]:
    for file in folder().glob("*.json"):
        values = json.loads(file.read_text())
        keeper = values.pop("keeper")
        yield Kept(**values, keeper=Lease(**keeper) if keeper else None)
