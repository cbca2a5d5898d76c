"""Values made fit for a column, formatted and digested, without a database."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.load.copying import copy_text
from seedbed.load.digest import profile_digests
from seedbed.load.values import fit
from seedbed.target import Column, Type

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def unescape(field: bytes) -> str | None:
    """Read a field of COPY's text format the way PostgreSQL's documentation says."""
    if field == b"\\N":
        return None
    out, data = [], iter(field.decode())
    for character in data:
        if character == "\\":
            following = next(data)
            out.append({"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}[following])
        else:
            out.append(character)
    return "".join(out)


class TestCopyText:
    @given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT), min_size=1))
    def test_any_text_can_be_read_back_and_a_row_is_a_line(self, table):
        frame = pl.DataFrame(
            table,
            schema=["a", "b"],
            orient="row",
            schema_overrides={"a": pl.String, "b": pl.String},
        )
        lines = copy_text(frame).split(b"\n")
        assert lines.pop() == b""
        assert [tuple(map(unescape, line.split(b"\t"))) for line in lines] == table

    def test_moments_have_microseconds_and_no_zone(self):
        frame = pl.DataFrame({"a": [datetime(2026, 1, 2, 3, 4, 5, 6)]})
        assert copy_text(frame) == b"2026-01-02 03:04:05.000006\n"

    def test_bytes_are_hexadecimal(self):
        assert copy_text(pl.DataFrame({"a": [b"\x00\\", None]})) == b"\\\\x005c\n\\N\n"


class TestFit:
    def test_durations_become_what_postgresql_writes(self):
        column = Column("a", Type("interval", "interval"), True)
        fitted, faults = fit(pl.Series([timedelta(days=-1, hours=1), None]), column)
        assert fitted.to_list() == ["-1 days +01:00:00", None]
        assert faults == []

    def test_faults_name_every_position(self):
        column = Column("a", Type("smallint", "int2"), True)
        _, (fault,) = fit(pl.Series([1, 40000, None, -40000]), column)
        assert fault.positions.tolist() == [1, 3]

    @pytest.mark.parametrize("values", [[], [None, None]])
    def test_columns_without_values_fit_everywhere(self, values):
        for base in ("int4", "numeric", "text", "timestamp", "jsonb", "bytea", "uuid", "bool"):
            _, faults = fit(pl.Series(values, dtype=pl.Null), Column("a", Type(base, base), True))
            assert faults == []


COLUMNS = """
import polars as pl
from datetime import datetime
columns = {"a": pl.Series([1, 2, None]), "b": pl.Series(["x", "", None]), "c": pl.Series([0.5, -0.0, float("nan")]),
           "d": pl.Series([datetime(2026, 1, 1)] * 3), "e": pl.Series([b"x", None, b""])}
"""


class TestDigests:
    def test_they_are_the_same_in_every_process(self):
        """An unstable digest would make every run compare every row by value."""
        code = (
            COLUMNS
            + "from seedbed.load.digest import profile_digests\nprint(profile_digests(columns, 3).tolist())"
        )
        answers = {
            subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
        }
        assert len(answers) == 1

    def test_any_change_of_value_or_column_shows(self):
        base = profile_digests({"a": pl.Series([1]), "b": pl.Series(["x"])}, 1)
        others = [
            {"a": pl.Series([2]), "b": pl.Series(["x"])},
            {"a": pl.Series([1]), "b": pl.Series([""])},
            {"a": pl.Series([1]), "b": pl.Series([None], dtype=pl.String)},
            {"b": pl.Series([1]), "a": pl.Series(["x"])},
            {"a": pl.Series([1])},
            {"a": pl.Series([1]), "b": pl.Series(["x"]), "c": pl.Series([None], dtype=pl.String)},
        ]
        digests = [int(profile_digests(columns, 1)[0]) for columns in others]
        assert len({int(base[0]), *digests}) == len(others) + 1

    def test_equal_values_in_two_columns_do_not_cancel_out(self):
        same = profile_digests({"a": pl.Series([1, 2]), "b": pl.Series([1, 2])}, 2)
        assert same[0] != same[1]
