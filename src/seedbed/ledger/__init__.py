"""The ledger: schema `seedbed` inside the target, which rows are ours, what we made of them and when."""

from seedbed.ledger.rows import (
    EDITED,
    MISSING,
    NONE_KNOWN,
    NOTHING,
    SAME,
    UNKNOWN,
    Known,
    count,
    known_rows,
    names,
    own_identity,
    same_row,
    state,
)
from seedbed.ledger.runs import active_profile, kept_as_of, last_change, record_run
from seedbed.ledger.schema import LOCK, SCHEMA, TABLES, ensure, exists
from seedbed.ledger.stamp import read_stamp, write_stamp
from seedbed.ledger.tables import Entry, enter, entries

__all__ = [
    "EDITED",
    "LOCK",
    "MISSING",
    "NONE_KNOWN",
    "NOTHING",
    "SAME",
    "SCHEMA",
    "TABLES",
    "UNKNOWN",
    "Entry",
    "Known",
    "active_profile",
    "count",
    "ensure",
    "enter",
    "entries",
    "exists",
    "kept_as_of",
    "known_rows",
    "last_change",
    "names",
    "own_identity",
    "read_stamp",
    "record_run",
    "same_row",
    "state",
    "write_stamp",
]
