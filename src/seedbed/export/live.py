"""The tables of a live database, where a project's own description does not exist: what a row is fitted to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from seedbed.dataset import TableName
from seedbed.load.failures import translating_errors
from seedbed.load.session import connect, transaction
from seedbed.target import ForeignKey, Target, read


def target_at(url: str, names: Iterable[TableName]) -> Target:
    """Return tables of a database, without their schema where it is on the search path; nothing is written.

    Args:
        url: the database.
        names: the tables, as a dataset spells them; those that do not exist are absent.

    Raises:
        InvalidInput: the URL is not one.
        DatabaseFailure: the database cannot be read.
    """
    with connect(url) as connection, translating_errors(), transaction(connection, keep=False):
        found = read(connection, names)
    shown = {
        full: short if found.names.get(short) == full else full
        for full in set(found.names.values())
        for short in [TableName(full.name)]
    }

    def renamed(key: ForeignKey) -> ForeignKey:
        """Return a foreign key between tables as they are shown."""
        return replace(key, table=shown[key.table], parent=shown[key.parent])

    tables = [
        replace(
            table,
            name=shown[table.name],
            foreign_keys=tuple(map(renamed, table.foreign_keys)),
            referrers=tuple(map(renamed, table.referrers)),
        )
        for table in found.tables.values()
    ]
    known = {name: shown[full] for name, full in found.names.items()}
    return Target({table.name: table for table in tables}, known)
