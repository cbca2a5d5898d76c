"""What a database is taken for, given what the server, its stamp and the operator say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed.environment import (
    KNOWN,
    Environment,
    Site,
    Stamp,
    Verdict,
    admit,
    read_environment,
    read_name,
    weigh,
)
from seedbed.errors import InvalidInput
from seedbed.settings import Said

FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "PROD")
DEVELOPMENT, TESTING, STAGING, DEMO, PRODUCTION, UNKNOWN = Environment


def stamped(environment: str, *, system: str = "7", oid: int = 5) -> Stamp:
    return Stamp(environment, system, oid, datetime(2026, 11, 1, tzinfo=UTC), "postgres")


def site(
    database: str = "payroll",
    *,
    host: str = "/run/postgresql",
    local: bool = True,
    standby: bool = False,
    occupied: tuple[str, ...] = (),
    stamp: Stamp | None = None,
) -> Site:
    return Site(database, 5, "7", host, local, standby, occupied, stamp)


def option(word: str) -> Said:
    return Said(word, "--environment")


class TestWords:
    @pytest.mark.parametrize("word", ["prod", "PRD", "Live", " production\t", "'prod'", FULL_WIDTH])
    def test_every_spelling_of_production_is_production(self, word: str) -> None:
        """Fault 2: padded, quoted, mixed-case and full-width spellings are all taken as production."""
        assert read_environment(Said(word, "APP_ENV")) is PRODUCTION

    @given(word=st.sampled_from([str(each) for each in KNOWN]), data=st.data())
    def test_case_and_padding_never_matter(self, word: str, data: st.DataObject) -> None:
        """An environment's own name is read back however it is written."""
        flips = data.draw(st.lists(st.booleans(), min_size=len(word), max_size=len(word)))
        mixed = "".join(c.upper() if flip else c for c, flip in zip(word, flips, strict=True))
        padding = data.draw(st.text(" \t\n", max_size=3))
        assert read_environment(option(padding + mixed + padding)) == word

    def test_a_typo_meant_for_us_is_an_error_with_the_nearest_name(self) -> None:
        """--environment developmnt is not silently something else."""
        with pytest.raises(InvalidInput, match=r"developmnt.*did you mean 'development'"):
            read_environment(option("developmnt"))

    def test_a_strange_word_in_another_tools_variable_is_unknown(self) -> None:
        """NODE_ENV=preview is evidence that we do not know what this is."""
        assert read_environment(Said("preview", "NODE_ENV")) is UNKNOWN


class TestNames:
    @pytest.mark.parametrize(
        ("name", "claimed"),
        [
            ("payroll_prod", PRODUCTION),
            ("prod2", PRODUCTION),
            ("payrollProd", PRODUCTION),
            ("PRODPayroll", PRODUCTION),
            ("payroll2LIVE", PRODUCTION),
            ("db.live.example.com", PRODUCTION),
            ("prod_test_copy", PRODUCTION),
            ("payroll-staging", STAGING),
            ("payroll_dev", DEVELOPMENT),
            ("test_17", TESTING),
            ("demo.example.com", DEMO),
        ],
    )
    def test_a_word_in_a_name_claims_its_environment(self, name: str, claimed: Environment) -> None:
        """The most dangerous word wins where a name has several."""
        assert read_name(name) is claimed

    @pytest.mark.parametrize(
        "name", ["products", "delivery", "devices", "latest", "payroll", "10.0.0.1", ""]
    )
    def test_a_word_inside_another_word_claims_nothing(self, name: str) -> None:
        """A shop's database called products is not production."""
        assert read_name(name) is None


class TestWeighing:
    def test_an_empty_local_database_becomes_what_its_first_profile_is_for(self) -> None:
        """Nothing to lose and nothing against it."""
        verdict = weigh(site(), None, [DEMO])
        assert (verdict.environment, verdict.unstamped, verdict.refusal) == (DEMO, True, "")

    def test_an_empty_local_database_becomes_what_the_operator_says(self) -> None:
        """The operator's word is stronger than the profile's habit."""
        assert weigh(site(), option("testing"), [DEMO]).environment is TESTING

    def test_an_empty_database_elsewhere_needs_the_operators_word(self) -> None:
        """Fault 1: no environment said and an unknown host."""
        far = site(host="db.example.com", local=False)
        assert "nothing says what it is for" in weigh(far, None, [DEMO]).refusal
        assert weigh(far, option("staging"), [DEMO]).environment is STAGING

    def test_rows_without_a_stamp_are_refused_whatever_is_said(self) -> None:
        """Fault 4: a database with rows is stamped by name first; the tables with rows are named."""
        verdict = weigh(site(occupied=("employees",)), option("development"))
        assert "holds rows (employees)" in verdict.refusal
        assert "seedbed stamp ENVIRONMENT --confirm payroll" in verdict.remedy

    def test_the_stamp_decides(self) -> None:
        """A stamped database is what its stamp says, wherever it is and whatever it holds."""
        far = site(host="db.example.com", local=False, stamp=stamped("staging"))
        verdict = weigh(far, None, [DEMO])
        assert (verdict.environment, verdict.unstamped) == (STAGING, False)

    @pytest.mark.parametrize(
        "other", [stamped("development", system="8"), stamped("development", oid=6)]
    )
    def test_the_stamp_of_another_database_counts_for_nothing(self, other: Stamp) -> None:
        """Fault 5: a restored dump brings a stamp along that was written elsewhere."""
        verdict = weigh(site(stamp=other), option("development"))
        assert verdict.environment is UNKNOWN
        assert "stamp of another database" in verdict.refusal

    def test_asked_for_development_but_stamped_production_shows_both(self) -> None:
        """Fault 3."""
        verdict = weigh(site(stamp=stamped("production")), option("development"))
        assert "contradicts itself" in verdict.refusal
        assert [(each.source, each.says) for each in verdict.evidence] == [
            ("stamp", PRODUCTION),
            ("--environment", DEVELOPMENT),
        ]

    @pytest.mark.parametrize(
        "against",
        [site("payroll_prod"), site(host="prod.example.com", local=False), site("payroll_staging")],
    )
    def test_a_name_that_claims_a_protected_environment_stands_against_any_other_word(
        self, against: Site
    ) -> None:
        """A database renamed to production still has its old stamp; a host called prod is believed."""
        assert "contradicts itself" in weigh(against, option("development")).refusal

    def test_a_name_that_claims_a_harmless_environment_forbids_nothing_harmless(self) -> None:
        """A demo may go to a scratch database that happens to be called test."""
        assert weigh(site("payroll_test"), option("demo")).refusal == ""

    def test_a_harmless_name_stands_against_a_claim_of_production(self) -> None:
        """Either the name or the operator is wrong."""
        assert "contradicts itself" in weigh(site("payroll_test"), option("production")).refusal

    def test_an_empty_local_database_called_prod_is_production(self) -> None:
        """A protected name is evidence against stamping it with the profile's environment."""
        assert weigh(site("payroll_prod"), None, [DEVELOPMENT]).environment is PRODUCTION

    def test_a_word_nobody_understands_is_refused(self) -> None:
        """Unknown means production."""
        assert "unknown" in weigh(site(), Said("preview", "APP_ENV"), [DEVELOPMENT]).refusal

    def test_a_stamp_nobody_understands_is_refused(self) -> None:
        """Written by a later version, or by hand."""
        assert "unknown" in weigh(site(stamp=stamped("sandbox")), None).refusal

    def test_a_standby_is_refused_first(self) -> None:
        """Fault 53: found before anything is locked."""
        assert "hot standby" in weigh(site(standby=True, stamp=stamped("demo")), None).refusal


class TestAdmission:
    def admitted(
        self, verdict: Verdict, *, safe: bool = False, confirm: str | None = None
    ) -> Verdict:
        return admit(verdict, "basics", ["development"], production_safe=safe, confirm=confirm)

    def test_a_profile_goes_where_it_says(self) -> None:
        """The plain case."""
        verdict = weigh(site(stamp=stamped("development")), None)
        assert self.admitted(verdict) == verdict

    def test_a_profile_goes_nowhere_else(self) -> None:
        """A development profile stays out of staging."""
        refusal = self.admitted(weigh(site(stamp=stamped("staging")), None)).refusal
        assert refusal == "payroll is for staging, and the profile basics is for development"

    def test_production_refuses_a_profile_that_is_not_safe_even_when_confirmed(self) -> None:
        """Fault 12: the name alone opens nothing."""
        verdict = weigh(site(stamp=stamped("production")), None)
        assert "not production_safe" in self.admitted(verdict, confirm="payroll").refusal

    @pytest.mark.parametrize(
        "confirm", [None, "", "0", "1", "yes", "true", "false", "payroll2", "PAYROLL"]
    )
    def test_production_needs_its_name_repeated(self, confirm: str | None) -> None:
        """Fault 9: a confirmation is the database's name and nothing else."""
        verdict = weigh(site(stamp=stamped("production")), None)
        assert self.admitted(verdict, safe=True, confirm=confirm).refusal
        assert not self.admitted(verdict, safe=True, confirm="payroll").refusal

    def test_a_confirmation_that_names_another_database_is_refused_anywhere(self) -> None:
        """Somebody thinks they are somewhere else."""
        verdict = weigh(site(stamp=stamped("development")), None)
        assert "another database" in self.admitted(verdict, confirm="other").refusal

    def test_what_is_refused_already_stays_refused(self) -> None:
        """No profile and no name opens a database that is not known."""
        verdict = weigh(site(occupied=("employees",)), None)
        assert self.admitted(verdict, safe=True, confirm="payroll") == verdict
