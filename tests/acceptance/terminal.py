"""seedbed on a terminal, with somebody who answers its question."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

from tests.canary import off_the_command_line
from tests.canary_watch import watch

QUESTIONS = (b"The database's name", b"Make one now?")
"""For a confirmation, and before rows go."""
CTRL_C = "\x03"
END_OF_INPUT = "\x04"
DONE = b"seedbed: interrupted"


def on_terminal(folder: Path, *arguments: str, typed: str = "", **more: str) -> tuple[int, str]:
    """Run seedbed on a terminal, type something once it asks; return its exit code and what was shown."""
    master, slave = pty.openpty()
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    # So wide that no line is folded: in what words it is asked is what is looked at.
    shape = {"TERM": "xterm-256color", "COLUMNS": "400", "LC_ALL": "C.UTF-8"}
    bare, password = off_the_command_line(arguments)
    command = [sys.executable, "-m", "seedbed", *bare]
    # The shell leads a new session, so the terminal it opens is its own, and Ctrl-C there reaches it.
    shell = ["/bin/sh", "-c", 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1', "sh"]
    with subprocess.Popen(
        [*shell, os.ttyname(slave), *command],
        cwd=folder,
        env={**variables, **shape, **password, **more},
        start_new_session=True,
    ) as process:
        shown = _answered(master, slave, process, typed)
    watch(shown, "what the terminal showed")
    return process.returncode, shown.decode().replace("\r\n", "\n")


def _answered(master: int, slave: int, process: subprocess.Popen[bytes], typed: str) -> bytes:
    shown = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.1)
        if not ready and process.poll() is not None:
            break
        if ready:
            shown += os.read(master, 65536)
        asked = any(question in shown for question in QUESTIONS)
        if typed and asked and (typed != CTRL_C or not ready) and DONE not in shown:
            # A signal that comes between the question and the read behind it waits for that read to end. People press
            # Ctrl-C again when nothing happens, and not once they are told that it did; so do we.
            os.write(master, typed.encode())
            typed = typed if typed == CTRL_C else ""
    os.close(slave)
    os.close(master)
    return shown
