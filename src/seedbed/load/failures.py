"""The server's errors in our words: which row, which column, why, never the values that the server quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors

from seedbed.errors import DatabaseFailure, Finding, InvalidInput, Locked, SeedbedError
from seedbed.load.work import Positions, Work

REASONS = {
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
    """A unique key is held by another row: ours, or one that appeared in the meantime."""

    exit_code = DatabaseFailure.exit_code

    def __init__(self, message: str, work: Work, constraint: str, position: int | None) -> None:
        super().__init__(message)
        self.work, self.constraint, self.position = work, constraint, position


@contextmanager
def located(work: Work, positions: Positions, names: Sequence[str] = ()) -> Iterator[None]:
    """Name the row and column in the errors of a block that writes rows.

    Args:
        positions: the rows, in the order in which they are sent.
        names: what the columns v1, v2, ... of a stage are called in the table.
    """
    try:
        yield
    except errors.RaiseException as error:
        raise DatabaseFailure(f"{work.table.name}: {_raised(error)}", remedy=RAISED) from None
    except errors.UniqueViolation as error:
        constraint = error.diag.constraint_name or ""
        position = _row(error, positions)
        where = work.binding.place(position) if position is not None else str(work.table.name)
        message = f"{where}: {_constraint(work, error)} is already taken"
        raise Clash(message, work, constraint, position) from None
    except errors.IntegrityError as error:
        raise _violation(work, positions, names, error) from None
    except errors.DataError as error:
        raise _bad_value(work, positions, names, error) from None


def _row(error: psycopg.Error, positions: Positions) -> int | None:
    """Return the position a COPY error's context names: its line is the row, for the text format has one line a row."""
    match = re.search(r"^COPY \S+?, \D*(\d+)", error.diag.context or "", re.MULTILINE)
    line = int(match[1]) if match else 0
    return int(positions[line - 1]) if 1 <= line <= len(positions) else None


def _column(work: Work, names: Sequence[str], error: psycopg.Error) -> str:
    if error.diag.column_name:
        return error.diag.column_name
    match = re.search(r"^COPY \S+?, \D*\d+, \S+ ([^:]+)", error.diag.context or "", re.MULTILINE)
    name = match[1].strip() if match else ""
    staged = re.fullmatch(r"v(\d+)", name)
    if staged and 1 <= int(staged[1]) <= len(names):
        return names[int(staged[1]) - 1]
    return name if name in work.table.columns else ""


def _place(work: Work, positions: Positions, names: Sequence[str], error: psycopg.Error) -> str:
    position, column = _row(error, positions), _column(work, names, error)
    where = f"{work.table.name}.{column}" if column else str(work.table.name)
    return f"{work.binding.place(position)}: {where}" if position is not None else where


def _constraint(work: Work, error: psycopg.Error) -> str:
    name = error.diag.constraint_name
    columns = next((key.columns for key in work.table.keys if key.name == name), ())
    return f"the unique key {name} ({', '.join(columns)})" if columns else f"the unique key {name}"


def _bad_value(
    work: Work, positions: Positions, names: Sequence[str], error: psycopg.Error
) -> SeedbedError:
    reason = REASONS.get(error.sqlstate or "", f"not accepted (SQLSTATE {error.sqlstate})")
    finding = Finding(_place(work, positions, names, error), reason)
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


def _raised(error: psycopg.Error) -> str:
    # The text that RAISE was given may hold a whole row; where it stands does not.
    first = (error.diag.context or "").split("\n")[0]
    match = re.match(r"PL/\w+ function (\S+?)\(", first)
    who = f"the function {match[1]}" if match else "a function or trigger"
    return f"{who} refused (SQLSTATE {error.sqlstate})"


def translated(error: psycopg.Error) -> SeedbedError:
    """Return a server's or the connection's error as ours; the caller has nothing more exact to say."""
    state = error.sqlstate or ""
    if isinstance(error, errors.LockNotAvailable):
        return Locked("a table or row is locked by somebody else")
    if isinstance(error, errors.RaiseException):
        return DatabaseFailure(_raised(error), remedy=RAISED)
    if isinstance(error, errors.InsufficientPrivilege):
        return DatabaseFailure(f"the role may not do this: {_first_line(error)}")
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
