"""Rows as files: the script loads with psql, and every format holds the same rows."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import date, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
import polars as pl
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB

from seedbed.dataset import Dataset, GivenRows, Reference, TableName
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
    engine = sa.create_engine(database.replace("postgresql:", "postgresql+psycopg:", 1))
    metadata().create_all(engine)
    engine.dispose()
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


class TestOtherFormats:
    def test_json_lines_hold_json(self, tmp_path: Path) -> None:
        """Documents and lists are not texts in texts."""
        exported("jsonl", tmp_path)
        lines = (tmp_path / "People.jsonl").read_text("utf-8").splitlines()
        row = json.loads(lines[0])
        assert (row["note"], row["nicknames"]) == ({"a": [1, None]}, ["x", 'a "b", \\c'])
        assert (row["id"], row["joined"], row["boss_id"]) == (1, "2026-01-02", None)
        task = json.loads((tmp_path / "tasks.jsonl").read_text("utf-8").splitlines()[0])
        assert task["price"] == 1.1

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

    def test_a_circle_is_named(self, tmp_path: Path) -> None:
        """Two tables that refer to each other cannot be loaded one after the other."""
        tables = metadata()
        key = sa.ForeignKeyConstraint(["note_id"], ["tasks.id"], name="circle")
        tables.tables["People"].append_column(sa.Column("note_id", sa.BigInteger))
        tables.tables["People"].append_constraint(key)
        data = dataset()
        with pytest.raises(
            InvalidInput, match=r"circle: (tasks -> People -> tasks|People -> tasks -> People)"
        ):
            write(data, numbered(data, tables), "sql", tmp_path)

    def test_a_value_that_does_not_fit_is_located(self) -> None:
        """As apply would say it."""
        tables = metadata()
        tables.tables["task_tags"].c.tag.type = sa.String(3)
        with pytest.raises(InvalidInput, match=r"task_tags/2: task_tags\.tag: longer than the 3"):
            numbered(dataset(), tables)
