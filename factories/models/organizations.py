"""Who pays: organizations, their escrow, their settings and what they hear about their workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Index, String, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from factories.models.accounts import ActivityLog, User
from factories.models.base import (
    ZERO,
    Base,
    Created,
    Json,
    Money,
    Updated,
    closed_word,
    open_word,
    parent,
)
from factories.vocabulary import (
    ESCROW_TRANSACTION_TYPES,
    NGO_NOTIFICATION_TYPES,
    ORGANIZATION_STATUSES,
    ORGANIZATION_TYPES,
)

if TYPE_CHECKING:
    from factories.models.work import Employee, Payment, PaymentChannel, WorkSession


class Organization(Updated, Base):
    """An NGO, a company or a private person that funds escrow and employs workers."""

    __tablename__ = "organizations"
    __table_args__ = (Index(None, "status"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = parent("users")
    organization_name: Mapped[str] = mapped_column(String(255))
    organization_type: Mapped[str] = closed_word("organization_type", ORGANIZATION_TYPES, length=50)
    registration_number: Mapped[str | None] = mapped_column(String(100))
    country: Mapped[str | None] = mapped_column(String(100))
    contact_email: Mapped[str | None] = mapped_column(String(255))
    contact_phone: Mapped[str | None] = mapped_column(String(50))
    escrow_wallet_address: Mapped[str] = mapped_column(String(64), unique=True)
    escrow_balance: Mapped[Money] = mapped_column(server_default=ZERO)
    total_workers: Mapped[int] = mapped_column(server_default=ZERO)
    status: Mapped[str] = closed_word("status", ORGANIZATION_STATUSES, default="active")

    user: Mapped[User] = relationship(back_populates="organizations")
    payment_configuration: Mapped[PaymentConfiguration | None] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    employees: Mapped[list[Employee]] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    payment_channels: Mapped[list[PaymentChannel]] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    work_sessions: Mapped[list[WorkSession]] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    payments: Mapped[list[Payment]] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    escrow_transactions: Mapped[list[EscrowTransaction]] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    ngo_notifications: Mapped[list[NgoNotification]] = relationship(
        back_populates="organization", cascade="all", passive_deletes=True
    )
    activity_logs: Mapped[list[ActivityLog]] = relationship(
        back_populates="organization", passive_deletes=True
    )


class PaymentConfiguration(Updated, Base):
    """How an organization wants to pay; one row each."""

    __tablename__ = "payment_configurations"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = parent("organizations", index=False, unique=True)
    timeout_threshold_minutes: Mapped[int | None]
    """After how long an open shift times out; NULL: never."""
    payment_frequency_minutes: Mapped[int] = mapped_column(server_default=text("60"))
    auto_payment_enabled: Mapped[bool] = mapped_column(server_default=true())
    require_manual_approval: Mapped[bool] = mapped_column(server_default=false())
    minimum_session_minutes: Mapped[int] = mapped_column(server_default=text("15"))
    grace_period_minutes: Mapped[int] = mapped_column(server_default=text("5"))

    organization: Mapped[Organization] = relationship(back_populates="payment_configuration")


class EscrowTransaction(Created, Base):
    """One movement on an organization's escrow.

    Each begins with the balance that the one before ended with.
    """

    __tablename__ = "escrow_transactions"
    __table_args__ = (Index(None, "organization_id", "created_at"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = parent("organizations", index=False)
    transaction_type: Mapped[str] = closed_word("transaction_type", ESCROW_TRANSACTION_TYPES)
    amount: Mapped[Money]
    balance_before: Mapped[Money]
    balance_after: Mapped[Money]
    tx_hash: Mapped[str | None] = mapped_column(String(128))
    wallet_address: Mapped[str | None] = mapped_column(String(64))
    description: Mapped[str | None]

    organization: Mapped[Organization] = relationship(back_populates="escrow_transactions")


class NgoNotification(Created, Base):
    """A message to an organization about one of its workers.

    It names the wallet instead of referring to a row, since the worker may be gone.
    """

    __tablename__ = "ngo_notifications"
    __table_args__ = (
        Index(None, "organization_id", "created_at"),
        Index(
            "ix_ngo_notifications_unread", "organization_id", postgresql_where=text("NOT is_read")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = parent("organizations", index=False)
    notification_type: Mapped[str] = open_word(NGO_NOTIFICATION_TYPES)
    worker_wallet_address: Mapped[str] = mapped_column(String(100))
    worker_name: Mapped[str | None] = mapped_column(String(255))
    message: Mapped[str]
    metadata_: Mapped[Json] = mapped_column("metadata", server_default=text("'{}'"))
    is_read: Mapped[bool] = mapped_column(server_default=false())

    organization: Mapped[Organization] = relationship(back_populates="ngo_notifications")
