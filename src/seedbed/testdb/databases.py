"""The databases that one process of a run has on one server: templates, clones of them, and their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seedbed.blame import summary
from seedbed.errors import DatabaseFailure, InvalidInput, SeedbedError
from seedbed.servers import Embedded, System
from seedbed.servers.launcher import LocalServer
from seedbed.servers.tuning import DISPOSABLE
from seedbed.testdb import cluster, kept
from seedbed.testdb.blueprint import Blueprint, project_tag
from seedbed.testdb.cache import Cache, slim
from seedbed.testdb.copying import create_database, fastest_way
from seedbed.testdb.ending import attempting
from seedbed.testdb.heartbeat import Heartbeat
from seedbed.testdb.host import Host, Wanted
from seedbed.testdb.leftovers import remove_leftovers
from seedbed.testdb.pool import Clone, Pool
from seedbed.testdb.registry import DATABASE, Registry, Template, open_registry
from seedbed.testdb.run import RunFolder, ServerFolder
from seedbed.testdb.templates import ensure_template

_BUILT, _KEPT, _CLEAN = "built", "kept", "clean"
"""Notes: a template was built in this run, a database of it is kept, what dead runs left has been removed."""

_KEPT_TEMPLATES = 8
"""How many templates a data directory takes along to the next run."""

_MOST_NAMES = 3
"""How many of the things that tests left on a server are named."""

_HANDS = 2
"""Threads of a pool: while one waits for the server, the other works. A third gets less done on two cores."""

_MOST_POOLS = 4
"""Pools that are open at a time: each has a few connections, and clones that wait."""


@dataclass(frozen=True, slots=True)
class Spent:
    """How long something took."""

    what: str
    seconds: float


class Databases:
    """What a process of a run has on one of the run's servers.

    Args:
        run: the run's folder.
        wanted: where the server comes from, if it is not there yet.

    Attributes:
        name: one for the server.
        host: the server.
        spent: how long things took.
    """

    def __init__(self, run: RunFolder, wanted: Wanted) -> None:
        self.spent: list[Spent] = []
        self.name = wanted.name
        self._run, self._folder = run, run.server(wanted)
        with self.timed("server"):
            self.host: Host = self._folder.ensure_host(wanted)
            self._registry = self._open()
            self._clean_once(wanted)
        # A server of our own is on this machine, where a process can be looked at.
        self._heartbeat = Heartbeat(self._registry) if self.host.kind == "url" else None
        self._templates: dict[Blueprint, Template] = {}
        self._broken: dict[Blueprint, SeedbedError] = {}
        self._pools: dict[tuple[str, int], Pool] = {}

    def template(self, blueprint: Blueprint) -> Template:
        """Return the template of a blueprint, built if there is none.

        Raises:
            SeedbedError: it cannot be built. That is tried once: the tests after the first get the same answer.
        """
        found = self._templates.get(blueprint)
        if found is None:
            broken = self._broken.get(blueprint)
            if broken is not None:
                raise broken.with_traceback(None)
            try:
                with self.timed("build"):
                    found, built = ensure_template(self.host, self._registry, blueprint)
            except Exception as error:
                self._broken[blueprint] = _told(error)
                raise
            if built:
                self._folder.note(_BUILT)
            self._templates[blueprint] = found
        return found

    def clone(self, template: Template) -> str:
        """Return a new database like the template, made now."""
        with self.timed("clone"):
            name = self._registry.reserve("clone")[0]
            create_database(self._registry, name, template.name, fastest_way(self._registry))
        return name

    def take(self, template: Template, ahead: int) -> Clone:
        """Return a new database like the template, made ahead where there was time.

        Args:
            template: what it is like.
            ahead: how many are to be ready for those who come next.
        """
        key = template.name, ahead
        with self.timed("clone"):
            pool = self._pools.pop(key, None)
            if pool is None:
                while len(self._pools) >= _MOST_POOLS:
                    self._pools.pop(next(iter(self._pools))).close()
                pool = self._new_pool(template, ahead)
            self._pools[key] = pool  # the last is the one used last
            return pool.take()

    def give_back(self, name: str) -> None:
        """Let a database go."""
        with self.timed("drop"):
            if self._pools:  # it has the time: the last to be used has just been taken from
                next(reversed(self._pools.values())).give_back(name)
            else:
                self._registry.drop(name, force=True)

    def keep(self, name: str, test: str) -> None:
        """Let a database outlive the run, for somebody to look at.

        Raises:
            OSError: that cannot be written down, so that nobody could ever remove it; it is not kept.
        """
        kept.write_down(self.host, name, test)
        self._registry.keep(name)
        self._folder.note(_KEPT)

    def close(self) -> None:
        """End this process's part."""
        for pool in self._pools.values():
            pool.close()
        if self._heartbeat:
            self._heartbeat.close()
        self._registry.close()

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long a block takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent.append(Spent(what, time.perf_counter() - started))

    def _open(self) -> Registry:
        run, host = self._run, self.host
        return open_registry(host.admin, host.url(DATABASE), run.name, run.owner)

    def _new_pool(self, template: Template, size: int) -> Pool:
        registries = [self._open() for _ in range(_HANDS)]
        return Pool(registries, template, self.host.url, size)

    def _clean_once(self, wanted: Wanted) -> None:
        """Remove what dead runs left, in the first process of the run; a server of our own has nobody else's."""
        if self._folder.noted(_CLEAN):
            return
        with self._folder.locked():  # nobody looks for a template before those to be forgotten are
            if self._folder.noted(_CLEAN):
                return
            remove_leftovers()
            if self.host.root:
                cluster.begin(self._registry, self.host)
            if self.host.kind == "url":
                if wanted.clear:
                    self._registry.forget(project_tag(wanted.project))
                self._registry.clean()
            self._folder.note(_CLEAN)


def _told(error: Exception) -> SeedbedError:
    """Return why a template cannot be built, for the tests after the first that needed it."""
    from seedbed.testdb.tables import TablesFailure

    if isinstance(error, TablesFailure):
        return error.again()
    if isinstance(error, SeedbedError):
        return error
    return DatabaseFailure(f"the template cannot be built, as was told before: {summary(error)}")


def finish(run: RunFolder, wanted: Wanted) -> list[str]:
    """End a run, in the process that began it: drop what is not kept, keep new templates, let the servers go.

    Args:
        run: the run's folder.
        wanted: where the run's own server came from; the others have its cache.

    Returns:
        what could not be done, for people.
    """
    problems: list[str] = []
    for folder in run.servers():  # one that fails keeps no other from its end
        with attempting(problems, "what the run made is left for the next run to remove"):
            _finish(run, folder, wanted, problems)
    with attempting(problems, "the run's folder is not removed"):
        run.let_go()
    return problems


def _finish(run: RunFolder, folder: ServerFolder, wanted: Wanted, problems: list[str]) -> None:
    host, keep = folder.host(), folder.noted(_KEPT)
    assert host is not None
    if keep and host.keep:
        Path(host.keep).touch()
    used = folder.noted(_CLEAN) if host.kind == "url" else keep or folder.noted(_BUILT)
    if not used:
        return
    registry = open_registry(host.admin, host.url(DATABASE), run.name)
    registry.end()
    if not host.root:
        return registry.close()
    registry.retire(_KEPT_TEMPLATES)
    left = cluster.changes(registry, host)
    registry.close()
    if folder.noted(_BUILT) and not keep:
        with attempting(problems, "templates are not kept for the next run"):
            if left:
                raise InvalidInput(f"tests have changed the server itself ({_some(left)})")
            _publish(host, wanted)


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _publish(host: Host, wanted: Wanted) -> None:
    backend = Embedded() if host.kind == "embedded" else System()
    server = backend.server(Path(host.root), DISPOSABLE)
    assert isinstance(server, LocalServer)
    server.stop()
    slim(server)
    Cache.of(server, wanted.project, wanted.cache).publish(server.place)
