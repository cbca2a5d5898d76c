"""From an exception to one clear message, a JSON object where one was asked for, and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from seedbed.blame import place_in
from seedbed.cli.folding import folded
from seedbed.cli.output import Output
from seedbed.errors import Interrupted, SeedbedError
from seedbed.settings import tracebacks_wanted

BUG, INVALID, INTERRUPTED = 1, 2, 130


def report(error: Exception, output: Output) -> int:
    """Print what went wrong and return the exit code.

    What the user can cause has a message of its own. Of anything else only the kind and the place are shown: its text may quote a
    row or a password.
    """
    if tracebacks_wanted():
        traceback.print_exception(error)
    text, document, code = _described(error)
    print(folded(f"seedbed: {text}", sys.stderr), file=sys.stderr)
    output.document({"error": {**document, "exit_code": code}})
    return code


def interrupted(output: Output) -> int:
    """Say that Ctrl-C ended the run and return its exit code."""
    return report(Interrupted("interrupted; nothing was left half done"), output)


def _described(error: Exception) -> tuple[str, Mapping[str, object], int]:
    if isinstance(error, SeedbedError):
        document = {
            "kind": type(error).__name__,
            "message": error.message,
            "remedy": error.remedy,
            "findings": [
                {"where": found.where, "problem": found.problem, "remedy": found.remedy}
                for found in error.findings
            ],
        }
        return str(error), document, error.exit_code
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        return message, {"kind": "OSError", "message": message}, INVALID
    place = place_in(Path(__file__).parents[1], error)
    message = f"this is a bug in seedbed: {type(error).__name__} in {place or 'a library'}"
    remedy = "SEEDBED_TRACEBACK=1 shows where it came from; please report it."
    return f"{message}\n{remedy}", {"kind": "Bug", "message": message, "remedy": remedy}, BUG
