"""Values on their way into columns: round trips, and what cannot be written."""

from __future__ import annotations

import ipaddress
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum

import numpy as np
import polars as pl
import pytest
from given import applied, execute, objects, planned, prepare, rows, traces
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from seedbed.errors import InvalidInput


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


HARD = [
    "",
    "\\N",
    "\\.",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "back\\slash",
    '"quoted"',
    "it's",
    " padded ",
    "NULL",
    "ü😀",
    None,
]
"""Texts that a careless COPY would mistake for something else."""


def roundtrip(url, kind, values):
    """Write values into a column of a type, twice; return what the database then holds."""
    prepare(url, f"CREATE TABLE t (id serial PRIMARY KEY, v {kind})")
    series = values if isinstance(values, pl.Series) else None
    labels = [f"r{n}" for n in range(len(values))]
    table = rows("t", labels, {"v": values if series is None else series})
    applied(url, table)
    before = traces(url, "t")
    assert not applied(url, table).changed
    assert traces(url, "t") == before
    # Without digests everything is compared by value, and must be found equal.
    execute(url, "UPDATE seedbed.rows SET digest = digest + 1")
    assert not planned(url, table).changed
    return [value for (value,) in execute(url, "SELECT v FROM t ORDER BY id")]


class TestRoundTrip:
    """What goes in comes out, and a second apply sees that it is the same."""

    @pytest.mark.parametrize("kind", ["text", "varchar", "varchar(40)", "bytea_text"])
    def test_texts(self, database, kind):
        kind = kind.replace("bytea_text", 'text COLLATE "C"')
        assert roundtrip(database, kind, HARD) == HARD

    def test_texts_in_arrays(self, database):
        lists = [HARD, [], None, ["a,b", "{}", '"']]
        assert roundtrip(database, "text[]", pl.Series(lists, dtype=pl.List(pl.String))) == lists

    def test_nested_lists(self, database):
        assert roundtrip(database, "int[]", [[[1, 2], [3, None]], None]) == [
            [[1, 2], [3, None]],
            None,
        ]

    def test_texts_in_json(self, database):
        values = [{"k": text, "n": None, "list": [1, 2.5, True]} for text in HARD]
        assert roundtrip(database, "jsonb", values) == values

    def test_json_without_equality(self, database):
        assert roundtrip(database, "json", [{"b": 1, "a": [2]}, None]) == [{"b": 1, "a": [2]}, None]

    def test_json_documents_as_text(self, database):
        assert roundtrip(database, "jsonb", ['{"a": "\\\\u0000 is fine escaped"}', "3"]) == [
            {"a": "\\u0000 is fine escaped"},
            3,
        ]

    def test_bytes(self, database):
        values = [b"", b"\x00\xff\\", None, bytes(range(256))]
        assert roundtrip(database, "bytea", values) == values

    def test_integers_to_their_limits(self, database):
        assert roundtrip(database, "bigint", [2**63 - 1, -(2**63), None]) == [
            2**63 - 1,
            -(2**63),
            None,
        ]

    def test_whole_floats_in_an_integer_column(self, database):
        assert roundtrip(database, "int", [1.0, None, -3.0]) == [1, None, -3]

    def test_decimals(self, database):
        values = [Decimal("0.00000001"), Decimal("-999999999999.99999999"), None]
        assert (
            roundtrip(database, "numeric(20,8)", pl.Series(values, dtype=pl.Decimal(38, 8)))
            == values
        )

    def test_decimals_that_the_column_rounds(self, database):
        assert roundtrip(database, "numeric(10,2)", [1.239, 2.5]) == [
            Decimal("1.24"),
            Decimal("2.50"),
        ]

    def test_floats(self, database):
        values = [0.1, 1e300, -1e-300, float("inf"), float("-inf"), None]
        assert roundtrip(database, "float8", values) == values

    def test_nan(self, database):
        assert np.isnan(roundtrip(database, "float8", [float("nan")])[0])

    def test_moments_are_utc_whatever_zone_they_were_written_in(self, database):
        plus2 = timezone(timedelta(hours=2))
        moment = datetime(2026, 3, 29, 2, 30, 0, 123456)
        aware = pl.Series([moment.replace(tzinfo=plus2)])
        assert roundtrip(database, "timestamptz", aware) == [
            moment.replace(tzinfo=plus2).astimezone(UTC)
        ]

    def test_a_zoned_moment_in_a_column_without_zone_is_utc(self, database):
        plus2 = pl.Series([datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=2)))])
        assert roundtrip(database, "timestamp", plus2) == [datetime(2026, 3, 29, 0, 30)]

    def test_infinite_and_ancient_moments(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, v timestamp)")
        table = rows("t", ["a", "b"], {"v": ["infinity", "0044-03-15 BC"]})
        applied(database, table)
        assert not applied(database, table).changed

    def test_dates_times_and_durations(self, database):
        assert roundtrip(database, "date", [date(2024, 2, 29), None]) == [date(2024, 2, 29), None]

    def test_times(self, database):
        assert roundtrip(database, "time", [time(23, 59, 59, 999999)]) == [time(23, 59, 59, 999999)]

    def test_durations(self, database):
        values = [
            timedelta(days=1),
            timedelta(seconds=-1),
            timedelta(hours=25, microseconds=1),
            None,
        ]
        assert roundtrip(database, "interval", values) == values

    def test_uuids_addresses_ranges_and_enum_members(self, database):
        prepare(
            database,
            "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE named AS ENUM ('HAPPY', 'SAD');"
            "CREATE DOMAIN positive AS int CHECK (value > 0);"
            "CREATE TABLE t (id serial PRIMARY KEY, u uuid, i inet, c cidr, r int4range, d daterange, m int4multirange,"
            " e mood, f named, es mood[], p positive, is_ inet[], iv interval[])",
        )
        table = rows(
            "t",
            ["x"],
            {
                "u": [uuid.UUID(int=5)],
                "i": [ipaddress.ip_address("2001:db8::1")],
                "c": [ipaddress.ip_network("192.0.2.0/24")],
                "r": [Range(1, 5)],
                "d": [Range(date(2020, 1, 1), None)],
                "m": [Multirange([Range(1, 3), Range(5, 6)])],
                "e": [Mood.SAD],
                "f": objects([Mood.SAD]),
                "es": [[Mood.SAD, "happy", None]],
                "p": [3],
                "is_": [[ipaddress.ip_address("192.0.2.1")]],
                "iv": [[timedelta(days=1)]],
            },
        )
        applied(database, table)
        before = traces(database, "t")
        assert not applied(database, table).changed
        assert traces(database, "t") == before
        (row,) = execute(
            database,
            "SELECT u, i::text, c::text, r, d, m::text, e, f, es::text, p, is_::text FROM t",
        )
        assert row == (
            uuid.UUID(int=5),
            "2001:db8::1/128",
            "192.0.2.0/24",
            Range(1, 5),
            Range(date(2020, 1, 1), None, "[)"),
            "{[1,3),[5,6)}",
            "sad",
            "SAD",
            "{sad,happy,NULL}",
            3,
            "{192.0.2.1}",
        )

    def test_types_that_only_text_can_compare(self, database):
        prepare(
            database,
            "CREATE TYPE pair AS (a int, b text);"
            'CREATE TABLE t (id serial PRIMARY KEY, p point, c pair, x bit(3), m money, v tsvector, h "char", js json[])',
        )
        table = rows(
            "t",
            ["x"],
            {
                "p": ["(1,2)"],
                "c": ['(1,"x y")'],
                "x": ["101"],
                "m": ["12.50"],
                "v": ["a b"],
                "h": ["q"],
                "js": [[{"a": 1}]],
            },
        )
        applied(database, table)
        execute(database, "UPDATE seedbed.rows SET digest = 0")
        assert not applied(database, table).changed

    def test_padded_characters(self, database):
        assert roundtrip(database, "char(5)", ["ab", "ab   "]) == ["ab   ", "ab   "]


DDL = """
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE t (id serial PRIMARY KEY, i int, s smallint, n numeric(5,2), v varchar(3), m mood, b bool, d date, u uuid,
                j jsonb, a text[], req text NOT NULL, f float8);
"""


class TestAllAtOnce:
    """What is wrong with hand-picked values is said in one go, whoever finds it."""

    def test_what_we_and_the_server_cannot_read_comes_together(self, database):
        """Two sides, several columns, several rows, each with its row and column."""
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, v text, i int, ip inet, span int4range, days date[])",
        )
        bad = rows(
            "t",
            ["a", "b", "c"],
            {
                "v": pl.Series(["nul \0", ["x"], "fine"], dtype=pl.Object),
                "i": [1, 2**40, 3],
                "ip": ["nowhere", "192.0.2.1", "192.0.2.256"],
                "span": [None, "[7,3)", "[3,7)"],
                "days": ["{2026-02-30}", None, "{2026-02-28}"],
            },
        )
        with pytest.raises(InvalidInput) as planning:
            planned(database, bad)
        found = [
            f"{f.where}: {f.problem} ({f.remedy.partition(':')[0]})"
            for f in planning.value.findings
        ]
        assert sorted(found) == [
            "a: public.t.days: a date or time out of range ()",
            "a: public.t.ip: not valid input for the column's type ()",
            "a: public.t.v: a NUL character, which no text may hold ()",
            "b: public.t.i: out of range for integer (where it is a Sequence's)",
            "b: public.t.span: not valid for the column's type, such as a range that ends before it begins ()",
            "b: public.t.v: a value cannot be written: it is a list (the column is text)",
            "c: public.t.ip: not valid input for the column's type ()",
        ]

    @pytest.mark.parametrize("value", [True, 1.5, date(2026, 3, 1), Decimal("1.50")])
    def test_what_is_no_text_is_not_made_one(self, database, value):
        """Neither where the whole column is of it nor among texts; an integer is written in one way only."""
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, v text, tags text[])")
        for columns in (
            {"v": [value, value]},
            {"v": objects([3, value if not isinstance(value, Decimal) else 1.5])},
            {"tags": objects([["x"], [value if not isinstance(value, Decimal) else 1.5]])},
        ):
            with pytest.raises(InvalidInput, match=r"put (it|them) in quotes"):
                planned(database, rows("t", ["a", "b"], columns))
