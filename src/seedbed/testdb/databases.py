"""The databases of one process of a run: templates, clones of them, and their end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import SeedbedError
from seedbed.servers import Embedded, System
from seedbed.servers.launcher import LocalServer
from seedbed.servers.tuning import DISPOSABLE
from seedbed.testdb import kept
from seedbed.testdb.blueprint import Blueprint
from seedbed.testdb.cache import Cache, slim
from seedbed.testdb.copying import create_database, fastest_way
from seedbed.testdb.heartbeat import Heartbeat
from seedbed.testdb.host import Host, RunFolder, Wanted
from seedbed.testdb.leftovers import remove_leftovers
from seedbed.testdb.pool import Clone, Pool
from seedbed.testdb.registry import DATABASE, Registry, Template, open_registry
from seedbed.testdb.templates import ensure_template

BUILT = "built"
"""The note that a template was built in this run."""

_KEPT_TEMPLATES = 8
"""How many templates a data directory takes along to the next run."""

_MOST_POOLS = 4
"""Pools that are open at a time: each has a few connections, and clones that wait."""


@dataclass(frozen=True, slots=True)
class Spent:
    """How long something took."""

    what: str
    seconds: float


class Databases:
    """What a process of a run has on the run's server.

    Args:
        folder: the run's.
        wanted: where the server comes from, if it is not there yet.
        pool: how many clones are made ahead.
    """

    def __init__(self, folder: RunFolder, wanted: Wanted, pool: int) -> None:
        self.spent: list[Spent] = []
        self._folder, self._pool_size = folder, pool
        with self.timed("server"):
            self.host: Host = folder.ensure_host(wanted)
            self._registry = self._open()
            self._clean_once()
        # A server of our own is on this machine, where a process can be looked at.
        self._heartbeat = Heartbeat(self._registry) if self.host.kind == "url" else None
        self._templates: dict[Blueprint, Template] = {}
        self._broken: dict[Blueprint, SeedbedError] = {}
        self._pools: dict[str, Pool] = {}

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
            except SeedbedError as error:
                self._broken[blueprint] = error
                raise
            if built:
                self._folder.note(BUILT)
            self._templates[blueprint] = found
        return found

    def clone(self, template: Template) -> str:
        """Return a new database like the template, made now."""
        with self.timed("clone"):
            name = self._registry.reserve("clone")[0]
            create_database(self._registry, name, template.name, fastest_way(self._registry))
        return name

    def take(self, template: Template) -> Clone:
        """Return a new database like the template, made ahead where there was time."""
        with self.timed("clone"):
            pool = self._pools.pop(template.name, None)
            if pool is None:
                while len(self._pools) >= _MOST_POOLS:
                    self._pools.pop(next(iter(self._pools))).close()
                pool = self._new_pool(template)
            self._pools[template.name] = pool  # the last is the one used last
            return pool.take()

    def give_back(self, name: str, template: Template) -> None:
        """Let a database go."""
        with self.timed("drop"):
            if template.name in self._pools:
                self._pools[template.name].give_back(name)
            else:
                self._registry.drop(name, force=True)

    def keep(self, name: str, test: str) -> None:
        """Let a database outlive the run, for somebody to look at."""
        self._registry.keep(name)
        kept.write_down(self.host, name, test)
        self._folder.note("kept")

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
        folder, host = self._folder, self.host
        return open_registry(host.admin, host.url(DATABASE), folder.run, folder.owner)

    def _new_pool(self, template: Template) -> Pool:
        return Pool([self._open(), self._open()], template, self.host.url, self._pool_size)

    def _clean_once(self) -> None:
        """Remove what dead runs left, in the first process of the run; a server of our own has nobody else's."""
        if self._folder.noted("clean"):
            return
        self._folder.note("clean")
        remove_leftovers()
        if self.host.kind == "url":
            self._registry.clean()


def finish(folder: RunFolder, wanted: Wanted) -> None:
    """End a run, in the process that began it: drop what is not kept, keep new templates, let the server go."""
    host = folder.host()
    keep = folder.noted("kept")
    if host is not None and (host.kind == "url" or keep or folder.noted(BUILT)):
        registry = open_registry(host.admin, host.url(DATABASE), folder.run)
        registry.end()
        if host.root:
            registry.retire(_KEPT_TEMPLATES)
        registry.close()
        if host.root and folder.noted(BUILT) and not keep:
            _publish(host, wanted)
    folder.let_go(keep=keep)


def _publish(host: Host, wanted: Wanted) -> None:
    backend = Embedded() if host.kind == "embedded" else System()
    server = backend.server(Path(host.root), DISPOSABLE)
    assert isinstance(server, LocalServer)
    server.stop()
    slim(server)
    Cache.of(server, wanted.project, wanted.cache).publish(server.place)
