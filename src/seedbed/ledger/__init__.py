"""The ledger: schema `seedbed` inside the target, which rows are ours, what we made of them and when."""

from seedbed.ledger.fit import (
    other_key,
    other_name,
    other_table,
    places_of,
    refuse_misfits,
    replaced,
)
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
from seedbed.ledger.runs import active_profile, kept_as_of, last_change, last_made, record_run
from seedbed.ledger.schema import LOCK, SCHEMA, TABLES, ensure, exists
from seedbed.ledger.stamp import read_stamp, write_stamp
from seedbed.ledger.tables import Entry, enter, entries, note_tables, take_tables

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
    "last_made",
    "names",
    "note_tables",
    "other_key",
    "other_name",
    "other_table",
    "own_identity",
    "places_of",
    "read_stamp",
    "record_run",
    "refuse_misfits",
    "replaced",
    "same_row",
    "state",
    "take_tables",
    "write_stamp",
]
