"""Listens for the canary of tests/canary.py; loaded by the root conftest.py.

After each test what it printed, what it logged, what its child processes printed and were started with, and the arguments of all
processes are searched; a hit fails the test by name, and what is shown of the test, and written to reports, has the canary taken out.
tests/faults/test_canary.py plants leaks and has them found.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.canary import KINDS, sealed

PROCESSES = Path("/proc")


@dataclass(slots=True)
class Watch:
    """What was found during a test.

    Attributes:
        hits: where.
        known: processes whose arguments were read.
    """

    hits: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def search(self, text: str | bytes | None, where: str) -> None:
        """Note what of the canary is in a text."""
        if not text:
            return
        for kind, value in KINDS.items():
            if (value.encode() if isinstance(text, bytes) else value) in text:  # type: ignore[operator]
                self.hits.append(f"the canary {kind} is in {where}")

    def processes(self) -> None:
        """Search the arguments of all processes that were not there the last time."""
        if not PROCESSES.is_dir():
            return  # not Linux
        now = {name for name in os.listdir(PROCESSES) if name.isdigit()}  # noqa: PTH208 - three times faster
        for name in now - self.known:
            try:
                arguments = (PROCESSES / name / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended
            self.search(arguments, "the arguments of a process")
        self.known = now

    def taken(self) -> list[str]:
        """Return the hits and forget them."""
        found, self.hits = list(dict.fromkeys(self.hits)), []
        return found


_watch = Watch()


def watch(text: str | bytes | None, where: str) -> None:
    """Search a text that a test got hold of without printing it, such as what a terminal showed."""
    _watch.search(text, where)


class _Heard:
    """What tests read of captured output, and of child processes, is searched as they read it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        read, communicate = pytest.CaptureFixture.readouterr, subprocess.Popen.communicate

        def readouterr(self: Any) -> Any:
            found = read(self)
            for text in found:
                _watch.search(text, "captured output")
            return found

        def answered(self: Any, *arguments: Any, **more: Any) -> Any:
            found = communicate(self, *arguments, **more)
            for text in found:
                _watch.search(text, "a child's output")
            return found

        patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)
        patch.setattr(subprocess.Popen, "communicate", answered)


def _started(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
        for argument in arguments[1] if isinstance(arguments[1], list | tuple) else [arguments[1]]:
            text = os.fsdecode(argument) if isinstance(argument, str | bytes | os.PathLike) else ""
            _watch.search(text, "the arguments of a program it started")


_patch = pytest.MonkeyPatch()


def pytest_configure() -> None:
    """Begin to listen."""
    _Heard(_patch)
    sys.addaudithook(_started)  # for good: there is no way to take one off


def pytest_unconfigure() -> None:
    """Put back what was replaced."""
    _patch.undo()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Search what a phase of a test left behind; fail the test where the canary is in it."""
    report = yield
    for _, _, text in item._report_sections:
        _watch.search(text, "captured output or logs")
    if report.when == "teardown":
        _watch.processes()
    item._report_sections[:] = [(when, key, sealed(t)) for when, key, t in item._report_sections]
    report.sections = [(name, sealed(text)) for name, text in report.sections]
    if report.failed:
        report.longrepr = _sealed_report(report.longrepr)
    hits = _watch.taken()
    if hits:
        before = f"{report.longreprtext}\n\n" if report.failed else ""
        report.outcome, report.longrepr = "failed", before + "\n".join(hits)
    return report


def _sealed_report(longrepr: Any) -> Any:
    """Return how a failure is shown; its traceback shows the values of arguments, and URLs are among them."""
    text = str(longrepr)
    return sealed(text) if text != sealed(text) else longrepr
