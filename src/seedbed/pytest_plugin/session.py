"""A pytest session's side of it: one object for each process, made at the start, doing nothing until a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.errors import InvalidInput, SeedbedError
from seedbed.pytest_plugin.options import BY_NAME, Wishes, resolve, said_anywhere
from seedbed.pytest_plugin.shelf import Shelf

if TYPE_CHECKING:
    from seedbed.pytest_plugin.visit import Visit
    from seedbed.testdb.blueprint import Blueprint
    from seedbed.testdb.databases import Databases
    from seedbed.testdb.host import RunFolder, Wanted

HANDLE = pytest.StashKey["Visit"]()


class Session:
    """What the plugin knows in one process.

    Args:
        config: pytest's.

    Attributes:
        kept: what people are told about databases that outlive the run.
        spent: seconds by what they were spent on.
        given: the version of the server that was given, empty where none was.
    """

    KEY = pytest.StashKey["Session"]()

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.kept: list[str] = []
        self.spent: list[tuple[str, float]] = []
        self.given, self._announced = "", False
        self.bases = Shelf(lambda base: self.databases.give_back(base.name, base.template))
        self._blueprints: dict[Wishes, Blueprint] = {}

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

    @cached_property
    def folder(self) -> RunFolder:
        """The run's folder: made here, or given by the process that began the run."""
        from seedbed.testdb.host import RunFolder

        if self.is_worker:
            given: dict[str, Any] = vars(self.config)["workerinput"]
            return RunFolder(Path(given["seedbed_run"]))
        return RunFolder.make()

    @cached_property
    def wanted(self) -> Wanted:
        """Where the server comes from."""
        from seedbed.testdb.host import Wanted

        wishes = self.wishes
        return Wanted(wishes.server, wishes.url, wishes.image, wishes.cache_size, str(self.root))

    @cached_property
    def root(self) -> Path:
        """The project's folder."""
        from seedbed.settings import find_configuration

        found = find_configuration(self.config.rootpath)
        return found.parent if found else self.config.rootpath

    @cached_property
    def databases(self) -> Databases:
        """What this process has on the run's server, which is started if it is not."""
        from seedbed.testdb.databases import Databases

        return Databases(self.folder, self.wanted, self.wishes.pool)

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
            for name, value in marker.kwargs.items():
                marked.setdefault(name, value)
        if isolation is not None:
            said = BY_NAME["isolation"].read(isolation, "the fixture seedbed_isolation")
            marked.setdefault("isolation", said)
        return resolve(self.config, marked) if marked else self.wishes

    def blueprint(self, wishes: Wishes) -> Blueprint:
        """Return what a database is made from."""
        found = self._blueprints.get(wishes)
        if found is None:
            found = self._blueprints[wishes] = self._draw(wishes)
        return found

    def _draw(self, wishes: Wishes) -> Blueprint:
        from seedbed.request import moment
        from seedbed.testdb.blueprint import Blueprint

        as_of = moment(wishes.as_of)
        makers = self.config.hook.pytest_seedbed_schema.get_hookimpls()
        files = tuple(Path(maker.function.__code__.co_filename) for maker in makers)
        return Blueprint(
            self.root,
            wishes.profile,
            as_of=as_of.isoformat() if as_of else None,
            scale=wishes.scale,
            seed=wishes.seed,
            minimal=wishes.minimal,
            schema=wishes.schema,
            prepare=self._prepare if files else None,
            prepared_by=files,
        )

    def visit(self, request: pytest.FixtureRequest, isolation: str | None) -> Visit:
        """Return a test's stay in a database, as its markers, the fixture ``seedbed_isolation`` and the options say."""
        from seedbed.pytest_plugin.visit import Visit

        return Visit(self, request, isolation)

    def keep(self, name: str, test: str) -> None:
        """Let a database outlive the run, and tell people where it is."""
        from seedbed.url import redacted

        self.databases.keep(name, test)
        self.kept.append(f"{name}  {redacted(self.databases.host.url(name))}  {test}")

    def forget(self) -> None:
        """Clear the cache where that was asked for: once, before any process of the run can look into it."""
        if self.wishes.cache_clear and not self.is_worker:
            from seedbed.testdb import cache

            cache.clear()

    def refuse_what_is_not_disposable(self) -> None:
        """Stop the run before collection when the server it was given is not for tests.

        Raises:
            pytest.UsageError: it is not, or it cannot be reached.
        """
        if self.is_worker:
            return
        wishes = self.wishes
        if wishes.server == "url":
            from seedbed.testdb.given import refuse_what_is_not_disposable

            try:
                self.given = refuse_what_is_not_disposable(wishes.url, wishes.hosts)
            except SeedbedError as error:
                raise pytest.UsageError(str(error)) from None

    def header(self) -> str:
        """Return where the server comes from, for people; said once a run."""
        self._announced = True
        return f"seedbed: {self.choice}"

    def expected(self) -> bool:
        """Tell whether tests of this run may use fixtures of ours: there is a project, or somebody said something.

        Elsewhere there is only the payroll project, with which a curious person may begin.
        """
        from seedbed.settings import find_configuration

        here = find_configuration(self.config.rootpath) is not None
        return not self.is_worker and (here or said_anywhere(self.config))

    @cached_property
    def choice(self) -> str:
        """Where the server will come from, for people, and why not from elsewhere; nothing heavy is imported to tell."""
        wishes = self.wishes
        if wishes.server == "url":
            from seedbed.url import redacted

            return f"PostgreSQL {self.given} url {redacted(wishes.url or '')}"
        from seedbed.servers import Embedded, System, choose
        from seedbed.servers.container import Container

        backends = (Container(wishes.image, glance=True), Embedded(), System())
        try:
            return str(choose(wishes.server, backends=backends))
        except SeedbedError as error:
            return str(error).replace("\n", " ")

    def told(self) -> dict[str, Any]:
        """Return what a worker reports to the process that began the run."""
        return {"kept": self.kept, "spent": self._all_spent()}

    def hear(self, told: dict[str, Any]) -> None:
        """Take over a worker's report."""
        self.kept += told.get("kept", [])
        self.spent += [(what, seconds) for what, seconds in told.get("spent", [])]

    def summarise(self, reporter: Any) -> None:
        """Show what was kept, a server that is not the header's, and how long databases took where that was asked for."""
        host = self.folder.host() if "folder" in self.__dict__ else None
        told = self._announced and self.choice.partition("(")[0]
        quiet = not self._announced and self.config.get_verbosity() < 0  # there is no header
        if host and not quiet and not (told and host.kind in told):  # an image was not to be had
            reporter.line(f"seedbed: {host.description}")
        if self.kept:
            reporter.section("databases that were kept (seedbed test-db list)")
            for line in self.kept:
                reporter.line(line)
        if self.wishes.durations:
            from seedbed.pytest_plugin.durations import lines

            reporter.section("seedbed durations")
            for line in lines(self._all_spent()):
                reporter.line(line)

    def discard(self, key: tuple[str, str], *, drop: bool = True) -> None:
        """Take a database that tests used in turn from those after, who get a new one."""
        base = self.bases.pop(key)
        try:
            base.close()
        finally:
            if drop:
                self.databases.give_back(base.name, base.template)

    def end(self) -> None:
        """Close what this process has; in the process that began the run, end the run."""
        with ExitStack() as ending:  # last things first; one that fails keeps no other from its end
            if "folder" in self.__dict__ and not self.is_worker:
                from seedbed.testdb.databases import finish

                ending.callback(finish, self.folder, self.wanted)
            if "databases" in self.__dict__:
                ending.callback(self.databases.close)
            for base in self.bases.values():
                ending.callback(base.close)

    def _prepare(self, url: str) -> bool:
        return bool(self.config.hook.pytest_seedbed_schema(config=self.config, url=url))

    def _all_spent(self) -> list[tuple[str, float]]:
        own = self.databases.spent if "databases" in self.__dict__ else []
        return [*self.spent, *((each.what, each.seconds) for each in own)]


def of(config: pytest.Config) -> Session:
    """Return the plugin's object of a pytest session."""
    return config.stash[Session.KEY]


@contextmanager
def in_one_line() -> Iterator[None]:
    """Let what a person can cause fail the test without a traceback."""
    try:
        yield
    except SeedbedError as error:
        raise pytest.fail.Exception(f"seedbed: {error}", pytrace=False) from None
