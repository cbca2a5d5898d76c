"""What a project's tables need of the server: asked for before the run, created with the tables."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa

from seedbed.apply import apply
from seedbed.errors import InvalidInput
from seedbed.plan import plan
from tests.integration.given import rows, source


def _metadata() -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table("words", metadata, sa.Column("word", sa.Text, primary_key=True))
    return metadata


def test_an_extension_the_server_lacks_is_named_before_anything_is_made(database: str) -> None:
    """Both that are missing, and not the one that is there."""
    needy = source(
        rows("words", ["a"], {"word": ["a"]}, key=["word"]),
        metadata=_metadata,
        extensions=("no_such_thing", "plpgsql", "neither"),
    )
    with pytest.raises(InvalidInput) as refused:
        apply(needy, database)
    assert [finding.where for finding in refused.value.findings] == ["no_such_thing", "neither"]
    with psycopg.connect(database) as connection:
        (tables,) = connection.execute("SELECT to_regclass('words')").fetchone() or ()
    assert tables is None


def test_the_extensions_are_created_with_the_tables(database: str) -> None:
    """By apply; plan, which looks at the same tables, leaves nothing behind."""
    needy = source(
        rows("words", ["a"], {"word": ["a"]}, key=["word"]),
        metadata=_metadata,
        extensions=("pg_trgm",),
    )
    installed = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'"
    with psycopg.connect(database, autocommit=True) as connection:
        plan(needy, database)
        assert connection.execute(installed).fetchone() == (0,)
        apply(needy, database)
        assert connection.execute(installed).fetchone() == (1,)
