"""The pytest plugin: ``def test_x(seedbed_session)`` gets a real PostgreSQL with the profile's rows in it.

What stands here runs in every pytest session of an environment that has seedbed, so it imports next to nothing: options, a few hooks,
and the fixtures' names. What is behind them is imported when a test asks for one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.pytest_plugin.fixtures import (
    seedbed,
    seedbed_async_engine,
    seedbed_async_session,
    seedbed_clone,
    seedbed_connection,
    seedbed_isolation,
    seedbed_psycopg,
    seedbed_server,
    seedbed_session,
    seedbed_template,
)
from seedbed.pytest_plugin.options import MARKER, add_options
from seedbed.pytest_plugin.session import HANDLE, Leak, Session, current, of

if TYPE_CHECKING:
    from seedbed.pytest_plugin.handle import Seedbed

__all__ = [
    "Seedbed",
    "seedbed",
    "seedbed_async_engine",
    "seedbed_async_session",
    "seedbed_clone",
    "seedbed_connection",
    "seedbed_isolation",
    "seedbed_psycopg",
    "seedbed_server",
    "seedbed_session",
    "seedbed_template",
]


def __getattr__(name: str) -> object:
    """Return the handle's class, for type hints; imported when it is asked for."""
    if name != "Seedbed":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from seedbed.pytest_plugin.handle import Seedbed

    return Seedbed


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register what a conftest.py can provide."""
    from seedbed.pytest_plugin import hooks

    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, and refuse a server that is not disposable before anything is collected."""
    config.addinivalue_line(
        "markers",
        MARKER,
    )
    config.stash[Session.KEY] = Session(config)
    Session.RUNNING.append(of(config))
    config.pluginmanager.register(Asking())
    of(config).given.judge_the_runs_own()
    of(config).forget()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run: whatever it made is dropped, except what is to be kept."""
    session = config.stash.get(Session.KEY, None)
    if session is not None:
        Session.RUNNING.remove(session)
        session.end()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give each of pytest-xdist's workers the run's folder, through which they share a server."""
    node.workerinput["seedbed_run"] = str(of(node.config).folder.path)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker measured and kept."""
    of(node.config).hear(getattr(node, "workeroutput", {}).get("seedbed", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Find out what was committed late, and let a worker report."""
    ours = of(session.config)
    if not ours.forked:
        ours.late.hear(ours.bases)
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["seedbed"] = ours.told()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse servers of markers that are not disposable; in a worker before it says what it has collected."""
    of(session.config).given.judge_those_of_markers(session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """Stop the run where a worker has found such a one: no test has been given out yet."""
    of(node.config).given.hear_workers()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where the server comes from, in a run that may use one."""
    announcement = of(config).announcement
    return announcement.header() if announcement.expected() else None


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> str | None:
    """Say it now where nobody could expect that a test uses one."""
    announcement = of(config).announcement
    if announcement.expected() or not any(uses(item) for item in items):
        return None
    return announcement.header()


def uses(item: pytest.Item) -> bool:
    """Tell whether a test asks for one of our fixtures."""
    return not _OURS.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tell our fixtures whose they are."""
    of(item.config).item = item


_OURS = frozenset(__all__)


def pytest_fixture_post_finalizer(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Note that somebody's fixture has ended after a test's visit: it may have committed."""
    if fixturedef.argname not in _OURS:
        current().late.possible = True


class Asking:
    """A plugin beside this one, for the first thing that happens after a test, where this one's is the last."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Ask whether the test leaks."""
        visit = item.stash.get(HANDLE, None)
        if visit is not None:
            visit.ask()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that leaks into the database others use, in its own name."""
    result = yield
    handle = item.stash.get(HANDLE, None)
    if handle is not None:
        handle.check()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the database of a failed test, and tell how to open it."""
    handle = item.stash.get(HANDLE, None)
    if handle is not None:
        handle.leave_forked(call.excinfo.value if call.excinfo else None)
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, Leak):
        report.outcome = "failed"  # whatever a test is expected to do, this is not meant
        vars(report).pop("wasxfail", None)
    if handle is not None and report.when != "teardown":
        handle.report(report)
    if report.failed and call.excinfo:
        from seedbed.pytest_plugin.hints import hints

        told = filter(None, hints(of(item.config), item, call.excinfo.value))
        report.sections += [("seedbed", line) for line in told]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """End a visit that waits for what the test's fixtures do at their end."""
    try:
        result = yield
    except BaseException:
        visit = item.stash.get(HANDLE, None)
        if visit is not None:
            try:
                visit.fail_late()
            finally:
                visit.leave()
        raise
    visit = item.stash.get(HANDLE, None)
    if visit is not None:
        visit.leave()
    session = of(item.config)
    if session.late.possible and not session.forked:
        session.late.ask(session.bases)
    return result


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what was kept, and where the time went."""
    of(config).announcement.summarise(terminalreporter)
