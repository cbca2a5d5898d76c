"""The line to the server breaks: in the middle, and at COMMIT (fault 26)."""

from __future__ import annotations

import importlib

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
    with pytest.raises(DatabaseFailure, match="no connection to the database"):
        applied("postgresql://nobody:s3cret@127.0.0.1:1/none", table())
    missing = database.rsplit("/empty", 1)[0] + "/not_there?" + database.split("?", 1)[1]
    with pytest.raises(DatabaseFailure, match='"not_there" does not exist'):
        applied(missing, table())
