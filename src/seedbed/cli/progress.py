"""The progress bar: on a terminal only, and only for runs that take long enough to wonder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from seedbed.apply import Progress
    from seedbed.cli.output import Output

PATIENCE = 0.5
"""Seconds before anything is shown: a shorter run is over before rich is imported."""


@contextmanager
def shown(output: Output) -> Iterator[Callable[[Progress], None] | None]:
    """Give a function that shows progress, None where nobody sees it."""
    if not output.progress:
        yield None
        return
    display = _Display(output)
    try:
        yield display.tell
    finally:
        display.stop()


class _Display:
    """A bar per table and phase, one at a time, that disappears at the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._due = time.monotonic() + PATIENCE
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def tell(self, progress: Progress) -> None:
        """Show how far the run is."""
        if time.monotonic() < self._due:
            return
        bar = self._bar or self._start()
        text = f"{progress.table}: {progress.phase}"
        if self._task is None or bar.tasks[0].description != text:
            if self._task is not None:
                bar.remove_task(self._task)
            self._task = bar.add_task(text, total=progress.total)
        bar.update(self._task, completed=progress.done)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _start(self) -> Bar:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = self._output.console(sys.stderr)
        self._bar = Bar(*columns, TimeElapsedColumn(), console=console, transient=True)
        self._bar.start()
        return self._bar
