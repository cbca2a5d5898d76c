"""testing: the smallest complete world, the same bytes on every machine and every day."""

from __future__ import annotations

from datetime import datetime

from factories import (
    ActivityLogFactory,
    EscrowTransactionFactory,
    NgoNotificationFactory,
    NotificationFactory,
    PaymentConfigurationFactory,
    PaymentFactory,
    SessionFactory,
    UserFactory,
)
from seedbed import Profile, Rows

testing = Profile(
    "testing",
    description="one organization, one worker, one paid shift: for automated tests",
    as_of=datetime(2026, 1, 15, 12),
)


@testing.recipe
def the_smallest_world(rows: Rows) -> None:
    """Name the last rows of each chain: what they refer to comes along."""
    rows.named(UserFactory, "tess-admin")
    rows.named(PaymentFactory, "sam-tuesday-paid")
    rows.named(EscrowTransactionFactory, "oak-street-first-deposit", "oak-street-funds-sam")
    rows.named(PaymentConfigurationFactory, "oak-street-pays-daily")
    rows.named(SessionFactory, "sam-on-the-phone")
    rows.named(NotificationFactory, "sam-was-paid")
    rows.named(NgoNotificationFactory, "sam-joined")
    rows.named(ActivityLogFactory, "sam-clocked-in", "sam-clocked-out")
