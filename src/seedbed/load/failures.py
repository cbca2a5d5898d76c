"""The server's errors in our words: which row, which column, why, never the values that the server quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import polars as pl
import psycopg
from psycopg import errors

from seedbed.errors import DatabaseFailure, Finding, InvalidInput, Locked, SeedbedError
from seedbed.load.work import Positions, Work

REASONS = {
    "22000": "not valid for the column's type, such as a range that ends before it begins",
    "22001": "longer than the column's type allows",
    "22003": "out of range for the column's type",
    "22007": "not a date or time",
    "22008": "a date or time out of range",
    "22021": "not a character sequence that the database's encoding knows",
    "22P02": "not valid input for the column's type",
    "22P05": "a character that the database's encoding or the type cannot hold",
    "22023": "not a valid value",
}

VIOLATIONS = {
    "23502": ("no value for a NOT NULL column", "give it one in the factory"),
    "23503": (
        "the foreign key {} names a row that is not there",
        "refer to a row of the profile, or write the table it is in",
    ),
    "23514": ("the check constraint {} is not met", "the values it wants are in its definition"),
    "23P01": ("the exclusion constraint {} is not met", "two rows exclude each other"),
}
"""What is wrong, and what to do about it; {} stands for the constraint."""

LEFT_BEHIND = (
    "rows of {1} refer to it by the foreign key {0}",
    "keep the value, or make the foreign key ON UPDATE CASCADE",
)
RAISED = "Its text may quote a row and is not shown; the server's log has it."


class Clash(SeedbedError):
    """A unique key is held by another row: ours, or one that appeared in the meantime.

    Attributes:
        work: the table that was written to.
        about: the schema, table and name of the index; of a partition's index, the partition.
        position: the row, where the server said which.
    """

    exit_code = DatabaseFailure.exit_code

    def __init__(
        self, message: str, work: Work, about: tuple[str, str, str], position: int | None
    ) -> None:
        super().__init__(message)
        self.work, self.about, self.position = work, about, position


class Blurred(Clash):
    """Rows were updated in one statement, and the server did not say which of them it does not take.

    Attributes:
        error: what it said.
        names: the columns that were updated.
    """

    def __init__(self, error: psycopg.DatabaseError, work: Work, names: tuple[str, ...]) -> None:
        super().__init__(f"{work.table.name}: not updated", work, ("", "", ""), None)
        self.error, self.names = error, names


@contextmanager
def located(work: Work, positions: Positions, names: Sequence[str] = ()) -> Iterator[None]:
    """Name the row and column in the errors of a block that writes rows.

    Args:
        positions: the rows, in the order in which they are sent.
        names: what the columns v1, v2, ... of a stage are called in the table.
    """
    try:
        yield
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError as error:
        raise explained(work, positions, names, error) from None


@contextmanager
def located_among(works: Iterable[Work], *, created: bool = False) -> Iterator[None]:
    """Name the table in the errors of a block that is about several.

    Args:
        created: whether it does nothing but insert their new rows, so that where there is only one, it is that.
    """
    try:
        yield
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError as error:
        about = error.diag.schema_name, error.diag.table_name
        for work in works:
            if about == (work.table.name.schema, work.table.name.name):
                rows = work.create if created else work.create[:0]
                raise explained(work, rows, (), error) from None
        raise translated(error) from None


def explained(
    work: Work, positions: Positions, names: Sequence[str], error: psycopg.DatabaseError
) -> SeedbedError:
    """Return what a server says about rows that were sent to it, as ours: with the row and the column, without the values."""
    if _by_hand(error) or not isinstance(error, errors.IntegrityError | errors.DataError):
        if not _in_function(error):
            return translated(error)
        finding = Finding(_place(work, positions, names, error), _raised(error))
        return DatabaseFailure(
            f"{work.table.name}: the database does not take the rows",
            findings=[finding],
            remedy=RAISED,
        )
    if isinstance(error, errors.UniqueViolation):
        return _clash(work, positions, error)
    if isinstance(error, errors.DataError):
        return _bad_value(work, positions, names, error)
    return _violation(work, positions, names, error)


def reason(error: psycopg.Error) -> str:
    """Return why the server does not take a value, without the value."""
    state = error.sqlstate or ""
    return REASONS.get(state, f"not valid input for the column's type (SQLSTATE {state})")


def _row(work: Work, positions: Positions, error: psycopg.Error) -> int | None:
    """Return the row an error is about: the only one, or the one that COPY's context names.

    Its line is the row, for the text format has one line a row.
    """
    if len(positions) == 1:
        return int(positions[0])
    match = re.search(rf"{_copy(work)}(\d+)", error.diag.context or "", re.MULTILINE)
    line = int(match[1]) if match else 0
    return int(positions[line - 1]) if 1 <= line <= len(positions) else None


def _copy(work: Work) -> str:
    """Return the pattern of what stands before the line in COPY's context, in any language; names may hold anything."""
    return rf"^COPY (?:{re.escape(work.table.name.name)}|seedbed_stage_\d+), \D*"


def _column(work: Work, names: Sequence[str], error: psycopg.Error) -> str:
    columns = {f"v{number}": name for number, name in enumerate(names, 1)} or {
        name: name for name in work.table.columns
    }
    if (name := error.diag.column_name or "") in work.table.columns:
        return name
    known = "|".join(re.escape(name) for name in sorted(columns, key=len, reverse=True))
    pattern = rf"{_copy(work)}\d+, \S+ ({known}):"
    match = re.search(pattern, error.diag.context or "", re.MULTILINE)
    return columns[match[1]] if match else ""


def _place(work: Work, positions: Positions, names: Sequence[str], error: psycopg.Error) -> str:
    position, column = _row(work, positions, error), _column(work, names, error)
    if position is None and error.sqlstate == "23503":
        position = _by_value(work, positions, error)
    where = f"{work.table.name}.{column}" if column else str(work.table.name)
    return f"{work.binding.place(position)}: {where}" if position is not None else where


def _by_value(work: Work, positions: Positions, error: psycopg.Error) -> int | None:
    """Return the first row with the value that a foreign key does not find: DETAIL has it, which is never shown."""
    key = next((k for k in work.table.foreign_keys if k.name == error.diag.constraint_name), None)
    quoted = re.search(r"\((.+?)\)=\((.*)\)", error.diag.message_detail or "", re.DOTALL)
    if not key or not quoted or not set(key.columns) <= set(work.binding.plain):
        return None
    parts = [work.column(name).cast(pl.String) for name in key.columns]
    found = pl.select(pl.concat_str(parts, separator=", ")).to_series() == quoted[2]
    at = np.intersect1d(positions, found.fill_null(False).arg_true().to_numpy())
    return int(at[0]) if len(at) else None


def _clash(work: Work, positions: Positions, error: psycopg.Error) -> Clash:
    diag = error.diag
    about = diag.schema_name or "", diag.table_name or "", diag.constraint_name or ""
    position = _row(work, positions, error)
    where = work.binding.place(position) if position is not None else str(work.table.name)
    message = f"{where}: {_constraint(work, error)} is already taken"
    return Clash(message, work, about, position)


def _constraint(work: Work, error: psycopg.Error) -> str:
    name = error.diag.constraint_name
    columns = next((key.columns for key in work.table.keys if key.name == name), ())
    return f"the unique key {name} ({', '.join(columns)})" if columns else f"the unique key {name}"


def _bad_value(
    work: Work, positions: Positions, names: Sequence[str], error: psycopg.Error
) -> SeedbedError:
    finding = Finding(_place(work, positions, names, error), reason(error))
    return InvalidInput(
        f"the database does not take a value for {work.table.name}", findings=[finding]
    )


def _violation(
    work: Work, positions: Positions, names: Sequence[str], error: psycopg.Error
) -> SeedbedError:
    state = error.sqlstate or ""
    problem, remedy = VIOLATIONS.get(state, (f"a constraint is not met (SQLSTATE {state})", ""))
    if state == "23503" and _left_behind(work, names, error):
        problem, remedy = LEFT_BEHIND
    problem = problem.format(error.diag.constraint_name, error.diag.table_name)
    finding = Finding(_place(work, positions, names, error), problem, remedy)
    return DatabaseFailure(
        f"{work.table.name}: the database does not take the rows", findings=[finding]
    )


def _left_behind(work: Work, names: Sequence[str], error: psycopg.Error) -> bool:
    """Tell the two directions of a foreign key apart: whether it is others that refer to a row which gives its value up."""
    about = (error.diag.schema_name, error.diag.table_name, error.diag.constraint_name)
    return any(
        (key.table.schema, key.table.name, key.name) == about
        for key in work.table.referrers
        if key.table != work.table.name or not set(key.columns) & set(names)
    )


def _in_function(error: psycopg.Error) -> bool:
    return re.search(r"^PL/\w+", error.diag.context or "", re.MULTILINE) is not None


def _by_hand(error: psycopg.Error) -> bool:
    """Tell whether a function's RAISE made up the error: then its code, its text and its names are whatever it wanted."""
    first = (error.diag.context or "").split("\n")[0]
    return re.match(r"PL/\w+.*\b(RAISE|ASSERT)\b", first) is not None or isinstance(
        error, errors.RaiseException
    )


def _raised(error: psycopg.Error) -> str:
    # The text that RAISE was given may hold a whole row; where it stands does not.
    match = re.search(r"^PL/\w+ function (\S+?)\(", error.diag.context or "", re.MULTILINE)
    who = f"the function {match[1]}" if match else "a function or trigger"
    did = "refused" if _by_hand(error) else "failed"
    return f"{who} {did} (SQLSTATE {error.sqlstate})"


@contextmanager
def translating_errors() -> Iterator[None]:
    """Turn what psycopg raises in a block into our errors."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error) from None


def translated(error: psycopg.Error) -> SeedbedError:
    """Return a server's or the connection's error as ours; the caller has nothing more exact to say."""
    state = error.sqlstate or ""
    if isinstance(error, errors.LockNotAvailable):
        return Locked("a table or row is locked by somebody else")
    if _by_hand(error) or _in_function(error):
        return DatabaseFailure(_raised(error), remedy=RAISED)
    if isinstance(error, errors.InsufficientPrivilege):
        return DatabaseFailure(f"the role may not do this: {_first_line(error)}")
    if isinstance(error, errors.SequenceGeneratorLimitExceeded):
        return DatabaseFailure(_first_line(error), remedy="Give the sequence a wider type.")
    if isinstance(error, errors.IntegrityError | errors.DataError):
        name = error.diag.constraint_name
        about = f" (constraint {name})" if name else ""
        table = (
            f"{error.diag.schema_name}.{error.diag.table_name}: " if error.diag.table_name else ""
        )
        return DatabaseFailure(f"{table}the database refused a row{about}, SQLSTATE {state}")
    return DatabaseFailure(_first_line(error))


def _first_line(error: psycopg.Error) -> str:
    # The primary message only: DETAIL, HINT and CONTEXT may quote rows.
    text = (
        error.diag.message_primary or str(error).strip().split("\n")[0] or "the connection was lost"
    )
    return f"{text} (SQLSTATE {error.sqlstate})" if error.sqlstate else text
