"""The line to the server breaks: in the middle, and at COMMIT (fault 26)."""

from __future__ import annotations

import importlib
import itertools

import pytest
from given import applied, execute, prepare, rows
from proxy import through_proxy

from seedbed.errors import DatabaseFailure, OutcomeUnknown

DDL = "CREATE TABLE t (id serial PRIMARY KEY, a text)"


def table():
    return rows("t", ["x"], {"a": ["x"]})


def test_a_commit_whose_answer_is_lost_is_found_to_be_done(database):
    prepare(database, DDL)
    with through_proxy(database, forward=True) as url:
        assert applied(url, table()).changed
    assert execute(database, "SELECT a FROM t") == [("x",)]


def test_a_commit_that_never_arrived_is_found_to_be_rolled_back(database):
    prepare(database, DDL)
    with (
        through_proxy(database, forward=False) as url,
        pytest.raises(DatabaseFailure, match="rolled back"),
    ):
        applied(url, table())
    assert execute(database, "SELECT a FROM t") == []


def test_a_commit_nobody_can_be_asked_about_is_of_unknown_outcome(database, monkeypatch):
    monkeypatch.setattr(importlib.import_module("seedbed.apply"), "ASKING", 0.5)
    prepare(database, DDL)
    with through_proxy(database, forward=True, close=True) as url, pytest.raises(OutcomeUnknown):
        applied(url, table())
    assert not applied(database, table()).changed


def test_a_line_that_breaks_in_mid_run_rolls_back(database):
    prepare(database, DDL)
    with (
        through_proxy(database, b'COPY "public"', forward=False) as url,
        pytest.raises(DatabaseFailure),
    ):
        applied(url, table())
    assert execute(database, "SELECT a FROM t") == []
    assert applied(database, table()).changed


def test_an_unreachable_server_and_a_missing_database_are_one_line(database):
    with pytest.raises(DatabaseFailure, match="no connection to the database") as caught:
        applied("postgresql://nobody:s3cret@127.0.0.1:1/none", table())
    assert "whether the server runs" in caught.value.remedy
    missing = database.rsplit("/empty", 1)[0] + "/not_there?" + database.split("?", 1)[1]
    with pytest.raises(DatabaseFailure, match='"not_there" does not exist') as caught:
        applied(missing, table())
    assert "createdb" in caught.value.remedy


def test_cut_at_every_message_in_turn_there_is_the_old_state_or_the_new_one(database):
    """Fault 21: creating, updating and pruning in one run, killed before each of its statements."""
    prepare(
        database,
        "CREATE TABLE p (id serial PRIMARY KEY, a text UNIQUE);"
        "CREATE TABLE c (id serial PRIMARY KEY, p_id int NOT NULL REFERENCES p, a text);"
        "INSERT INTO p (a) VALUES ('theirs')",
    )

    def world(*names, a="x"):
        parents = rows("p", names, {"a": list(names)}, key=["a"])
        return parents, rows(
            "c", names, {"a": [a] * len(names)}, refs={"p": ("p", range(len(names)))}
        )

    applied(database, *world("one", "two"))
    rows_of = "(SELECT array_agg((ctid, xmin, {0}) ORDER BY 1) FROM {0})::text"
    state = f"SELECT {rows_of.format('p')}, {rows_of.format('c')}"
    before = execute(database, state)
    for number in itertools.count(1):
        with through_proxy(database, number, forward=False) as url:
            try:
                applied(url, *world("two", "three", a="y"))
            except (DatabaseFailure, OutcomeUnknown):
                assert execute(database, state) == before, number
            else:
                break
    assert number > 30
    assert not applied(database, *world("two", "three", a="y")).changed
    assert execute(database, "SELECT a FROM p ORDER BY 1") == [("theirs",), ("three",), ("two",)]
