"""development: a developer's own database, with everything that can be true of a row at least once."""

from __future__ import annotations

from factories import (
    ActivityLogFactory,
    DeletionLogFactory,
    EmployeeFactory,
    EscrowTransactionFactory,
    NgoNotificationFactory,
    NotificationFactory,
    OrganizationFactory,
    PaymentChannelFactory,
    PaymentConfigurationFactory,
    PaymentFactory,
    SessionFactory,
    UserFactory,
    WorkSessionFactory,
)
from profiles import history
from profiles.casting import Cast, introduced
from seedbed import Profile, Rows
from seedbed.batch import Selection
from seedbed.fields import choice, col, derived, follow, integer

DAYS = 30
CAST: Cast = {
    "ada-admin": ("Ada Morgan, administrator", "sees everything"),
    "grace-owner": ("Grace Wanjiru, owner", "Horizon Relief, an NGO with a worker in every state"),
    "amina-clocked-in": ("Amina Odhiambo, worker", "clocked in right now"),
    "daniel-deactivated": ("Daniel Kiplagat, worker", "deactivated, never signed in"),
    "ruth-deleted": ("Ruth Chebet, worker", "deleted her account a week ago"),
}

development = Profile(
    "development",
    description="every state, every enum value and every nullable branch, with 30 days of shifts",
    cast=introduced(CAST),
)


@development.recipe
def payroll(rows: Rows) -> None:
    """Three organizations, 25 workers and a month of work."""
    rows.named(UserFactory, "ada-admin")
    horizon = rows.named(OrganizationFactory, "horizon-relief")
    lakeside = rows.named(OrganizationFactory, "lakeside-logistics")
    fontaine = rows.named(OrganizationFactory, "fontaine-household")
    employees, channels = hire(rows, horizon, lakeside)
    shifts, payments = work(rows, channels)
    signed_up = employees.where(col("user.last_login_at").is_not_null())
    history.sign_in(rows, horizon + lakeside + fontaine + signed_up, 2)
    history.tell_of_employees(rows, employees)
    history.tell_of_channels(rows, channels)
    history.tell_of_shifts(rows, shifts, log_one_in=2)
    history.tell_of_payments(rows, payments, log_one_in=3, notify_one_in=3)
    write_papers_by_hand(rows)


def hire(rows: Rows, horizon: Selection, lakeside: Selection) -> tuple[Selection, Selection]:
    """Return all employments and all channels: ten people picked by hand, fifteen made up, three of them with two jobs."""
    picked = rows.named(
        EmployeeFactory,
        "amina-at-horizon",
        "daniel-at-horizon",
        "ruth-at-horizon",
        "joseph-not-signed-up",
        "wallet-only",
        "peter-closing",
        "esther-expired",
        "moses-cancel-due",
        "lilian-just-hired",
        "lucie-at-fontaine",
    )
    at_horizon = rows.each(
        horizon, EmployeeFactory, 9, via="organization", moonlights=derived(col("@index") < 3)
    )
    at_lakeside = rows.each(lakeside, EmployeeFactory, 6, via="organization")
    second_jobs = rows.each(
        at_horizon.where(moonlights=True),
        EmployeeFactory,
        via="first_job",
        segment="second-job",
        user=follow("first_job.user"),
        organization=lakeside,
        slot=1,
    )
    made = at_horizon + at_lakeside + second_jobs
    fates = choice({"active": 8, "closing": 1, "closed": 1})
    return picked + made, channels_by_hand(rows) + rows.each(
        made, PaymentChannelFactory, via="employee", fate=fates, attendance=integer(70, 95)
    )


def channels_by_hand(rows: Rows) -> Selection:
    """Return a channel in each state."""
    return rows.named(
        PaymentChannelFactory,
        "amina-water-points",
        "amina-old-contract",
        "daniel-dormant",
        "ruth-clinic",
        "peter-school-kitchen",
        "esther-field-interviews",
        "moses-city-route",
        "lilian-new-channel",
        "joseph-loading",
        "wallet-only-stock",
        "lucie-childcare",
    )


def work(rows: Rows, channels: Selection) -> tuple[Selection, Selection]:
    """Return all shifts and payments; the escrow they need is booked too."""
    ended = rows.named(
        WorkSessionFactory,
        "lucie-monday",
        "lucie-forgot-to-clock-out",
        "lucie-sent-home",
        "lucie-last-day",
    )
    running = rows.named(WorkSessionFactory, "amina-right-now")
    made = history.shifts_of(rows, channels, days=DAYS)
    payments = rows.named(
        PaymentFactory,
        "lucie-monday-paid",
        "lucie-last-day-failed",
        "lucie-last-day-paid",
        "amina-bonus",
        "esther-travel-refund",
        "joseph-adjustment-pending",
        "moses-bonus-processing",
        "peter-bonus-withdrawn",
    )
    payments += history.pay(rows, made, bonuses_on=channels[-6:])
    deposits, withdrawals = history.fund(rows, channels)
    by_hand = rows.named(EscrowTransactionFactory, "horizon-quarter-end")
    rows.named(EscrowTransactionFactory, "horizon-opening-balance")
    history.tell_of_escrow(rows, deposits, withdrawals + by_hand)
    return ended + running + made, payments


def write_papers_by_hand(rows: Rows) -> None:
    """Name what no other row gives rise to."""
    rows.named(
        PaymentConfigurationFactory,
        "horizon-pays-hourly",
        "lakeside-approves-by-hand",
        "fontaine-never-times-out",
    )
    rows.named(SessionFactory, "ada-in-private-mode")
    rows.named(NotificationFactory, "amina-welcome", "isaac-escrow-low")
    rows.named(NgoNotificationFactory, "amina-changed-wallets")
    rows.named(
        ActivityLogFactory,
        "grace-changed-settings",
        "grace-renamed-horizon",
        "ruth-deleted-her-account",
        "someone-signed-out",
    )
    rows.named(DeletionLogFactory, "ruth-log", "gone-admin", "gone-ngo", "gone-employer")
