"""A value depends on nothing but its own place: whatever is added around it, it stays."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import factory
from hypothesis import given
from hypothesis import strategies as st

from seedbed import Factory
from seedbed.batch import Seed
from seedbed.fields import (
    choice,
    col,
    decimal,
    derived,
    faker,
    integer,
    moment,
    pattern,
    pick,
    rollup,
    running,
    unique,
)
from seedbed.recipe import between
from tests.evaluating import by_label, evaluated, factory_of

Cells = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """What is different from the plain world."""

    fields: bool = False
    named: bool = False
    factory: bool = False
    batch: bool = False
    clubs: int = 0
    teams: int = 0
    players: int = 0
    matches: int = 0
    scale: float = 1.0


def fields_of_a_player(more: bool) -> dict[str, Any]:
    added = {
        "aaa": factory.Faker("city"),
        "zzz": integer(0, 9),
        "mmm": factory.LazyFunction(random.random),
    }
    own = {
        "team": None,
        "number": factory.Sequence(int),
        "name": factory.Faker("name"),
        "nick": faker("first_name"),
        "rate": decimal(1, 99),
        "badge": unique("^" * 20),
        "phone": pattern("0##-###"),
        "joined": moment("team.founded", "@as_of"),
        "mood": factory.Maybe("calm", "calm", factory.LazyFunction(lambda: random.choice("xyz"))),
        "calm": choice([True, False]),
        "profile": factory.Dict(
            {"lucky": factory.LazyFunction(random.random), "up": factory.SelfAttribute("..rate")}
        ),
        "double": derived(col("rate") * 2),
        "colour": factory.Iterator(["red", "green", "blue"]),
        "coach": factory.SubFactory(
            factory_of("CoachFactory", n=factory.Sequence(int), name=factory.Faker("name"))
        ),
    }
    if not more:
        return own
    return {
        "aaa": added["aaa"],
        **dict(list(own.items())[:5]),
        "mmm": added["mmm"],
        **own,
        "zzz": added["zzz"],
    }


def world(change: Change) -> Cells:
    """Return all values of a world with a change."""
    club = factory_of("ClubFactory", name=unique("Club ###"), weight=integer(1, 3))
    team = factory_of(
        "TeamFactory",
        club=pick(club, weight="weight"),
        founded=moment(_days(-900), _days(-300)),
        name=faker("company"),
        size=rollup("PlayerFactory", col("rate").len(), via="team"),
    )
    player = factory_of("PlayerFactory", **fields_of_a_player(change.fields))
    match = factory_of(
        "MatchFactory",
        player=pick(player),
        goals=integer(0, 5),
        at=moment(_days(-90), _days(0)),
        total=running(col("goals").cum_sum(), over="player", order_by="at"),
    )
    seeds = {
        "team": {
            label: Seed(label, {"name": label})
            for label in ("reds", "blues", *(["new"] if change.named else []))
        }
    }

    def recipe(rows: Any) -> None:
        rows.many(club, 9 + change.clubs)
        named = rows.named(team, "reds", "blues")
        if change.named:
            named = rows.named(team, "new") + named
        if change.factory:
            rows.many(
                factory_of("ExtraFactory", a=factory.Faker("name"), n=factory.Sequence(int)), 5
            )
        teams = rows.many(team, rows.scaled(6) + change.teams) + named
        rows.each(teams, player, between(1 + change.players, 3 + change.players), via="team")
        if change.batch:
            rows.each(teams[:3], player, 2, via="team", segment="substitutes")
        rows.many(match, 60 + change.matches)

    return by_label(evaluated(recipe, seeds=seeds, scale=change.scale))


def _days(number: int) -> timedelta:
    return timedelta(days=number)


@functools.cache
def plain() -> Cells:
    """Return the world without a change."""
    return world(Change())


def moved(after: Cells, *, new: str = "") -> list[str]:
    """Return the cells that there were before and that are not what they were; picks of new rows and what hangs on them aside."""
    found = []
    for label, before in plain().items():
        if label not in after:
            found.append(label)
            continue
        now = after[label]
        for name, value in before.items():
            if now[name] != value and not (new and _hangs_on(name, now, new)):
                found.append(f"{label}.{name}")
    return found


def _hangs_on(name: str, row: dict[str, Any], new: str) -> bool:
    """Tell whether a cell may have moved: it picks a row that is new, or counts rows of which some are."""
    return name in ("size", "total") or (
        name in ("club", "player") and row[name].startswith(tuple(new.split()))
    )


changes = st.builds(
    Change,
    fields=st.booleans(),
    factory=st.booleans(),
    matches=st.integers(0, 40),
)


@given(changes)
def test_a_field_a_factory_or_more_rows_move_no_value(change: Change) -> None:
    """Fields before, between and after the others; factories before and after; more rows at the end."""
    after = world(change)
    assert [cell for cell in moved(after) if not cell.endswith(".total")] == []


def test_a_new_field_changes_nothing_at_all() -> None:
    """Aggregates included."""
    assert moved(world(Change(fields=True))) == []


def test_a_new_factory_changes_nothing_at_all() -> None:
    """Nor do its generators' draws."""
    assert moved(world(Change(factory=True))) == []


@given(st.integers(1, 20))
def test_new_parents_take_only_what_they_pick(clubs: int) -> None:
    """Every pick that moved went to a new parent."""
    new = " ".join(f"club/{9 + i}" for i in range(clubs))
    assert moved(world(Change(clubs=clubs)), new=new) == []


def test_a_named_row_takes_only_what_it_picks() -> None:
    """Another label, standing first among the others."""
    assert moved(world(Change(named=True)), new="new/") == []


@given(st.integers(1, 4))
def test_more_children_below_each_parent_keep_those_there_were(players: int) -> None:
    """The i-th child of a parent stays what it is."""
    assert moved(world(Change(players=players)), new="team/ reds/ blues/") == []


@given(st.integers(1, 9))
def test_more_parents_keep_the_children_of_the_others(teams: int) -> None:
    """Keys hang below parents, not on a running number."""
    new = " ".join(f"team/{6 + i}/" for i in range(teams))
    assert moved(world(Change(teams=teams)), new=new) == []


@given(st.floats(1, 5))
def test_a_larger_scale_keeps_the_rows_there_were(scale: float) -> None:
    """`--scale` 1 is part of `--scale` 3."""
    new = " ".join(f"team/{i}/" for i in range(6, 40))
    assert moved(world(Change(scale=scale)), new=new) == []


def test_another_batch_of_children_moves_none_of_the_first() -> None:
    """It has a name of its own."""
    assert moved(world(Change(batch=True)), new="team/0/sub team/1/sub team/2/sub") == []


def test_minimal_keeps_the_named_rows_as_they_are() -> None:
    """`--minimal` leaves out, and changes nothing but picks and sums."""
    club = factory_of("ClubFactory", name=unique("Club ###"))
    seeds = {"club": {"a": Seed("a", {}), "b": Seed("b", {"name": "B"})}}

    def recipe(rows: Any) -> None:
        rows.named(club)
        rows.each(rows.many(club, 5), factory_of("TeamFactory", club=None), 2, via="club")

    everything, few = (by_label(evaluated(recipe, seeds=seeds, minimal=m)) for m in (False, True))
    assert few == {label: row for label, row in everything.items() if label in ("club:a", "club:b")}


def test_an_order_of_recipes_changes_no_value() -> None:
    """Extending a profile before or after is the same to each row."""
    club: type[Factory[Any]] = factory_of(
        "ClubFactory", name=factory.Faker("company"), n=integer(1, 99)
    )
    fan = factory_of("FanFactory", club=pick(club), name=factory.Faker("name"))

    def clubs(rows: Any) -> None:
        rows.many(club, 4)

    def fans(rows: Any) -> None:
        rows.many(fan, 20)

    assert by_label(evaluated(clubs, fans)) == by_label(evaluated(fans, clubs))
