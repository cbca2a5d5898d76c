"""What a test commits where others would see it fails that test, by name, and hurts no other."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from seedbed import servers

OTHER = """
    import psycopg
    import pytest

    def other(seedbed, *statements):
        with psycopg.connect(seedbed.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
"""


def said_of(result: pytest.RunResult, test: str) -> str:
    """Return the complaint about a test."""
    lines = [
        line
        for line in result.outlines
        if f"::{test} committed where other tests would see it" in line
    ]
    return lines[0] if lines else ""


def test_the_test_that_leaks_fails_and_the_next_is_clean(shop: pytest.Pytester) -> None:
    """With the table, and with the remedy."""
    shop.makepyfile(
        OTHER
        + """
    def test_leaks(seedbed):
        other(seedbed, "INSERT INTO users (name) VALUES ('Eve')")

    def test_clean_again(seedbed_session, count):
        assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=1, failed=1)
    assert ": users (insert)." in said_of(result, "test_leaks")
    assert "@pytest.mark.seedbed(isolation='clone')" in said_of(result, "test_leaks")


def test_every_kind_of_commit_is_seen(shop: pytest.Pytester) -> None:
    """Rows, tables, the test's own transaction ended by hand."""
    shop.makepyfile(
        OTHER
        + """
    @pytest.mark.parametrize("statement", [
        "UPDATE users SET name = 'Eve' WHERE name = 'Bo'",
        "TRUNCATE orders",
        "CREATE TABLE more (id int)",
        "ALTER TABLE orders ADD COLUMN more int",
        "DROP TABLE orders",
        "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON users TO PUBLIC",
    ], ids=lambda statement: "-".join(statement.split()[:2]).lower())
    def test_other(seedbed, statement):
        other(seedbed, statement)

    def test_own(seedbed_psycopg):
        seedbed_psycopg.execute("INSERT INTO users (name) VALUES ('Eve')")
        seedbed_psycopg.execute("COMMIT")
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(failed=8)
    assert "users (update)" in said_of(result, "test_other[update-users]")
    assert "orders (truncate)" in said_of(result, "test_other[truncate-orders]")
    assert "public.more (create table)" in said_of(result, "test_other[create-table]")
    assert "public.orders (alter table)" in said_of(result, "test_other[alter-table]")
    assert "public.orders (drop table)" in said_of(result, "test_other[drop-table]")
    assert "public.more() (create function)" in said_of(result, "test_other[create-function]")
    assert "(grant)" in said_of(result, "test_other[grant-select]")
    assert "its own transaction, ended by hand" in said_of(result, "test_own")


def test_a_transaction_ended_by_hand_and_begun_again_is_seen(shop: pytest.Pytester) -> None:
    """The connection looks as if nothing had happened; the next test finds none of it."""
    shop.makepyfile(
        """
    import pytest
    from sqlalchemy import text

    def test_own(seedbed_psycopg):
        seedbed_psycopg.execute("INSERT INTO users (name) VALUES ('Eve')")
        seedbed_psycopg.execute("COMMIT; BEGIN")

    @pytest.mark.parametrize("by_hand", ["COMMIT", "COMMIT; BEGIN"])
    def test_reseeded(seedbed, seedbed_psycopg, by_hand):
        seedbed_psycopg.execute("INSERT INTO users (name) VALUES ('Eve')")
        seedbed_psycopg.execute(by_hand)
        seedbed.reseed()
        seedbed_psycopg.execute("SELECT 1")

    @pytest.mark.asyncio
    @pytest.mark.parametrize("by_hand", ["COMMIT", "COMMIT AND CHAIN"])
    async def test_asynchronous(seedbed_async_session, by_hand):
        await seedbed_async_session.execute(text("INSERT INTO users (name) VALUES ('Eve')"))
        await seedbed_async_session.execute(text(by_hand))

    def test_next(seedbed_psycopg):
        found = seedbed_psycopg.execute("SELECT count(*) FROM users WHERE name = 'Eve'").fetchone()
        assert found == (0,)
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=3, errors=2, failed=3)
    for test in (
        "test_own",
        "test_reseeded[COMMIT]",
        "test_reseeded[COMMIT; BEGIN]",
        "test_asynchronous[COMMIT]",
        "test_asynchronous[COMMIT AND CHAIN]",
    ):
        assert "its own transaction, ended by hand" in said_of(result, test)


def test_what_nobody_else_sees_is_no_leak(shop: pytest.Pytester) -> None:
    """What is rolled back, what is read, temporary tables, and whatever the test's own connection does."""
    shop.makepyfile(
        OTHER
        + """
    def test_other(seedbed):
        other(seedbed, "BEGIN", "INSERT INTO users (name) VALUES ('Eve')", "CREATE TABLE more (id int)", "ROLLBACK",
              "SELECT * FROM users", "CREATE TEMPORARY TABLE mine (id serial PRIMARY KEY)", "DROP TABLE mine")

    def test_own(seedbed_psycopg):
        seedbed_psycopg.execute("CREATE TABLE more (id int)")
        seedbed_psycopg.execute("DROP TABLE orders")
        seedbed_psycopg.commit()
        """
    )
    shop.runpytest_subprocess("-q").assert_outcomes(passed=2)


def test_a_partition_is_watched_by_its_own_name(shop: pytest.Pytester) -> None:
    """A statement that names it fires none of its parent's triggers."""
    (shop.path / "parts.sql").write_text(
        "CREATE TABLE users (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text UNIQUE NOT NULL);"
        "CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parts DEFAULT;"
    )
    shop.makepyfile(
        OTHER
        + """
    @pytest.mark.parametrize("table", ["part", "parts"])
    def test_other(seedbed, table):
        other(seedbed, f"INSERT INTO {table} VALUES (1)")
        """
    )
    result = shop.runpytest_subprocess("-q", "--seedbed-schema=parts.sql")
    result.assert_outcomes(failed=2)
    assert ": part (insert)." in said_of(result, "test_other[part]")


def test_a_role_that_is_no_superuser_is_told_of_rows(shop: pytest.Pytester) -> None:
    """Only superusers may watch changes to tables; without that, rows are watched all the same."""
    with servers.disposable(servers.Embedded()) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("CREATE ROLE tester LOGIN CREATEDB")
            admin.execute(
                sql.SQL("CREATE DATABASE tests OWNER {}").format(sql.Identifier("tester"))
            )
        url = server.url("tests").replace("postgres@", "tester@")
        shop.makepyfile(
            OTHER
            + """
    def test_leaks(seedbed):
        other(seedbed, "INSERT INTO users (name) VALUES ('Eve')")
        """
        )
        result = shop.runpytest_subprocess("-q", f"--seedbed-url={url}")
    result.assert_outcomes(failed=1)
    assert ": users (insert)." in said_of(result, "test_leaks")


def test_what_is_committed_between_two_tests_hurts_neither(shop: pytest.Pytester) -> None:
    """By a fixture that ends after ours, say: the end of the run tells it, and whom it came after."""
    shop.makepyfile(
        OTHER
        + """
    @pytest.fixture
    def outer():
        databases = []
        yield databases
        for database in databases:
            other(database, "INSERT INTO users (name) VALUES ('Eve')")

    def test_first(outer, seedbed):
        outer.append(seedbed)

    def test_next(seedbed_session, count):
        assert count(seedbed_session) == 2

    def test_last(outer, seedbed):
        outer.append(seedbed)
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=3)
    told = [line for line in result.outlines if line.startswith("users (insert): ")]
    file = "test_what_is_committed_between_two_tests_hurts_neither.py"
    assert told == [
        f"users (insert): after the end of {file}::test_first, before {file}::test_next",
        f"users (insert): after the end of {file}::test_last",
    ]


def test_what_began_before_a_test_is_not_its(shop: pytest.Pytester) -> None:
    """A thread of an earlier test commits late: that test's successor passes, in a dirty database, which none after it sees."""
    shop.makepyfile(
        OTHER
        + """
    late = []

    def test_begins(seedbed):
        late.append(psycopg.connect(seedbed.dsn))
        late[0].execute("SELECT 1")

    def test_hears(seedbed):
        late[0].execute("INSERT INTO users (name) VALUES ('Eve')")
        late[0].commit()
        late[0].close()

    def test_next(seedbed_session, count):
        assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=3)
    assert [line for line in result.outlines if line.startswith("users (insert): ")]


def test_a_test_that_is_expected_to_fail_is_not_expected_to_leak(shop: pytest.Pytester) -> None:
    """Whether it passes otherwise or fails."""
    shop.makepyfile(
        OTHER
        + """
    @pytest.mark.xfail(strict=True)
    @pytest.mark.parametrize("right", [True, False])
    def test_leaks(seedbed, right):
        other(seedbed, "INSERT INTO users (name) VALUES ('Eve')")
        assert right
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1, xfailed=1, errors=1)
    assert ": users (insert)." in said_of(result, "test_leaks[True]")
    assert ": users (insert)." in said_of(result, "test_leaks[False]")
