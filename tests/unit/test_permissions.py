"""What a step that takes rows away needs, given what the database is taken for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seedbed.environment import Environment, Site, Step, Verdict, allow
from seedbed.settings import PERMISSIONS, Permissions, read_permissions

NOTHING, EVERYTHING = Permissions(), Permissions(frozenset(PERMISSIONS))
SITE = Site("payroll", 5, "7", "db.example.com", local=False, standby=False)


def verdict(environment: str) -> Verdict:
    return Verdict(Environment(environment), SITE, (), unstamped=False)


STEPS: list[Step] = ["clean", "reset", "restore", "destroy", "snapshot restore"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("word", [None, "", "0", "1", "yes", "true", "PAYROLL", "other"])
def test_every_step_takes_the_databases_name(step: Step, word: str | None) -> None:
    """Even where the variables are lying around and nothing is protected."""
    found = allow(verdict("development"), step, confirm=word, said=EVERYTHING)
    assert "--confirm payroll" in found.remedy
    assert found.refusal


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("environment", ["development", "testing", "demo"])
def test_the_name_is_enough_where_nothing_is_protected(step: Step, environment: str) -> None:
    """No variable is asked for."""
    assert not allow(verdict(environment), step, confirm="payroll", said=NOTHING).refusal


@pytest.mark.parametrize(
    ("step", "environment", "needed"),
    [
        ("reset", "staging", ["DB_RESET_CONFIRM"]),
        ("reset", "production", ["DB_RESET_CONFIRM", "DB_RESET_ALLOW_PRODUCTION"]),
        ("restore", "staging", ["DB_RESTORE_CONFIRM"]),
        ("restore", "production", ["DB_RESTORE_CONFIRM", "DB_RESTORE_ALLOW_PRODUCTION"]),
        ("snapshot restore", "production", ["DB_RESTORE_CONFIRM", "DB_RESTORE_ALLOW_PRODUCTION"]),
    ],
)
def test_a_protected_database_needs_the_variables_in_addition(
    step: Step, environment: str, needed: list[str]
) -> None:
    """All that is missing is named at once, and each one alone is not enough."""
    found = allow(verdict(environment), step, confirm="payroll", said=NOTHING)
    assert found.remedy == f"If you mean it as it is: {' and '.join(f'{n}=1' for n in needed)}"
    for missing in needed:
        some = Permissions(frozenset(needed) - {missing})
        assert (
            f"{missing}=1" in allow(verdict(environment), step, confirm="payroll", said=some).remedy
        )
    assert not allow(verdict(environment), step, confirm="payroll", said=EVERYTHING).refusal


def test_what_nobody_has_spoken_for_is_protected_as_production_is() -> None:
    """Unknown means production; the way to say otherwise comes first."""
    unknown = replace(verdict("unknown"), refusal="holds rows", remedy="Stamp it.", unsaid=True)
    found = allow(unknown, "reset", confirm="payroll", said=NOTHING)
    assert found.refusal == "holds rows"
    assert found.remedy.startswith(
        "Stamp it. If you mean it as it is: DB_RESET_CONFIRM=1 and DB_RE"
    )
    assert not allow(unknown, "reset", confirm="payroll", said=EVERYTHING).refusal
    assert allow(unknown, "destroy", confirm="payroll", said=EVERYTHING).refusal == "holds rows"


@pytest.mark.parametrize("step", STEPS)
def test_nothing_helps_against_contradicting_evidence(step: Step) -> None:
    """A standby, another database's stamp, a contradiction: those are not a matter of permission."""
    refused = replace(verdict("unknown"), refusal="contradicts itself")
    assert allow(refused, step, confirm="payroll", said=EVERYTHING).refusal == "contradicts itself"


@pytest.mark.parametrize("value", ["", "0", "true", "yes", "on", " 1", "payroll"])
def test_a_variable_allows_nothing_unless_it_is_1(value: str) -> None:
    """One spelling, so that nobody sets it by accident."""
    assert read_permissions({"DB_RESET_CONFIRM": value}) == NOTHING


def test_variables_are_read_by_name() -> None:
    """Each speaks for itself."""
    found = read_permissions({"DB_RESET_CONFIRM": "1", "DB_OTHER": "1"})
    assert found.has("DB_RESET_CONFIRM")
    assert not found.has("DB_RESET_ALLOW_PRODUCTION")
