"""Documentation as a program: files to write, commands to run, and what they must print."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGING = [
    (re.compile(r"\d+\.\d+ s\b"), "N s"),
    (re.compile(r"postgresql://\S+"), "URL"),
    (re.compile(r"process \d+"), "process N"),
    (re.compile(r"by (\w+) on \d{4}-\d\d-\d\d( \d\d:\d\d)?"), r"by \1 on DATE"),
    (re.compile(r"(rows of|was at) \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC"), r"\1 MOMENT"),
    (re.compile(r"\d{8}T\d{6}Z|\d{8}_\d{6}"), "MOMENT"),
    (re.compile(r"[\d,]+ bytes"), "N bytes"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( .*) [\d,]+$", re.M), r"MOMENT\1 N"),
]
"""What differs from run to run: durations, the server's address, process ids, when and by whom something was written, its size."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a reader does.

    Attributes:
        line: where it stands in the document.
        file, text: a file to write.
        command, expected: a command to run, and the standard output it must have.
    """

    line: int
    file: str = ""
    text: str = ""
    command: str = ""
    expected: str = ""


def steps(document: Path) -> Iterator[Step]:
    """Return the steps of a document: blocks with a title are files, console blocks are commands."""
    text = document.read_text()
    for block in _BLOCK.finditer(text):
        language, title, body = block.groups()
        line = text[: block.start()].count("\n") + 1
        if title:
            yield Step(line, file=title, text=body)
        elif language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                yield Step(line, command=command, expected=expected)


def follow(step: Step, folder: Path, environment: Mapping[str, str]) -> str:
    """Do a step in a folder; return what the command printed, or nothing."""
    if step.file:
        file = folder / step.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(step.text)
        return ""
    done = subprocess.run(
        step.command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
    )
    return (
        done.stdout
        if not done.returncode
        else f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    )


def settled(output: str) -> str:
    """Return output without what differs from run to run, and without padding at the ends of lines."""
    for pattern, replacement in _CHANGING:
        output = pattern.sub(replacement, output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())
