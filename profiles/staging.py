"""staging: the shape of production at any size, for load and release tests. Not one address in it is real."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from factories import (
    DeletionLogFactory,
    EmployeeFactory,
    OrganizationFactory,
    PaymentChannelFactory,
    PaymentConfigurationFactory,
    UserFactory,
)
from factories.logs import SettingsLogFactory
from factories.notices import LowEscrowNotificationFactory
from profiles import history
from seedbed import Profile, Rows
from seedbed.batch import Selection
from seedbed.fields import choice, col, derived, follow, integer, moment

DAYS = 365
GOLDEN = 0.6180339887498949
STATUSES = choice({"active": 94, "suspended": 3, "inactive": 3})
FATES = choice(
    {"active": 60, "closed": 30, "closing": 4, "expired": 3, "cancel_due": 2, "young": 1}
)

staging = Profile(
    "staging",
    description="a year of a million rows at scale 1, skewed as production is",
)


@staging.recipe
def payroll(rows: Rows) -> None:
    """Organizations in pairs that share some workers. A larger scale adds pairs and leaves those there were alone."""
    rows.named(UserFactory, "ada-admin")
    organizations = found(rows)
    employees = hire(rows, organizations)
    channels = open_channels(rows, employees)
    shifts = history.shifts_of(rows, channels, days=DAYS)
    payments = history.pay(rows, shifts, bonuses_on=channels.where(history.one_in(3)))
    at_work = channels.where(
        history.one_in(8), col("employee.slot") == 0, employee_active(), state="active"
    )
    shifts += history.clocked_in(rows, at_work)
    deposits, withdrawals = history.fund(rows, channels)
    signed_up = employees.where(col("user.last_login_at").is_not_null(), slot=0)
    history.sign_in(rows, organizations, integer(5, 20))
    history.sign_in(rows, signed_up, integer(1, 4))
    history.tell_of_employees(rows, employees)
    history.tell_of_channels(rows, channels)
    history.tell_of_shifts(rows, shifts, log_one_in=6)
    history.tell_of_payments(rows, payments, log_one_in=30, notify_one_in=6)
    history.tell_of_escrow(rows, deposits, withdrawals)
    settle_accounts(rows, organizations, employees)


def found(rows: Rows) -> Selection:
    """Return the organizations: few large, many small, whatever the scale.

    The fractional parts of multiples of the golden ratio are spread evenly however many there are (Weyl), so that ten
    organizations have the same mix of sizes as a thousand.
    """
    share = col("rank") * GOLDEN % 1
    size = derived(pl.min_horizontal((12 * (1 - share) ** -0.6).cast(pl.Int64) - 8, 400))
    kind = derived(
        pl.when((col("size") <= 6) & history.one_in(3))
        .then(pl.lit("individual"))
        .when(col("@key") // 3 % 2 == 0)
        .then(pl.lit("ngo"))
        .otherwise(pl.lit("company"))
    )
    firsts = rows.many(
        OrganizationFactory,
        rows.scaled(100),
        rank=derived(col("@index") * 2),
        size=size,
        organization_type=kind,
        status=STATUSES,
    )
    partners = rows.each(
        firsts,
        OrganizationFactory,
        via="partner",
        segment="partner",
        rank=derived(col("partner.rank") + 1),
        size=size,
        organization_type=kind,
        status=STATUSES,
        country=derived(col("partner.country")),
    )
    return firsts + partners


def employee_active() -> pl.Expr:
    """Return the condition that a channel's employment goes on."""
    return col("employee.employment_status") == "active"


def hire(rows: Rows, organizations: Selection) -> Selection:
    """Return all employments; some workers of the second of each pair of organizations have another one with the first."""
    status = (
        pl.when(col("left_at").is_not_null())
        .then(pl.lit("terminated"))
        .when(history.one_in(25))
        .then(pl.lit("inactive"))
        .otherwise(pl.lit("active"))
    )
    employees = rows.each(
        organizations,
        EmployeeFactory,
        col("size"),
        via="organization",
        signed_up=choice({True: 94, False: 6}),
        moonlights=derived(
            (col("organization.rank") % 2 == 1) & col("signed_up") & history.one_in(7)
        ),
        leaves=choice({True: 12, False: 88}),
        deletes=derived(~col("moonlights") & history.one_in(10)),
        employment_status=derived(status),
    )
    second_jobs = rows.each(
        employees.where(moonlights=True),
        EmployeeFactory,
        via="first_job",
        segment="second-job",
        user=follow("first_job.user"),
        organization=follow("first_job.organization.partner"),
        slot=1,
    )
    return employees + second_jobs


def open_channels(rows: Rows, employees: Selection) -> Selection:
    """Return a channel for each employment, and a new one where that was closed and the work goes on."""
    attendance = integer(32, 82)
    first = rows.each(
        employees, PaymentChannelFactory, via="employee", fate=FATES, attendance=attendance
    )
    renewed = rows.each(
        first.where(employee_active(), state="closed"),
        PaymentChannelFactory,
        via="predecessor",
        segment="renewal",
        employee=follow("predecessor.employee"),
        job_name=derived(col("predecessor.job_name")),
        attendance=derived(col("predecessor.attendance")),
        created_at=moment(
            "predecessor.closed_at", col("predecessor.closed_at") + 20 * history.HOUR
        ),
    )
    return first + renewed


def settle_accounts(rows: Rows, organizations: Selection, employees: Selection) -> None:
    """Make what each organization has one of, and what is left of deleted accounts."""
    configurations = rows.each(organizations, PaymentConfigurationFactory, via="organization")
    rows.each(configurations, SettingsLogFactory, via="about_configuration", segment="changed")
    rows.each(
        organizations.where(history.one_in(4)),
        LowEscrowNotificationFactory,
        via="organization",
        segment="escrow-low",
    )
    deleted = employees.where(col("user.deleted_at").is_not_null())
    rows.each(deleted, DeletionLogFactory, via="employee")
    rows.many(
        DeletionLogFactory,
        rows.scaled(20),
        employee=None,
        organizations_affected=None,
        hard_deleted_at=moment(timedelta(days=-100), timedelta(days=-10)),
        created_at=derived(col("hard_deleted_at") - timedelta(days=30)),
    )
