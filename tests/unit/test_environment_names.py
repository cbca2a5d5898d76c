"""What the names of hosts and databases say: the project's patterns, words, and providers."""

from __future__ import annotations

import pytest

from seedbed.environment import (
    Environment,
    Patterns,
    Site,
    Verdict,
    read_patterns,
    weigh,
)
from seedbed.environment.providers import managed_by, own_part
from seedbed.settings import Said

DEVELOPMENT, TESTING, STAGING, DEMO, PRODUCTION, UNKNOWN = Environment


def site(database: str, host: str = "db.example.com", *, local: bool = False) -> Site:
    return Site(database, 5, "7", host, local, standby=False)


def judged(place: Site, word: str | None = None, **patterns: list[str]) -> Verdict:
    said = Said(word, "--environment") if word else None
    return weigh(place, said, (), read_patterns(patterns))


def shown(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.source, str(each.says)) for each in verdict.evidence]


class TestProviders:
    @pytest.mark.parametrize(
        ("host", "provider"),
        [
            ("payroll.c1x2.eu-west-1.rds.amazonaws.com", "Amazon RDS or Aurora"),
            ("payroll.cluster-ro-c1x2.eu-west-1.rds.amazonaws.com.", "Amazon RDS or Aurora"),
            ("ec2-54-1-2-3.compute-1.amazonaws.com", "Amazon EC2, as Heroku's"),
            ("/cloudsql/shop:europe-west1:main", "Google Cloud SQL"),
            ("shop.postgres.database.azure.com", "Azure"),
            ("c-shop.x1.postgres.cosmos.azure.com", "Azure"),
            ("db.abcdefghij.supabase.co", "Supabase"),
            ("aws-0-eu-central-1.pooler.supabase.com", "Supabase"),
            ("EP-cool-darkness-123456-pooler.eu-central-1.aws.NEON.tech", "Neon"),
            ("shop-do-user-1-0.b.db.ondigitalocean.com", "DigitalOcean"),
            ("pg-1-shop.a.aivencloud.com", "Aiven"),
            ("dpg-abc123-a.frankfurt-postgres.render.com", "Render"),
            ("dpg-abc123-a", "Render"),
            ("shop-db.flycast", "Fly"),
            ("x1.y2.tsdb.cloud.timescale.com", "Timescale"),
            ("p.abc.db.postgresbridge.com", "Crunchy Bridge"),
            ("monorail.proxy.rlwy.net", "Railway"),
        ],
    )
    def test_a_provider_is_known_by_its_hosts(self, host: str, provider: str) -> None:
        """In any case, also with the root dot."""
        assert managed_by(host) == provider

    @pytest.mark.parametrize(
        "host", ["localhost", "/run/postgresql", "db.internal", "neon.tech.example.com", "10.0.0.1"]
    )
    def test_other_hosts_are_nobodys(self, host: str) -> None:
        """A domain counts at its end only."""
        assert managed_by(host) == ""

    def test_the_address_behind_a_providers_name_is_not_shown_as_its_own(self) -> None:
        """Every name is resolved to an address; the provider is said once."""
        place = Site("shop", 5, "7", "x.aws.neon.tech", False, False, address="192.0.2.1")
        details = [each.detail for each in judged(place).evidence]
        assert details == ["x.aws.neon.tech is managed by Neon"]

    def test_an_empty_database_behind_a_providers_socket_is_not_local(self) -> None:
        """Cloud SQL's own proxy makes a socket; what is behind it is not this machine."""
        verdict = judged(site("shop", "/cloudsql/shop:europe-west1:main", local=True))
        assert "managed by Google Cloud SQL" in verdict.refusal
        assert verdict.environment is UNKNOWN

    def test_a_provider_says_nothing_of_the_environment(self) -> None:
        """It is shown, and stands against no word."""
        verdict = judged(site("shop", "ep-x.aws.neon.tech"), "development")
        assert (verdict.environment, verdict.refusal) == (DEVELOPMENT, "")
        assert shown(verdict) == [("--environment", "development"), ("host", "unknown")]

    @pytest.mark.parametrize(
        ("database", "host"),
        [("shop_preview_12", "ep-x.aws.neon.tech"), ("shop", "shop-pr-12.x.aws.neon.tech")],
    )
    def test_a_preview_there_is_not_production(self, database: str, host: str) -> None:
        """A branch or preview, by the name that the provider gave it."""
        verdict = judged(site(database, host))
        assert DEVELOPMENT in [each.says for each in verdict.evidence]
        assert "contradicts itself" in judged(site(database, host), "production").refusal

    def test_elsewhere_a_branch_may_be_a_banks(self) -> None:
        """Only providers' names are read for it."""
        assert judged(site("branch_offices")).evidence == ()

    @pytest.mark.parametrize(
        ("host", "own"),
        [
            ("db-dev.abc.fly.dev", "db-dev.abc"),
            ("db.example.dev", "db.example"),
            ("db.example.live", "db.example"),
            ("db.live.example.com", "db.live.example.com"),
        ],
    )
    def test_a_public_domain_is_not_a_word_about_the_server(self, host: str, own: str) -> None:
        """Companies have .dev and .live domains for everything they do."""
        assert own_part(host) == own


class TestPatterns:
    def test_match_the_database_the_host_or_both(self) -> None:
        """Without a slash either of them, with one both together."""
        place = site("shop_eu", "pg1.eu.example.com")
        for glob in (
            "shop_*",
            "*.EU.example.com",
            "pg1.eu.example.com/shop_eu",
            "pg?.*/*_eu",
        ):
            verdict = judged(place, "staging", staging=[glob])
            assert (verdict.environment, verdict.refusal) == (STAGING, "")
            assert verdict.evidence[1].says is STAGING
        assert judged(place, staging=["shop", "eu", "pg2.*/shop_eu"]).evidence == ()

    def test_replace_the_words_in_the_names_they_match(self) -> None:
        """A database of live scores that is for development."""
        place = site("live_scores_eu")
        assert "contradicts itself" in judged(place, "development").refusal
        verdict = judged(place, "development", development=["live_scores_*"])
        assert (verdict.environment, verdict.refusal) == (DEVELOPMENT, "")

    def test_leave_the_words_in_the_other_name(self) -> None:
        """The host still says production."""
        place = site("live_scores_eu", "db.prod.example.com")
        verdict = judged(place, "development", development=["live_scores_*"])
        assert "contradicts itself" in verdict.refusal

    def test_count_as_much_as_a_word(self) -> None:
        """Two of them that differ, or one that differs from the operator, are a contradiction."""
        place = site("shop")
        assert "contradicts itself" in judged(place, "demo", testing=["shop"]).refusal
        both = judged(place, None, testing=["shop"], demo=["sh*"])
        assert "contradicts itself" in both.refusal

    def test_do_not_stand_for_the_word_elsewhere(self) -> None:
        """An empty database on another machine still needs --environment."""
        assert "--environment" in judged(site("shop"), staging=["shop"]).remedy

    def test_decide_for_an_empty_database_here(self) -> None:
        """Before the profile's own environment does."""
        patterns: Patterns = read_patterns({"testing": ["shop*"]})
        verdict = weigh(site("shop", local=True), None, [DEMO, TESTING], patterns)
        assert (verdict.environment, verdict.unstamped) == (TESTING, True)


class TestWordsInAnEmptyDatabasesName:
    def test_choose_among_the_profiles_environments(self) -> None:
        """A profile for development and testing, a database called test."""
        verdict = weigh(site("shop_test", local=True), None, [DEVELOPMENT, TESTING])
        assert verdict.environment is TESTING

    def test_are_evidence_against_another(self) -> None:
        """The demo is not put into a database called test unless somebody says so."""
        assert weigh(site("shop_test", local=True), None, [DEMO]).environment is TESTING
        said = Said("demo", "--environment")
        assert weigh(site("shop_test", local=True), said, [DEMO]).environment is DEMO


class TestVariablesBeside:
    def test_a_protected_one_is_not_overruled_in_silence(self) -> None:
        """APP_ENV=development and NODE_ENV=production: one of them is wrong."""
        said = Said("development", "APP_ENV", (Said("production", "NODE_ENV"),))
        verdict = weigh(site("shop", local=True), said)
        assert "contradicts itself" in verdict.refusal
        assert "--environment says which of the variables holds" in verdict.remedy
        assert shown(verdict) == [("APP_ENV", "development"), ("NODE_ENV", "production")]

    @pytest.mark.parametrize("word", ["test", "preview", "development"])
    def test_a_harmless_or_strange_one_is(self, word: str) -> None:
        """The first one holds; the other is shown."""
        said = Said("demo", "[tool.seedbed]", (Said(word, "NODE_ENV"),))
        assert weigh(site("shop", local=True), said).environment is DEMO
