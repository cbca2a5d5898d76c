"""SQL files as psql reads them: statement by statement, so that an error has a line, with COPY's data between them.

Where a statement ends is told as psql tells it: at a semicolon outside of quotes, comments, parentheses and the body of a
``BEGIN ATOMIC`` function. Of psql's own commands, those that pg_dump writes are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from seedbed.errors import InvalidInput
from seedbed.testdb.tables import tables_failure
from seedbed.url import libpq_url

_WITHOUT_MEANING = ("restrict", "unrestrict")
"""What pg_dump writes for psql's sake."""

_TOKEN = re.compile(
    r"""
      --[^\n]*
    | (?P<comment> /\* )
    | [eE]'(?:[^'\\]|\\.|'')*'?
    | '[^']*(?:''[^']*)*'?
    | "[^"]*(?:""[^"]*)*"?
    | (?P<dollar> \$(?:[^\W\d]\w*)?\$ )
    | (?P<word> [^\W\d][\w$]* )
    | \d[\w.]*
    | (?P<mark> [();\\] )
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTING = re.compile(r"/\*|\*/")
_BODIES = {"function", "procedure"}
_END_OF_DATA = re.compile(r"^\\\.[ \t]*\r?$\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file.

    Attributes:
        text: itself, without its semicolon.
        line: where it begins.
        data: what a COPY takes, None for other statements.
        data_line: where that begins.
    """

    text: str
    line: int
    data: str | None = None
    data_line: int = 0


def run_files(files: list[Path], root: Path, url: str) -> None:
    """Run SQL files in a database, each in a session of its own.

    Args:
        files: the files, in this order.
        root: the folder to which messages are relative.
        url: the database.

    Raises:
        InvalidInput: a file cannot be read or is not for us; the message has the line.
        TablesFailure: the server does not take a statement; the message has the line.
    """
    for file in files:
        shown = str(file.relative_to(root) if file.is_relative_to(root) else file)
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidInput(
                f"{shown} is not in UTF-8", remedy="For a dump: pg_dump --encoding=UTF8."
            ) from None
        with psycopg.connect(libpq_url(url), autocommit=True, prepare_threshold=None) as connection:
            connection.execute("SET synchronous_commit = off")  # a commit for each statement
            for statement in statements(text, shown):
                _run(connection, statement, shown)


def statements(text: str, file: str) -> Iterator[Statement]:
    """Yield the statements of a file.

    Args:
        text: its content.
        file: what it is called in messages.

    Raises:
        InvalidInput: it holds a command of psql's that does something.
    """
    at, line = 0, 1
    while True:
        scan = _Scan(text, file, at, line)
        found = scan.next(at)
        if found is None:
            return
        statement, at = found
        line = scan.line_of(at)
        yield statement


@dataclass(slots=True)
class _Scan:
    """The way through one statement.

    Attributes:
        begin, line: a place that is not behind it, and that place's line.
        words: its words outside of quotes and parentheses, in small letters.
        start: where it begins, -1 before that.
    """

    text: str
    file: str
    begin: int
    line: int
    words: list[str] = field(default_factory=list)
    start: int = -1
    parentheses: int = 0
    bodies: int = 0

    def next(self, at: int) -> tuple[Statement, int] | None:
        """Return the statement that begins at or after a place, and where it ends; None at the end of the file."""
        while token := self._token(at):
            begin, at, kind = token.start(), token.end(), token.lastgroup
            if kind == "comment":
                at = _end_of_comment(self.text, at)
            elif kind == "dollar":
                closing = self.text.find(token[0], at)
                at = len(self.text) if closing < 0 else closing + len(token[0])
            if kind == "comment" or token[0].startswith("--"):
                continue
            if token[0] == "\\":
                at = self._after_command(begin)
            elif token[0] == ";" and not (self.parentheses or self.bodies):
                if self.start < 0:  # nothing but a semicolon
                    continue
                return self._statement(begin, at)
            else:
                self._go_through(token, begin)
        if self.start < 0:
            return None
        return self._statement(len(self.text), len(self.text))

    def _token(self, at: int) -> re.Match[str] | None:
        """Return the next token; what stands before it, such as an operator, begins a statement, too."""
        token = _TOKEN.search(self.text, at)
        between = self.text[at : token.start() if token else len(self.text)]
        if self.start < 0 and between.strip():
            self.start = at + len(between) - len(between.lstrip())
        return token

    def _go_through(self, token: re.Match[str], begin: int) -> None:
        if self.start < 0:
            self.start = begin
        if token[0] == "(":
            self.parentheses += 1
        elif token[0] == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif token.lastgroup == "word" and not self.parentheses:
            self._count(token[0].lower())

    def _count(self, word: str) -> None:
        """Follow the bodies of functions that are written in SQL itself."""
        self.words.append(word)
        if self.words[0] != "create" or _BODIES.isdisjoint(self.words[1:4]):
            return
        if word == "begin" or (word == "case" and self.bodies):
            self.bodies += 1
        elif word == "end" and self.bodies:
            self.bodies -= 1

    def _after_command(self, begin: int) -> int:
        end = self.text.find("\n", begin)
        end = len(self.text) if end < 0 else end
        command = self.text[begin:end].strip()
        name = re.match(r"\\(\w*)", command)
        if self.start >= 0 or not name or name[1] not in _WITHOUT_MEANING:
            raise InvalidInput(
                f"{self.file}:{self.line_of(begin)}: {command.split()[0]} is a command of psql's, which is not here",
                remedy="Write SQL only (a dump's data: pg_dump --inserts), or let a pytest_seedbed_schema hook run psql.",
            )
        return end

    def _statement(self, end: int, after: int) -> tuple[Statement, int]:
        text, line = self.text[self.start : end].rstrip(), self.line_of(self.start)
        pairs = zip(self.words, self.words[1:], strict=False)
        if self.words[:1] != ["copy"] or ("from", "stdin") not in pairs:
            return Statement(text, line), after
        begin = self.text.find("\n", after) + 1 or len(self.text)
        closing = _END_OF_DATA.search(self.text, begin)
        data = self.text[begin : closing.start() if closing else len(self.text)]
        end = closing.end() if closing else len(self.text)
        return Statement(text, line, data, self.line_of(begin)), end

    def line_of(self, at: int) -> int:
        """Return a place's line."""
        return self.line + self.text.count("\n", self.begin, at)


def _end_of_comment(text: str, at: int) -> int:
    """Return where a comment ends that began before a place; comments nest."""
    depth = 1
    while depth and (found := _NESTING.search(text, at)):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return len(text) if depth else at


def _run(connection: Connection[Any], statement: Statement, file: str) -> None:
    from seedbed.load.failures import translated

    query = statement.text.encode(connection.info.encoding)
    try:
        if statement.data is None:
            connection.execute(query)
        else:
            with connection.cursor().copy(query) as copy:
                copy.write(statement.data)
    except psycopg.Error as error:
        message = f"{file}:{_line_of(statement, error)}: {translated(error).message}"
        raise tables_failure(message, error.sqlstate or "") from None


def _line_of(statement: Statement, error: psycopg.Error) -> int:
    """Return the line that the server complains of, the statement's first where it does not say which."""
    row = re.search(r"^COPY .*, line (\d+)", error.diag.context or "", re.MULTILINE)
    if row and statement.data is not None:
        return statement.data_line + int(row[1]) - 1
    before = statement.text[: int(error.diag.statement_position or 1) - 1]
    return statement.line + before.count("\n")
