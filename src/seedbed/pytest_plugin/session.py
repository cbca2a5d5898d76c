"""A pytest session's side of it: one object for each process, made at the start, doing nothing until a test asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from seedbed.errors import InvalidInput, SeedbedError
from seedbed.pytest_plugin.announcement import Announcement
from seedbed.pytest_plugin.given import Given
from seedbed.pytest_plugin.late import Late
from seedbed.pytest_plugin.options import BY_NAME, Wishes, resolve, with_server
from seedbed.pytest_plugin.shelf import Key, Shelf
from seedbed.settings import restore_variables, silence_libpq

if TYPE_CHECKING:
    from seedbed.project import Project
    from seedbed.pytest_plugin.visit import Visit
    from seedbed.testdb.blueprint import Blueprint
    from seedbed.testdb.databases import Databases
    from seedbed.testdb.host import Host, Wanted
    from seedbed.testdb.run import RunFolder

HANDLE = pytest.StashKey["Visit"]()


class Leak(pytest.fail.Exception):  # type: ignore[name-defined, misc]
    """A test has committed where other tests would see it."""

    __module__ = "builtins"  # which pytest leaves out of its name


FORKED = (
    "seedbed: this process has been forked by a test and came back into pytest; its connections are its parent's. "
    "A child leaves by os._exit(), or is made by multiprocessing, which does so."
)


class Session:
    """What the plugin knows in one process.

    Args:
        config: pytest's.

    Attributes:
        kept: what people are told about databases that outlive the run.
        late: what people are told about commits between two tests.
        spent: seconds by what they were spent on.
        bases: the databases that tests use in turn.
        given: servers that somebody gives by URL.
        announcement: what people are told of the run.
    """

    KEY = pytest.StashKey["Session"]()
    RUNNING: ClassVar[list[Session]] = []
    item: pytest.Item

    def __init__(self, config: pytest.Config) -> None:
        self.config, self._pid = config, os.getpid()
        self.kept: list[str] = []
        self.late = Late()
        self.spent: list[tuple[str, float]] = []
        self.bases, self.given, self.announcement = Shelf(), Given(self), Announcement(self)
        self._servers: dict[Wanted, Databases] = {}
        self._silenced: dict[str, str] = {}
        self._places: dict[Wishes, tuple[Databases, Blueprint]] = {}

    @cached_property
    def wishes(self) -> Wishes:
        """What holds where no marker says otherwise."""
        try:
            return resolve(self.config)
        except SeedbedError as error:
            raise pytest.UsageError(str(error)) from None

    @property
    def is_worker(self) -> bool:
        """Whether this is one of pytest-xdist's workers."""
        return hasattr(self.config, "workerinput")

    @property
    def forked(self) -> bool:
        """Whether this is a process that a test has forked: whatever is here is its parent's."""
        return os.getpid() != self._pid

    @cached_property
    def folder(self) -> RunFolder:
        """The run's folder: made here, or given by the process that began the run."""
        from seedbed.testdb.run import RunFolder

        if self.is_worker:
            given: dict[str, Any] = vars(self.config)["workerinput"]
            return RunFolder(Path(given["seedbed_run"]))
        return RunFolder.make()

    @cached_property
    def root(self) -> Path:
        """The project's folder."""
        from seedbed.settings import find_configuration

        found = find_configuration(self.config.rootpath)
        return found.parent if found else self.config.rootpath

    def databases(self, wishes: Wishes | None = None) -> Databases:
        """Return what this process has on a test's server, which is started if it is not.

        Args:
            wishes: the test's; by default what holds where no marker says otherwise.
        """
        wishes = wishes or self.wishes
        wanted = self.wanted(wishes)
        found = self._servers.get(wanted)
        if found is None:
            from seedbed.testdb.databases import Databases

            self.silence(own=wanted.server != "url")
            self.given.judge(wishes)
            found = self._servers[wanted] = Databases(self.folder, wanted)
        return found

    def silence(self, *, own: bool) -> None:
        """Let libpq not hear, from now to the run's end, of variables that are meant for other servers than the tests'.

        Args:
            own: whether it is about a server of ours, not a given one.
        """
        self._silenced |= silence_libpq(own=own)

    def wanted(self, wishes: Wishes) -> Wanted:
        """Return where a server comes from, without what does not count there: who wants the same shares it."""
        from seedbed.testdb.host import Wanted

        return Wanted(
            wishes.server,
            url=wishes.url if wishes.server == "url" else None,
            image=wishes.image if wishes.server in ("auto", "container") else "",
            cache=wishes.cache_size,
            project=str(self.root),
            clear=wishes.cache_clear,
        )

    def wishes_of(self, item: pytest.Item, isolation: str | None = None) -> Wishes:
        """Return what holds for one test.

        Args:
            item: the test; of its markers the nearest counts, option by option.
            isolation: what the fixture ``seedbed_isolation`` says.

        Raises:
            InvalidInput: its markers say what is no marker's to say.
        """
        marked: dict[str, Any] = {}
        for marker in item.iter_markers("seedbed"):
            if marker.args:
                raise InvalidInput(
                    f"@pytest.mark.seedbed({marker.args[0]!r}) lacks a name: profile=..., isolation=..."
                )
            for name, value in with_server(marker.kwargs).items():
                marked.setdefault(name, value)
        if isolation is not None:
            said = BY_NAME["isolation"].read(isolation, "the fixture seedbed_isolation")
            marked.setdefault("isolation", said)
        return resolve(self.config, marked) if marked else self.wishes

    def place(self, wishes: Wishes) -> tuple[Databases, Blueprint]:
        """Return where a test's database is, and what it is made from."""
        found = self._places.get(wishes)
        if found is None:
            found = self._places[wishes] = self.databases(wishes), self._draw(wishes)
        return found

    def _draw(self, wishes: Wishes) -> Blueprint:
        from seedbed.request import moment
        from seedbed.testdb.blueprint import Blueprint
        from seedbed.testdb.whose import usual_profile

        as_of, files = moment(wishes.as_of), self._makers()
        return Blueprint(
            self.root,
            wishes.profile or usual_profile(self.project(wishes)),
            as_of=as_of.isoformat() if as_of else None,
            scale=wishes.scale,
            seed=wishes.seed,
            minimal=wishes.minimal,
            schema=wishes.schema,
            prepare=self._prepare if files else None,
            prepared_by=files,
        )

    def _makers(self) -> tuple[Path, ...]:
        """Return the files whose hooks make tables."""
        makers = self.config.hook.pytest_seedbed_schema.get_hookimpls()
        return tuple(Path(maker.function.__code__.co_filename) for maker in makers)

    def project(self, wishes: Wishes) -> Project:
        """Return whose tables and rows a test gets."""
        from seedbed.testdb.whose import project_of

        return project_of(self.root, told=wishes.schema is not None or bool(self._makers()))

    def visit(self, item: pytest.Item, isolation: str | None) -> Visit:
        """Return a test's stay in a database, as its markers, the fixture ``seedbed_isolation`` and the options say."""
        from seedbed.pytest_plugin.visit import Visit

        if self.forked and self._servers:
            raise pytest.fail.Exception(FORKED, pytrace=False)
        return Visit(self, item, isolation)

    def keep(self, databases: Databases, name: str, test: str) -> None:
        """Let a database outlive the run, and tell people where it is."""
        from seedbed.url import redacted

        try:
            databases.keep(name, test)
        except OSError as error:
            self.kept.append(f"{name} is not kept: {error}")
        else:
            self.kept.append(f"{name}  {redacted(databases.host.url(name))}  {test}")

    def forget(self) -> None:
        """Clear the cache where that was asked for: once, before any process of the run can look into it."""
        if self.wishes.cache_clear and not self.is_worker:
            from seedbed.testdb import cache

            try:
                cache.clear(str(self.root))
            except SeedbedError as error:
                raise pytest.UsageError(str(error)) from None

    def told(self) -> dict[str, Any]:
        """Return what a worker reports to the process that began the run."""
        return {"kept": self.kept, "late": [*self.late], "spent": self.all_spent()}

    def hear(self, told: dict[str, Any]) -> None:
        """Take over a worker's report."""
        self.kept += told.get("kept", [])
        self.late += told.get("late", [])
        self.spent += [(what, seconds) for what, seconds in told.get("spent", [])]

    def _hosts(self) -> Iterator[Host]:
        return filter(None, (each.host() for each in self.folder.servers()))

    def discard(self, key: Key, *, drop: bool = True) -> None:
        """Take a database that tests used in turn from those after, who get a new one."""
        base = self.bases.pop(key)
        try:
            base.close()
        finally:
            if drop:
                base.databases.give_back(base.name)

    def end(self) -> None:
        """Close what this process has; in the process that began the run, end the run."""
        if self.forked:
            return
        if "folder" in self.__dict__:
            self.silence(own=any(each.kind != "url" for each in self._hosts()))
            self._end()
        restore_variables(self._silenced)

    def _end(self) -> None:
        from seedbed.testdb.ending import attempting

        problems: list[str] = []
        for each in (*self.bases.values(), *self._servers.values()):
            with attempting(problems, "a connection is not closed"):
                each.close()
        if not self.is_worker:
            from seedbed.testdb.databases import finish

            problems += finish(self.folder, self.wanted(self.wishes))
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        for problem in problems if reporter else ():
            reporter.write_line(f"seedbed: {problem}")

    def _prepare(self, url: str) -> bool:
        return bool(self.config.hook.pytest_seedbed_schema(config=self.config, url=url))

    def all_spent(self) -> list[tuple[str, float]]:
        """Return what took how long, in this process and in those that have reported."""
        own = [each for databases in self._servers.values() for each in databases.spent]
        return [*self.spent, *((each.what, each.seconds) for each in own)]


def of(config: pytest.Config) -> Session:
    """Return the plugin's object of a pytest session."""
    return config.stash[Session.KEY]


def current() -> Session:
    """Return the one that runs tests now: a test of a plugin may run pytest in the process that runs it."""
    return Session.RUNNING[-1]


def in_one_line(error: SeedbedError) -> BaseException:
    """Return what fails a test without a traceback, for what a person can cause."""
    return pytest.fail.Exception(f"seedbed: {error}", pytrace=False)
