"""What is paid: payments to workers, movements on the organizations' escrow, and how an organization wants to pay."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from factory import SubFactory

from factories.fields import digest, exact, phrase, units
from factories.models import EscrowTransaction, Payment, PaymentConfiguration
from factories.people import OrganizationFactory
from factories.vocabulary import ESCROW_SIGNS
from factories.work import PaymentChannelFactory, WorkSessionFactory
from seedbed import Factory
from seedbed.fields import choice, col, decimal, derived, follow, integer, moment, running

WEEK = timedelta(days=7)
INCOMING = [kind for kind, sign in ESCROW_SIGNS.items() if sign > 0]


class PaymentFactory(Factory[Payment]):
    """A payment that settles a shift. Those of the last week may still be on their way."""

    class Meta:
        model = Payment

    class Params:
        channel = follow("session.payment_channel")
        due_at = derived(col("session.due_at"))
        outcome = choice(
            {"completed": 90, "pending": 4, "processing": 3, "failed": 2, "cancelled": 1}
        )
        uncertain = derived(
            (col("due_at") > col("@as_of") - WEEK) & (col("channel.status") != "closed")
        )
        paid = derived(col("payment_status") == "completed")
        transaction = digest()
        known_at = derived(pl.coalesce("session.clock_out", "channel.created_at"))

    session = SubFactory(WorkSessionFactory)
    employee = follow("channel.employee")
    organization = follow("channel.organization")
    amount = derived(col("session.total_amount"))
    currency = "XAH"
    payment_type = "hourly"
    tx_hash = derived(
        pl.when(col("payment_status").is_in(["completed", "processing"])).then("transaction")
    )
    from_wallet = derived(col("organization.escrow_wallet_address"))
    to_wallet = derived(col("employee.employee_wallet_address"))
    payment_status = derived(pl.when("uncertain").then("outcome").otherwise(pl.lit("completed")))
    payment_channel_id = derived(col("channel.channel_id"))
    paid_at = derived(pl.when("paid").then("due_at"))
    created_at = derived(pl.max_horizontal(col("known_at"), col("due_at") - timedelta(minutes=3)))


class BonusFactory(PaymentFactory):
    """A payment that is no shift's: a bonus, an adjustment or a refund of expenses."""

    class Params:
        channel = SubFactory(PaymentChannelFactory)
        due_at = moment("channel.created_at", "channel.work_end")
        known_at = derived(col("channel.created_at"))

    session = None
    amount = decimal("5.00", "60.00")
    payment_type = choice({"bonus": 6, "adjustment": 3, "refund": 1})
    payment_status = "completed"


class EscrowTransactionFactory(Factory[EscrowTransaction]):
    """A movement on an organization's escrow; each begins with the balance that the one before ended with."""

    class Meta:
        model = EscrowTransaction

    class Params:
        channel = SubFactory(PaymentChannelFactory)
        at = moment("channel.created_at", "@as_of")
        signed_amount = derived(
            pl.when(col("transaction_type").is_in(INCOMING))
            .then("amount")
            .otherwise(-col("amount"))
        )

    organization = follow("channel.organization")
    transaction_type = "deposit"
    amount = decimal(200, 2000)
    balance_before = derived(col("balance_after") - col("signed_amount"))
    balance_after = running(
        col("signed_amount").cum_sum(), over="organization", order_by="created_at"
    )
    tx_hash = digest()
    wallet_address = derived(col("organization.user.wallet_address"))
    description = None
    created_at = derived(  # no two at the same moment: their order is what makes the balance
        col("at") + pl.duration(microseconds=(col("@key") % 999_983).cast(pl.Int64))
    )


class DepositFactory(EscrowTransactionFactory):
    """Money that an organization pays in before it opens a channel."""

    class Params:
        at = derived(col("channel.created_at") - pl.duration(minutes="early"))
        early = integer(5, 50)
        reserve = integer(0, 5)

    amount = exact(
        -(-units("channel.escrow_funded_amount", 0) // 100) * 100 + 100 * col("reserve"), places=0
    )
    description = phrase(
        "Deposit for {channel.job_name}",
        "Top-up before opening {channel.job_name}",
        "Transfer from the operating account",
    )


class FundingFactory(EscrowTransactionFactory):
    """What a new channel is funded with."""

    class Params:
        at = derived(col("channel.created_at") + pl.duration(seconds=1 + col("@key") % 50))

    transaction_type = "payment"
    amount = derived(col("channel.escrow_funded_amount"))
    wallet_address = derived(col("organization.escrow_wallet_address"))
    description = phrase(
        "Channel for {channel.employee.called}, {channel.job_name}",
        "Funds for {channel.job_name}, {channel.employee.called}",
    )


class RefundFactory(EscrowTransactionFactory):
    """What a closed channel gives back."""

    class Params:
        at = derived(col("channel.closed_at") + pl.duration(seconds=10 + col("@key") % 590))

    transaction_type = "refund"
    amount = derived(col("channel.escrow_funded_amount") - col("channel.on_chain_balance"))
    wallet_address = derived(col("organization.escrow_wallet_address"))
    description = phrase("Rest of the closed channel, {channel.job_name}")


class WithdrawalFactory(EscrowTransactionFactory):
    """Half of what came back, taken out again."""

    class Params:
        refund = SubFactory(RefundFactory)
        channel = follow("refund.channel")
        at = moment(
            col("refund.created_at") + timedelta(hours=1),
            pl.min_horizontal(
                col("refund.created_at") + timedelta(days=3), col("@as_of") - timedelta(seconds=1)
            ),
        )

    transaction_type = "withdrawal"
    amount = exact(units("refund.amount", 4) // 2, places=4)
    description = phrase("Back to the operating account", "Withdrawal, no new channel planned")


class PaymentConfigurationFactory(Factory[PaymentConfiguration]):
    """How an organization wants to pay."""

    class Meta:
        model = PaymentConfiguration
        key = ("organization",)
        insert_only = ("updated_at",)

    organization = SubFactory(OrganizationFactory)
    timeout_threshold_minutes = choice({480: 5, 600: 3, 720: 1, None: 1})
    payment_frequency_minutes = choice({60: 6, 30: 2, 1440: 2})
    auto_payment_enabled = choice({True: 8, False: 2})
    require_manual_approval = derived(~col("auto_payment_enabled"))
    minimum_session_minutes = choice({15: 8, 30: 2})
    grace_period_minutes = choice({5: 8, 10: 2})
    created_at = derived(col("organization.created_at"))
    updated_at = derived(col("created_at"))
