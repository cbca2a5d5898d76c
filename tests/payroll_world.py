"""The smallest payroll world in which every integrity rule has something to look at, and holds."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import accumulate

import base58
from sqlalchemy.orm import Session as OrmSession

from factories.models import (
    ActivityLog,
    Base,
    DeletionLog,
    Employee,
    EscrowTransaction,
    NgoNotification,
    Notification,
    Organization,
    Payment,
    PaymentChannel,
    PaymentConfiguration,
    Session,
    User,
    WorkSession,
)
from factories.models.base import Updated
from factories.vocabulary import ESCROW_SIGNS

AS_OF = datetime(2026, 3, 31, 12)
HIRED = datetime(2026, 1, 5, 8)
OPENED = datetime(2026, 2, 1, 8)
LEDGER_EPOCH = datetime(2000, 1, 1)


def wallet(name: str) -> str:
    """Return a valid XRPL classic address of nobody."""
    payload = b"\0" + sha256(name.encode()).digest()[:20]
    return base58.b58encode_check(payload, alphabet=base58.XRP_ALPHABET).decode()


def transaction(name: str) -> str:
    """Return 64 upper-case hexadecimal digits."""
    return sha256(name.encode()).hexdigest().upper()


def add_world(session: OrmSession) -> None:
    """Add the world: Amina works for two organizations, Joseph no longer does, Ruth deleted her account."""
    rows = [*_people(), *_organizations(), *_crew(), *_channels(), *_shifts(), *_payments()]
    for row in (*rows, *_escrow(), *_papers()):
        if isinstance(row, Updated):
            row.updated_at = row.updated_at or row.created_at
        session.add(row)
    session.flush()


def _people() -> list[User]:
    joined = datetime(2026, 1, 1, 8)
    seen = AS_OF - timedelta(hours=5)
    people = {1: "employer", 2: "ngo", 3: "employee", 4: "employee", 5: "employee", 6: "admin"}
    users = [
        User(
            id=n,
            wallet_address=wallet(f"user {n}"),
            user_type=kind,
            email=f"person{n}@mail.test",
            phone_number=f"+1 212-555-01{n:02}",
            last_login=seen,
            last_login_at=seen,
            created_at=joined,
        )
        for n, kind in people.items()
    ]
    users[4].deleted_at = AS_OF - timedelta(days=2)
    return users


def _organizations() -> list[Base]:
    made = datetime(2026, 1, 2, 8)
    relief, harbour = (
        Organization(
            id=n,
            user_id=owner,
            organization_name=name,
            organization_type=kind,
            contact_email=f"office@{host}.example.org",
            contact_phone="+44 20 7946 0123",
            escrow_wallet_address=wallet(name),
            escrow_balance=balance,
            total_workers=1,
            created_at=made,
        )
        for n, owner, name, kind, host, balance in (
            (1, 2, "Horizon Relief", "ngo", "horizon", 900),
            (2, 1, "Harbour Logistics", "company", "harbour", 500),
        )
    )
    settings = PaymentConfiguration(organization_id=1, created_at=made)
    return [relief, harbour, settings]


def _crew() -> list[Employee]:
    crew = (
        (1, 1, 3, "6.50", "12.33", "80.145"),
        (2, 2, 3, "9.00", "4", "36"),
        (3, 1, 4, "5.00", "4", "20"),
    )
    employees = [
        Employee(
            id=n,
            organization_id=organization,
            user_id=user,
            employee_wallet_address=wallet(f"user {user}"),
            hourly_rate=Decimal(rate),
            hire_date=HIRED.date(),
            total_hours_worked=Decimal(hours),
            total_earnings=Decimal(earned),
            created_at=HIRED,
        )
        for n, organization, user, rate, hours, earned in crew
    ]
    employees[2].employment_status = "terminated"
    employees[2].termination_date = date(2026, 3, 1)
    return employees


def _channels() -> list[PaymentChannel]:
    def channel(
        n: int, organization: int, employee: int, rate: str, made: datetime
    ) -> PaymentChannel:
        return PaymentChannel(
            id=n,
            organization_id=organization,
            employee_id=employee,
            channel_id=transaction(f"channel {n}"),
            job_name="Water point maintenance",
            hourly_rate=Decimal(rate),
            escrow_funded_amount=Decimal(1000),
            public_key="ED" + transaction(f"key {n}"),
            creation_tx_hash=transaction(f"creation {n}"),
            created_at=made,
        )

    active = channel(1, 1, 1, "6.50", OPENED)
    active.off_chain_accumulated_balance = Decimal("28.145")
    active.hours_accumulated = Decimal("4.33")
    active.on_chain_balance = Decimal(62)
    expired = channel(2, 2, 2, "9.00", OPENED)
    expired.off_chain_accumulated_balance = Decimal(36)
    expired.hours_accumulated = Decimal(4)
    expired.status = "closing"
    expired.closure_initiated_at = AS_OF - timedelta(days=9)
    expired.expiration_time = AS_OF - timedelta(days=8)
    expired.closure_reason = "expired"
    closed = channel(3, 1, 3, "5.00", OPENED)
    closed.on_chain_balance = Decimal(20)
    closed.status = "closed"
    closed.closure_initiated_at = datetime(2026, 2, 28, 10)
    closed.expiration_time = datetime(2026, 3, 1, 10)
    closed.closed_at = datetime(2026, 3, 1, 11)
    closed.closure_tx_hash = transaction("closure 3")
    closed.closure_reason = "contract_completed"
    young = channel(4, 1, 1, "6.50", AS_OF - timedelta(hours=16))
    young.cancel_after = int((young.created_at - LEDGER_EPOCH).total_seconds()) + 86400
    return [active, expired, closed, young]


def _shifts() -> list[WorkSession]:
    def shift(n: int, place: tuple[int, int, int], rate: str, begin: datetime) -> WorkSession:
        channel, organization, employee = place
        return WorkSession(
            id=n,
            payment_channel_id=channel,
            organization_id=organization,
            employee_id=employee,
            hourly_rate=Decimal(rate),
            clock_in=begin,
            created_at=begin,
        )

    def over(row: WorkSession, status: str, minutes: int, hours: str) -> WorkSession:
        row.session_status = status
        row.clock_out = row.clock_in + timedelta(minutes=minutes)
        row.hours_worked = Decimal(hours)
        row.total_amount = row.hours_worked * row.hourly_rate
        row.timeout_at = row.clock_out if status == "timeout" else None
        return row

    relief, harbour, past = (1, 1, 1), (2, 2, 2), (3, 1, 3)
    return [
        over(shift(1, relief, "6.50", datetime(2026, 2, 2, 8)), "completed", 480, "8"),
        over(shift(2, relief, "6.50", datetime(2026, 2, 3, 8)), "completed", 260, "4.33"),
        over(shift(3, relief, "6.50", datetime(2026, 2, 4, 8)), "timeout", 480, "8"),
        over(shift(4, relief, "6.50", datetime(2026, 2, 5, 8)), "cancelled", 60, "1"),
        shift(5, relief, "6.50", datetime(2026, 3, 31, 8)),
        over(shift(6, harbour, "9.00", datetime(2026, 2, 3, 13)), "completed", 240, "4"),
        over(shift(7, past, "5.00", datetime(2026, 2, 10, 9)), "completed", 240, "4"),
    ]


def _payments() -> list[Payment]:
    paid = (
        (1, 1, 1, 3, 1, "hourly", "52", datetime(2026, 2, 2, 17)),
        (2, 7, 3, 4, 3, "hourly", "20", datetime(2026, 3, 1, 11)),
        (3, None, 1, 3, 1, "bonus", "10", datetime(2026, 3, 1, 9)),
        (4, 2, 1, 3, 1, "hourly", "28.145", None),
    )
    return [
        Payment(
            id=n,
            session_id=shift,
            employee_id=employee,
            organization_id=1,
            amount=Decimal(amount),
            payment_type=kind,
            tx_hash=moment and transaction(f"payment {n}"),
            from_wallet=wallet("Horizon Relief"),
            to_wallet=wallet(f"user {user}"),
            payment_status="completed" if moment else "pending",
            payment_channel_id=transaction(f"channel {channel}"),
            paid_at=moment,
            created_at=moment or datetime(2026, 2, 3, 17),
        )
        for n, shift, employee, user, channel, kind, amount, moment in paid
    ]


def _escrow() -> list[EscrowTransaction]:
    moves = [("deposit", 1000), ("payment", 52), ("refund", 8), ("withdrawal", 56)]
    after = list(accumulate(ESCROW_SIGNS[kind] * amount for kind, amount in moves))
    chain = [
        EscrowTransaction(
            id=n,
            organization_id=1,
            transaction_type=kind,
            amount=amount,
            balance_before=before,
            balance_after=then,
            tx_hash=transaction(f"escrow {n}"),
            wallet_address=wallet("Horizon Relief"),
            created_at=datetime(2026, 2, n, 7),
        )
        for n, ((kind, amount), before, then) in enumerate(
            zip(moves, [0, *after], after, strict=False), start=1
        )
    ]
    other = EscrowTransaction(
        id=5,
        organization_id=2,
        transaction_type="deposit",
        amount=500,
        balance_before=0,
        balance_after=500,
        created_at=OPENED,
    )
    return [*chain, other]


def _papers() -> list[Base]:
    morning = AS_OF - timedelta(hours=4)
    return [
        Session(
            user_id=3,
            session_token=transaction("token"),
            ip_address="203.0.113.7",
            expires_at=AS_OF + timedelta(days=7),
            last_seen_at=AS_OF,
            created_at=morning,
        ),
        Notification(
            user_id=3,
            notification_type="payment_received",
            title="You were paid",
            message="52 XAH for your shift on 2 February arrived in your wallet.",
            action_url="https://app.payroll.test/payments/1",
            created_at=morning,
        ),
        NgoNotification(
            organization_id=1,
            notification_type="worker_left",
            worker_wallet_address=wallet("user 4"),
            message="Joseph's contract ended on 1 March.",
            created_at=morning,
        ),
        ActivityLog(
            user_id=3,
            organization_id=1,
            action_type="clock_in",
            entity_type="work_session",
            entity_id=5,
            description="Clocked in for Water point maintenance.",
            ip_address="2001:db8::7",
            created_at=morning,
        ),
        DeletionLog(
            wallet_address=wallet("user 5"),
            user_type="employee",
            deleted_by="user",
            organizations_affected=["Horizon Relief"],
            created_at=AS_OF - timedelta(days=1),
        ),
    ]
