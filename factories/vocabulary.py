"""The words of the payroll domain: which values each enum-like column may take.

One place, read by the check constraints, the factories and the coverage test. A column that takes
its values from here carries them as ``column.info["vocabulary"]``, so that a new word fails the
coverage test until some profile uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Closed: the database checks these.
USER_TYPES = ("employee", "employer", "ngo", "admin")
ORGANIZATION_TYPES = ("ngo", "company", "individual")
ORGANIZATION_STATUSES = ("active", "suspended", "inactive")
EMPLOYMENT_STATUSES = ("active", "inactive", "terminated")
CHANNEL_STATUSES = ("active", "closing", "closed")
BALANCE_UPDATE_FREQUENCIES = ("hourly", "30min", "15min", "5min")
SHIFT_STATUSES = ("active", "completed", "timeout", "cancelled")
PAYMENT_TYPES = ("hourly", "bonus", "adjustment", "refund")
PAYMENT_STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
ESCROW_TRANSACTION_TYPES = ("deposit", "withdrawal", "payment", "refund")

# Open: the backend writes these, the database takes any text.
CLOSURE_REASONS = (
    "contract_completed",
    "worker_request",
    "employer_request",
    "expired",
    "inactivity",
    "account_deleted",
)
NOTIFICATION_TYPES = (
    "payment_received",
    "payment_failed",
    "channel_opened",
    "channel_closing",
    "channel_closed",
    "shift_timeout",
    "escrow_low",
    "account",
)
NGO_NOTIFICATION_TYPES = (
    "worker_joined",
    "worker_left",
    "worker_deleted",
    "closure_requested",
    "wallet_changed",
)
ACTION_TYPES = (
    "login",
    "logout",
    "clock_in",
    "clock_out",
    "employee_added",
    "employee_terminated",
    "channel_opened",
    "channel_closure_requested",
    "channel_closed",
    "payment_completed",
    "payment_failed",
    "escrow_deposit",
    "escrow_withdrawal",
    "settings_changed",
    "account_deleted",
)
DELETED_BY = ("user", "admin", "system")

ENTITY_TABLES: Mapping[str, str] = MappingProxyType(
    {
        "user": "users",
        "organization": "organizations",
        "employee": "employees",
        "payment_channel": "payment_channels",
        "work_session": "work_sessions",
        "payment": "payments",
        "escrow_transaction": "escrow_transactions",
        "payment_configuration": "payment_configurations",
    }
)
"""What activity_logs.entity_type says, and the table whose id entity_id then holds."""

ENTITY_TYPES = tuple(ENTITY_TABLES)

ESCROW_SIGNS: Mapping[str, int] = MappingProxyType(
    {"deposit": 1, "refund": 1, "withdrawal": -1, "payment": -1}
)
"""What a transaction does to the escrow balance; a refund comes back from a closed channel."""
