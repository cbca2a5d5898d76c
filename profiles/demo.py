"""demo: ninety days of four organizations, told by people with names. docs/demo.md has its cast with their wallets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from factories import (
    EmployeeFactory,
    NotificationFactory,
    OrganizationFactory,
    PaymentChannelFactory,
    PaymentConfigurationFactory,
    PaymentFactory,
    UserFactory,
    WorkSessionFactory,
)
from profiles import history
from profiles.casting import Cast, introduced
from seedbed import Profile, Rows
from seedbed.batch import Selection
from seedbed.fields import choice, col, integer, moment

DAYS, DAY = 90, timedelta(days=1)
CREWS: Mapping[str, int] = {
    "maji-safi-trust": 14,
    "lamu-bay-coffee": 9,
    "atelier-solidaire": 6,
    "bennett-household": 1,
}
"""How many people work for each organization beside the cast."""


CAST: Cast = {
    "marta-admin": (
        "Marta Reyes, administrator",
        "the whole platform: four organizations, every channel and its state",
    ),
    "wairimu-owner": (
        "Wairimu Njoroge, Maji Safi Trust",
        "a growing NGO: hours and payouts rise from month to month; an unread notice that a channel is closing",
    ),
    "kevin-owner": (
        "Kevin Macharia, Lamu Bay Coffee Roasters",
        "a steady company that approves payments by hand; some of this week's are on their way",
    ),
    "coumba-owner": (
        "Coumba Diop, Atelier Solidaire",
        "a cooperative two months after its start: first deposits, first payouts, accounts in French",
    ),
    "alice-owner": (
        "Alice Bennett, Bennett household",
        "a family that employs at home; a channel opened hours ago that can still be cancelled",
    ),
    "otieno-pump-mechanic": (
        "Otieno Omondi, pump mechanic",
        "clocked in right now: the balance on his channel grows while you look",
    ),
    "purity-leaving": (
        "Purity Kamau, teacher",
        "asked a few hours ago to close her channel: the settle delay is running, then she is paid",
    ),
    "hassan-waiting": (
        "Hassan Juma, roaster",
        "a channel whose settle delay is over: expired, ready to be claimed",
    ),
    "faith-just-paid": (
        "Faith Mutua, coffee taster",
        "three months of weekly pay, shift by shift, and an adjustment that waits for approval",
    ),
    "samuel-moved-on": (
        "Samuel Barasa, surveyor until three weeks ago",
        "a closed channel: everything paid out, the rest went back to the escrow",
    ),
    "zawadi-two-jobs": (
        "Zawadi Achieng, two jobs",
        "mornings at the roastery, afternoons at the trust: one wallet, two channels, no overlap",
    ),
    "brian-forgot": (
        "Brian Kiplagat, new at the emergency desk",
        "forgot to clock out on his second evening: a shift that timed out, not paid yet",
    ),
    "fatou-team-lead": (
        "Fatou Ndiaye, workshop lead",
        "leads the cooperative's workshop; got a bonus that she has not read about yet",
    ),
    "nisha-first-day": (
        "Nisha Patel, first day",
        "hired yesterday, channel open for a few hours: no shift yet",
    ),
}

demo = Profile(
    "demo",
    description="a story of four organizations, ninety days up to now",
    cast=introduced(CAST),
)


@demo.recipe
def story(rows: Rows) -> None:
    """Four organizations grow, pay and say goodbye; somebody is at work right now."""
    rows.named(UserFactory, *CAST)
    organizations = rows.named(OrganizationFactory, *CREWS)
    staff, of_cast = cast_at_work(rows)
    crews, of_crews = hire_crews(rows)
    employees, channels = staff + crews, of_cast + of_crews
    shifts, payments = work(rows, of_cast, of_crews)
    rows.named(
        PaymentConfigurationFactory,
        "maji-safi-pays-weekly",
        "lamu-bay-approves",
        "atelier-pays-at-once",
        "bennetts-pay-daily",
    )
    rows.named(NotificationFactory, "fatou-bonus-unread", "wairimu-purity-is-leaving")
    signed_up = employees.where(col("user.last_login_at").is_not_null(), slot=0)
    history.sign_in(rows, organizations, 12)
    history.sign_in(rows, signed_up, integer(1, 3))
    history.tell_of_employees(rows, employees)
    history.tell_of_channels(rows, channels)
    history.tell_of_shifts(rows, shifts, log_one_in=4)
    history.tell_of_payments(rows, payments, log_one_in=8, notify_one_in=8)


def cast_at_work(rows: Rows) -> tuple[Selection, Selection]:
    """Return the cast's employments and channels."""
    employees = rows.named(
        EmployeeFactory,
        "otieno-at-maji-safi",
        "purity-at-maji-safi",
        "hassan-at-lamu-bay",
        "faith-at-lamu-bay",
        "samuel-at-maji-safi",
        "zawadi-mornings",
        "zawadi-afternoons",
        "brian-at-maji-safi",
        "fatou-at-atelier",
        "nisha-at-bennetts",
    )
    channels = rows.named(
        PaymentChannelFactory,
        "otieno-pumps",
        "purity-school-talks",
        "hassan-roastery",
        "faith-quality",
        "samuel-survey",
        "zawadi-packing",
        "zawadi-office",
        "brian-night-desk",
        "fatou-workshop",
        "nisha-childcare",
    )
    return employees, channels


def hire_crews(rows: Rows) -> tuple[Selection, Selection]:
    """Return the employments and channels of everybody else: crews that grew week by week."""
    crews = Selection(())
    week_by_week = moment("organization.created_at", col("@as_of") - 8 * DAY)
    for label, size in CREWS.items():
        organization = rows.named(OrganizationFactory, label)
        crews += rows.each(
            organization, EmployeeFactory, size, via="organization", signed_up_at=week_by_week
        )
    channels = rows.each(
        crews,
        PaymentChannelFactory,
        via="employee",
        fate=choice({"active": 19, "closed": 1}),
        attendance=integer(78, 95),
    )
    return crews, channels


def work(rows: Rows, of_cast: Selection, of_crews: Selection) -> tuple[Selection, Selection]:
    """Return all shifts and payments, and book the escrow for them."""
    told = rows.named(
        WorkSessionFactory,
        "otieno-right-now",
        "brian-first-evening",
        "brian-forgot-to-clock-out",
    )
    channels = of_cast + of_crews
    settled_in = channels.where(col("created_at") < col("@as_of") - 5 * DAY)
    made = history.shifts_of(rows, settled_in, days=DAYS)
    running = history.clocked_in(rows, of_crews.where(history.one_in(8), state="active"))
    payments = rows.named(PaymentFactory, "fatou-bonus", "faith-adjustment")
    payments += history.pay(rows, told + made, bonuses_on=of_crews.where(history.one_in(4)))
    deposits, withdrawals = history.fund(rows, channels)
    history.tell_of_escrow(rows, deposits, withdrawals)
    return told + made + running, payments
