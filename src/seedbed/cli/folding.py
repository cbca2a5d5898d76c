"""Lines that fit a terminal: broken between words, never inside one. What goes to a file or a pipe stays as it is."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable
from typing import TextIO

LABEL = re.compile(r" *\S+( \S+)?  +(?=\S)")
"""What stands before a second column: a name and two blanks."""


def fits(lines: Iterable[str], stream: TextIO) -> bool:
    """Tell whether lines can be printed to a stream as they are."""
    width = shutil.get_terminal_size().columns
    return not stream.isatty() or all(len(line) <= width for line in lines)


def folded(text: str, stream: TextIO) -> str:
    """Return a text as it is printed to a stream: on a terminal every line is folded to its width."""
    if not stream.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(fold(line, width) for line in text.split("\n"))


def fold(line: str, width: int) -> str:
    """Return a line in as many as it takes; the later ones stand below its second column, or further in.

    >>> print(fold("  nadia  an employee with unread notices", 24))
      nadia  an employee
             with unread
             notices
    """
    if len(line) <= width:
        return line
    label, margin = LABEL.match(line), len(line) - len(line.lstrip(" "))
    indent = len(label[0]) if label else width
    if indent + max(map(len, line.split())) > width or indent > width // 2:
        indent = min(margin + 2, width // 2)
    parts = textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return "\n".join(parts)
