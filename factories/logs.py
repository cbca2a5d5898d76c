"""What is kept for the record: sign-ins, the activity log and the log of deletions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
from factory import Maybe, SubFactory

from factories.fields import digest, document, ip_address, phrase, xrpl_address
from factories.models import ActivityLog, DeletionLog, Session
from factories.money import EscrowTransactionFactory, PaymentConfigurationFactory, PaymentFactory
from factories.people import EmployeeFactory, OrganizationFactory, UserFactory
from factories.words import USER_AGENTS
from factories.work import PaymentChannelFactory, WorkSessionFactory
from seedbed import Factory
from seedbed.fields import choice, col, derived, follow, integer, moment

DAY = timedelta(days=1)


class SessionFactory(Factory[Session]):
    """A sign-in. The recent ones may still be open."""

    class Meta:
        model = Session
        key = ("session_token",)
        insert_only = ("last_seen_at",)

    class Params:
        of = None  # an employee or organization whose user signs in
        length = integer(3, 90 * 60)
        last_day = derived(pl.coalesce("user.deleted_at", "@as_of"))
        until = derived(pl.coalesce("user.last_login_at", "last_day"))

    user = SubFactory(UserFactory)
    session_token = digest()
    ip_address = ip_address()
    user_agent = choice(USER_AGENTS)
    expires_at = derived(col("created_at") + 7 * DAY)
    last_seen_at = derived(
        pl.min_horizontal(col("created_at") + pl.duration(seconds="length"), "last_day")
    )
    created_at = moment(pl.max_horizontal(col("user.created_at"), col("until") - 60 * DAY), "until")


def _subject(kind: str, factory: type[Factory[Any]]) -> Maybe:
    """Return the row that a log tells about, where its entity_type says that it is one of that kind."""
    return Maybe(derived(col("entity_type") == kind), SubFactory(factory), None)


class ActivityLogFactory(Factory[ActivityLog]):
    """A line of the activity log. Which `about_...` row it tells about, its entity_type says."""

    class Meta:
        model = ActivityLog
        rename = {
            f"about_{kind}": "entity_id"
            for kind in (
                "user",
                "organization",
                "employee",
                "channel",
                "shift",
                "payment",
                "escrow",
                "configuration",
            )
        }

    user = SubFactory(UserFactory)
    organization = None
    action_type = "login"
    entity_type = None
    about_user = _subject("user", UserFactory)
    about_organization = _subject("organization", OrganizationFactory)
    about_employee = _subject("employee", EmployeeFactory)
    about_channel = _subject("payment_channel", PaymentChannelFactory)
    about_shift = _subject("work_session", WorkSessionFactory)
    about_payment = _subject("payment", PaymentFactory)
    about_escrow = _subject("escrow_transaction", EscrowTransactionFactory)
    about_configuration = _subject("payment_configuration", PaymentConfigurationFactory)
    description = None
    ip_address = ip_address()
    user_agent = choice(USER_AGENTS)
    metadata_ = None
    created_at = moment("user.created_at", "@as_of")


class SignInLogFactory(ActivityLogFactory):
    """A worker or an owner signed in."""

    class Params:
        session = SubFactory(SessionFactory)

    user = follow("session.user")
    ip_address = derived(col("session.ip_address"))
    user_agent = derived(col("session.user_agent"))
    description = phrase("Signed in with the wallet", "Signed in from a known device")
    created_at = derived(col("session.created_at"))


class SignOutLogFactory(SignInLogFactory):
    """A worker or an owner signed out."""

    action_type = "logout"
    description = "Signed out"
    created_at = derived(col("session.last_seen_at"))


class ClockInLogFactory(ActivityLogFactory):
    """A worker clocked in."""

    user = follow("about_shift.employee.user")
    organization = follow("about_shift.organization")
    action_type = "clock_in"
    entity_type = "work_session"
    description = phrase("Clocked in for {about_shift.payment_channel.job_name}")
    created_at = derived(col("about_shift.clock_in"))


class ClockOutLogFactory(ClockInLogFactory):
    """A worker clocked out."""

    class Params:
        hours = derived(col("about_shift.hours_worked").cast(pl.Float64))

    action_type = "clock_out"
    description = phrase(
        "Clocked out of {about_shift.payment_channel.job_name} after {about_shift.hours_worked} hours"
    )
    metadata_ = document(hours="hours")
    created_at = derived(col("about_shift.clock_out"))


class HiredLogFactory(ActivityLogFactory):
    """An owner added a worker."""

    user = follow("about_employee.organization.user")
    organization = follow("about_employee.organization")
    action_type = "employee_added"
    entity_type = "employee"
    description = phrase(
        "Added {about_employee.called} at {about_employee.hourly_rate} XAH an hour"
    )
    created_at = derived(col("about_employee.created_at"))


class TerminatedLogFactory(HiredLogFactory):
    """An owner ended a contract."""

    action_type = "employee_terminated"
    description = phrase("Ended the contract of {about_employee.called}")
    created_at = derived(col("about_employee.left_at"))


class ChannelLogFactory(ActivityLogFactory):
    """An owner opened a channel."""

    user = follow("about_channel.organization.user")
    organization = follow("about_channel.organization")
    action_type = "channel_opened"
    entity_type = "payment_channel"
    description = phrase(
        "Opened a channel of {about_channel.escrow_funded_amount} XAH for {about_channel.employee.called}"
    )
    created_at = derived(col("about_channel.created_at"))


class ClosureLogFactory(ChannelLogFactory):
    """An owner asked for a channel to be closed."""

    action_type = "channel_closure_requested"
    description = phrase(
        "Asked to close the channel of {about_channel.employee.called}, {about_channel.job_name}"
    )
    created_at = derived(col("about_channel.closure_initiated_at"))


class ClosedLogFactory(ChannelLogFactory):
    """A channel was closed."""

    action_type = "channel_closed"
    description = phrase(
        "Channel of {about_channel.employee.called} closed, {about_channel.on_chain_balance} XAH paid out"
    )
    created_at = derived(col("about_channel.closed_at"))


class PaymentLogFactory(ActivityLogFactory):
    """A payment went through. Nobody did that: the scheduler has neither address nor browser."""

    class Params:
        amount = derived(col("about_payment.amount").cast(pl.Float64))

    user = None
    organization = follow("about_payment.organization")
    action_type = "payment_completed"
    entity_type = "payment"
    description = phrase("Paid {about_payment.amount} XAH to {about_payment.employee.called}")
    ip_address = None
    user_agent = None
    metadata_ = document(amount="amount")
    created_at = derived(col("about_payment.paid_at"))


class FailedPaymentLogFactory(PaymentLogFactory):
    """A payment failed."""

    action_type = "payment_failed"
    description = phrase(
        "Payment of {about_payment.amount} XAH to {about_payment.employee.called} failed: no path to the account"
    )
    created_at = derived(col("about_payment.created_at"))


class DepositLogFactory(ActivityLogFactory):
    """An owner paid into the escrow."""

    user = follow("about_escrow.organization.user")
    organization = follow("about_escrow.organization")
    action_type = "escrow_deposit"
    entity_type = "escrow_transaction"
    description = phrase("Paid {about_escrow.amount} XAH into the escrow")
    created_at = derived(col("about_escrow.created_at"))


class WithdrawalLogFactory(DepositLogFactory):
    """An owner took money out of the escrow."""

    action_type = "escrow_withdrawal"
    description = phrase("Took {about_escrow.amount} XAH out of the escrow")


class SettingsLogFactory(ActivityLogFactory):
    """An owner changed how the organization pays."""

    user = follow("about_configuration.organization.user")
    organization = follow("about_configuration.organization")
    action_type = "settings_changed"
    entity_type = "payment_configuration"
    description = phrase(
        "Payments every {about_configuration.payment_frequency_minutes} minutes from now on"
    )
    created_at = moment("about_configuration.created_at", "@as_of")


class DeletionLogFactory(Factory[DeletionLog]):
    """What is kept of a deleted account. After the hard deletion there is no user any more."""

    class Meta:
        model = DeletionLog

    class Params:
        employee = SubFactory(EmployeeFactory)
        user = follow("employee.user")
        former_wallet = xrpl_address()
        former_type = "employee"
        export = derived(
            pl.format("https://exports.payroll.test/{}.zip", col("wallet_address").str.slice(0, 12))
        )

    wallet_address = derived(pl.coalesce("user.wallet_address", "former_wallet"))
    user_type = derived(pl.coalesce("user.user_type", "former_type"))
    deleted_by = choice({"user": 8, "admin": 1, "system": 1})
    deletion_reason = derived(col("user.deletion_reason"))
    organizations_affected = derived(pl.concat_list("employee.organization.organization_name"))
    channels_closed = 1
    data_export_url = derived(pl.when(col("@key") % 3 == 0).then("export"))
    hard_deleted_at = None
    created_at = derived(col("user.deleted_at"))
