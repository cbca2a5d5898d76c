"""Database URLs: libpq's reading, and no password in what is shown."""

from __future__ import annotations

import pytest

from seedbed.errors import InvalidInput
from seedbed.url import connection_parameters, redacted, without_passwords

MALFORMED = [
    "postgresql://app:s3@cret@db/payroll",
    "postgresql://app:s3/cret@db/payroll",
    "postgresql://app:s3 cret@db/payroll",
    "postgresql://app:%zzcret@db/payroll",
    "postgresql://app:cret@db:s3cret/payroll",
    "host=db password=s3 cret",
    "mysql://app:s3cret@db/payroll",
    "app:s3cret@db",
    "postgresql://db/postgresql:%2F%2Fapp:s3cret",
]

WELL_FORMED = {
    "postgresql://app:s3cret@db/payroll": "postgresql://app:***@db/payroll",
    "postgres://app:s3cret@db:5433/payroll": "postgresql://app:***@db:5433/payroll",
    "postgresql+psycopg://app:s3cret@db/payroll": "postgresql://app:***@db/payroll",
    "postgresql://app@db/payroll?password=s3cret": "postgresql://app:***@db/payroll",
    "postgresql://db/payroll?sslpassword=s3cret": "postgresql://db/payroll",
    "host=db dbname='pay roll' password='s3 cret'": "postgresql://:***@db/pay%20roll",
    "postgresql://app:s3cret@[::1]:5433/payroll": "postgresql://app:***@[::1]:5433/payroll",
    "postgresql://a:1,b:2/payroll": "postgresql://a:1,b:2/payroll",
    "postgresql:///payroll?host=/run/pg&port=5433": "postgresql:///payroll?host=/run/pg&port=5433",
    "postgresql://": "postgresql:///",
}


class TestReading:
    def test_the_query_wins_over_the_address(self) -> None:
        """`?host=` names the server libpq connects to, whatever stands before it."""
        parameters = connection_parameters("postgresql://app@here:1/a?host=there&dbname=b")
        assert (parameters["host"], parameters["dbname"]) == ("there", "b")

    @pytest.mark.parametrize("url", [*MALFORMED, "", "  "])
    def test_a_malformed_url_is_refused_without_being_quoted(self, url: str) -> None:
        """Neither message nor cause holds any part of the URL."""
        with pytest.raises(InvalidInput) as caught:
            connection_parameters(url)
        assert "cret" not in str(caught.value)
        assert caught.value.__cause__ is None


class TestShowing:
    @pytest.mark.parametrize(("url", "shown"), WELL_FORMED.items())
    def test_a_well_formed_url_is_shown_without_its_password(self, url: str, shown: str) -> None:
        """User, host, port and database stay; the password becomes three stars."""
        assert redacted(url) == shown

    @pytest.mark.parametrize("url", MALFORMED)
    def test_of_a_malformed_url_nothing_is_shown(self, url: str) -> None:
        """Nobody knows which of its parts is the password."""
        assert redacted(url) == "postgresql://***"


@pytest.mark.parametrize(
    "text",
    [
        "no server at postgresql://app:s3cret@db/x",
        "no server at postgresql+psycopg://app:s3/cr@s3cret@db:5432/x?a=b",
        "no server at postgresql://:s3cret@db/x",
        "no server at postgresql://app@db/x?password=s3cret&sslmode=require",
        "host=db password=s3cret",
        "host=db password = 's3cr\\'et s3cret' port=1",
        "PGPASSWORD=s3cret psql",
        "{'user': 'app', 'password': 's3cret'}",
        '{"password":"s3cret"}',
        "connect(password='s3cret', host='db')",
    ],
)
def test_passwords_in_texts_of_others_are_hidden(text: str) -> None:
    """In URLs, in libpq's pairs, in what Python shows of a dict."""
    assert "cret" not in without_passwords(text)
    assert "***" in without_passwords(text)


@pytest.mark.parametrize(
    "text", ["see https://example.com/a:b", "password: must be given", "ann@example.com is taken"]
)
def test_texts_without_passwords_stay(text: str) -> None:
    """A hint about a password is none."""
    assert without_passwords(text) == text
