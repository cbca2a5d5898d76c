"""Every integrity rule holds in a sound world, and notices the one thing that breaks it."""

from __future__ import annotations

import psycopg
import pytest

from factories.models import Base
from tests.integrity import CHECKSUM, RULES, offenders, unsound_wallets, violations
from tests.payroll_world import AS_OF, wallet

OTHER = f"'{wallet('a stranger')}'"

BREAKS = {
    "1a": "UPDATE work_sessions SET hours_worked = 8.01 WHERE id = 1",
    "1b": "UPDATE work_sessions SET total_amount = 52.01 WHERE id = 1",
    "1c": "UPDATE payment_channels SET max_daily_hours = 7.5 WHERE id = 1",
    "1d": "UPDATE work_sessions SET hours_worked = 1 WHERE id = 5",
    "1e": "UPDATE work_sessions SET clock_out = NULL WHERE id = 4",
    "1f": "UPDATE work_sessions SET timeout_at = NULL WHERE id = 3",
    "2": "UPDATE work_sessions SET clock_in = '2026-02-03 12:19' WHERE id = 6",
    "3a": "UPDATE payment_channels SET off_chain_accumulated_balance = 28.14 WHERE id = 1",
    "3b": "UPDATE payments SET payment_status = 'failed' WHERE id = 1",
    "3c": """ALTER TABLE payment_channels DROP CONSTRAINT ck_payment_channels_balance_is_funded;
             UPDATE payment_channels SET escrow_funded_amount = 28 WHERE id = 1""",
    "4a": "UPDATE payment_channels SET closure_reason = 'inactivity' WHERE id = 1",
    "4b": "UPDATE payment_channels SET settle_delay = 3600 WHERE id = 2",
    "4c": "UPDATE payment_channels SET closed_at = '2026-02-28 09:59' WHERE id = 3",
    "4d": "UPDATE payment_channels SET closure_tx_hash = NULL WHERE id = 3",
    "4e": "UPDATE payment_channels SET off_chain_accumulated_balance = 1 WHERE id = 3",
    "4f": "UPDATE payment_channels SET expiration_time = '2026-03-31 12:01' WHERE id = 2",
    "4g": "UPDATE payment_channels SET cancel_after = extract(epoch FROM created_at) WHERE id = 4",
    "4h": "UPDATE work_sessions SET clock_out = '2026-03-01 11:01' WHERE id = 7",
    "5a": "UPDATE payment_channels SET on_chain_balance = 52 WHERE id = 2",
    "5b": "UPDATE payment_channels SET on_chain_balance = 1000.01 WHERE id = 1",
    "5c": "UPDATE payment_channels SET legacy_accumulated_balance = 5 WHERE id = 1",
    "6a": "UPDATE escrow_transactions SET transaction_type = 'deposit' WHERE id = 2",
    "6b": "UPDATE escrow_transactions SET created_at = '2026-01-31' WHERE id = 3",
    "6c": "UPDATE organizations SET escrow_balance = 899 WHERE id = 1",
    "6d": "UPDATE escrow_transactions SET balance_before = -1 WHERE id = 1",
    "6e": "UPDATE escrow_transactions SET created_at = '2026-02-01 07:00' WHERE id = 2",
    "7a": "UPDATE employees SET employment_status = 'inactive' WHERE id = 1",
    "7b": "UPDATE employees SET total_hours_worked = 20.33 WHERE id = 1",
    "7c": "UPDATE work_sessions SET session_status = 'cancelled' WHERE id = 6",
    "8a": "UPDATE payments SET tx_hash = NULL WHERE id = 1",
    "8b": "UPDATE payments SET paid_at = '2026-02-02 15:59' WHERE id = 1",
    "8c": "UPDATE payments SET from_wallet = to_wallet, to_wallet = from_wallet WHERE id = 1",
    "8d": """UPDATE payments SET payment_channel_id = c.channel_id
               FROM payment_channels c WHERE payments.id = 1 AND c.id = 4""",
    "9a": "UPDATE payments SET payment_channel_id = tx_hash WHERE id = 1",
    "9b": f"UPDATE payments SET to_wallet = {OTHER} WHERE id = 4",
    "9c": f"UPDATE deletion_logs SET wallet_address = {OTHER}",
    "9d": f"UPDATE ngo_notifications SET worker_wallet_address = {OTHER}",
    "9e": "UPDATE activity_logs SET entity_id = 99",
    "9f": "UPDATE employees SET user_id = 4 WHERE id = 1",
    "9g": "UPDATE work_sessions SET organization_id = 2 WHERE id = 1",
    "9h": """UPDATE payment_channels SET channel_id = (
                 SELECT lower(channel_id) FROM payment_channels WHERE id = 1) WHERE id = 4""",
    "9i": "UPDATE employees SET termination_date = NULL WHERE id = 3",
    "9j": "UPDATE employees SET employment_status = 'terminated' WHERE id = 1",
    "9k": "UPDATE users SET deleted_at = now() WHERE id = 4",
    "9l": "UPDATE deletion_logs SET organizations_affected = '{Horizon Relief, Nobody}'",
    "10-deleted": "UPDATE deletion_logs SET created_at = '2026-03-29 11:59'",
    "10-users": "UPDATE users SET last_login_at = '2026-03-31 12:01' WHERE id = 1",
    "10-organizations": "UPDATE organizations SET created_at = '2025-12-31' WHERE id = 1",
    "10-payment_configurations": "UPDATE payment_configurations SET created_at = '2026-01-02'",
    "10-employees": "UPDATE employees SET hire_date = '2026-01-01' WHERE id = 1",
    "10-payment_channels": "UPDATE payment_channels SET created_at = '2026-01-05' WHERE id = 1",
    "10-work_sessions": "UPDATE work_sessions SET clock_in = '2026-02-01 07:59' WHERE id = 1",
    "10-payments": "UPDATE payments SET created_at = '2026-02-02 07:59' WHERE id = 1",
    "10-escrow_transactions": "UPDATE escrow_transactions SET created_at = '2026-01-01' WHERE id = 1",
    "10-sessions": "UPDATE sessions SET last_seen_at = '2026-03-31 12:01'",
    "10-notifications": "UPDATE notifications SET created_at = '2025-12-31'",
    "10-ngo_notifications": "UPDATE ngo_notifications SET created_at = '2026-04-01'",
    "10-activity_logs": "UPDATE activity_logs SET created_at = '2026-01-01'",
    "10-deletion_logs": "UPDATE deletion_logs SET hard_deleted_at = '2026-04-01'",
    "10-updated_at": "UPDATE users SET display_name = 'Amina' WHERE id = 3",
    "v1": "UPDATE users SET wallet_address = 'rO0Il' WHERE id = 6",
    CHECKSUM: """UPDATE users SET wallet_address = overlay(wallet_address PLACING
                     CASE substr(wallet_address, 9, 1) WHEN 'x' THEN 'y' ELSE 'x' END FROM 9)
                  WHERE id = 6""",
    "v2": "UPDATE payments SET tx_hash = lower(tx_hash) WHERE id = 1",
    "v3": "UPDATE payment_channels SET public_key = channel_id WHERE id = 1",
    "v4": "UPDATE users SET email = 'Amina Yusuf <amina@mail.test>' WHERE id = 3",
    "v5": "UPDATE users SET phone_number = '+1 212-555-0200' WHERE id = 3",
    "v6": "UPDATE sessions SET ip_address = '8.8.8.8'",
    "v7": """UPDATE ngo_notifications SET metadata = '{"report": "https://example.com.evil.io/7"}'""",
    "v8": "UPDATE notifications SET message = 'Lorem ipsum dolor sit amet'",
    "v9": "UPDATE users SET display_name = ' ' WHERE id = 3",
}
"""One change to the sound world for each rule."""


def test_a_sound_world_breaks_no_rule(world: psycopg.Connection) -> None:
    assert violations(world, AS_OF) == {}


def test_a_sound_world_has_rows_in_every_table(world: psycopg.Connection) -> None:
    empty = [
        name
        for name in Base.metadata.tables
        if world.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (0,)
    ]
    assert empty == []


def test_every_rule_has_a_world_that_breaks_it() -> None:
    assert sorted(BREAKS) == sorted([*RULES, CHECKSUM])


@pytest.mark.parametrize("rule", BREAKS)
def test_a_broken_rule_is_noticed(world: psycopg.Connection, rule: str) -> None:
    world.execute(BREAKS[rule])
    found = unsound_wallets(world) if rule == CHECKSUM else offenders(world, RULES[rule], AS_OF)
    assert found
