"""`seedbed guard explain`: the verdict and all the evidence, and nothing written."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.acceptance.program import Ran

pytestmark = pytest.mark.on_one_server

Run = Callable[..., Ran]

EMPTY = """\
Database     {name} on a local socket
Environment  unknown: it is empty, and becomes what its first profile is for
Writable     yes

There is no evidence.
"""
WITH_ROWS = """\
Database     {name} on a local socket
Environment  unknown, which counts as production
Refused      {name} holds rows (t) and nobody has said what it is for
             Say what it is for: seedbed stamp ENVIRONMENT --confirm {name}

evidence       says         counts   detail
--environment  development  in full  'dev'
"""


def name_of(database: str) -> str:
    with psycopg.connect(database) as connection:
        return connection.info.dbname


def test_an_empty_database(seedbed: Run, database: str) -> None:
    """It becomes what its first profile is for, and so far there is no ledger in it."""
    done = seedbed("guard", "explain", "--database-url", database)
    assert (done.code, done.out) == (0, EMPTY.format(name=name_of(database)))
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regnamespace('seedbed')").fetchone() == (None,)


def test_a_refusal_is_told_with_its_remedy_and_is_no_failure(seedbed: Run, database: str) -> None:
    """Unknown is a verdict like any other."""
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    done = seedbed("guard", "explain", "--database-url", database, "--environment", "dev")
    assert (done.code, done.out) == (0, WITH_ROWS.format(name=name_of(database)))


def test_a_profile_that_may_not_go_there_is_exit_3(seedbed: Run, database: str) -> None:
    """And one that may, 0; the same words as apply's."""
    name = name_of(database)
    seedbed("stamp", "staging", "--database-url", database, "--confirm", name)
    refused = seedbed("guard", "explain", "development", "--database-url", database)
    assert refused.code == 3
    assert f"{name} is for staging, and the profile development is for development" in refused.out
    seedbed(
        *("stamp", "development", "--from", "staging"),
        *("--database-url", database, "--confirm", name),
    )
    allowed = seedbed("guard", "explain", "development", "--database-url", database)
    assert allowed.code == 0
    assert "Writable     yes, for the profile development" in allowed.out


def test_programs_get_every_piece_of_evidence(seedbed: Run, database: str) -> None:
    """One object: where it is, the verdict, and what each piece of evidence says and counts for."""
    name = name_of(database)
    seedbed("stamp", "demo", "--database-url", database, "--confirm", name)
    ran = seedbed("guard", "explain", "--database-url", database, "--json", NODE_ENV="production")
    found = ran.json
    assert ran.code == 0
    assert (found["database"], found["environment"], found["writable"]) == (name, "unknown", False)
    assert (found["stamped"], found["created_by_seedbed"], found["local"]) == (True, False, True)
    assert [(each["source"], each["says"], each["counts"]) for each in found["evidence"]] == [
        ("stamp", "demo", "says"),
        ("NODE_ENV", "production", "says"),
    ]


def test_it_needs_no_right_to_write(seedbed: Run, database: str) -> None:
    """A session that is read-only is asked like any other, and the server holds every session to it."""
    separator = "&" if "?" in database else "?"
    read_only = f"{database}{separator}options=-c%20default_transaction_read_only%3Don"
    done = seedbed("guard", "explain", "--database-url", read_only)
    assert (done.code, done.out) == (0, EMPTY.format(name=name_of(database)))


@pytest.mark.parametrize("word", ["sandbox", "yes", ""])
def test_a_word_that_is_no_environment_is_not_valid(seedbed: Run, database: str, word: str) -> None:
    """A mistyped --environment is never taken for something else."""
    done = seedbed("guard", "explain", "--database-url", database, "--environment", word)
    assert done.code == 2
    assert "is not an environment" in done.err


def test_a_plan_says_that_apply_would_be_refused(seedbed: Run, database: str) -> None:
    """The difference is shown all the same: planning writes nothing anywhere."""
    name = name_of(database)
    seedbed("stamp", "staging", "--database-url", database, "--confirm", name)
    planned = seedbed("plan", "development", "--database-url", database, "--json")
    assert planned.code == 0
    assert planned.json["notes"] == [
        f"apply would be refused: {name} is for staging, and the profile development is for development"
    ]
    assert planned.json["tables"]["orders"]["create"] == 23
