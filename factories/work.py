"""Where work is paid: payment channels with their life cycle, and the shifts that fill them."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
from factory import SubFactory

from factories.fields import by, choices, digest, exact, units
from factories.models import PaymentChannel, WorkSession
from factories.people import EmployeeFactory
from factories.words import JOBS, SHIFT_NOTES
from seedbed import Factory
from seedbed.fields import choice, col, derived, follow, integer, moment, rollup

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LEDGER_EPOCH = datetime(2000, 1, 1)
MONDAY_TO_SATURDAY = (True, True, True, True, True, True, False)
OPEN_STATES = ("active", "young", "cancel_due")
STATES = (*OPEN_STATES, "closing", "expired", "closed")
"""What can be true of a channel.

`young` was opened within a day and may still be cancelled, `cancel_due` should have been; `closing` waits for its settle delay,
`expired` has waited longer than that.
"""


def since(moment_: str) -> pl.Expr:
    """Return the time that passed between a column's moment and `as_of`."""
    return col("@as_of") - col(moment_)


class PaymentChannelFactory(Factory[PaymentChannel]):
    """A payment channel from an organization to a worker. Its `state` decides what else is filled."""

    class Meta:
        model = PaymentChannel
        key = ("channel_id",)
        insert_only = ("updated_at",)

    class Params:
        predecessor = None  # the channel that this one renews
        fate = "active"  # the state a channel is in once it is two weeks old; see STATES
        state = derived(
            pl.when(col("employee.left_at").is_not_null())
            .then(pl.lit("closed"))
            .when((since("created_at") < 14 * DAY) & ~col("fate").is_in(OPEN_STATES))
            .then(pl.lit("active"))
            .otherwise("fate")
        )
        opened_at = moment(
            col("employee.created_at") + HOUR / 4, col("employee.created_at") + 3 * HOUR
        )
        opened_today = moment(-20 * HOUR, -HOUR)
        delay = derived(pl.duration(seconds="settle_delay"))
        closing_since = moment(
            col("@as_of") - col("delay") * 0.95, col("@as_of") - col("delay") * 0.05
        )
        expired_since = moment(
            pl.max_horizontal(col("created_at") + DAY, col("@as_of") - col("delay") - 9 * DAY),
            col("@as_of") - col("delay") - 2 * HOUR,
        )
        ends_at = moment(
            col("created_at") + since("created_at") * 0.3,
            col("created_at") + since("created_at") * 0.95,
        )
        notice = moment(col("closed_at") - col("delay") - 6 * HOUR, col("closed_at") - col("delay"))
        reason = choice(
            {"contract_completed": 5, "worker_request": 3, "employer_request": 2, "inactivity": 1}
        )
        closing_tx, opening_tx, key = digest(), digest(), digest("ED")
        confirmed = derived((col("state") != "young") | (col("@key") % 2 == 0))
        work_end = derived(pl.coalesce("closure_initiated_at", "@as_of"))
        first_day = derived((col("created_at") + DAY).dt.date())
        workdays = derived(
            pl.business_day_count(
                col("first_day"), col("work_end").dt.date(), week_mask=MONDAY_TO_SATURDAY
            )
        )
        attendance = integer(50, 90)  # percent of the workdays
        claimed = rollup(
            "PaymentFactory",
            col("amount").filter(col("payment_status") == "completed").sum(),
            via="channel",
        )
        owed = rollup(
            "WorkSessionFactory",
            col("total_amount").filter("unsettled").sum(),
            via="payment_channel",
        )
        owed_hours = rollup(
            "WorkSessionFactory",
            col("hours_worked").filter("unsettled").sum(),
            via="payment_channel",
        )
        is_closed = derived(col("status") == "closed")
        due_in_all = derived(units("claimed", 4) + units("owed", 4))

    organization = follow("employee.organization")
    employee = SubFactory(EmployeeFactory)
    channel_id = digest()
    job_name = by("employee.organization.organization_type", choices(JOBS))
    hourly_rate = derived(col("employee.hourly_rate"))
    escrow_funded_amount = (
        exact(  # a quarter more than the work done so far, in steps of 50, at least 200
            pl.max_horizontal(-(-col("due_in_all") * 5 // 4 // 500_000) * 50, 200), places=0
        )
    )
    off_chain_accumulated_balance = derived(pl.when("is_closed").then(0).otherwise("owed"))
    on_chain_balance = derived(col("claimed"))
    legacy_accumulated_balance = 0
    hours_accumulated = derived(pl.when("is_closed").then(0).otherwise("owed_hours"))
    max_daily_hours = derived(
        pl.when(col("employee.shift_minutes") < 300)
        .then(4)
        .when(col("@key") % 5 == 0)
        .then(6)
        .otherwise(8)
    )
    balance_update_frequency = choice({"hourly": 6, "30min": 2, "15min": 1, "5min": 1})
    status = derived(
        pl.when(col("state") == "closed")
        .then(pl.lit("closed"))
        .when(col("state").is_in(["closing", "expired"]))
        .then(pl.lit("closing"))
        .otherwise(pl.lit("active"))
    )
    public_key = derived(pl.when("confirmed").then("key"))
    settle_delay = choice({86_400: 8, 43_200: 1, 3_600: 1})
    cancel_after = derived(
        pl.when(col("state").is_in(["young", "cancel_due"])).then(
            (col("created_at") - LEDGER_EPOCH).dt.total_seconds() + 86_400
        )
    )
    expiration_time = derived(col("closure_initiated_at") + col("delay"))
    closure_initiated_at = derived(
        pl.when(col("state") == "closing")
        .then("closing_since")
        .when(col("state") == "expired")
        .then("expired_since")
        .when(col("state") == "closed")
        .then("notice")
    )
    closure_tx_hash = derived(pl.when("is_closed").then("closing_tx"))
    closed_at = derived(
        pl.when(col("state") == "closed").then(pl.coalesce("employee.left_at", "ends_at"))
    )
    closure_reason = derived(
        pl.when(col("state") == "expired")
        .then(pl.lit("expired"))
        .when(~col("state").is_in(OPEN_STATES))
        .then("reason")
    )
    creation_tx_hash = derived(pl.when("confirmed").then("opening_tx"))
    last_ledger_sync = derived(
        pl.when("confirmed").then(
            pl.max_horizontal(
                col("created_at"),
                pl.coalesce("closed_at", "@as_of") - pl.duration(seconds=col("@key") % 3600),
            )
        )
    )
    created_at = derived(
        pl.when(col("fate") == "young").then("opened_today").otherwise("opened_at")
    )
    updated_at = derived(pl.max_horizontal("created_at", "closure_initiated_at", "closed_at"))


class WorkSessionFactory(Factory[WorkSession]):
    """A shift. Number i below a channel is on the channel's i-th workday, if the worker `attended`; see `profiles.history`."""

    class Meta:
        model = WorkSession
        insert_only = ("updated_at",)

    class Params:
        day = derived(
            col("payment_channel.first_day").dt.add_business_days(
                col("@index"), week_mask=MONDAY_TO_SATURDAY, roll="forward"
            )
        )
        luck = integer(0, 99)
        attended = derived(
            col("luck")
            < pl.when(col("day").dt.weekday() == 6)
            .then(12)
            .when(col("day").dt.weekday() == 5)
            .then(col("payment_channel.attendance") - 8)
            .otherwise("payment_channel.attendance")
        )
        delay = integer(0, 25 * 60)  # seconds after the working day's beginning
        leisure = integer(0, 40 * 60)  # seconds less than the longest day
        half_day = choice({False: 9, True: 1})
        longest = derived(
            pl.min_horizontal(
                units("payment_channel.max_daily_hours", 2) * 36,
                (col("employee.shift_minutes") - 26) * 60,
            )
        )
        seconds = derived(
            (col("longest") - col("leisure")) // pl.when("half_day").then(2).otherwise(1)
        )
        starts_at = derived(
            col("day").cast(pl.Datetime("us"))
            + pl.duration(
                seconds=(col("employee.shift_start") - col("employee.utc_offset")) * 60
                + col("delay")
            )
        )
        over = derived(col("session_status") != "active")
        hundredths = derived(
            ((col("clock_out") - col("clock_in")).dt.total_seconds() * 100 + 1800) // 3600
        )
        remark = choice(SHIFT_NOTES)
        friday = derived(
            (
                col("clock_out").dt.date()
                + pl.duration(days=(5 - col("clock_out").dt.weekday()) % 7)
            ).cast(pl.Datetime("us"))
            + pl.duration(hours=17, seconds=col("delay"))
        )
        due_at = derived(  # pay day is Friday, or the day on which the channel closes
            pl.min_horizontal(
                pl.when(col("friday") < col("clock_out"))
                .then(col("friday") + 7 * DAY)
                .otherwise("friday"),
                "payment_channel.closed_at",
            )
        )
        due = derived((col("session_status") == "completed") & (col("due_at") <= col("@as_of")))
        settled = rollup(
            "PaymentFactory",
            (col("payment_status") == "completed").any(),
            via="session",
            default=False,
        )
        unsettled = derived((col("session_status") == "completed") & ~col("settled"))

    employee = follow("payment_channel.employee")
    organization = follow("payment_channel.organization")
    payment_channel = SubFactory(PaymentChannelFactory)
    clock_in = derived(col("starts_at"))
    clock_out = derived(pl.when("over").then(col("clock_in") + pl.duration(seconds="seconds")))
    hours_worked = exact(col("hundredths"), places=2)
    hourly_rate = derived(col("payment_channel.hourly_rate"))
    total_amount = exact(col("hundredths") * units("hourly_rate", 2), places=4)
    session_status = choice({"completed": 965, "timeout": 20, "cancelled": 15})
    timeout_at = derived(pl.when(col("session_status") == "timeout").then("clock_out"))
    notes = derived(pl.when(col("@key") % 14 == 0).then("remark"))
    created_at = derived(col("clock_in"))
    updated_at = derived(pl.coalesce("clock_out", "clock_in"))
