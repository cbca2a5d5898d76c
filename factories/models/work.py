"""Who works and what it earns: employees, payment channels, shifts and payments."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from factories.models.accounts import User
from factories.models.base import (
    ZERO,
    Base,
    Created,
    Money,
    Rate,
    Updated,
    closed_word,
    open_word,
    parent,
)
from factories.models.organizations import Organization
from factories.vocabulary import (
    BALANCE_UPDATE_FREQUENCIES,
    CHANNEL_STATUSES,
    CLOSURE_REASONS,
    EMPLOYMENT_STATUSES,
    PAYMENT_STATUSES,
    PAYMENT_TYPES,
    SHIFT_STATUSES,
)


class Employee(Updated, Base):
    """A worker of one organization; the same wallet may work for several.

    There is no `user` until the worker signs up.
    """

    __tablename__ = "employees"
    __table_args__ = (
        UniqueConstraint("organization_id", "employee_wallet_address"),
        Index(None, "employee_wallet_address"),
        Index(None, "employment_status"),
        Index(None, "hire_date"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = parent("users")
    organization_id: Mapped[int] = parent("organizations", index=False)
    full_name: Mapped[str | None] = mapped_column(String(255))
    employee_wallet_address: Mapped[str] = mapped_column(String(64))
    hourly_rate: Mapped[Rate]
    currency: Mapped[str] = mapped_column(String(10), server_default="XAH")
    employment_status: Mapped[str] = closed_word(
        "employment_status", EMPLOYMENT_STATUSES, default="active"
    )
    hire_date: Mapped[date | None]
    termination_date: Mapped[date | None]
    total_hours_worked: Mapped[Rate] = mapped_column(server_default=ZERO)
    total_earnings: Mapped[Money] = mapped_column(server_default=ZERO)

    user: Mapped[User | None] = relationship(back_populates="employees")
    organization: Mapped[Organization] = relationship(back_populates="employees")
    payment_channels: Mapped[list[PaymentChannel]] = relationship(
        back_populates="employee", cascade="all", passive_deletes=True
    )
    work_sessions: Mapped[list[WorkSession]] = relationship(
        back_populates="employee", cascade="all", passive_deletes=True
    )
    payments: Mapped[list[Payment]] = relationship(
        back_populates="employee", cascade="all", passive_deletes=True
    )


class PaymentChannel(Updated, Base):
    """A ledger payment channel from an organization to a worker.

    Shifts fill it off chain, claims empty it on chain.
    """

    __tablename__ = "payment_channels"
    __table_args__ = (
        CheckConstraint(
            "off_chain_accumulated_balance <= escrow_funded_amount", name="balance_is_funded"
        ),
        Index(None, "organization_id", "status"),
        Index(None, "status"),
        Index(None, "created_at"),
        Index(None, "expiration_time", postgresql_where=text("status = 'closing'")),
        Index(None, "cancel_after", postgresql_where=text("status = 'active'")),
        Index(None, "closed_at", postgresql_where=text("status = 'closed'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = parent("organizations", index=False)
    employee_id: Mapped[int] = parent("employees")
    channel_id: Mapped[str] = mapped_column(String(128), unique=True)
    job_name: Mapped[str] = mapped_column(String(255))
    hourly_rate: Mapped[Rate]
    escrow_funded_amount: Mapped[Money]
    off_chain_accumulated_balance: Mapped[Money] = mapped_column(server_default=ZERO)
    on_chain_balance: Mapped[Money] = mapped_column(server_default=ZERO)
    legacy_accumulated_balance: Mapped[Money] = mapped_column(server_default=ZERO)
    hours_accumulated: Mapped[Rate] = mapped_column(server_default=ZERO)
    max_daily_hours: Mapped[Decimal] = mapped_column(Numeric(4, 2), server_default=text("8"))
    balance_update_frequency: Mapped[str] = closed_word(
        "balance_update_frequency", BALANCE_UPDATE_FREQUENCIES, default="hourly"
    )
    status: Mapped[str] = closed_word("status", CHANNEL_STATUSES, default="active")
    public_key: Mapped[str | None] = mapped_column(String(128))
    settle_delay: Mapped[int] = mapped_column(server_default=text("86400"))
    """Seconds between a closure request and the expiration of the channel."""
    cancel_after: Mapped[int | None]
    """Ledger time: seconds since 2000-01-01 UTC."""
    expiration_time: Mapped[datetime | None]
    closure_initiated_at: Mapped[datetime | None]
    closure_tx_hash: Mapped[str | None] = mapped_column(String(128))
    closed_at: Mapped[datetime | None]
    closure_reason: Mapped[str | None] = open_word(CLOSURE_REASONS)
    creation_tx_hash: Mapped[str | None] = mapped_column(String(128))
    last_ledger_sync: Mapped[datetime | None]

    organization: Mapped[Organization] = relationship(back_populates="payment_channels")
    employee: Mapped[Employee] = relationship(back_populates="payment_channels")
    work_sessions: Mapped[list[WorkSession]] = relationship(
        back_populates="payment_channel", cascade="all", passive_deletes=True
    )


class WorkSession(Updated, Base):
    """A shift: from clock-in to clock-out, paid by the hour through a channel."""

    __tablename__ = "work_sessions"
    __table_args__ = (
        Index(None, "employee_id", "clock_in"),
        Index(None, "payment_channel_id", "clock_in"),
        Index(None, "organization_id", "session_status"),
        Index(None, "session_status"),
        Index(None, "clock_in"),
        Index(
            None,
            "employee_id",
            "session_status",
            postgresql_where=text("session_status = 'active'"),
        ),
        Index(None, "timeout_at", postgresql_where=text("timeout_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    employee_id: Mapped[int] = parent("employees", index=False)
    organization_id: Mapped[int] = parent("organizations", index=False)
    payment_channel_id: Mapped[int] = parent("payment_channels", index=False)
    clock_in: Mapped[datetime]
    clock_out: Mapped[datetime | None]
    hours_worked: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    hourly_rate: Mapped[Rate]
    total_amount: Mapped[Money | None]
    session_status: Mapped[str] = closed_word("session_status", SHIFT_STATUSES, default="active")
    timeout_at: Mapped[datetime | None]
    """When an open shift was closed by the clock instead of the worker."""
    notes: Mapped[str | None]

    employee: Mapped[Employee] = relationship(back_populates="work_sessions")
    organization: Mapped[Organization] = relationship(back_populates="work_sessions")
    payment_channel: Mapped[PaymentChannel] = relationship(back_populates="work_sessions")
    payments: Mapped[list[Payment]] = relationship(back_populates="session", passive_deletes=True)


class Payment(Created, Base):
    """Money from an organization's escrow wallet to a worker's; `session` is the shift it settles."""

    __tablename__ = "payments"
    __table_args__ = (
        Index(None, "payment_status"),
        Index(None, "created_at"),
        Index(None, "paid_at", postgresql_where=text("paid_at IS NOT NULL")),
        Index(None, "payment_channel_id"),
        Index(
            "ix_payments_open",
            "organization_id",
            postgresql_where=text("payment_status IN ('pending', 'processing')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int | None] = parent("work_sessions", ondelete="SET NULL")
    employee_id: Mapped[int] = parent("employees")
    organization_id: Mapped[int] = parent("organizations")
    amount: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(10), server_default="XAH")
    payment_type: Mapped[str] = closed_word("payment_type", PAYMENT_TYPES, default="hourly")
    tx_hash: Mapped[str | None] = mapped_column(String(128), unique=True)
    from_wallet: Mapped[str] = mapped_column(String(64))
    to_wallet: Mapped[str] = mapped_column(String(64))
    payment_status: Mapped[str] = closed_word("payment_status", PAYMENT_STATUSES, default="pending")
    payment_channel_id: Mapped[str | None] = mapped_column(String(128))
    """The channel's `channel_id`, as the ledger knows it: not a foreign key."""
    paid_at: Mapped[datetime | None]

    session: Mapped[WorkSession | None] = relationship(back_populates="payments")
    employee: Mapped[Employee] = relationship(back_populates="payments")
    organization: Mapped[Organization] = relationship(back_populates="payments")
