"""The ledger: schema `seedbed` inside the target, which rows are ours, what we made of them and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg import Connection, sql
from psycopg.pq import Format
from psycopg.types.json import Jsonb

from seedbed.dataset import Keys, TableName
from seedbed.load.digest import row_hash
from seedbed.target import Table

SCHEMA = "seedbed"
TABLES = ("stamp", "runs", "tables", "rows")
"""The ledger's own; anything else in the schema is somebody else's."""
LOCK = 0x5EEDBED

# What a ledger's row says of the live row it stands for.
MISSING, SAME, EDITED, UNKNOWN = 0, 1, 2, 3

DDL = """
CREATE SCHEMA IF NOT EXISTS seedbed;
COMMENT ON SCHEMA seedbed IS 'What seedbed wrote into this database. Deleting it makes seedbed forget its rows.';
CREATE TABLE IF NOT EXISTS seedbed.stamp (
    one bool PRIMARY KEY DEFAULT true CHECK (one),
    environment text NOT NULL,
    system_identifier text NOT NULL,
    database_oid oid NOT NULL,
    stamped_at timestamptz NOT NULL DEFAULT now(),
    stamped_by text NOT NULL DEFAULT session_user,
    born bool NOT NULL DEFAULT false);
CREATE TABLE IF NOT EXISTS seedbed.runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL,
    outcome text NOT NULL,
    profile text,
    environment text,
    version int,
    seed text,
    as_of timestamp,
    scale float8,
    minimal bool,
    counts jsonb NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seconds float8 NOT NULL,
    who text NOT NULL DEFAULT session_user,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id());
CREATE TABLE IF NOT EXISTS seedbed.tables (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema text NOT NULL,
    name text NOT NULL,
    identity text[] NOT NULL,
    columns jsonb NOT NULL,
    UNIQUE (schema, name));
CREATE TABLE IF NOT EXISTS seedbed.rows (
    table_id int NOT NULL,
    key bigint NOT NULL,
    name text,
    id bigint,
    pk text[],
    digest bigint NOT NULL,
    row_hash bigint NOT NULL,
    PRIMARY KEY (table_id, key));
COMMENT ON COLUMN seedbed.tables.columns IS 'name and type of the columns that row_hash is made of';
COMMENT ON COLUMN seedbed.rows.digest IS 'what the profile said of the row when it was last written';
COMMENT ON COLUMN seedbed.rows.row_hash IS 'what the database held right after'
"""

BORN = (
    "SELECT FROM pg_catalog.pg_attribute WHERE attname = 'born' AND NOT attisdropped "
    "AND attrelid = 'seedbed.stamp'::pg_catalog.regclass"
)
"""Finds a row where the stamp can say that seedbed created the database."""


WRITING = ("apply", "reset")
"""The actions after which the rows are a profile's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A table as the ledger knows it.

    Attributes:
        id: seedbed.tables.id.
        identity: the columns that rows.id or rows.pk hold.
        columns: name and type of the columns that rows.row_hash is made of.
    """

    id: int
    table: TableName
    identity: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """The ledger's rows of one table, with a look at the live rows they stand for; sorted by key.

    Attributes:
        keys, digests: int64, one per row.
        states: MISSING, SAME, EDITED or, where the hashed columns are no longer comparable, UNKNOWN.
        ids: the identity column's values; empty where the identity is not one integer column.
        pks: one list of texts per identity column otherwise.
    """

    keys: Keys
    digests: Keys
    states: Keys
    ids: Keys
    pks: tuple[list[str], ...] = ()

    def identity(self, place: int) -> str:
        """Return where a row is, for people: its identity in the database."""
        parts = [pk[place] for pk in self.pks] if self.pks else [str(self.ids[place])]
        return f"({', '.join(parts)})"

    def place(self, keys: Keys) -> npt.NDArray[np.int64]:
        """Return the position of each key here, -1 where the ledger has none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        found = np.searchsorted(self.keys, keys)
        found[found == len(self.keys)] = 0
        return np.where(self.keys[found] == keys, found, -1)


NOTHING = np.empty(0, dtype=np.int64)
NONE_KNOWN = Known(NOTHING, NOTHING, NOTHING, NOTHING)


def exists(connection: Connection[Any]) -> bool:
    """Return whether the database has a ledger."""
    row = connection.execute("SELECT pg_catalog.to_regclass('seedbed.rows') IS NOT NULL").fetchone()
    return bool(row and row[0])


def ensure(connection: Connection[Any]) -> None:
    """Create the ledger where there is none."""
    if not exists(connection):
        for statement in DDL.split(";\n"):
            connection.execute(statement)


def write_stamp(
    connection: Connection[Any],
    environment: str,
    system_identifier: str,
    database_oid: int,
    *,
    born: bool,
) -> None:
    """Write down what a database is for, in the place of what was written before; the ledger is made if there is none.

    Args:
        environment: what it is for.
        system_identifier: of the server, so that a copy elsewhere does not inherit the stamp.
        database_oid: of the database, so that a copy here does not either.
        born: whether seedbed itself created the database.
    """
    ensure(connection)
    # A ledger may be from before the column; only its owner may add it, so only a stamp does.
    if connection.execute(BORN).fetchone() is None:
        connection.execute("ALTER TABLE seedbed.stamp ADD COLUMN born bool NOT NULL DEFAULT false")
    connection.execute(
        "INSERT INTO seedbed.stamp (environment, system_identifier, database_oid, born) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (one) DO UPDATE SET (environment, system_identifier, database_oid, born, stamped_at, stamped_by) "
        "= (excluded.environment, excluded.system_identifier, excluded.database_oid, excluded.born, now(), session_user)",
        [environment, system_identifier, database_oid, born],
    )


def entries(connection: Connection[Any]) -> dict[TableName, Entry]:
    """Return the tables the ledger knows."""
    rows = connection.execute(
        "SELECT id, schema, name, identity, columns FROM seedbed.tables ORDER BY id"
    ).fetchall()
    return {
        TableName(name, schema): Entry(
            id, TableName(name, schema), tuple(identity), tuple((a, b) for a, b in columns)
        )
        for id, schema, name, identity, columns in rows
    }


def active_profile(connection: Connection[Any]) -> str | None:
    """Return the profile that the rows were last made by; None where they were destroyed since."""
    row = connection.execute(
        "SELECT profile FROM seedbed.runs WHERE action = ANY (%s) ORDER BY id DESC LIMIT 1",
        [[*WRITING, "destroy"]],
    ).fetchone()
    return row[0] if row else None


def kept_as_of(connection: Connection[Any], profile: str) -> datetime | None:
    """Return the moment the rows of a profile were last made for, since the last destroy."""
    row = connection.execute(
        "SELECT as_of FROM seedbed.runs WHERE action = ANY (%s) AND profile = %s AND id > coalesce("
        "(SELECT max(id) FROM seedbed.runs WHERE action = 'destroy'), 0) ORDER BY id DESC LIMIT 1",
        [list(WRITING), profile],
    ).fetchone()
    return row[0] if row else None


def known_rows(connection: Connection[Any], entry: Entry, table: Table) -> Known:
    """Read the ledger's rows of a table and judge the live ones."""
    parts: list[sql.Composable] = [
        sql.SQL("array_agg(r.key)"),
        sql.SQL("array_agg(r.digest)"),
        sql.SQL("array_agg({}::bigint)").format(state(entry, table)),
    ]
    if table.serial:
        parts.append(sql.SQL("array_agg(r.id)"))
    else:
        places = range(1, len(entry.identity) + 1)
        parts += [sql.SQL("array_agg(r.pk[{}])").format(place) for place in places]
    query = sql.SQL(
        "SELECT {} FROM seedbed.rows r LEFT JOIN {} t ON {} WHERE r.table_id = {}"
    ).format(sql.SQL(", ").join(parts), table.qualified, same_row(table), entry.id)
    row = fetch_arrays(connection, query)
    if row[0] is None:
        return NONE_KNOWN
    order = np.argsort(row[0], kind="stable")
    keys, digests, states = (values[order] for values in row[:3])
    if table.serial:
        return Known(keys, digests, states, row[3][order])
    return Known(keys, digests, states, NOTHING, tuple([v[i] for i in order] for v in row[3:]))


def state(entry: Entry, table: Table) -> sql.Composable:
    """Return the SQL that judges live row `t` against ledger row `r`."""
    same = all(
        name in table.columns and table.columns[name].type.name == kind
        for name, kind in entry.columns
    )
    if not same:
        verdict: sql.Composable = sql.Literal(UNKNOWN)
    else:
        hashed = row_hash(table, [name for name, _ in entry.columns], "t")
        verdict = sql.SQL("CASE WHEN {} = r.row_hash THEN {} ELSE {} END").format(
            hashed, SAME, EDITED
        )
    absent = sql.Identifier("t", table.identity[0])
    return sql.SQL("CASE WHEN {} IS NULL THEN {} ELSE {} END").format(absent, MISSING, verdict)


def same_row(table: Table, live: str = "t", ours: str = "r") -> sql.Composable:
    """Return the SQL that joins a live row with the ledger's row for it."""
    if table.serial:
        return sql.SQL("{} = {}").format(
            sql.Identifier(live, table.identity[0]), sql.Identifier(ours, "id")
        )
    terms = [
        sql.SQL("{} = {}[{}]::{}").format(
            sql.Identifier(live, name),
            sql.Identifier(ours, "pk"),
            place,
            sql.SQL(table.columns[name].type.name),
        )
        for place, name in enumerate(table.identity, 1)
    ]
    return sql.SQL(" AND ").join(terms)


def own_identity(table: Table, live: str = "t") -> tuple[sql.Composable, sql.Composable]:
    """Return the SQL for what the ledger holds of a live row's identity: (id, pk)."""
    if table.serial:
        return sql.Identifier(live, table.identity[0]), sql.SQL("NULL::text[]")
    parts = [sql.SQL("{}::text").format(sql.Identifier(live, name)) for name in table.identity]
    return sql.SQL("NULL::bigint"), sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(parts))


def enter(connection: Connection[Any], table: Table, columns: Sequence[str]) -> Entry:
    """Make the ledger know a table and the columns that are hashed from now on."""
    hashed = tuple((name, table.columns[name].type.name) for name in columns)
    row = connection.execute(
        "INSERT INTO seedbed.tables AS e (schema, name, identity, columns) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (schema, name) DO UPDATE SET identity = excluded.identity, columns = excluded.columns "
        "RETURNING id",
        [table.name.schema, table.name.name, list(table.identity), Jsonb(hashed)],
    ).fetchone()
    assert row is not None
    return Entry(row[0], table.name, table.identity, hashed)


def count(connection: Connection[Any], entry: Entry) -> int:
    """Return how many rows of a table are ours."""
    query = "SELECT count(*) FROM seedbed.rows WHERE table_id = %s"
    row = connection.execute(query, [entry.id]).fetchone()
    return int(row[0]) if row else 0


def names(connection: Connection[Any], entry: Entry) -> dict[int, str]:
    """Return the names of the hand-picked rows of a table, by key."""
    return dict(
        connection.execute(
            "SELECT key, name FROM seedbed.rows WHERE table_id = %s AND name IS NOT NULL",
            [entry.id],
        ).fetchall()
    )


def record_run(connection: Connection[Any], values: Mapping[str, Any]) -> tuple[int, str]:
    """Write down a run; return its number and its transaction's."""
    statement = sql.SQL("INSERT INTO seedbed.runs ({}) VALUES ({}) RETURNING id, xid::text").format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    row = connection.execute(statement, list(values.values())).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def last_change(connection: Connection[Any]) -> int:
    """Return the number of the last run that changed something, 0 where there was none."""
    if not exists(connection):
        return 0
    query = "SELECT coalesce(max(id), 0) FROM seedbed.runs WHERE outcome <> 'unchanged'"
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


INT8S = np.dtype([("length", ">i4"), ("value", ">i8")])


def fetch_arrays(connection: Connection[Any], query: sql.Composed) -> list[Any]:
    """Return one row of arrays: bigint[] as int64, anything else as psycopg gives it.

    A million numbers in one value are read by numpy in a few milliseconds; as rows they would take a second.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(query)
        result = cursor.pgresult
        assert result is not None
        whole = {
            place: result.get_value(0, place)
            for place in range(result.nfields)
            if result.ftype(place) == 1016 and result.fformat(place) == Format.BINARY
        }
        if len(whole) == result.nfields:
            return [_int8s(value) for value in whole.values()]
        row = cursor.fetchone()
        assert row is not None
        return [_int8s(whole[place]) if place in whole else row[place] for place in range(len(row))]


def _int8s(value: bytes | None) -> npt.NDArray[np.int64] | None:
    # A header of 20 bytes, then a length and a value per element; NULLs are never asked for.
    return (
        None if value is None else np.frombuffer(value, INT8S, offset=20)["value"].astype(np.int64)
    )
