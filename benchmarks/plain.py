"""The seed script that seedbed replaces: factory_boy factories that write through one SQLAlchemy session.

It fills the columns that seedbed's factories fill, in the same proportions; parents are made once and handed on, and nothing is flushed
row by row. It does less than seedbed (no plan, no ownership, no integrity rules).
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import base58
import factory
import factory.fuzzy
from sqlalchemy.orm import Session as OrmSession

from benchmarks.measure import engine_of
from factories import models

NOW = datetime(2026, 1, 1)
PER_EMPLOYEE = {
    "shifts": 75,
    "payments": 69,
    "logs": 33,
    "notifications": 14,
    "sign_ins": 3,
    "escrow": 3,
}
"""Rows below one employee: staging's proportions."""


def _wallet(_: Any) -> str:
    payload = b"\0" + secrets.token_bytes(20)
    return base58.b58encode_check(payload, alphabet=base58.XRP_ALPHABET).decode()


def _hash() -> str:
    return secrets.token_hex(32).upper()


def _past(_: Any) -> datetime:
    return NOW - timedelta(minutes=random.randrange(500_000))


class Plain(factory.alchemy.SQLAlchemyModelFactory):
    class Meta:
        abstract = True


class User(Plain):
    class Meta:
        model = models.User

    wallet_address = factory.LazyAttribute(_wallet)
    user_type = "employee"
    email = factory.Sequence(lambda n: f"user{n}@example.com")
    display_name = factory.Faker("name")
    phone_number = factory.Faker("numerify", text="+1-555-01##")
    profile_data = factory.Dict({"language": "en", "theme": factory.Iterator(["dark", "light"])})
    last_login_at = factory.LazyAttribute(_past)
    last_login = factory.SelfAttribute("last_login_at")
    created_at = factory.LazyAttribute(_past)
    updated_at = factory.SelfAttribute("created_at")


class Organization(Plain):
    class Meta:
        model = models.Organization

    user = factory.SubFactory(User, user_type="ngo")
    organization_name = factory.Faker("company")
    organization_type = "ngo"
    country = factory.Faker("country")
    registration_number = factory.Faker("numerify", text="REG-####/##")
    contact_email = factory.Faker("safe_email")
    contact_phone = factory.Faker("numerify", text="+1-555-01##")
    status = "active"
    total_workers = 25
    escrow_wallet_address = factory.LazyAttribute(_wallet)
    escrow_balance = Decimal(100_000)
    created_at = factory.LazyAttribute(_past)


class Configuration(Plain):
    class Meta:
        model = models.PaymentConfiguration

    organization = factory.SubFactory(Organization)


class Employee(Plain):
    class Meta:
        model = models.Employee

    user = factory.SubFactory(User)
    full_name = factory.SelfAttribute("user.display_name")
    employee_wallet_address = factory.SelfAttribute("user.wallet_address")
    hourly_rate = factory.fuzzy.FuzzyDecimal(8, 40, 2)
    employment_status = factory.Iterator(["active", "active", "inactive"])
    created_at = factory.LazyAttribute(_past)
    updated_at = factory.SelfAttribute("created_at")
    hire_date = factory.LazyAttribute(lambda row: row.created_at.date())
    currency = "XAH"
    total_hours_worked = factory.fuzzy.FuzzyDecimal(1, 900, 2)
    total_earnings = factory.fuzzy.FuzzyDecimal(1, 9000, 2)


class Channel(Plain):
    class Meta:
        model = models.PaymentChannel

    organization = factory.SelfAttribute("employee.organization")
    channel_id = factory.LazyFunction(_hash)
    creation_tx_hash = factory.LazyFunction(_hash)
    public_key = factory.LazyFunction(lambda: "ED" + _hash())
    off_chain_accumulated_balance = factory.fuzzy.FuzzyDecimal(1, 900, 2)
    hours_accumulated = factory.fuzzy.FuzzyDecimal(1, 90, 2)
    last_ledger_sync = factory.LazyAttribute(_past)
    created_at = factory.LazyAttribute(_past)
    updated_at = factory.SelfAttribute("created_at")
    job_name = factory.Faker("job")
    hourly_rate = factory.SelfAttribute("employee.hourly_rate")
    escrow_funded_amount = Decimal(10_000)
    status = "active"


class Shift(Plain):
    class Meta:
        model = models.WorkSession

    employee = factory.SelfAttribute("payment_channel.employee")
    organization = factory.SelfAttribute("payment_channel.organization")
    clock_in = factory.LazyAttribute(_past)
    hours_worked = factory.fuzzy.FuzzyDecimal(1, 8, 2)
    clock_out = factory.LazyAttribute(
        lambda row: row.clock_in + timedelta(hours=float(row.hours_worked))
    )
    hourly_rate = factory.SelfAttribute("payment_channel.hourly_rate")
    total_amount = factory.LazyAttribute(lambda row: row.hours_worked * row.hourly_rate)
    session_status = factory.fuzzy.FuzzyChoice(["completed", "completed", "timeout", "cancelled"])
    created_at = factory.SelfAttribute("clock_in")
    updated_at = factory.SelfAttribute("clock_out")


class Payment(Plain):
    class Meta:
        model = models.Payment

    employee = factory.SelfAttribute("session.employee")
    organization = factory.SelfAttribute("session.organization")
    amount = factory.SelfAttribute("session.total_amount")
    payment_type = "hourly"
    currency = "XAH"
    tx_hash = factory.LazyFunction(_hash)
    payment_channel_id = factory.SelfAttribute("session.payment_channel.channel_id")
    created_at = factory.SelfAttribute("paid_at")
    from_wallet = factory.SelfAttribute("organization.escrow_wallet_address")
    to_wallet = factory.SelfAttribute("employee.employee_wallet_address")
    payment_status = "completed"
    paid_at = factory.SelfAttribute("session.clock_out")


class Escrow(Plain):
    class Meta:
        model = models.EscrowTransaction

    transaction_type = "deposit"
    amount = factory.fuzzy.FuzzyDecimal(100, 900, 2)
    balance_before = Decimal(0)
    balance_after = factory.SelfAttribute("amount")
    tx_hash = factory.LazyFunction(_hash)
    wallet_address = factory.SelfAttribute("organization.escrow_wallet_address")
    description = factory.Faker("sentence")
    created_at = factory.LazyAttribute(_past)


class SignIn(Plain):
    class Meta:
        model = models.Session

    session_token = factory.LazyFunction(lambda: secrets.token_hex(32))
    ip_address = factory.Faker("numerify", text="192.0.2.1#")
    user_agent = factory.Faker("user_agent")
    created_at = factory.LazyAttribute(_past)
    last_seen_at = factory.SelfAttribute("created_at")
    expires_at = factory.LazyAttribute(lambda row: row.created_at + timedelta(days=30))


class Notification(Plain):
    class Meta:
        model = models.Notification

    notification_type = "payment_received"
    title = "Payment received"
    message = factory.Faker("sentence")
    is_read = factory.fuzzy.FuzzyChoice([True, False])
    action_url = factory.Sequence("/payments/{}".format)
    created_at = factory.LazyAttribute(_past)


class NgoNotification(Plain):
    class Meta:
        model = models.NgoNotification

    notification_type = "worker_left"
    worker_wallet_address = factory.LazyAttribute(_wallet)
    message = factory.Faker("sentence")


class Log(Plain):
    class Meta:
        model = models.ActivityLog

    action_type = "clock_in"
    entity_type = "work_session"
    entity_id = factory.Sequence(lambda number: number)
    user_agent = factory.Faker("user_agent")
    metadata_ = factory.Dict({"source": factory.Iterator(["app", "web"])})
    description = factory.Faker("sentence")
    ip_address = factory.Faker("numerify", text="198.51.100.1#")
    created_at = factory.LazyAttribute(_past)


class Deletion(Plain):
    class Meta:
        model = models.DeletionLog

    wallet_address = factory.LazyAttribute(_wallet)
    user_type = "employee"
    deleted_by = "user"


def seed(url: str, employees: int) -> tuple[int, float]:
    """Write about 200 rows an employee; return rows and seconds."""
    engine = engine_of(url)
    started = time.perf_counter()
    with OrmSession(engine) as session:
        for made in Plain.__subclasses__():
            made._meta.sqlalchemy_session = session
        organizations = [Organization() for _ in range(max(1, employees // 25))]
        for organization in organizations:
            Configuration(organization=organization)
            NgoNotification(organization=organization)
        Deletion()
        for number in range(employees):
            _employ(organizations[number % len(organizations)])
        rows = len(session.new)
        session.commit()
    engine.dispose()
    return rows, time.perf_counter() - started


def _employ(organization: Any) -> None:
    employee = Employee(organization=organization)
    channel = Channel(employee=employee)
    shifts = Shift.create_batch(PER_EMPLOYEE["shifts"], payment_channel=channel)
    for shift in shifts[: PER_EMPLOYEE["payments"]]:
        Payment(session=shift)
    Log.create_batch(PER_EMPLOYEE["logs"], user=employee.user, organization=organization)
    Notification.create_batch(PER_EMPLOYEE["notifications"], user=employee.user)
    SignIn.create_batch(PER_EMPLOYEE["sign_ins"], user=employee.user)
    Escrow.create_batch(PER_EMPLOYEE["escrow"], organization=organization)
