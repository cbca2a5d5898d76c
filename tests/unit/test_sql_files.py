"""SQL files are taken apart as psql does it."""

from __future__ import annotations

import pytest

from seedbed.errors import InvalidInput
from seedbed.testdb.sql_files import Statement, statements


def split(text: str) -> list[str]:
    return [statement.text for statement in statements(text, "a.sql")]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ';', E'\\';', \"a;b\", 'it''s;'",
        "DO $$ BEGIN; 'x; END $$",
        "DO $tag$ ; $$ ; $other$ ; $tag$",
        "SELECT 1 /* ; /* ; */ ; */ + 2 -- ;\n + 3",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2))",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
        "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END",
        "SELECT a$b$c, $1",
        "@ 1",
    ],
)
def test_semicolons_inside_of_something_end_nothing(statement: str) -> None:
    """Quotes of all kinds, comments, parentheses, bodies."""
    assert split(f"{statement};\nSELECT 1;") == [statement, "SELECT 1"]


def test_begin_by_itself_is_a_statement() -> None:
    """A transaction's, not a body's."""
    assert split("BEGIN; SELECT 1; END; CREATE TABLE begin (a int);") == [
        *("BEGIN", "SELECT 1", "END"),
        "CREATE TABLE begin (a int)",
    ]


def test_what_is_not_closed_goes_to_the_server_as_it_is() -> None:
    """Which says what is wrong."""
    assert split("SELECT 1;\nSELECT 'a; b") == ["SELECT 1", "SELECT 'a; b"]


def test_comments_and_semicolons_alone_are_nothing() -> None:
    """Nor is what pg_dump writes for psql."""
    assert split("-- a\n\\restrict xyz\n;;\n/* b */\n\\unrestrict xyz\n") == []


def test_lines_are_counted_to_where_a_statement_begins() -> None:
    """Comments before it do not count."""
    found = list(statements("-- one\n\nSELECT 1;\n/* a\nb */ SELECT\n2;", "a.sql"))
    assert found == [Statement("SELECT 1", 3), Statement("SELECT\n2", 5)]


@pytest.mark.parametrize("end", ["\\.\n", "\\.\r\n", ""])
def test_the_data_of_a_copy_goes_with_it(end: str) -> None:
    """Until its end is said, or the file's."""
    found = list(statements(f"COPY t (a) FROM stdin;\n1;\n'\n{end}", "a.sql"))
    assert found == [Statement("COPY t (a) FROM stdin", 1, "1;\n'\n", 2)]


def test_what_comes_after_the_data_is_sql_again() -> None:
    """As in a dump."""
    text = "COPY t FROM STDIN WITH (FORMAT csv);\n1\n\\.\n\n\nSELECT 1;"
    assert split(text) == ["COPY t FROM STDIN WITH (FORMAT csv)", "SELECT 1"]


@pytest.mark.parametrize("command", ["\\connect other", "\\i b.sql", "\\gexec"])
def test_other_commands_of_psqls_are_refused_with_their_line(command: str) -> None:
    """And what to do instead."""
    with pytest.raises(InvalidInput, match=r"^a.sql:2: \\\w+ is a command of psql") as refusal:
        split(f"SELECT 1\n{command}\n")
    assert "--inserts" in refusal.value.remedy
