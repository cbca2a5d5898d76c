"""What people are told: notifications of users and of organizations. Each hangs below the row it tells about."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from factory import SubFactory

from factories.fields import document, phrase
from factories.models import NgoNotification, Notification
from factories.money import PaymentFactory
from factories.people import EmployeeFactory, OrganizationFactory, UserFactory
from factories.work import PaymentChannelFactory, WorkSessionFactory
from seedbed import Factory
from seedbed.fields import choice, col, derived, follow, moment

DAY = timedelta(days=1)


class NotificationFactory(Factory[Notification]):
    """A message to a user; most people have read what is older than two days."""

    class Meta:
        model = Notification

    class Params:
        attentive = choice({True: 6, False: 1})

    user = SubFactory(UserFactory)
    notification_type = "account"
    title = "Welcome to XAH Payroll"
    message = "Your wallet is connected. You can clock in as soon as your employer opens a channel for you."
    is_read = derived((col("created_at") < col("@as_of") - 2 * DAY) & col("attentive"))
    action_url = None
    created_at = moment("user.created_at", "@as_of")


class PaidNotificationFactory(NotificationFactory):
    """Tells a worker that a shift was paid."""

    class Params:
        payment = SubFactory(PaymentFactory)

    user = follow("payment.employee.user")
    notification_type = "payment_received"
    title = "You were paid"
    message = phrase(
        "{payment.amount} XAH from {payment.organization.organization_name} arrived in your wallet.",
        "{payment.organization.organization_name} paid you {payment.amount} XAH.",
    )
    action_url = "/payments"
    created_at = derived(col("payment.paid_at"))


class FailedPaymentNotificationFactory(PaidNotificationFactory):
    """Tells an owner that a payment did not go through."""

    user = follow("payment.organization.user")
    notification_type = "payment_failed"
    title = "A payment failed"
    message = phrase(
        "{payment.amount} XAH to {payment.employee.called} did not go through. Check the channel and try again."
    )
    created_at = derived(col("payment.created_at"))


class ChannelNotificationFactory(NotificationFactory):
    """Tells a worker that a channel was opened."""

    class Params:
        channel = SubFactory(PaymentChannelFactory)

    user = follow("channel.employee.user")
    notification_type = "channel_opened"
    title = "A payment channel was opened for you"
    message = phrase(
        "{channel.organization.organization_name} opened a channel for {channel.job_name},"
        " {channel.hourly_rate} XAH an hour."
    )
    action_url = "/channels"
    created_at = derived(col("channel.created_at"))


class ClosingNotificationFactory(ChannelNotificationFactory):
    """Tells a worker that a channel is being closed."""

    notification_type = "channel_closing"
    title = "A payment channel is closing"
    message = phrase(
        "The channel for {channel.job_name} closes on {channel.expiration_time} UTC. What you earned is paid out then."
    )
    created_at = derived(col("channel.closure_initiated_at"))


class ClosedNotificationFactory(ChannelNotificationFactory):
    """Tells a worker that a channel was closed."""

    notification_type = "channel_closed"
    title = "A payment channel was closed"
    message = phrase("The channel for {channel.job_name} was closed and paid out.")
    created_at = derived(col("channel.closed_at"))


class TimeoutNotificationFactory(NotificationFactory):
    """Tells a worker that a shift was ended by the clock."""

    class Params:
        shift = SubFactory(WorkSessionFactory)

    user = follow("shift.employee.user")
    notification_type = "shift_timeout"
    title = "You did not clock out"
    message = phrase(
        "Your shift of {shift.clock_in} UTC was ended automatically. Ask your employer if the hours are not right."
    )
    action_url = "/shifts"
    created_at = derived(col("shift.timeout_at"))


class LowEscrowNotificationFactory(NotificationFactory):
    """Tells an owner that the escrow runs low."""

    class Params:
        organization = SubFactory(OrganizationFactory)

    user = follow("organization.user")
    notification_type = "escrow_low"
    title = "Your escrow is running low"
    message = phrase(
        "At this pace, the escrow of {organization.organization_name} lasts for less than two weeks."
    )
    action_url = "/escrow"
    created_at = moment(
        pl.max_horizontal(col("organization.created_at"), col("@as_of") - 2 * DAY), "@as_of"
    )


class NgoNotificationFactory(Factory[NgoNotification]):
    """Tells an organization that a worker joined."""

    class Meta:
        model = NgoNotification

    class Params:
        employee = SubFactory(EmployeeFactory)
        since = derived(col("employee.hire_date"))
        rate = derived(col("employee.hourly_rate").cast(pl.Float64))
        attentive = choice({True: 8, False: 1})

    organization = follow("employee.organization")
    notification_type = "worker_joined"
    worker_wallet_address = derived(col("employee.employee_wallet_address"))
    worker_name = derived(col("employee.full_name"))
    message = phrase("{employee.called} joined and can clock in now.")
    metadata_ = document(hourly_rate="rate")
    is_read = derived((col("created_at") < col("@as_of") - 3 * DAY) & col("attentive"))
    created_at = derived(col("employee.created_at"))


class WorkerLeftFactory(NgoNotificationFactory):
    """Tells an organization that a worker's contract ended."""

    notification_type = "worker_left"
    message = phrase(
        "The contract of {employee.called} ended on {employee.termination_date}.",
        "{employee.called} left on {employee.termination_date}; the last shifts are paid.",
    )
    created_at = derived(col("employee.left_at"))


class WorkerDeletedFactory(NgoNotificationFactory):
    """Tells an organization that a former worker deleted the account."""

    notification_type = "worker_deleted"
    worker_name = None
    message = "A former worker deleted the account. The payment history stays in your books."
    created_at = derived(col("employee.user.deleted_at"))


class ClosureRequestedFactory(NgoNotificationFactory):
    """Tells an organization that a channel is being closed."""

    class Params:
        channel = SubFactory(PaymentChannelFactory)
        employee = follow("channel.employee")

    notification_type = "closure_requested"
    message = phrase(
        "The channel of {employee.called} for {channel.job_name} closes on {channel.expiration_time} UTC."
    )
    created_at = derived(col("channel.closure_initiated_at"))
