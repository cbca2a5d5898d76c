"""Clones of one template, made ahead of time and dropped behind the back of the tests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from seedbed.errors import InvalidInput
from seedbed.testdb.connecting import connect
from seedbed.testdb.copying import create_database, fastest_way
from seedbed.testdb.registry import Registry, Template

_AHEAD_OF_NAMES = 32
"""Names reserved at a time: writing one down costs as much as a short query."""

_MOST_UNDROPPED = 32
"""Used clones that may wait for a quiet moment; beyond, dropping goes before making."""

# The copy's stamp names the template. seedbed.ledger, which writes stamps, would have tests wait for the import of polars.
_STAMP = (
    "UPDATE seedbed.stamp SET stamped_at = now(), database_oid = "
    "(SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
)


@dataclass(frozen=True, slots=True)
class Clone:
    """A database of one test.

    Attributes:
        name: what it is called.
        connection: the first one to it, already open; whoever takes the clone closes it.
    """

    name: str
    connection: Connection[Any]


class Pool:
    """Keeps a few clones ready.

    Args:
        registries: a few for this pool alone, one for each of its threads.
        template: what is copied.
        url: gives the URL of a database by its name.
        size: how many clones are ready at best.
    """

    def __init__(
        self,
        registries: Sequence[Registry],
        template: Template,
        url: Callable[[str], str],
        size: int,
    ) -> None:
        self._registries, self._size = registries, max(1, size)
        self._way = fastest_way(registries[0])
        self._url = url
        self._source = self._warmed(template)
        self._making = 0
        self._ready: deque[Clone] = deque()
        self._used: deque[str] = deque()
        self._names: list[str] = []
        self._failure: Exception | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._waiting = 0
        self._threads = [
            threading.Thread(target=self._work, args=[each], name="seedbed-clones", daemon=True)
            for each in registries
        ]
        for thread in self._threads:
            thread.start()

    def take(self) -> Clone:
        """Return a clone that nobody else has.

        Raises:
            SeedbedError: none can be made.
        """
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ready or self._failure or self._ended)
            self._waiting -= 1
            if not self._ready:
                if self._failure is None:
                    raise InvalidInput("the run has ended: there are no databases any more")
                failure, self._failure = self._failure, None  # the next test may have more luck
                raise failure
            clone = self._ready.popleft()
            self._changed.notify_all()
            return clone

    def give_back(self, name: str) -> None:
        """Let a clone be dropped some time."""
        with self._changed:
            self._used.append(name)
            self._changed.notify_all()

    def close(self) -> None:
        """End the threads; what they made is dropped with the run."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for clone in self._ready:
            clone.connection.close()
        for registry in self._registries:
            registry.close()

    def _work(self, registry: Registry) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._something_to_do)
                if self._ended:
                    return
                wanting = self._wanting
                overdue = len(self._used) > _MOST_UNDROPPED and not self._waiting
                drop = self._used.popleft() if self._used and (overdue or not wanting) else None
                making = wanting and drop is None
                self._making += making
            try:
                if drop is not None:
                    registry.drop(drop, force=True)
                elif making:
                    self._make(registry)
            except (
                Exception
            ) as failure:  # whoever takes the next clone is told; this thread goes on
                with self._changed:
                    self._failure = failure
                    self._changed.notify_all()

    def _something_to_do(self) -> bool:
        return self._ended or bool(self._used) or self._wanting

    @property
    def _wanting(self) -> bool:
        """Whether another clone is to be made: after a failure only when its teller has been heard."""
        return self._failure is None and len(self._ready) + self._making < self._size

    def _next_name(self, registry: Registry) -> str:
        with self._changed:
            if not self._names:
                self._names = registry.reserve("clone", _AHEAD_OF_NAMES)
            return self._names.pop()

    def _warmed(self, template: Template) -> str:
        """Return a copy of the template that somebody has been connected to, to be copied in its stead.

        The first connection to a database reads the catalogue, for 5 to 10 ms, and leaves a file for those after it
        (pg_internal.init). Copied as files, its copies have that file, too.
        """
        name = self._registries[0].reserve("clone")[0]
        create_database(self._registries[0], name, template.name, self._way)
        connect(self._url(name)).close()
        self._registries[0].wait_until_left(name)
        return name

    def _make(self, registry: Registry) -> None:
        try:
            name = self._next_name(registry)
            create_database(registry, name, self._source, self._way)
            clone = Clone(name, connect(self._url(name)))
            clone.connection.autocommit = (
                True  # a statement by itself: BEGIN and COMMIT would be two more
            )
            clone.connection.execute(_STAMP)
            clone.connection.autocommit = False
        finally:
            with self._changed:
                self._making -= 1
        with self._changed:
            self._ready.append(clone)
            self._changed.notify_all()
