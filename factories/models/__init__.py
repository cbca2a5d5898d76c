"""SQLAlchemy models of the 13 payroll tables.

`Base.metadata.create_all` makes the whole schema: tables, checks, indexes and triggers.
"""

from __future__ import annotations

from factories.models.accounts import ActivityLog, DeletionLog, Notification, Session, User
from factories.models.base import Base
from factories.models.organizations import (
    EscrowTransaction,
    NgoNotification,
    Organization,
    PaymentConfiguration,
)
from factories.models.work import Employee, Payment, PaymentChannel, WorkSession

__all__ = [
    "ActivityLog",
    "Base",
    "DeletionLog",
    "Employee",
    "EscrowTransaction",
    "NgoNotification",
    "Notification",
    "Organization",
    "Payment",
    "PaymentChannel",
    "PaymentConfiguration",
    "Session",
    "User",
    "WorkSession",
]
