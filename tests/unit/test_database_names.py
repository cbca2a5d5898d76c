"""What the embedded server's databases are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.cli.database import database_name
from seedbed.environment import read_name
from seedbed.profile import Profile
from seedbed.project import Project
from seedbed.settings import Settings


def project(name: str, *profiles: Profile) -> Project:
    found = Project(Path("/nowhere"), Settings(name=name))
    vars(found)["profiles"] = {profile.name: profile for profile in profiles}
    return found


@pytest.mark.parametrize(
    ("name", "profile", "expected"),
    [
        ("shop", Profile("demo"), "shop_demo"),
        ("My Shop!", Profile("demo"), "my_shop_demo"),
        ("shop", Profile("staging"), "shop_staging"),
    ],
)
def test_a_database_is_named_after_project_and_profile(
    name: str, profile: Profile, expected: str
) -> None:
    """So that people find it in a list."""
    assert database_name(project(name, profile), profile.name) == expected


@pytest.mark.parametrize("name", ["live-tv", "prod_tools", "stage manager", "x" * 70])
def test_a_name_that_would_mislead_the_guard_gives_way(name: str) -> None:
    """A project called live-tv is not production, and PostgreSQL cuts long names."""
    demo = Profile("demo")
    found = database_name(project(name, demo), "demo")
    assert read_name(found) in (None, "demo")
    assert len(found.encode()) <= 63


def test_a_profiles_own_name_may_mislead_as_well() -> None:
    """Then only a digest is left."""
    tricky = Profile("live", environments=["demo"])
    assert read_name(database_name(project("shop", tricky), "live")) is None


def test_projects_that_give_way_do_not_meet() -> None:
    """Two of them have two databases."""
    demo = Profile("demo")
    names = {database_name(project(name, demo), "demo") for name in ("live-tv", "prod_tools")}
    assert len(names) == 2
