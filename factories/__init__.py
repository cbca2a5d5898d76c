"""How a plausible payroll row is made: the models of the 13 tables and the factories over them."""

from __future__ import annotations

from factories.logs import ActivityLogFactory, DeletionLogFactory, SessionFactory
from factories.money import (
    BonusFactory,
    DepositFactory,
    EscrowTransactionFactory,
    FundingFactory,
    PaymentConfigurationFactory,
    PaymentFactory,
    RefundFactory,
    WithdrawalFactory,
)
from factories.notices import NgoNotificationFactory, NotificationFactory
from factories.people import EmployeeFactory, OrganizationFactory, UserFactory
from factories.work import PaymentChannelFactory, WorkSessionFactory

__all__ = [
    "ActivityLogFactory",
    "BonusFactory",
    "DeletionLogFactory",
    "DepositFactory",
    "EmployeeFactory",
    "EscrowTransactionFactory",
    "FundingFactory",
    "NgoNotificationFactory",
    "NotificationFactory",
    "OrganizationFactory",
    "PaymentChannelFactory",
    "PaymentConfigurationFactory",
    "PaymentFactory",
    "RefundFactory",
    "SessionFactory",
    "UserFactory",
    "WithdrawalFactory",
    "WorkSessionFactory",
]
