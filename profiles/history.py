"""What happens on channels, the same in every profile: shifts, pay days, escrow, and the papers about it all."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from factories import (
    BonusFactory,
    DepositFactory,
    FundingFactory,
    PaymentFactory,
    RefundFactory,
    SessionFactory,
    WithdrawalFactory,
    WorkSessionFactory,
)
from factories.logs import (
    ChannelLogFactory,
    ClockInLogFactory,
    ClockOutLogFactory,
    ClosedLogFactory,
    ClosureLogFactory,
    DepositLogFactory,
    FailedPaymentLogFactory,
    HiredLogFactory,
    PaymentLogFactory,
    SignInLogFactory,
    SignOutLogFactory,
    TerminatedLogFactory,
    WithdrawalLogFactory,
)
from factories.notices import (
    ChannelNotificationFactory,
    ClosedNotificationFactory,
    ClosingNotificationFactory,
    ClosureRequestedFactory,
    FailedPaymentNotificationFactory,
    NgoNotificationFactory,
    PaidNotificationFactory,
    TimeoutNotificationFactory,
    WorkerDeletedFactory,
    WorkerLeftFactory,
)
from seedbed import Rows
from seedbed.batch import Selection
from seedbed.fields import col, follow
from seedbed.recipe import Count

HOUR = timedelta(hours=1)
HAS_USER = col("employee.user.wallet_address").is_not_null()
CLOSING = col("closure_initiated_at").is_not_null()
CLOSED = col("state") == "closed"


def one_in(number: int) -> pl.Expr:
    """Return a condition that about one row in so many meets, always the same ones."""
    return col("@key") % number == 0


def shifts_of(rows: Rows, channels: Selection, *, days: int) -> Selection:
    """Return the shifts of some channels over the last days: at most one a workday, none today."""
    remembered = col("day") >= (col("@as_of") - timedelta(days=days)).dt.date()
    return rows.each(
        channels,
        WorkSessionFactory,
        col("workdays"),
        via="payment_channel",
        when=col("attended") & remembered,
    )


def clocked_in(rows: Rows, channels: Selection) -> Selection:
    """Return one running shift below each of some channels."""
    started = col("@as_of") - pl.duration(minutes=10 + (col("@key") % 170).cast(pl.Int64))
    return rows.each(
        channels,
        WorkSessionFactory,
        via="payment_channel",
        segment="now",
        session_status="active",
        clock_in=started,
    )


def pay(rows: Rows, shifts: Selection, bonuses_on: Selection) -> Selection:
    """Return the payments of all shifts whose pay day has come, and a bonus on some channels."""
    hourly = rows.each(shifts.where(col("due")), PaymentFactory, via="session")
    return hourly + rows.each(bonuses_on, BonusFactory, via="channel", segment="bonus")


def fund(rows: Rows, channels: Selection) -> tuple[Selection, Selection]:
    """Return the deposits and the withdrawals that some channels make on their organization's escrow."""
    deposits = rows.each(channels, DepositFactory, via="channel", segment="deposit")
    rows.each(channels, FundingFactory, via="channel", segment="funding")
    refunds = rows.each(channels.where(CLOSED), RefundFactory, via="channel", segment="refund")
    withdrawn = refunds.where(one_in(3))
    withdrawals = rows.each(withdrawn, WithdrawalFactory, via="refund", segment="withdrawal")
    return deposits, withdrawals


def sign_in(rows: Rows, people: Selection, count: Count) -> None:
    """Make sign-ins and sign-outs of the users behind employees or organizations, and the log of both."""
    sessions = rows.each(people, SessionFactory, count, via="of", user=follow("of.user"))
    rows.each(sessions, SignInLogFactory, via="session", segment="sign-in")
    over = sessions.where(one_in(3), col("last_seen_at").is_not_null())
    rows.each(over, SignOutLogFactory, via="session", segment="sign-out")


def tell_of_employees(rows: Rows, employees: Selection) -> None:
    """Make what is written about people who come and go."""
    rows.each(employees, HiredLogFactory, via="about_employee", segment="hired")
    rows.each(employees, NgoNotificationFactory, via="employee", segment="joined")
    gone = employees.where(col("left_at").is_not_null())
    rows.each(gone, TerminatedLogFactory, via="about_employee", segment="terminated")
    rows.each(gone, WorkerLeftFactory, via="employee", segment="left")
    deleted = gone.where(col("user.deleted_at").is_not_null())
    rows.each(deleted, WorkerDeletedFactory, via="employee", segment="deleted")


def tell_of_channels(rows: Rows, channels: Selection) -> None:
    """Make what is written about channels."""
    rows.each(channels, ChannelLogFactory, via="about_channel", segment="opened")
    signed_up = channels.where(HAS_USER)
    rows.each(signed_up, ChannelNotificationFactory, via="channel", segment="opened")
    rows.each(
        signed_up.where(CLOSING), ClosingNotificationFactory, via="channel", segment="closing"
    )
    rows.each(signed_up.where(CLOSED), ClosedNotificationFactory, via="channel", segment="closed")
    closing = channels.where(CLOSING)
    rows.each(closing, ClosureLogFactory, via="about_channel", segment="closing")
    rows.each(closing, ClosureRequestedFactory, via="channel", segment="closing")
    rows.each(channels.where(CLOSED), ClosedLogFactory, via="about_channel", segment="closed")


def tell_of_shifts(rows: Rows, shifts: Selection, *, log_one_in: int) -> None:
    """Make what is written about shifts; the log keeps a sample."""
    logged = shifts.where(one_in(log_one_in))
    rows.each(logged, ClockInLogFactory, via="about_shift", segment="clock-in")
    over = logged.where(col("session_status") == "completed")
    rows.each(over, ClockOutLogFactory, via="about_shift", segment="clock-out")
    timeouts = shifts.where(HAS_USER, session_status="timeout")
    rows.each(timeouts, TimeoutNotificationFactory, via="shift", segment="timeout")


def tell_of_payments(
    rows: Rows, payments: Selection, *, log_one_in: int, notify_one_in: int
) -> None:
    """Make what is written about payments; log and notifications keep a sample."""
    paid = payments.where(payment_status="completed")
    rows.each(
        paid.where(one_in(log_one_in)), PaymentLogFactory, via="about_payment", segment="paid"
    )
    told = paid.where(one_in(notify_one_in), HAS_USER)
    rows.each(told, PaidNotificationFactory, via="payment", segment="paid")
    failed = payments.where(payment_status="failed")
    rows.each(failed, FailedPaymentLogFactory, via="about_payment", segment="failed")
    rows.each(failed, FailedPaymentNotificationFactory, via="payment", segment="failed")


def tell_of_escrow(rows: Rows, deposits: Selection, withdrawals: Selection) -> None:
    """Make the log of deposits and withdrawals."""
    rows.each(deposits, DepositLogFactory, via="about_escrow", segment="deposited")
    rows.each(withdrawals, WithdrawalLogFactory, via="about_escrow", segment="withdrawn")
