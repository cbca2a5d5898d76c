"""Rows as files: the script loads with psql, and every format holds the same rows."""

from __future__ import annotations

import csv
import errno
import json
import resource
import subprocess
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import polars as pl
import psycopg
import pytest
import sqlalchemy as sa
from given import GivenRows
from psycopg.types.range import Range
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB, TSTZRANGE

from seedbed.dataset import Dataset, Reference, TableName
from seedbed.errors import InvalidInput
from seedbed.export import numbered, write
from seedbed.servers import psql
from tests.canary import bare

PEOPLE, TASKS, TAGS = TableName("People"), TableName("tasks"), TableName("task_tags")

AWKWARD = ["plain", "", 'tab\tnew\nline\\.\r"quoted", é 😀', None]


def metadata() -> sa.MetaData:
    """Return tables with what is awkward to export: names, types, keys, references."""
    tables = sa.MetaData()
    sa.Table(
        "People",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("full name", sa.Text),
        sa.Column("boss_id", sa.ForeignKey("People.id")),
        sa.Column("joined", sa.Date),
        sa.Column("note", JSONB),
        sa.Column("nicknames", ARRAY(sa.Text)),
        sa.Column("seen_from", INET),
        sa.Column("made_at", sa.DateTime, server_default=sa.func.now(), nullable=False),
    )
    sa.Table(
        "tasks",
        tables,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("person_id", sa.ForeignKey("People.id"), nullable=False),
        sa.Column("price", sa.Numeric(20, 8)),
        sa.Column("due", sa.DateTime(timezone=True)),
        sa.Column("done", sa.Boolean),
    )
    sa.Table(
        "task_tags",
        tables,
        sa.Column("task_id", sa.ForeignKey("tasks.id"), primary_key=True),
        sa.Column("tag", sa.String(20), primary_key=True),
    )
    return tables


def dataset() -> Dataset:
    """Return four people, two tasks and three tags; children come first."""
    people = GivenRows(
        PEOPLE,
        np.array([40, 10, 30, 20], dtype=np.int64),
        {
            "full name": pl.Series(AWKWARD),
            "joined": pl.Series([date(2026, 1, 2), None, None, None]),
            "note": pl.Series([{"a": [1, None]}, None, None, None], dtype=pl.Object),
            "nicknames": pl.Series([["x", 'a "b", \\c'], [], None, ["é"]]),
            "seen_from": pl.Series([IPv4Address("192.0.2.1"), None, None, None], dtype=pl.Object),
        },
        {"boss": Reference("boss", PEOPLE, np.array([-1, 0, 0, 1]))},
        labels=["ann", "bob", "cid", "dee"],
    )
    tasks = GivenRows(
        TASKS,
        np.array([7, 5], dtype=np.int64),
        {
            "price": pl.Series([Decimal("1.10000000"), None]),
            "due": pl.Series([datetime(2026, 3, 1, 12, 30), None]),
            "done": pl.Series([True, False]),
        },
        {"person": Reference("person", PEOPLE, np.array([0, 2]))},
    )
    tags = GivenRows(
        TAGS,
        np.array([1, 2, 3], dtype=np.int64),
        {"tag": pl.Series(["red", "blue", "red"])},
        {"task": Reference("task", TASKS, np.array([0, 0, 1]))},
    )
    return Dataset(
        profile="demo",
        environments=("demo",),
        as_of=datetime(2026, 1, 1),
        scale=1.0,
        seed="s",
        minimal=False,
        tables={TAGS: tags, TASKS: tasks, PEOPLE: people},
    )


def circle() -> sa.MetaData:
    """Return the tables with people who refer to the tasks that refer to them."""
    tables = metadata()
    people = tables.tables["People"]
    people.append_column(sa.Column("task_id", sa.BigInteger))
    people.append_constraint(sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="circle"))
    return tables


def circular_dataset(tasks: list[int]) -> Dataset:
    """Return the rows with people who refer to tasks."""
    data = dataset()
    people = data.tables[PEOPLE]
    link = Reference("task", TASKS, np.array(tasks))
    people = replace(people, references={**people.references, "task": link})
    return replace(data, tables={**data.tables, PEOPLE: people})


def made(url: str, tables: sa.MetaData) -> None:
    """Create the tables in a database."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    tables.create_all(engine)
    engine.dispose()


def exported(kind: str, folder: Path) -> list[Path]:
    data = dataset()
    return write(data, numbered(data, metadata()), kind, folder)


def load(url: str, script: Path) -> None:
    command = [psql(), "--no-psqlrc", "--quiet", f"--dbname={bare(url)}", f"--file={script}"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "ERROR" not in run.stderr


@pytest.fixture
def loaded(database: str, tmp_path: Path) -> psycopg.Connection:
    """Return a connection to a database that the exported script was loaded into."""
    made(database, metadata())
    load(database, exported("sql", tmp_path)[0])
    with psycopg.connect(database) as connection:
        yield connection


class TestScript:
    def test_awkward_texts_arrive_as_they_are(self, loaded: psycopg.Connection) -> None:
        """Tabs, newlines, backslashes, an empty string, NULL and what is beyond ASCII."""
        rows = loaded.execute('SELECT "full name" FROM "People" ORDER BY id').fetchall()
        assert [text for (text,) in rows] == AWKWARD

    def test_keys_are_numbered_in_the_order_of_the_dataset(
        self, loaded: psycopg.Connection
    ) -> None:
        """References follow them, also those of a table to itself."""
        rows = loaded.execute('SELECT id, boss_id FROM "People" ORDER BY id').fetchall()
        assert rows == [(1, None), (2, 1), (3, 1), (4, 2)]

    def test_children_refer_to_their_parents(self, loaded: psycopg.Connection) -> None:
        """Through identity columns that nobody may write to otherwise."""
        rows = loaded.execute(
            'SELECT t.id, p."full name", g.tag FROM tasks t JOIN "People" p ON p.id = t.person_id '
            "JOIN task_tags g ON g.task_id = t.id ORDER BY 1, 3"
        ).fetchall()
        assert rows == [(1, "plain", "blue"), (1, "plain", "red"), (2, AWKWARD[2], "red")]

    def test_rich_types_arrive(self, loaded: psycopg.Connection) -> None:
        """jsonb, arrays, inet, numeric, and moments with a zone."""
        person = loaded.execute(
            'SELECT note, nicknames, host(seen_from), joined FROM "People" WHERE id = 1'
        ).fetchone()
        assert person == (
            {"a": [1, None]},
            ["x", 'a "b", \\c'],
            "192.0.2.1",
            date(2026, 1, 2),
        )
        task = loaded.execute(
            "SELECT price, due AT TIME ZONE 'UTC', done FROM tasks WHERE id = 1"
        ).fetchone()
        assert task == (Decimal("1.10000000"), datetime(2026, 3, 1, 12, 30), True)

    def test_the_applications_next_insert_works(self, loaded: psycopg.Connection) -> None:
        """Sequences and identities are where they must be."""
        query = 'INSERT INTO "People" ("full name") VALUES (%s) RETURNING id'
        assert loaded.execute(query, ["new"]).fetchone() == (5,)
        query = "INSERT INTO tasks (person_id) VALUES (5) RETURNING id"
        assert loaded.execute(query).fetchone() == (3,)


MOMENT = datetime(2026, 10, 29, 5, 0, 52)
RICH = TableName("rich")


def rich_metadata() -> sa.MetaData:
    """Return a table of the types that files have their own ideas of."""
    tables = sa.MetaData()
    columns = {
        "at": sa.DateTime(timezone=True),
        "naive": sa.DateTime(),
        "span": TSTZRANGE(),
        "moments": ARRAY(sa.DateTime(timezone=True)),
        "blob": sa.LargeBinary(),
        "lasts": sa.Interval(),
        "share": sa.Double(),
        "price": sa.Numeric(12, 2),
        "grid": ARRAY(sa.Integer),
        "ratios": ARRAY(sa.Numeric),
    }
    key = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("rich", tables, key, *(sa.Column(name, kind) for name, kind in columns.items()))
    return tables


def rich_dataset() -> Dataset:
    """Return a row of what is awkward in a file, and one of NULLs and numbers that are none."""
    columns = {
        "at": pl.Series([MOMENT, None]),
        "naive": pl.Series([MOMENT, None]),
        "span": pl.Series([Range(MOMENT, None), None], dtype=pl.Object),
        "moments": pl.Series([[MOMENT], None]),
        "blob": pl.Series([b"\x00\xff", None]),
        "lasts": pl.Series([timedelta(days=-1, hours=2), None]),
        "share": pl.Series([0.5, float("nan")]),
        "price": pl.Series([1.1, float("nan")]),
        "grid": pl.Series([[[1, 2], [3, None]], None], dtype=pl.Object),
        "ratios": pl.Series([[Decimal("0.10"), None], []], dtype=pl.Object),
    }
    rows = GivenRows(RICH, np.array([1, 2], dtype=np.int64), columns)
    return replace(dataset(), tables={RICH: rows})


def rich_export(kind: str, folder: Path) -> Path:
    data = rich_dataset()
    return write(data, numbered(data, rich_metadata()), kind, folder)[0]


class TestRichTypes:
    def test_csv_is_the_same_rows_wherever_it_is_read(self, database: str, tmp_path: Path) -> None:
        """Moments keep their zone under another session's, bytes are bytes."""
        file = rich_export("csv", tmp_path)
        made(database, rich_metadata())
        with psycopg.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute("SET timezone TO 'America/New_York'")
            with cursor.copy("COPY rich FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(file.read_bytes())
            found = cursor.execute(
                "SELECT at AT TIME ZONE 'UTC', naive, lower(span) AT TIME ZONE 'UTC', moments[1] AT TIME ZONE 'UTC', "
                "blob, lasts, share::text, price::text, grid, ratios::text FROM rich ORDER BY id"
            ).fetchall()
        nothing = [None] * 6
        assert found == [
            (
                *[MOMENT] * 4,
                b"\x00\xff",
                timedelta(hours=-22),
                "0.5",
                "1.10",
                [[1, 2], [3, None]],
                "{0.10,NULL}",
            ),
            (*nothing, "NaN", "NaN", None, "{}"),
        ]

    def test_json_lines_are_json_and_postgresqls_texts(self, tmp_path: Path) -> None:
        """Lists at every depth, numerics as texts, moments with their zone, NaN as a text."""
        lines = rich_export("jsonl", tmp_path).read_text("utf-8").splitlines()

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is not JSON")

        first, second = (json.loads(line, parse_constant=refuse) for line in lines)
        assert first == {
            "id": 1,
            "at": "2026-10-29T05:00:52+00:00",
            "naive": "2026-10-29T05:00:52",
            "span": '["2026-10-29 05:00:52+00",)',
            "moments": ["2026-10-29T05:00:52+00"],
            "blob": "\\x00ff",
            "lasts": "-1 days +02:00:00",
            "share": 0.5,
            "price": "1.10",
            "grid": [[1, 2], [3, None]],
            "ratios": ["0.10", None],
        }
        assert (second["share"], second["price"], second["ratios"]) == ("NaN", "NaN", [])

    def test_parquet_has_moments_with_a_zone(self, tmp_path: Path) -> None:
        """Those of a column that has one, also in lists."""
        schema = pl.read_parquet_schema(rich_export("parquet", tmp_path))
        utc = pl.Datetime("us", "UTC")
        assert (schema["at"], schema["moments"]) == (utc, pl.List(utc))
        assert schema["naive"] == pl.Datetime("us")

    @pytest.mark.parametrize("kind", ["sql", "csv", "jsonl", "parquet"])
    def test_nothing_is_left_of_an_export_that_fails(self, kind: str, tmp_path: Path) -> None:
        """No half of a file; what was there before stays."""
        data = dataset()
        rows = numbered(data, metadata())
        before = tmp_path / f"People.{kind}"
        before.write_text("before")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # as a disk that is full
        try:
            with pytest.raises(OSError, match="File too large") as failed:
                write(data, rows, kind, tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert failed.value.errno == errno.EFBIG
        assert list(tmp_path.iterdir()) == [before]
        assert before.read_text() == "before"


class TestOtherFormats:
    def test_json_lines_hold_json(self, tmp_path: Path) -> None:
        """Documents and lists are not texts in texts."""
        exported("jsonl", tmp_path)
        lines = (tmp_path / "People.jsonl").read_text("utf-8").splitlines()
        row = json.loads(lines[0])
        assert (row["note"], row["nicknames"]) == ({"a": [1, None]}, ["x", 'a "b", \\c'])
        assert (row["id"], row["joined"], row["boss_id"]) == (1, "2026-01-02", None)
        task = json.loads((tmp_path / "tasks.jsonl").read_text("utf-8").splitlines()[0])
        assert task["price"] == "1.10000000"

    def test_csv_tells_null_from_empty(self, tmp_path: Path) -> None:
        """As PostgreSQL's own CSV does: an empty string is quoted."""
        exported("csv", tmp_path)
        with (tmp_path / "People.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["full name"] for row in rows] == [name or "" for name in AWKWARD]
        assert '2,"",1,,,{},' in (tmp_path / "People.csv").read_text("utf-8").splitlines()

    def test_parquet_holds_every_table(self, tmp_path: Path) -> None:
        """With the same numbers."""
        files = exported("parquet", tmp_path)
        assert {file.name for file in files} == {f"{n}.parquet" for n in (PEOPLE, TASKS, TAGS)}
        assert pl.read_parquet(tmp_path / "tasks.parquet")["person_id"].to_list() == [1, 3]


class TestOrderAndChoice:
    def test_parents_come_first(self) -> None:
        """Whatever order the recipe named them in."""
        tables = numbered(dataset(), metadata()).tables
        assert tables == [PEOPLE, TASKS, TAGS]

    def test_only_and_skip_choose_what_is_written(self) -> None:
        """The references keep their numbers."""
        rows = numbered(dataset(), metadata(), only=["tasks"])
        assert rows.tables == [TASKS]
        assert rows.frame(TASKS)["person_id"].to_list() == [1, 3]

    def test_a_circle_that_nothing_breaks_is_named(self, tmp_path: Path) -> None:
        """Two tables that always refer to each other cannot be loaded one after the other."""
        data, tables = circular_dataset([1, 1, 0, 0]), circle()
        tables.tables["People"].c.task_id.nullable = False
        with pytest.raises(
            InvalidInput, match=r"circle: (tasks -> People -> tasks|People -> tasks -> People)"
        ):
            write(data, numbered(data, tables), "sql", tmp_path)

    def test_a_circle_is_broken_where_a_key_may_be_null(
        self, database: str, tmp_path: Path
    ) -> None:
        """The rows come first, what they refer to afterwards, as apply does it."""
        data, tables = circular_dataset([1, -1, 0, -1]), circle()
        made(database, tables)
        load(database, write(data, numbered(data, tables), "sql", tmp_path)[0])
        with psycopg.connect(database) as connection:
            rows = connection.execute('SELECT task_id FROM "People" ORDER BY id').fetchall()
        assert rows == [(2,), (None,), (1,), (None,)]

    def test_a_value_that_does_not_fit_is_located(self) -> None:
        """As apply would say it."""
        tables = metadata()
        tables.tables["task_tags"].c.tag.type = sa.String(3)
        with pytest.raises(InvalidInput, match=r"task_tags/2: task_tags\.tag: longer than the 3"):
            numbered(dataset(), tables)
