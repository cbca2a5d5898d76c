"""The four profiles, seeded the way a user seeds them: every integrity rule holds, and each contains what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.orm import Session as OrmSession

import seedbed
from factories import PaymentFactory
from factories.models import Base
from profiles.demo import CAST
from seedbed.project import find_project
from tests.integrity import violations

PROJECT = find_project(Path(__file__).parents[2])
SATURDAY = datetime(2026, 11, 21, 9, 30)
SUNDAY_NIGHT = datetime(2026, 3, 8, 0, 5, 0, 123456)
PAY_DAY = datetime(2028, 2, 25, 17)

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("testing", {}),
    ("testing", {"minimal": True}),
    ("testing", {"as_of": SUNDAY_NIGHT, "seed": "other"}),
    *(
        (profile, wishes)
        for profile in ("development", "demo")
        for wishes in (
            {"as_of": SATURDAY},
            {"as_of": SUNDAY_NIGHT, "seed": "other"},
            {"as_of": PAY_DAY, "seed": "third"},
            {"as_of": SATURDAY, "minimal": True},
        )
    ),
    ("staging", {"as_of": SATURDAY, "scale": 0.05}),
    ("staging", {"as_of": PAY_DAY, "scale": 0.02, "seed": "other"}),
    ("staging", {"as_of": SATURDAY, "minimal": True}),
]


def seed(url: str, profile: str, **wishes: Any) -> Any:
    """Apply a profile to an empty database."""
    return seedbed.apply(profile, url, project=PROJECT, environment=profile, **wishes)


def name_of(variant: Any) -> str:
    """Return a short name of a variant for pytest's output."""
    return variant if isinstance(variant, str) else "-".join(map(str, variant.values())) or "as-is"


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """Return a connection to the empty database."""
    with psycopg.connect(database) as connection:
        yield connection


def one(connection: psycopg.Connection, query: str) -> Any:
    """Return the single value that a query gives."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(("profile", "wishes"), VARIANTS, ids=name_of)
def test_every_integrity_rule_holds(
    database: str, connection: psycopg.Connection, profile: str, wishes: dict[str, Any]
) -> None:
    done = seed(database, profile, **wishes)
    assert violations(connection, done.as_of) == {}


@pytest.mark.parametrize("profile", ["testing", "development", "demo", "staging"])
def test_a_second_run_changes_nothing(database: str, profile: str) -> None:
    wishes = {"scale": 0.02} if profile == "staging" else {}
    seed(database, profile, **wishes)
    assert not seed(database, profile, **wishes).changed


def test_staging_gives_back_what_a_larger_scale_added(
    database: str, connection: psycopg.Connection
) -> None:
    rows = "SELECT id, xmin::text, ctid::text FROM work_sessions ORDER BY id"
    seed(database, "staging", as_of=SATURDAY, scale=0.02)
    before = connection.execute(rows).fetchall()
    connection.commit()
    seed(database, "staging", as_of=SATURDAY, scale=0.04)
    seed(database, "staging", as_of=SATURDAY, scale=0.02)
    assert connection.execute(rows).fetchall() == before


class TestTesting:
    """The smallest complete world."""

    def test_is_one_organization_one_worker_and_one_paid_shift(
        self, database: str, connection: psycopg.Connection
    ) -> None:
        done = seed(database, "testing")
        rows = {name: table.create for name, table in done.tables.items()}
        assert (rows["organizations"], rows["employees"], rows["payment_channels"]) == (1, 1, 1)
        assert (rows["work_sessions"], rows["payments"]) == (1, 1)
        assert sum(rows.values()) < 50

    def test_has_an_admin_an_owner_and_a_worker(
        self, database: str, connection: psycopg.Connection
    ) -> None:
        seed(database, "testing")
        kinds = connection.execute("SELECT user_type FROM users ORDER BY 1").fetchall()
        assert kinds == [("admin",), ("employee",), ("employer",)]

    def test_has_a_completed_shift_that_was_paid_through_an_active_channel(
        self, database: str, connection: psycopg.Connection
    ) -> None:
        seed(database, "testing")
        states = connection.execute(
            "SELECT s.session_status, p.payment_status, c.status, o.status FROM payments p"
            " JOIN work_sessions s ON s.id = p.session_id"
            " JOIN payment_channels c ON c.id = s.payment_channel_id"
            " JOIN organizations o ON o.id = c.organization_id"
        ).fetchall()
        assert states == [("completed", "completed", "active", "active")]


STATES = {
    "active": "status = 'active' AND cancel_after IS NULL",
    "young": "status = 'active' AND cancel_after > {ledger_time}",
    "cancel-after due": "status = 'active' AND cancel_after <= {ledger_time}",
    "closing": "status = 'closing' AND expiration_time > '{as_of}'",
    "expired": "status = 'closing' AND expiration_time <= '{as_of}'",
    "closed": "status = 'closed'",
}
"""The life of a channel, as conditions on payment_channels."""


@pytest.mark.parametrize(
    "wishes", [{"as_of": SATURDAY}, {"as_of": SUNDAY_NIGHT, "seed": "other"}], ids=name_of
)
class TestCoverage:
    """development has everything that can be true of a row; read off the models, so that what is new there is missed here."""

    def test_every_word_of_every_vocabulary_is_used(
        self, database: str, connection: psycopg.Connection, wishes: dict[str, Any]
    ) -> None:
        seed(database, "development", **wishes)
        unused = {}
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                words = set(column.info.get("vocabulary", ()))
                if words and (left := words - _distinct(connection, table.name, column.name)):
                    unused[f"{table.name}.{column.name}"] = left
        assert unused == {}

    def test_every_nullable_column_is_seen_with_and_without_a_value(
        self, database: str, connection: psycopg.Connection, wishes: dict[str, Any]
    ) -> None:
        seed(database, "development", **wishes)
        missing = {}
        for table in Base.metadata.sorted_tables:
            for column in [column for column in table.columns if column.nullable]:
                if left := {True, False} - _empty(connection, table.name, column.name):
                    missing[f"{table.name}.{column.name}"] = left
        assert missing == {}

    def test_a_channel_is_in_every_state_of_its_life(
        self, database: str, connection: psycopg.Connection, wishes: dict[str, Any]
    ) -> None:
        as_of = seed(database, "development", **wishes).as_of
        ledger_time = int((as_of - datetime(2000, 1, 1)).total_seconds())
        found = {
            state: one(
                connection,
                "SELECT count(*) FROM payment_channels WHERE "
                + condition.format(as_of=as_of, ledger_time=ledger_time),
            )
            for state, condition in STATES.items()
        }
        assert [state for state, count in found.items() if not count] == []


class TestDevelopment:
    """A developer's own database."""

    @pytest.fixture
    def development(self, database: str, connection: psycopg.Connection) -> psycopg.Connection:
        seed(database, "development", as_of=SATURDAY)
        return connection

    def test_has_an_organization_of_each_kind(self, development: psycopg.Connection) -> None:
        kinds = development.execute("SELECT organization_type FROM organizations ORDER BY 1")
        assert kinds.fetchall() == [("company",), ("individual",), ("ngo",)]

    def test_has_25_workers_of_whom_three_have_two_jobs(
        self, development: psycopg.Connection
    ) -> None:
        jobs = development.execute(
            "SELECT count(DISTINCT organization_id) FROM employees GROUP BY employee_wallet_address"
        ).fetchall()
        assert len(jobs) == 25
        assert jobs.count((2,)) >= 3

    def test_has_five_people_to_sign_in_as_each_in_another_state(
        self, development: psycopg.Connection
    ) -> None:
        states = development.execute(
            "SELECT u.user_type, u.is_active, u.deleted_at IS NOT NULL, EXISTS (SELECT FROM employees e JOIN work_sessions s"
            " ON s.employee_id = e.id WHERE e.user_id = u.id AND s.session_status = 'active')"
            " FROM users u JOIN seedbed.rows r ON r.id = u.id"
            " JOIN seedbed.tables t ON t.id = r.table_id AND t.name = 'users' WHERE r.name IN"
            " ('ada-admin', 'grace-owner', 'amina-clocked-in', 'daniel-deactivated', 'ruth-deleted')"
        ).fetchall()
        assert len(states) == len(set(states)) == 5

    def test_has_thirty_days_of_shifts(self, development: psycopg.Connection) -> None:
        recent = "clock_in > timestamp '2026-11-21' - interval '31 days'"
        query = f"SELECT count(DISTINCT clock_in::date) FROM work_sessions WHERE {recent}"
        assert one(development, query) >= 25

    def test_has_some_two_thousand_rows(self, database: str) -> None:
        done = seed(database, "development", as_of=SATURDAY)
        assert 1500 < sum(table.create for table in done.tables.values()) < 2500


def _distinct(connection: psycopg.Connection, table: str, column: str) -> set[Any]:
    query = sql.SQL("SELECT DISTINCT {} FROM {}")
    names = query.format(sql.Identifier(column), sql.Identifier(table))
    return {value for (value,) in connection.execute(names)}


def _empty(connection: psycopg.Connection, table: str, column: str) -> set[bool]:
    query = sql.SQL("SELECT DISTINCT {} IS NULL FROM {}")
    names = query.format(sql.Identifier(column), sql.Identifier(table))
    return {value for (value,) in connection.execute(names)}


class TestStaging:
    """The shape of production."""

    @pytest.fixture
    def staging(self, database: str, connection: psycopg.Connection) -> psycopg.Connection:
        seed(database, "staging", as_of=SATURDAY, scale=0.05)
        return connection

    def test_a_few_organizations_are_large_and_many_are_small(
        self, staging: psycopg.Connection
    ) -> None:
        largest, middle = staging.execute(
            "SELECT max(n), percentile_cont(0.5) WITHIN GROUP (ORDER BY n)"
            " FROM (SELECT count(*) AS n FROM employees GROUP BY organization_id) sizes"
        ).fetchone() or (0, 0)
        assert largest > 4 * middle

    def test_people_work_on_weekdays_and_by_day(self, staging: psycopg.Connection) -> None:
        days = dict(
            staging.execute(
                "SELECT extract(isodow FROM clock_in)::int, count(*) FROM work_sessions"
                " WHERE session_status <> 'active' GROUP BY 1"
            ).fetchall()
        )
        assert set(days) == {1, 2, 3, 4, 5, 6}
        assert days[6] * 3 < days[5] < days[1]

    def test_reaches_back_a_year_and_not_further(self, staging: psycopg.Connection) -> None:
        assert one(staging, "SELECT min(clock_in)::date >= date '2025-11-21' FROM work_sessions")
        assert one(staging, "SELECT min(clock_in)::date < date '2025-12-21' FROM work_sessions")

    def test_some_people_are_at_work_right_now(self, staging: psycopg.Connection) -> None:
        running = "SELECT count(*) FROM work_sessions WHERE session_status = 'active'"
        assert one(staging, running) > 0

    def test_has_rows_in_every_table(self, staging: psycopg.Connection) -> None:
        tables = [table.name for table in Base.metadata.sorted_tables]
        empty = [name for name in tables if not one(staging, f"SELECT count(*) FROM {name}")]
        assert empty == []


class TestDemo:
    """The story."""

    @pytest.fixture
    def demo(self, database: str, connection: psycopg.Connection) -> psycopg.Connection:
        seed(database, "demo", as_of=SATURDAY)
        return connection

    def test_has_some_five_thousand_rows(self, database: str) -> None:
        done = seed(database, "demo", as_of=SATURDAY)
        assert 4000 < sum(table.create for table in done.tables.values()) < 6000

    def test_something_happens_right_now(self, demo: psycopg.Connection) -> None:
        working = "SELECT count(*) FROM work_sessions WHERE session_status = 'active'"
        closing = "SELECT count(*) FROM payment_channels WHERE status = 'closing'"
        unread = "SELECT count(*) FROM notifications WHERE NOT is_read"
        assert all(one(demo, query) for query in (working, closing, unread))

    @pytest.mark.parametrize(
        ("who", "shown"),
        {
            "otieno-pump-mechanic": "s.session_status = 'active'",
            "purity-leaving": "c.status = 'closing' AND c.expiration_time > '2026-11-21 09:30'",
            "hassan-waiting": "c.status = 'closing' AND c.expiration_time < '2026-11-21 09:30'",
            "faith-just-paid": "p.payment_type = 'adjustment' AND p.payment_status = 'pending'",
            "samuel-moved-on": "c.status = 'closed' AND e.employment_status = 'terminated'",
            "brian-forgot": "s.session_status = 'timeout' AND p.id IS NULL",
            "fatou-team-lead": "p.payment_type = 'bonus' AND n.title = 'A bonus for you' AND NOT n.is_read",
            "nisha-first-day": "c.cancel_after IS NOT NULL AND s.id IS NULL",
        }.items(),
    )
    def test_shows_with_each_person_what_the_cast_says(
        self, demo: psycopg.Connection, who: str, shown: str
    ) -> None:
        users = "seedbed.tables t ON t.id = r.table_id AND t.name = 'users'"
        query = (
            f"SELECT count(*) FROM seedbed.rows r JOIN {users} JOIN users u ON u.id = r.id"
            " JOIN employees e ON e.user_id = u.id JOIN payment_channels c ON c.employee_id = e.id"
            " LEFT JOIN work_sessions s ON s.payment_channel_id = c.id"
            " LEFT JOIN payments p ON p.payment_channel_id = c.channel_id AND p.session_id IS NOT DISTINCT FROM s.id"
            "   OR p.payment_channel_id = c.channel_id AND p.session_id IS NULL"
            f" LEFT JOIN notifications n ON n.user_id = u.id WHERE r.name = '{who}' AND {shown}"
        )
        assert one(demo, query) > 0

    def test_hours_grow_from_month_to_month(self, demo: psycopg.Connection) -> None:
        sums = demo.execute(
            "SELECT sum(hours_worked) FROM work_sessions WHERE session_status = 'completed'"
            " GROUP BY (date '2026-11-20' - clock_in::date) / 30 ORDER BY min(clock_in)"
        ).fetchall()
        months = [hours for (hours,) in sums][-3:]
        assert months == sorted(months)

    def test_the_cast_signs_in_with_wallets_that_are_there(self, demo: psycopg.Connection) -> None:
        profile = PROJECT.profile("demo")
        assert profile.cast is not None
        dataset = profile.evaluate(as_of=SATURDAY, seeds=PROJECT.seeds)
        wallets = {wallet for (wallet,) in demo.execute("SELECT wallet_address FROM users")}
        told = profile.cast(dataset)
        assert len(told) == len(CAST)
        assert {who.rpartition("(")[2].rstrip(")") for who, _ in told} <= wallets


def test_a_payment_and_all_that_it_needs_can_be_built_and_saved(database: str) -> None:
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    with OrmSession(engine) as session:
        payment = PaymentFactory.build()
        session.add(payment)
        session.flush()
        session.expire_all()
        assert payment.session.payment_channel.organization.payments == [payment]
    engine.dispose()
