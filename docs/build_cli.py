"""Write docs/cli.md: what every command's --help says. `make docs` runs it, and a test compares."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from seedbed.cli.main import main

COMMANDS = (
    ("apply",),
    ("plan",),
    ("status",),
    ("reset",),
    ("destroy",),
    ("forget",),
    ("stamp",),
    ("backup",),
    ("restore",),
    ("snapshot",),
    ("snapshot", "save"),
    ("snapshot", "restore"),
    ("snapshot", "list"),
    ("snapshot", "drop"),
    ("guard",),
    ("guard", "explain"),
    ("profiles",),
    ("preview",),
    ("export",),
    ("schema",),
    ("init",),
    ("db",),
    ("db", "start"),
    ("db", "stop"),
    ("db", "status"),
    ("db", "url"),
    ("db", "shell"),
    ("test-db",),
    ("test-db", "list"),
    ("test-db", "open"),
    ("test-db", "clean"),
)

HEAD = """\
# The command line

Written by `make docs` from the commands' own help; a test compares the two. `python -m seedbed` is the same as `seedbed`.

Results go to standard output and everything else to standard error; with `--json` standard output holds one JSON object. An error is
one message on standard error (with `--json` also `{"error": {...}}` on standard output) and an exit code:

| code | meaning |
|---|---|
| 0 | done |
| 1 | a bug in seedbed; `SEEDBED_TRACEBACK=1` shows where |
| 2 | the input, the profile or the configuration is not valid |
| 3 | refused by the guard, or not confirmed |
| 4 | the database differs from the profile and nobody said what to do about it; with `--exit-code`, also of `plan` and `status` |
| 5 | another run, or the application, holds a lock |
| 6 | the database reported an error; everything was rolled back |
| 7 | the outcome of the commit is unknown |
| 130, 143 | interrupted; everything was rolled back |
"""


def reference() -> str:
    """Return the page."""
    parts = [HEAD, *(_section(command) for command in ((), *COMMANDS))]
    return "\n".join(parts)


def _section(command: tuple[str, ...]) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main([*command, "--help"])
    lines = [line.rstrip() for line in text.getvalue().strip().splitlines()]
    title = " ".join(("seedbed", *command))
    return "\n".join([f"## {title}", "", "```text", *lines, "```", ""])


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"  # whatever terminal it runs in
    Path(__file__).with_name("cli.md").write_text(reference(), encoding="utf-8")
