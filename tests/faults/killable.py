"""A restore in a process that kills itself at a chosen step: a real kill -9, only its moment is arranged.

A step is one exchange with the server (on whichever connection), or waiting for a program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg

import seedbed
from tests.canary import bare


def process(what: str, url: str, name: str, file: str, step: int = 0, when: str = "before"):
    """Start a process that restores a backup or a snapshot and prints how many steps that took."""
    command = [sys.executable, "-m", "killable", what, bare(url), name, file, str(step), when]
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )


class Steps:
    """Counts the steps, and kills this process at one of them."""

    def __init__(self, step: int, when: str) -> None:
        self.taken, self.step, self.when = 0, step, when

    def __call__(self, original):
        def stepped(*arguments, **options):
            if threading.current_thread() is not threading.main_thread():
                return original(*arguments, **options)
            self.taken += 1
            mine = self.taken == self.step
            if mine and self.when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*arguments, **options)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return stepped


def main() -> None:
    """Do what `process` says."""
    _, what, url, name, file, step, when = sys.argv
    steps = Steps(int(step), when)
    psycopg.Connection.wait = steps(psycopg.Connection.wait)
    subprocess.Popen.wait = steps(subprocess.Popen.wait)
    if what == "restore":
        seedbed.restore(url, Path(file), confirm=name)
    elif what == "snapshot restore":
        seedbed.snapshot.restore(url, file, confirm=name, backup=False)
    else:
        seedbed.snapshot.save(url, file)
    print(steps.taken)


if __name__ == "__main__":
    main()
