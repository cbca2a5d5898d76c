"""Big first runs write tables while later ones are still being computed; it must not show."""

from __future__ import annotations

import pytest
from given import applied, counts, execute, ledger, prepare, rows, traces

from seedbed.errors import InvalidInput
from seedbed.load import preparing

DDL = """
CREATE TABLE a (id serial PRIMARY KEY, v int);
CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a, v int);
CREATE TABLE c (id serial PRIMARY KEY, b_id int NOT NULL REFERENCES b, v int);
"""


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    monkeypatch.setattr(preparing, "AHEAD", 1)


def world(b=1, c=1):
    return (
        rows("a", ["x", "y"], {"v": [1, 1]}),
        rows("b", ["x"], {"v": [b]}, refs={"a": ("a", [1])}),
        rows("c", ["x"], {"v": [c]}, refs={"b": ("b", [0])}),
    )


def test_it_writes_what_a_careful_run_writes(database):
    prepare(database, DDL)
    done = applied(database, *world())
    assert counts(done) == {"a": {"create": 2}, "b": {"create": 1}, "c": {"create": 1}}
    before = traces(database, "a", "b", "c")
    assert not applied(database, *world()).changed
    assert traces(database, "a", "b", "c") == before


def test_a_wrong_value_late_takes_everything_back_and_all_findings_come_at_once(database):
    prepare(database, DDL)
    with pytest.raises(InvalidInput) as caught:
        applied(database, *world(b=2**40, c=2**50))
    assert len(caught.value.findings) == 2
    assert execute(database, "SELECT * FROM a") == []
    assert execute(
        database,
        "SELECT to_regclass('seedbed.rows') IS NULL OR NOT EXISTS (SELECT FROM seedbed.rows)",
    ) == [(True,)]


def test_a_column_that_raises_stops_the_run(database):
    prepare(database, DDL)
    broken = world()
    broken[2].columns.clear()
    broken[2].columns["v"] = None
    with pytest.raises(AttributeError):
        applied(database, *broken)
    assert execute(database, "SELECT * FROM a") == []
    assert ledger(database) == []
