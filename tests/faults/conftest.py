"""The long forms of the fault tests, marked ``slow_fault``, run only where they are asked for: ``make test-faults``."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people ask for the long forms."""
    parser.addoption(
        "--slow-faults", action="store_true", help="also run the tests marked slow_fault"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long forms out unless they were asked for."""
    if config.getoption("--slow-faults", default=False):
        return
    slow = [item for item in items if item.get_closest_marker("slow_fault")]
    items[:] = [item for item in items if not item.get_closest_marker("slow_fault")]
    config.hook.pytest_deselected(items=slow)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what notes a figure for docs/reliability.md, shown at the end of the run."""
    return lambda text: request.node.user_properties.append(("figure", text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures, of other processes' tests too."""
    for report in terminalreporter.stats.get("passed", []):
        for name, text in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {text}")
