"""A profile that uses every field and most of factory_boy's declarations, and one hash over all its values.

``python -c "from tests.everything import digest, evaluate; print(digest(evaluate()))"`` prints the hash: the same one in every
process, on every machine.
"""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import factory
import polars as pl
from factory import fuzzy

from seedbed import Factory, Profile
from seedbed.batch import AsOf, Seed
from seedbed.dataset import Dataset
from seedbed.fields import (
    choice,
    col,
    decimal,
    derived,
    faker,
    follow,
    integer,
    moment,
    pattern,
    pick,
    rollup,
    running,
    unique,
)
from seedbed.project import find_project
from seedbed.recipe import Rows, between


class CountryFactory(Factory):
    class Meta:
        table = "countries"
        key = ("code",)

    code = unique("??")
    name = faker("country", locale="de_DE")
    weight = integer(0, 3)


class TeamFactory(Factory):
    class Meta:
        table = "teams"
        exclude = ("helper",)

    class Params:
        closed = factory.Trait(status="closed", closed_at=moment("created_at", timedelta(0)))

    number = factory.Sequence(lambda n: n * 7)
    country = pick(CountryFactory, weight="weight")
    name = factory.Faker("company", locale="fr_FR")
    slug = factory.LazyAttributeSequence(lambda o, n: f"{o.name.lower()}-{n}")
    status = choice({"open": 8, "idle": 2})
    created_at = moment(timedelta(days=-400), timedelta(days=-30), step=timedelta(minutes=15))
    closed_at = None
    helper = factory.Iterator(["red", "green", None])
    colour = factory.SelfAttribute("helper", default="none")
    motto = factory.Maybe("helper", factory.Faker("sentence", nb_words=4), "no motto")
    settings = factory.Dict(
        {"theme": choice(["dark", "light"]), "lucky": factory.LazyFunction(lambda: random.random())}
    )
    tags = factory.List([fuzzy.FuzzyText(length=6), factory.SelfAttribute("..status")])
    budget = fuzzy.FuzzyDecimal(10, 10**6, precision=2)
    head = factory.SubFactory("tests.everything.PersonFactory", team=None, role="head")
    audit = factory.RelatedFactoryList(
        "tests.everything.AuditFactory", "team", size=lambda: random.randint(0, 3)
    )
    people = rollup("PersonFactory", col("rate").len(), via="team")
    average = rollup(
        "ShiftFactory", (col("hours").cast(pl.Float64) * col("share")).sum(), via="team"
    )


class PersonFactory(Factory):
    class Meta:
        table = "people"
        insert_only = ("last_login",)

    team = factory.SubFactory(TeamFactory, head=None)
    role = "member"
    name = factory.Faker("name", locale="ja_JP")
    shouted = factory.Transformer(factory.SelfAttribute("role"), transform=str.upper)
    rate = decimal("8.50", "42.00")
    badge = unique("P-####-^^^^^^^^^^^^")
    phone = pattern("+44 20 7946 0###")
    born = fuzzy.FuzzyDate(date(1960, 1, 1), date(2005, 1, 1))
    zoned = fuzzy.FuzzyDateTime(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    last_login = moment("team.created_at", timedelta(0))
    place = factory.ContainerAttribute(lambda o, above: len(above), strict=False)


class AuditFactory(Factory):
    class Meta:
        table = "audits"

    team = None
    note = factory.Faker("sentence")


class ShiftFactory(Factory):
    class Meta:
        table = "shifts"

    person = pick(PersonFactory)
    team = follow("person.team")
    at = moment(timedelta(days=-30), timedelta(0))
    hours = decimal("0.25", "9.75")
    share = derived(col("@index") / 7.0)
    pay = derived(col("hours") * col("person.rate"))
    balance = running(col("pay").cum_sum(), over="person", order_by="at")
    level = running(col("share").mean() + col("share").sum(), over="person", order_by="at")


class MembershipFactory(Factory):
    class Meta:
        table = "memberships"
        key = ("person", "club")

    person = None
    club = pick("tests.everything.ClubFactory", distinct=True)


class ClubFactory(Factory):
    class Meta:
        table = "clubs"

    name = faker("word", pool=50)


SEEDS = {
    "teams": {
        "first": Seed(
            "first",
            {"name": "Første Hold", "country": "xx", "created_at": AsOf(timedelta(days=-60))},
        ),
        "second": Seed("second", {"closed": True, "budget": Decimal("1.50")}),
    },
    "countries": {"xx": Seed("xx", {"code": "XX", "name": None})},
}

everything = Profile("everything")


@everything.recipe
def recipe(rows: Rows) -> None:
    """Make some of everything."""
    rows.named(CountryFactory)
    rows.many(CountryFactory, 20)
    teams = rows.many(TeamFactory, rows.scaled(12)) + rows.named(TeamFactory)
    crew = rows.each(teams, PersonFactory, between(0, 5), via="team")
    rows.each(
        teams.where(status="closed"), PersonFactory, 1, via="team", segment="ghosts", role="ghost"
    )
    rows.many(ClubFactory, 9)
    rows.each(crew, MembershipFactory, choice([0, 1, 3]), via="person")
    rows.each(crew[:10], ShiftFactory, 40, via="person", when=col("hours") > 1)
    rows.many(ShiftFactory, 3000)


def evaluate(**options: Any) -> Dataset:
    """Return the profile's rows at a fixed moment."""
    return everything.evaluate(**{"as_of": datetime(2026, 3, 1, 12), "seeds": SEEDS, **options})


def digest(dataset: Dataset) -> str:
    """Return a SHA-256 over all labels, keys, values and references."""
    found = hashlib.sha256()
    for name, rows in dataset.tables.items():
        labels = [rows.label(position) for position in range(len(rows.keys))]
        found.update(repr((str(name), rows.keys.tolist(), labels)).encode())
        for column in rows.column_names:
            found.update(
                repr((column, rows.column(column).to_list())).encode("utf-8", "surrogatepass")
            )
        for link, reference in rows.references.items():
            found.update(repr((link, str(reference.table), reference.rows.tolist())).encode())
    return found.hexdigest()


def payroll_digests() -> dict[str, str]:
    """Return the hash of each of the payroll project's profiles; staging is a small one."""
    project = find_project(Path(__file__).parents[1])
    return {
        name: digest(
            profile.evaluate(
                as_of=datetime(2026, 3, 1, 12),
                scale=0.02 if name == "staging" else 1.0,
                seeds=project.seeds,
            )
        )
        for name, profile in project.profiles.items()
    }
