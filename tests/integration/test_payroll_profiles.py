"""The four profiles, seeded the way a user seeds them: every integrity rule holds, and each contains what it is for.

What holds of a profile on any server is tested with the plugin's fixtures, on the one database of each profile that all tests share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.orm import Session as OrmSession

import seedbed
from factories import PaymentFactory
from factories.models import Base
from profiles.demo import CAST
from seedbed.project import find_project
from seedbed.pytest_plugin import Seedbed
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


@pytest.mark.on_one_server
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


@pytest.mark.on_one_server
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


def rows(connection: psycopg.Connection) -> dict[str, int]:
    """Return how many rows each of the domain's tables holds."""
    names = [table.name for table in Base.metadata.sorted_tables]
    return {name: one(connection, f"SELECT count(*) FROM {name}") for name in names}


@pytest.mark.seedbed(isolation="shared")
class TestTesting:
    """The smallest complete world."""

    def test_is_one_organization_one_worker_and_one_paid_shift(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        found = rows(seedbed_psycopg)
        chain = ("organizations", "employees", "payment_channels", "work_sessions", "payments")
        assert {name: found[name] for name in chain} == dict.fromkeys(chain, 1)
        assert sum(found.values()) < 50

    def test_has_an_admin_an_owner_and_a_worker(self, seedbed_psycopg: psycopg.Connection) -> None:
        kinds = seedbed_psycopg.execute("SELECT user_type FROM users ORDER BY 1").fetchall()
        assert kinds == [("admin",), ("employee",), ("employer",)]

    def test_has_a_completed_shift_that_was_paid_through_an_active_channel(
        self, seedbed: Seedbed
    ) -> None:
        (payment,) = seedbed.rows(PaymentFactory)
        shift = payment.session
        assert shift is not None
        channel = shift.payment_channel
        states = (shift.session_status, payment.payment_status, channel.status)
        assert (*states, channel.organization.status) == (
            "completed",
            "completed",
            "active",
            "active",
        )


STATES = {
    "active": "status = 'active' AND cancel_after IS NULL",
    "young": "status = 'active' AND cancel_after > {ledger_time}",
    "cancel-after due": "status = 'active' AND cancel_after <= {ledger_time}",
    "closing": "status = 'closing' AND expiration_time > '{as_of}'",
    "expired": "status = 'closing' AND expiration_time <= '{as_of}'",
    "closed": "status = 'closed'",
}
"""The life of a channel, as conditions on payment_channels."""


class Coverage:
    """development has everything that can be true of a row; read off the models, so that what is new there is missed here."""

    def test_every_word_of_every_vocabulary_is_used(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        unused = {}
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                words = set(column.info.get("vocabulary", ()))
                if words and (left := words - _distinct(seedbed_psycopg, table.name, column.name)):
                    unused[f"{table.name}.{column.name}"] = left
        assert unused == {}

    def test_every_nullable_column_is_seen_with_and_without_a_value(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        missing = {}
        for table in Base.metadata.sorted_tables:
            for column in [column for column in table.columns if column.nullable]:
                if left := {True, False} - _empty(seedbed_psycopg, table.name, column.name):
                    missing[f"{table.name}.{column.name}"] = left
        assert missing == {}

    def test_a_channel_is_in_every_state_of_its_life(
        self, seedbed: Seedbed, seedbed_psycopg: psycopg.Connection
    ) -> None:
        as_of = seedbed.as_of
        ledger_time = int((as_of - datetime(2000, 1, 1)).total_seconds())
        found = {
            state: one(
                seedbed_psycopg,
                "SELECT count(*) FROM payment_channels WHERE "
                + condition.format(as_of=as_of, ledger_time=ledger_time),
            )
            for state, condition in STATES.items()
        }
        assert [state for state, count in found.items() if not count] == []


@pytest.mark.seedbed(profile="development", isolation="shared", as_of=SATURDAY)
class TestCoverageOnASaturday(Coverage):
    """By day."""


@pytest.mark.seedbed(profile="development", isolation="shared", as_of=SUNDAY_NIGHT, seed="other")
class TestCoverageOnASundayNight(Coverage):
    """With other values."""


@pytest.mark.seedbed(profile="development", isolation="shared", as_of=SATURDAY)
class TestDevelopment:
    """A developer's own database."""

    def test_has_an_organization_of_each_kind(self, seedbed_psycopg: psycopg.Connection) -> None:
        kinds = seedbed_psycopg.execute("SELECT organization_type FROM organizations ORDER BY 1")
        assert kinds.fetchall() == [("company",), ("individual",), ("ngo",)]

    def test_has_25_workers_of_whom_three_have_two_jobs(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        jobs = seedbed_psycopg.execute(
            "SELECT count(DISTINCT organization_id) FROM employees GROUP BY employee_wallet_address"
        ).fetchall()
        assert len(jobs) == 25
        assert jobs.count((2,)) >= 3

    def test_has_five_people_to_sign_in_as_each_in_another_state(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        states = seedbed_psycopg.execute(
            "SELECT u.user_type, u.is_active, u.deleted_at IS NOT NULL, EXISTS (SELECT FROM employees e JOIN work_sessions s"
            " ON s.employee_id = e.id WHERE e.user_id = u.id AND s.session_status = 'active')"
            " FROM users u JOIN seedbed.rows r ON r.id = u.id"
            " JOIN seedbed.tables t ON t.id = r.table_id AND t.name = 'users' WHERE r.name IN"
            " ('ada-admin', 'grace-owner', 'amina-clocked-in', 'daniel-deactivated', 'ruth-deleted')"
        ).fetchall()
        assert len(states) == len(set(states)) == 5

    def test_has_thirty_days_of_shifts(self, seedbed_psycopg: psycopg.Connection) -> None:
        recent = "clock_in > timestamp '2026-11-21' - interval '31 days'"
        query = f"SELECT count(DISTINCT clock_in::date) FROM work_sessions WHERE {recent}"
        assert one(seedbed_psycopg, query) >= 25

    def test_has_some_two_thousand_rows(self, seedbed_psycopg: psycopg.Connection) -> None:
        assert 1500 < sum(rows(seedbed_psycopg).values()) < 2500


def _distinct(connection: psycopg.Connection, table: str, column: str) -> set[Any]:
    query = sql.SQL("SELECT DISTINCT {} FROM {}")
    names = query.format(sql.Identifier(column), sql.Identifier(table))
    return {value for (value,) in connection.execute(names)}


def _empty(connection: psycopg.Connection, table: str, column: str) -> set[bool]:
    query = sql.SQL("SELECT DISTINCT {} IS NULL FROM {}")
    names = query.format(sql.Identifier(column), sql.Identifier(table))
    return {value for (value,) in connection.execute(names)}


@pytest.mark.seedbed(profile="staging", isolation="shared", as_of=SATURDAY, scale=0.05)
class TestStaging:
    """The shape of production."""

    def test_a_few_organizations_are_large_and_many_are_small(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        largest, middle = seedbed_psycopg.execute(
            "SELECT max(n), percentile_cont(0.5) WITHIN GROUP (ORDER BY n)"
            " FROM (SELECT count(*) AS n FROM employees GROUP BY organization_id) sizes"
        ).fetchone() or (0, 0)
        assert largest > 4 * middle

    def test_people_work_on_weekdays_and_by_day(self, seedbed_psycopg: psycopg.Connection) -> None:
        days = dict(
            seedbed_psycopg.execute(
                "SELECT extract(isodow FROM clock_in)::int, count(*) FROM work_sessions"
                " WHERE session_status <> 'active' GROUP BY 1"
            ).fetchall()
        )
        assert set(days) == {1, 2, 3, 4, 5, 6}
        assert days[6] * 3 < days[5] < days[1]

    def test_reaches_back_a_year_and_not_further(self, seedbed_psycopg: psycopg.Connection) -> None:
        assert one(
            seedbed_psycopg, "SELECT min(clock_in)::date >= date '2025-11-21' FROM work_sessions"
        )
        assert one(
            seedbed_psycopg, "SELECT min(clock_in)::date < date '2025-12-21' FROM work_sessions"
        )

    def test_some_people_are_at_work_right_now(self, seedbed_psycopg: psycopg.Connection) -> None:
        running = "SELECT count(*) FROM work_sessions WHERE session_status = 'active'"
        assert one(seedbed_psycopg, running) > 0

    def test_has_rows_in_every_table(self, seedbed_psycopg: psycopg.Connection) -> None:
        assert [name for name, count in rows(seedbed_psycopg).items() if not count] == []


@pytest.mark.seedbed(profile="demo", isolation="shared", as_of=SATURDAY)
class TestDemo:
    """The story."""

    def test_has_some_five_thousand_rows(self, seedbed_psycopg: psycopg.Connection) -> None:
        assert 4000 < sum(rows(seedbed_psycopg).values()) < 6000

    def test_something_happens_right_now(self, seedbed_psycopg: psycopg.Connection) -> None:
        working = "SELECT count(*) FROM work_sessions WHERE session_status = 'active'"
        closing = "SELECT count(*) FROM payment_channels WHERE status = 'closing'"
        unread = "SELECT count(*) FROM notifications WHERE NOT is_read"
        assert all(one(seedbed_psycopg, query) for query in (working, closing, unread))

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
        self, seedbed_psycopg: psycopg.Connection, who: str, shown: str
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
        assert one(seedbed_psycopg, query) > 0

    def test_hours_grow_from_month_to_month(self, seedbed_psycopg: psycopg.Connection) -> None:
        sums = seedbed_psycopg.execute(
            "SELECT sum(hours_worked) FROM work_sessions WHERE session_status = 'completed'"
            " GROUP BY (date '2026-11-20' - clock_in::date) / 30 ORDER BY min(clock_in)"
        ).fetchall()
        months = [hours for (hours,) in sums][-3:]
        assert months == sorted(months)

    def test_the_cast_signs_in_with_wallets_that_are_there(
        self, seedbed_psycopg: psycopg.Connection
    ) -> None:
        profile = PROJECT.profile("demo")
        assert profile.cast is not None
        dataset = profile.evaluate(as_of=SATURDAY, seeds=PROJECT.seeds)
        wallets = {
            wallet for (wallet,) in seedbed_psycopg.execute("SELECT wallet_address FROM users")
        }
        told = profile.cast(dataset)
        assert len(told) == len(CAST)
        assert {who.rpartition("(")[2].rstrip(")") for who, _ in told} <= wallets


def test_a_payment_and_all_that_it_needs_can_be_created(seedbed_session: OrmSession) -> None:
    payment = PaymentFactory.create()
    seedbed_session.expire_all()
    assert payment.session.payment_channel.organization.payments == [payment]


def test_a_rule_that_a_test_breaks_is_told(
    seedbed: Seedbed, broken_rules: Callable[[], dict[str, list[str]]]
) -> None:
    channel = seedbed.rows(PaymentFactory)[0].session.payment_channel
    channel.off_chain_accumulated_balance += 1
    seedbed.session.commit()
    assert "3a" in broken_rules()
