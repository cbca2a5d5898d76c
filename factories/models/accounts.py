"""Who signs in: users, their sessions and notifications, the logs of activity and of deletions."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, Index, String, Text, false, text, true
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column, relationship

from factories.models.base import ZERO, Base, Created, Json, Updated, closed_word, open_word, parent
from factories.vocabulary import (
    ACTION_TYPES,
    DELETED_BY,
    ENTITY_TYPES,
    NOTIFICATION_TYPES,
    USER_TYPES,
)

if TYPE_CHECKING:
    from factories.models.organizations import Organization
    from factories.models.work import Employee


class User(Updated, Base):
    """Somebody with a wallet: a worker, the owner of an organization, or an administrator."""

    __tablename__ = "users"
    __table_args__ = (
        Index(None, "user_type", postgresql_where=text("is_active")),
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        Index(None, "last_login_at"),
        Index(None, "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    wallet_address: Mapped[str] = mapped_column(String(64), unique=True)
    user_type: Mapped[str] = closed_word("user_type", USER_TYPES)
    email: Mapped[str | None] = mapped_column(String(255))
    display_name: Mapped[str | None] = mapped_column(String(255))
    organization_name: Mapped[str | None] = mapped_column(String(255))
    phone_number: Mapped[str | None] = mapped_column(String(50))
    profile_data: Mapped[Json | None]
    is_active: Mapped[bool] = mapped_column(server_default=true())
    last_login: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deletion_reason: Mapped[str | None] = mapped_column(String(255))

    organizations: Mapped[list[Organization]] = relationship(
        back_populates="user", cascade="all", passive_deletes=True
    )
    employees: Mapped[list[Employee]] = relationship(
        back_populates="user", cascade="all", passive_deletes=True
    )
    sessions: Mapped[list[Session]] = relationship(
        back_populates="user", cascade="all", passive_deletes=True
    )
    notifications: Mapped[list[Notification]] = relationship(
        back_populates="user", cascade="all", passive_deletes=True
    )
    activity_logs: Mapped[list[ActivityLog]] = relationship(
        back_populates="user", passive_deletes=True
    )


class Session(Created, Base):
    """A sign-in session (not a shift: that is `WorkSession`)."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = parent("users")
    session_token: Mapped[str] = mapped_column(String(128), unique=True)
    ip_address: Mapped[IPv4Address | IPv6Address | None] = mapped_column(INET)
    user_agent: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    last_seen_at: Mapped[datetime | None] = mapped_column(index=True)

    user: Mapped[User] = relationship(back_populates="sessions")


class Notification(Created, Base):
    """A message to a user, shown in the application."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index(None, "user_id", "created_at"),
        Index("ix_notifications_unread", "user_id", postgresql_where=text("NOT is_read")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = parent("users", index=False)
    notification_type: Mapped[str] = open_word(NOTIFICATION_TYPES)
    title: Mapped[str] = mapped_column(String(255))
    message: Mapped[str]
    is_read: Mapped[bool] = mapped_column(server_default=false())
    action_url: Mapped[str | None] = mapped_column(String(500))

    user: Mapped[User] = relationship(back_populates="notifications")


class ActivityLog(Created, Base):
    """Who did what to which row; `entity_id` is an id of the table that `entity_type` names."""

    __tablename__ = "activity_logs"
    __table_args__ = (
        Index(None, "created_at"),
        Index(None, "entity_type", "entity_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = parent("users", ondelete="SET NULL")
    organization_id: Mapped[int | None] = parent("organizations", ondelete="SET NULL")
    action_type: Mapped[str] = open_word(ACTION_TYPES)
    entity_type: Mapped[str | None] = open_word(ENTITY_TYPES)
    entity_id: Mapped[int | None]
    description: Mapped[str | None]
    ip_address: Mapped[IPv4Address | IPv6Address | None] = mapped_column(INET)
    user_agent: Mapped[str | None]
    metadata_: Mapped[Json | None] = mapped_column("metadata")

    user: Mapped[User | None] = relationship(back_populates="activity_logs")
    organization: Mapped[Organization | None] = relationship(back_populates="activity_logs")


class DeletionLog(Created, Base):
    """What is kept of a deleted account.

    It outlives the user, so it names the wallet instead of referring to a row.
    """

    __tablename__ = "deletion_logs"
    __table_args__ = (
        Index(None, "wallet_address"),
        Index(None, "created_at"),
        Index(None, "hard_deleted_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    wallet_address: Mapped[str] = mapped_column(String(100))
    user_type: Mapped[str] = open_word(USER_TYPES, length=20)
    deleted_by: Mapped[str] = open_word(DELETED_BY)
    deletion_reason: Mapped[str | None] = mapped_column(String(255))
    organizations_affected: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    channels_closed: Mapped[int] = mapped_column(server_default=ZERO)
    data_export_url: Mapped[str | None] = mapped_column(String(500))
    hard_deleted_at: Mapped[datetime | None]
