"""Databases that are not UTF-8: fault 42."""

from __future__ import annotations

import psycopg
import pytest
from given import applied, execute, prepare, rows

from seedbed.errors import InvalidInput


@pytest.fixture
def latin(database):
    """Return the URL of a database in LATIN1."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    execute(
        database,
        f"CREATE DATABASE {name}_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc TEMPLATE template0",
    )
    yield database.replace(name, f"{name}_latin")
    execute(database, f"DROP DATABASE {name}_latin WITH (FORCE)")


def test_what_the_encoding_knows_is_stored(latin):
    prepare(latin, 'CREATE TABLE t (id serial PRIMARY KEY, "größe" text)')
    table = rows("t", ["x"], {"größe": ["Müller"]})
    applied(latin, table)
    assert execute(latin, "SELECT * FROM t") == [(1, "Müller")]
    assert not applied(latin, table).changed


def test_what_it_does_not_know_is_located(latin):
    prepare(latin, "CREATE TABLE t (id serial PRIMARY KEY, v text)")
    with pytest.raises(InvalidInput, match=r"y: public\.t: .*encoding") as caught:
        applied(latin, rows("t", ["x", "y"], {"v": ["ok", "😀"]}))
    assert "😀" not in str(caught.value)
    assert execute(latin, "SELECT * FROM t") == []
