"""Whose tables and rows a test database has: a project's, its tables alone, or those of the payroll project that comes with seedbed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.errors import InvalidInput, nearest
from seedbed.project import Project, find_project
from seedbed.settings import read_settings

if TYPE_CHECKING:
    from datetime import datetime

    from seedbed.dataset import Dataset
    from seedbed.profile import Profile
    from seedbed.source import Source
    from seedbed.testdb.blueprint import Blueprint

NO_ROWS = "none"
"""The profile of the tables alone."""

USUAL = "testing"
"""The profile of those who name none and have written some."""

BORROWED = "the tables and rows of the payroll project, seedbed's own example"
"""What people are told of tables and rows that are not theirs."""

_PARTS = ("profiles", "factories", "seeds")


def project_of(root: Path, *, told: bool) -> Project:
    """Return the project whose tables and rows a run has.

    The payroll project is for the curious, in a folder that holds nothing else: not where somebody says where tables come
    from, or has written a part of a project without the ``[tool.seedbed]`` that makes it one.

    Args:
        root: the folder of the nearest configuration, else pytest's root folder.
        told: whether the run, or the test, is told where the tables come from.
    """
    project = find_project(root)
    parts = [*_PARTS, *(f"{part}.py" for part in _PARTS)]
    if project.bundled and (told or any((root / part).exists() for part in parts)):
        settings = replace(read_settings(root), root=root, name=root.name)
        return Project(root, settings)
    return project


def usual_profile(project: Project) -> str:
    """Return the profile of a test that names none."""
    return USUAL if project.has_profiles else NO_ROWS


def told_of(project: Project) -> str:
    """Return what people are told of a project without profiles; nothing of any other."""
    if project.has_profiles:
        return ""
    missing = f"there is no module {project.settings.profiles} in {project.root}"
    return f"the tables as they are made, with no rows of a profile (profile {NO_ROWS}): {missing}"


def source_of(blueprint: Blueprint) -> Source:
    """Return a blueprint's profile, ready to be evaluated.

    Raises:
        InvalidInput: there is no such profile, or the project cannot be imported.
    """
    from seedbed.profile import Profile
    from seedbed.request import source

    project = project_of(blueprint.root, told=blueprint.told)
    empty = Profile(NO_ROWS, environments=("testing",))
    empty.recipe(lambda rows: None)
    without = blueprint.profile == NO_ROWS
    wanted = source(
        project,
        empty if without else _named(project, blueprint.profile),
        as_of=blueprint.as_of,
        scale=blueprint.scale,
        seed=blueprint.seed,
        minimal=blueprint.minimal,
    )

    def nothing(when: datetime) -> Dataset:
        """Return no rows, without a look at seeds that nobody asked for."""
        said = wanted.scale, wanted.seed, wanted.minimal
        return empty.evaluate(as_of=when, scale=said[0], seed=said[1], minimal=said[2])

    return replace(wanted, evaluate=nothing) if without else wanted


def _named(project: Project, name: str) -> Profile:
    if not project.has_profiles:
        raise InvalidInput(
            f"there is no profile {name!r}: {project.root} has no module {project.settings.profiles}",
            remedy=f"Write one with a seedbed.Profile, or say {NO_ROWS} for the tables alone.",
        )
    if project.bundled and name not in project.profiles:
        raise InvalidInput(
            f"the payroll project, seedbed's own example, has no profile {name!r}: {nearest(name, list(project.profiles))}",
            remedy="It stands in for a project of yours: no pyproject.toml here or above has [tool.seedbed].",
        )
    return project.profile(name)
