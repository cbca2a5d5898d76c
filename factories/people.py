"""Who takes part: users with their wallets, the organizations they own and the employments they have."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from factory import Maybe, SelfAttribute, SubFactory

from factories.fields import by, choices, document, xrpl_address
from factories.models import Employee, Organization, User
from factories.words import COUNTRIES, DELETION_REASONS, ORGANIZATION_NOUNS, SHARES
from seedbed import Factory
from seedbed.fields import choice, col, decimal, derived, integer, moment, pattern, rollup

DAY = timedelta(days=1)
GIVEN = {name: choice(country.given) for name, country in COUNTRIES.items()}
FAMILY = {name: choice(country.family) for name, country in COUNTRIES.items()}
PLACES = {name: choice(country.places) for name, country in COUNTRIES.items()}
PHONES = {name: pattern(country.phone) for name, country in COUNTRIES.items()}
ZONES = {name: country.zone for name, country in COUNTRIES.items()}
LANGUAGES = {name: country.language for name, country in COUNTRIES.items()}
UTC_OFFSETS = {name: country.utc_offset for name, country in COUNTRIES.items()}


def slug(name: pl.Expr) -> pl.Expr:
    """Return a name as it stands in an e-mail address: ``Aïssatou Ndiaye`` is ``aissatou.ndiaye``."""
    plain = name.str.normalize("NFKD").str.replace_all(r"[\p{M}']", "").str.to_lowercase()
    return plain.str.replace_all("[^a-z0-9]+", ".")


class UserFactory(Factory[User]):
    """Somebody who signs in with a wallet: a worker, unless told otherwise. A deleted account keeps nothing personal."""

    class Meta:
        model = User
        key = ("wallet_address",)
        insert_only = ("last_login", "last_login_at", "updated_at")

    class Params:
        country = choice(SHARES)
        given_name = by("country", GIVEN)
        family_name = by("country", FAMILY)
        phone = by("country", PHONES)
        kept = derived(col("deleted_at").is_null())
        zone = derived(pl.when("kept").then(col("country").replace_strict(ZONES, default="UTC")))
        language = derived(
            pl.when("kept").then(col("country").replace_strict(LANGUAGES, default="en"))
        )
        last_day = derived(pl.coalesce("deleted_at", "@as_of"))
        seen_at = moment(
            pl.max_horizontal(col("created_at"), col("last_day") - timedelta(days=21)), "last_day"
        )
        signs_in = choice({True: 95, False: 5})
        reason = choice(DELETION_REASONS)

    wallet_address = xrpl_address()
    user_type = "employee"
    email = derived(
        pl.when("kept").then(
            pl.format("{}{}@example.com", slug(col("display_name")), col("@key") % 900 + 100)
        )
    )
    display_name = derived(
        pl.when("kept").then(pl.format("{} {}", col("given_name"), col("family_name")))
    )
    organization_name = None
    phone_number = derived(pl.when("kept").then("phone"))
    profile_data = document(language="language", time_zone="zone")
    is_active = derived(col("kept"))
    last_login = derived(col("last_login_at"))
    last_login_at = derived(pl.when("signs_in").then("seen_at"))
    deleted_at = None
    deletion_reason = derived(pl.when(~col("kept")).then("reason"))
    created_at = moment(timedelta(days=-400), timedelta(days=-360))
    updated_at = derived(pl.max_horizontal("created_at", "last_login_at", "deleted_at"))


class OrganizationFactory(Factory[Organization]):
    """An NGO, a company or a private person that employs workers, with the user who owns it."""

    class Meta:
        model = Organization
        key = ("escrow_wallet_address",)
        insert_only = ("updated_at",)

    class Params:
        rank = 0  # its number among all, by which a recipe makes few large and many small ones
        size = 0  # how many workers a recipe gives it
        partner = None  # another organization, where some of its workers have a second job
        owner_type = derived(
            pl.when(col("organization_type") == "ngo")
            .then(pl.lit("ngo"))
            .otherwise(pl.lit("employer"))
        )
        joined_at = moment(timedelta(days=-440), timedelta(days=-400))
        family_name = by("country", FAMILY)
        place = by("country", PLACES)
        noun = by("organization_type", choices(ORGANIZATION_NOUNS))
        registered_as = pattern("??-####/##")
        is_household = derived(col("organization_type") == "individual")
        last_booking = rollup(
            "EscrowTransactionFactory", col("created_at").max(), via="organization", default=None
        )

    user = SubFactory(
        UserFactory,
        country=SelfAttribute("..country"),
        family_name=SelfAttribute("..family_name"),
        user_type=SelfAttribute("..owner_type"),
        organization_name=SelfAttribute("..organization_name"),
        created_at=SelfAttribute("..joined_at"),
    )
    organization_name = derived(
        pl.format("{} {}", pl.when("is_household").then("family_name").otherwise("place"), "noun")
    )
    organization_type = choice({"ngo": 45, "company": 45, "individual": 10})
    registration_number = derived(pl.when(~col("is_household")).then("registered_as"))
    country = choice(SHARES)
    contact_email = derived(
        pl.format(
            "office@{}.test", slug(col("organization_name")).str.replace_all(".", "-", literal=True)
        )
    )
    contact_phone = by("country", PHONES)
    escrow_wallet_address = xrpl_address()
    escrow_balance = rollup(
        "EscrowTransactionFactory", col("signed_amount").sum(), via="organization"
    )
    total_workers = rollup(
        "EmployeeFactory", (col("employment_status") == "active").sum(), via="organization"
    )
    status = "active"
    created_at = moment(col("user.created_at") + DAY, col("user.created_at") + 5 * DAY)
    updated_at = derived(pl.coalesce("last_booking", "created_at"))


class EmployeeFactory(Factory[Employee]):
    """A worker of one organization. With `moonlights` and `slot` two employments of one person share the day between them."""

    class Meta:
        model = Employee
        key = ("organization", "employee_wallet_address")
        insert_only = ("updated_at",)

    class Params:
        first_job = None  # the other employment, for a second one
        slot = 0  # 0: the first employment; 1: a second one, in the afternoon
        moonlights = False  # whether there is a second employment: the first then ends at noon
        leaves = False
        paperwork = integer(1, 3)  # days until the contract
        office_second = integer(8 * 3600, 17 * 3600)  # local time of its signing
        spare_name = derived(pl.format("{} {}", col("given_name"), col("family_name")))
        given_name = by("country", GIVEN)
        family_name = by("country", FAMILY)
        spare_wallet = xrpl_address()
        country = derived(pl.coalesce("user.country", "organization.country"))
        utc_offset = derived(col("country").replace_strict(UTC_OFFSETS, default=0))
        signed_up_at = moment("organization.created_at", col("@as_of") - timedelta(days=30))
        known_since = derived(
            pl.max_horizontal(
                pl.coalesce("user.created_at", "signed_up_at"), "organization.created_at"
            )
        )
        left_at = derived(pl.when("leaves").then("might_leave_at"))
        might_leave_at = moment(
            col("signed_up_at") + 8 * DAY + (col("@as_of") - col("signed_up_at")) / 3,
            col("@as_of") - timedelta(days=3),
        )
        deletes = False  # whether the account is deleted after the last day
        deleted_later = moment("left_at", "@as_of")
        account_deleted_at = derived(pl.when("deletes").then("deleted_later"))
        signed_up = True
        called = derived(pl.coalesce("full_name", pl.lit("A worker")))
        late_riser = choice({0: 5, 60: 3, 120: 2})  # minutes after eight
        shift_start = derived(  # local time; nobody with two jobs starts the first one late
            pl.when(col("slot") == 1)
            .then(13 * 60)
            .when("moonlights")
            .then(8 * 60)
            .otherwise(8 * 60 + col("late_riser"))
        )
        shift_minutes = derived(
            pl.when(col("slot") == 1).then(360).when("moonlights").then(270).otherwise(540)
        )

    user = Maybe(
        "signed_up",
        SubFactory(
            UserFactory,
            country=SelfAttribute("..organization.country"),
            created_at=SelfAttribute("..signed_up_at"),
            deleted_at=SelfAttribute("..account_deleted_at"),
        ),
        None,
    )
    organization = SubFactory(OrganizationFactory)
    full_name = derived(pl.coalesce("user.display_name", "spare_name"))
    employee_wallet_address = derived(pl.coalesce("user.wallet_address", "spare_wallet"))
    hourly_rate = decimal("3.50", "18.00")
    currency = "XAH"
    employment_status = derived(
        pl.when(col("left_at").is_null()).then(pl.lit("active")).otherwise(pl.lit("terminated"))
    )
    hire_date = derived(col("created_at").dt.date())
    termination_date = derived(col("left_at").cast(pl.Datetime("us")).dt.date())
    total_hours_worked = rollup(
        "WorkSessionFactory",
        col("hours_worked").filter(col("session_status") == "completed").sum(),
        via="employee",
    )
    total_earnings = rollup(
        "WorkSessionFactory",
        col("total_amount").filter(col("session_status") == "completed").sum(),
        via="employee",
    )
    created_at = derived(
        col("known_since").dt.truncate("1d")
        + pl.duration(days="paperwork", seconds=col("office_second") - col("utc_offset") * 60)
    )
    updated_at = derived(pl.max_horizontal("created_at", "left_at"))
