"""The integrity rules of the payroll domain, run over a seeded database.

Most rules are queries in integrity.sql. Those that hold for every table alike (times, hosts, texts) are made here from the models,
so that a new table or column is held to them without anybody thinking of it. One rule needs Python: the checksum in a wallet address.

    violations(connection, as_of)                    # {} when every rule holds
    offenders(connection, RULES["3a"], as_of)        # what one rule finds
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import base58
import psycopg
from sqlalchemy import ARRAY, JSON, Column, Date, DateTime, String, Table

from factories.models import Base

TIMES_TO_COME = {("sessions", "expires_at"), ("payment_channels", "expiration_time")}
"""Expiry times, which may lie after `as_of`."""

CHECKSUM = "v1-checksum"
"""The rule that SQL cannot check."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that holds in payroll data.

    Attributes:
        id: the number in payroll.md with a letter for the clause, such as ``3a``; ``v`` for the values that must look real.
        holds: what holds, as a sentence.
        query: SQL for the rows that break it, as (place, problem); takes ``%(as_of)s``.
    """

    id: str
    holds: str
    query: str


def violations(connection: psycopg.Connection, as_of: datetime) -> dict[str, list[str]]:
    """Return what breaks a rule, by rule id; rules that hold are left out.

    Args:
        connection: to the seeded database.
        as_of: the profile's moment, naive UTC.
    """
    found = {rule.id: offenders(connection, rule, as_of) for rule in RULES.values()}
    found[CHECKSUM] = unsound_wallets(connection)
    return {rule: places for rule, places in found.items() if places}


def offenders(
    connection: psycopg.Connection, rule: Rule, as_of: datetime, *, limit: int = 20
) -> list[str]:
    """Return ``place: problem`` for the first rows that break a rule."""
    query = f"SELECT place, problem FROM ({rule.query}) found ORDER BY place LIMIT {limit}"
    rows = connection.execute(query, {"as_of": as_of}).fetchall()
    return [f"{place}: {problem}" for place, problem in rows]


def unsound_wallets(connection: psycopg.Connection) -> list[str]:
    """Return the wallet addresses that are not base58check with version byte 0 and 20 bytes of payload."""
    wallets = " UNION ".join(
        f'SELECT "{column.name}" FROM "{table.name}"'
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if re.search(r"wallet(_address)?$", column.name)
    )
    rows = connection.execute(
        f"SELECT wallet FROM ({wallets}) known (wallet) WHERE wallet IS NOT NULL"
    )
    return [wallet for (wallet,) in rows if not _is_classic_address(wallet)]


def _is_classic_address(wallet: str) -> bool:
    try:
        payload = base58.b58decode_check(wallet, alphabet=base58.XRP_ALPHABET)
    except ValueError:
        return False
    return len(payload) == 21 and payload[0] == 0


def _written_rules() -> Iterator[Rule]:
    text = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    header = re.compile(r"^-- (\w+(?:-\w+)?): (.+)$", re.MULTILINE)
    begins = list(header.finditer(text))
    ends = [*(match.start() for match in begins[1:]), len(text)]
    for match, end in zip(begins, ends, strict=True):
        yield Rule(match[1], match[2], text[match.end() : end].strip())


def _time_rules() -> Iterator[Rule]:
    """Rule 10, a query for every table: greatest() and least() pass over NULL, so each row is looked at once."""
    for table in Base.metadata.sorted_tables:
        yield Rule(
            f"10-{table.name}",
            f"Every time in {table.name} lies between its parents' creation and as_of.",
            _times_query(table),
        )
    stamped = [table for table in Base.metadata.sorted_tables if "updated_at" in table.columns]
    yield Rule(
        "10-updated_at",
        "No row was updated before it was created, nor after as_of (until the trigger says otherwise).",
        " UNION ALL ".join(map(_updated_query, stamped)),
    )


def _times_query(table: Table) -> str:
    keys = [key for column in table.columns for key in column.foreign_keys]
    joins = " ".join(
        f"LEFT JOIN {key.column.table.name} p{n} ON p{n}.id = t.{key.parent.name}"
        for n, key in enumerate(keys)
    )
    births = [f"p{n}.created_at" for n in range(len(keys))] or ["t.created_at"]
    born = f"greatest({', '.join(births)})"
    times = [f"t.{column.name}" for column in table.columns if _is_past_time(column)]
    days = [f"t.{column.name}" for column in table.columns if isinstance(column.type, Date)]
    wrong = [_outside(times, born, "%(as_of)s::timestamp")]
    if days:
        wrong.append(_outside(days, f"{born}::date", "%(as_of)s::date"))
    return (
        f"SELECT concat('{table.name} ', t.id) AS place,"
        f" concat_ws(', ', {', '.join(times + days)}, concat('parents made ', {born})) AS problem"
        f" FROM {table.name} t {joins} WHERE {' OR '.join(wrong)}"
    )


def _is_past_time(column: Column[object]) -> bool:
    to_come = (column.table.name, column.name) in TIMES_TO_COME or column.name == "updated_at"
    return isinstance(column.type, DateTime) and not to_come


def _outside(columns: list[str], low: str, high: str) -> str:
    listed = ", ".join(columns)
    return f"least({listed}) < {low} OR greatest({listed}) > {high}"


def _updated_query(table: Table) -> str:
    return (
        f"SELECT concat('{table.name} ', id) AS place,"
        f" concat('created ', created_at, ', updated ', updated_at) AS problem FROM {table.name}"
        " WHERE updated_at < created_at OR updated_at > %(as_of)s::timestamp"
    )


def _text_rules() -> Iterator[Rule]:
    hosts = r"""SELECT concat('{table} ', id) AS place, concat('host ', host[1]) AS problem
        FROM {table}, regexp_matches({texts}, '(?:@|://)([A-Za-z0-9.-]*[A-Za-z0-9])', 'g') host
       WHERE {texts} ~ '@|://' AND host[1] !~ '[.](test|example[.](com|org|net))$'
         AND host[1] !~ '^example[.](com|org|net)$'"""
    yield Rule("v7", "Every host and e-mail domain is a reserved one.", _over_texts(hosts))
    filler = r"""SELECT concat('{table} ', id) AS place, 'filler text' AS problem
        FROM {table} WHERE {texts} ~* '\m(lorem|ipsum|foobar|asdf|todo|xxx+)\M'"""
    yield Rule("v8", "Texts read as a person would write them.", _over_texts(filler))
    blank = """SELECT concat('{table} ', id) AS place, 'a blank text' AS problem
        FROM {table} WHERE '' IN ({trimmed})"""
    yield Rule("v9", "A text that is there says something.", _over_texts(blank))


def _over_texts(query: str) -> str:
    """Return one query per table with free texts, joined by UNION ALL."""
    parts = []
    for table in Base.metadata.sorted_tables:
        texts = [f'"{column.name}"::text' for column in table.columns if _is_free_text(column)]
        if texts:
            joined = f"concat_ws(' ', {', '.join(texts)})"
            trimmed = ", ".join(f"trim({text})" for text in texts)
            parts.append(query.format(table=table.name, texts=joined, trimmed=trimmed))
    return " UNION ALL ".join(parts)


def _is_free_text(column: Column[object]) -> bool:
    is_text = isinstance(column.type, String | JSON | ARRAY)
    is_code = "vocabulary" in column.info or re.search(
        r"wallet|hash|channel_id|key$|token", column.name
    )
    return is_text and not is_code


RULES: Mapping[str, Rule] = {
    rule.id: rule for rule in (*_written_rules(), *_time_rules(), *_text_rules())
}
"""Every rule that SQL can check, by id, in the order of payroll.md."""
