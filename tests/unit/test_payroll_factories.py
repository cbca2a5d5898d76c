"""The payroll project without a database: its factories build objects, its own fields, and what a larger scale leaves alone."""

from __future__ import annotations

import hashlib
import inspect
import re
from datetime import date, datetime
from ipaddress import ip_address as parsed
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import base58
import factory
import polars as pl
import pytest

import factories
from factories import fields, logs, money, notices, people, work
from factories.models import Base
from factories.words import COUNTRIES, SHARES
from profiles import demo, development, staging, testing
from profiles.demo import CAST
from seedbed import Factory, Profile
from seedbed.dataset import Dataset, TableName, TableRows
from seedbed.fields import choice, col, pattern
from seedbed.project import find_project

PROJECT = find_project(Path(__file__).parents[2])
AS_OF = datetime(2026, 11, 21, 9, 30)
FACTORIES = {
    made
    for module in (people, work, money, notices, logs)
    for made in vars(module).values()
    if inspect.isclass(made) and issubclass(made, Factory) and made is not Factory
}
DOCUMENTATION = [
    ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def evaluated(profile: Profile, **wishes: Any) -> Dataset:
    """Return a profile's rows."""
    return profile.evaluate(**{"as_of": AS_OF, "seeds": PROJECT.seeds, **wishes})


def column_of(field: Any, rows: int = 200, **others: Any) -> list[Any]:
    """Return a field's values in a batch of rows that have other columns too."""
    body = {"Meta": type("Meta", (), {"table": "things"}), "value": field, **others}
    thing = type("ThingFactory", (Factory,), body)
    profile = Profile("things")
    profile.recipe(lambda made: made.many(thing, rows))
    return profile.evaluate(as_of=AS_OF).tables[TableName("things")].column("value").to_list()


class TestFactories:
    """Every factory works in a unit test, too."""

    @pytest.mark.parametrize("made", sorted(FACTORIES, key=lambda f: f.__name__))
    def test_builds_an_object_of_its_model(self, made: type[Factory[Any]]) -> None:
        assert isinstance(made.build(), made._meta.model)

    def test_a_built_payment_hangs_together(self) -> None:
        payment = factories.PaymentFactory.build()
        shift, employee = payment.session, payment.employee
        assert employee is shift.employee is shift.payment_channel.employee
        assert payment.organization is employee.organization
        assert payment.from_wallet == payment.organization.escrow_wallet_address
        assert payment.to_wallet == employee.user.wallet_address
        assert payment.amount == shift.hours_worked * shift.hourly_rate

    def test_a_channel_is_closed_by_saying_so(self) -> None:
        channel = factories.PaymentChannelFactory.build(state="closed")
        assert channel.status == "closed"
        assert channel.closed_at
        assert channel.closure_tx_hash
        assert channel.closure_reason

    def test_a_household_is_called_after_its_owner(self) -> None:
        organization = factories.OrganizationFactory.build(organization_type="individual")
        assert organization.organization_name.split()[0] in organization.user.display_name
        assert organization.registration_number is None

    def test_all_factories_are_named_by_the_package(self) -> None:
        assert all(getattr(factories, name) in FACTORIES for name in factories.__all__)

    def test_every_table_has_a_factory(self) -> None:
        written = {made._meta.model.__table__ for made in FACTORIES}
        assert written == set(Base.metadata.sorted_tables)

    def test_updated_at_is_left_to_the_trigger_once_it_is_written(self) -> None:
        stamped = [made for made in FACTORIES if "updated_at" in made._meta.model.__table__.columns]
        assert all("updated_at" in made._meta.insert_only for made in stamped)


class TestFields:
    """What the payroll project adds to seedbed's own fields."""

    def test_wallets_are_different_and_sound(self) -> None:
        wallets = column_of(fields.xrpl_address())
        payloads = [
            base58.b58decode_check(wallet, alphabet=base58.XRP_ALPHABET) for wallet in wallets
        ]
        assert len(set(wallets)) == len(wallets)
        assert {(len(payload), payload[0]) for payload in payloads} == {(21, 0)}

    def test_a_digest_is_64_hexadecimal_digits_behind_its_prefix(self) -> None:
        keys = column_of(fields.digest("ED"))
        assert all(re.fullmatch("ED[0-9A-F]{64}", key) for key in keys)
        assert len(set(keys)) == len(keys)

    def test_addresses_are_those_of_documentation_in_all_four_ranges(self) -> None:
        addresses = [parsed(text) for text in column_of(fields.ip_address())]
        met = {net for address in addresses for net in DOCUMENTATION if address in net}
        assert met == set(DOCUMENTATION)
        assert all(any(address in net for net in DOCUMENTATION) for address in addresses)

    def test_exact_counts_units_of_the_last_place(self) -> None:
        amounts = column_of(fields.exact(pl.lit(825) * pl.lit(1250), places=4), rows=1)
        assert str(amounts[0]) == "103.1250"

    def test_by_has_a_field_for_each_value_and_nothing_for_others(self) -> None:
        values = column_of(
            fields.by("kind", {"a": choice(["apple"]), "b": pattern("\\b\\e\\r\\r\\y")}),
            rows=3,
            kind=factory.Iterator(["a", "b", "c"]),
        )
        assert values == ["apple", "berry", None]

    def test_a_phrase_writes_values_as_people_do(self) -> None:
        text = fields.phrase("{amount} on {day}, at {moment}, to {name}")
        written = column_of(
            text,
            rows=1,
            amount=fields.exact(pl.lit(1234500), places=4),
            day=date(2026, 3, 1),
            moment=datetime(2026, 3, 1, 9, 5),
            name="Amina",
        )
        assert written == ["123.45 on 1 March, at 1 March, 09:05, to Amina"]

    def test_a_phrase_with_a_gap_is_not_said(self) -> None:
        assert column_of(fields.phrase("Dear {name}"), rows=1, name=None) == [None]

    def test_all_of_a_phrases_wordings_are_used(self) -> None:
        assert set(column_of(fields.phrase("one", "two", "three"))) == {"one", "two", "three"}

    def test_a_document_is_text_in_a_column_and_a_dict_in_an_object(self) -> None:
        class NoteFactory(Factory):
            class Meta:
                table = "notes"

            who = 'O"Neill\\'
            count = 3
            nothing = None
            value = fields.document(who="who", count="count", nothing="nothing")

        assert NoteFactory.build().value == {"who": 'O"Neill\\', "count": 3, "nothing": None}
        texts = column_of(fields.document(who="who"), rows=1, who='O"Neill\\')
        assert texts == ['{"who": "O\\"Neill\\\\"}']

    def test_a_document_of_nothing_is_none(self) -> None:
        assert column_of(fields.document(who="who"), rows=1, who=None) == [None]

    def test_a_slug_has_letters_of_an_address_only(self) -> None:
        names = pl.DataFrame({"name": ["Aïssatou Ndiaye", "Women's Cooperative", "Ho Clinic"]})
        slugs = names.select(people.slug(col("name"))).to_series().to_list()
        assert slugs == ["aissatou.ndiaye", "womens.cooperative", "ho.clinic"]


class TestWords:
    """What people write."""

    def test_every_country_with_a_share_is_described(self) -> None:
        assert set(SHARES) == set(COUNTRIES)

    def test_a_working_day_never_crosses_midnight_utc(self) -> None:
        earliest, latest = 8 * 60, 19 * 60
        offsets = [country.utc_offset for country in COUNTRIES.values()]
        assert all(earliest - offset >= 0 and latest - offset < 24 * 60 for offset in offsets)


class TestProfiles:
    """The profiles as data."""

    def test_the_testing_profile_has_the_same_bytes_everywhere(self) -> None:
        """A new digest here changes the fixtures of everybody who tests against this profile: say so in the changelog."""
        assert testing.as_of is not None
        assert digest(evaluated(testing, as_of=testing.as_of)) == TESTING_DIGEST

    def test_the_moment_is_the_testing_profiles_own(self) -> None:
        assert testing.as_of == datetime(2026, 1, 15, 12)

    @pytest.mark.parametrize("profile", [testing, development, demo, staging])
    def test_minimal_keeps_exactly_the_rows_picked_by_hand(self, profile: Profile) -> None:
        for rows in evaluated(profile, minimal=True).tables.values():
            assert all(place.startswith("seeds/") for place in map(rows.origin, _all(rows)))

    def test_a_larger_scale_of_staging_leaves_the_rows_there_were_alone(self) -> None:
        small, large = (evaluated(staging, scale=scale) for scale in (0.02, 0.04))
        for name, rows in small.tables.items():
            assert _changed(rows, large.tables[name]) == [], name
        assert _links(small).items() <= _links(large).items()

    def test_every_name_in_the_story_is_in_the_cast(self) -> None:
        users = evaluated(demo, minimal=True).tables[TableName("users")]
        assert set(users.named().values()) == set(CAST)

    @pytest.mark.parametrize("profile", [development, demo])
    def test_a_cast_signs_in_with_wallets_of_the_profile(self, profile: Profile) -> None:
        dataset = evaluated(profile, minimal=True, seed="other")
        wallets = dataset.tables[TableName("users")].column("wallet_address").to_list()
        assert profile.cast is not None
        assert all(
            who.rstrip(")").rpartition("(")[2] in wallets for who, _ in profile.cast(dataset)
        )

    def test_the_page_about_the_demo_lists_the_cast_as_the_command_does(self) -> None:
        assert demo.cast is not None
        page = (PROJECT.root / "docs" / "demo.md").read_text(encoding="utf-8")
        for who, what in demo.cast(evaluated(demo, minimal=True)):
            name, _, wallet = who.rstrip(")").rpartition(" (")
            assert f"| {name} | `{wallet}` | {what} |" in page

    def test_no_text_of_a_profile_looks_generated(self) -> None:
        rows = evaluated(demo).tables[TableName("activity_logs")]
        texts = rows.column("description").drop_nulls()
        assert not texts.str.contains(r"[{}]|None|null").any()


def _all(rows: TableRows) -> range:
    return range(len(rows.keys))


def _changed(rows: TableRows, others: TableRows) -> list[str]:
    """Return the columns in which rows differ from the rows of the same keys among others."""
    place = {key: position for position, key in enumerate(others.keys.tolist())}
    where = [place[key] for key in rows.keys.tolist()]
    return [
        name
        for name in rows.column_names
        if not rows.column(name).equals(others.column(name).gather(where), null_equal=True)
    ]


def _links(dataset: Dataset) -> dict[tuple[str, int], dict[str, int]]:
    """Return, by table and key, the keys of the rows that each row refers to."""
    found: dict[tuple[str, int], dict[str, int]] = {}
    for name, rows in dataset.tables.items():
        for reference in rows.references.values():
            parents = dataset.tables[reference.table].keys
            for key, row in zip(rows.keys.tolist(), reference.rows.tolist(), strict=True):
                if row >= 0:
                    found.setdefault((str(name), key), {})[reference.name] = int(parents[row])
    return found


def digest(dataset: Dataset) -> str:
    """Return a fingerprint of all values and references of a dataset."""
    whole = hashlib.sha256()
    for name in sorted(dataset.tables):
        rows = dataset.tables[name]
        whole.update(f"{name} {rows.keys.tolist()}".encode())
        for column in sorted(rows.column_names):
            whole.update(f"{column} {rows.column(column).to_list()}".encode())
        for reference in sorted(rows.references):
            whole.update(f"{reference} {rows.references[reference].rows.tolist()}".encode())
    return whole.hexdigest()


TESTING_DIGEST = "91880ab9640eb4cd327d15e4d227ca62c476c71745ef4415eb43e8dc80ee069d"
