"""What the handle gives: addresses, rows by name, and factories that write without being told where."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.orm import Session

from factories import OrganizationFactory, PaymentFactory, UserFactory
from seedbed.errors import InvalidInput
from seedbed.pytest_plugin import Seedbed
from seedbed.pytest_plugin.rows import labels
from seedbed.testdb.host import Host
from seedbed.testdb.registry import Template

CURRENT = "SELECT current_database()"


class TestAddresses:
    def test_the_dsn_is_for_psycopg_and_psql(self, seedbed: Seedbed) -> None:
        with psycopg.connect(seedbed.dsn) as connection:
            assert connection.execute(CURRENT).fetchone() == (seedbed.name,)

    def test_the_url_is_for_sqlalchemy(self, seedbed: Seedbed) -> None:
        engine = create_engine(seedbed.url)
        with engine.connect() as connection:
            assert connection.scalar(text(CURRENT)) == seedbed.name
        engine.dispose()

    def test_the_server_has_the_database_under_its_name(
        self, seedbed: Seedbed, seedbed_server: Host
    ) -> None:
        assert seedbed_server.url(seedbed.name) == seedbed.dsn

    def test_the_template_lets_nobody_in(
        self, seedbed_server: Host, seedbed_template: Template
    ) -> None:
        with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
            psycopg.connect(seedbed_server.url(seedbed_template.name))


class TestRows:
    def test_a_row_by_its_label_is_an_object_of_the_session(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        tess = seedbed.row(UserFactory, "tess-admin")
        assert tess.display_name == "Tess Lindqvist"
        assert tess in seedbed_session

    def test_the_nearest_label_is_suggested(self, seedbed: Seedbed) -> None:
        with pytest.raises(InvalidInput, match=r"no row 'tess-admim'.*did you mean 'tess-admin'"):
            seedbed.row(UserFactory, "tess-admim")

    def test_a_row_that_the_test_deleted_is_said_to_be(
        self, seedbed: Seedbed, seedbed_session: Session
    ) -> None:
        seedbed_session.delete(seedbed.rows(PaymentFactory)[0])
        seedbed_session.flush()
        label = labels(seedbed_session, PaymentFactory)[0]
        with pytest.raises(InvalidInput, match=f"'{label}' of PaymentFactory has been deleted"):
            seedbed.row(PaymentFactory, label)

    def test_all_rows_of_a_factory(self, seedbed: Seedbed, seedbed_session: Session) -> None:
        (payment,) = seedbed.rows(PaymentFactory)
        assert payment in seedbed_session

    def test_more_rows_than_a_statement_has_parameters(
        self, seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        every = seedbed.rows(UserFactory)
        monkeypatch.setattr("seedbed.pytest_plugin.rows._MOST_PARAMETERS", 1)
        assert seedbed.rows(UserFactory) == every

    def test_rows_the_test_made_are_not_the_profiles(self, seedbed: Seedbed) -> None:
        made = UserFactory.create()
        assert made not in seedbed.rows(UserFactory)

    @pytest.mark.seedbed(profile="development", minimal=True)
    def test_rows_are_those_of_the_profile_in_the_marker(self, seedbed: Seedbed) -> None:
        assert len(seedbed.rows(UserFactory)) > 3


class TestFactories:
    def test_create_writes_through_the_session(self, seedbed_session: Session) -> None:
        assert inspect(UserFactory.create()).session is seedbed_session

    def test_parents_come_along(self, seedbed: Seedbed, seedbed_session: Session) -> None:
        organization = OrganizationFactory.create()
        assert organization.user_id
        assert organization.user in seedbed_session

    def test_a_batch_has_different_values(self, seedbed: Seedbed) -> None:
        made = UserFactory.create_batch(3)
        assert len({user.wallet_address for user in made}) == 3

    @pytest.mark.seedbed(isolation="clone")
    def test_a_clones_rows_are_committed(self, seedbed: Seedbed) -> None:
        """Code with connections of its own is what clones are for; no object is read anew for that."""
        made = UserFactory.create()
        with psycopg.connect(seedbed.dsn) as other:
            query = "SELECT count(*) FROM users WHERE id = %s"
            assert other.execute(query, [made.id]).fetchone() == (1,)
        assert not inspect(made).expired
        assert not seedbed.session.in_transaction()

    def test_without_the_fixture_there_is_nowhere_to_write_to(self) -> None:
        with pytest.raises(InvalidInput, match=r"asks for the fixture `seedbed`.*autouse=True"):
            UserFactory.create()
