"""A starting point: the payroll project, copied into a folder of the user's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from seedbed.errors import Finding, InvalidInput
from seedbed.project import PAYROLL, bundled_root
from seedbed.settings import find_configuration

PARTS = ("seeds", "factories", "profiles")
"""The folders a project is made of."""


def copy_payroll(folder: Path) -> list[Path]:
    """Copy the payroll project into a folder, with the configuration that makes it one.

    A pyproject.toml that is there is kept; ``[tool.seedbed]`` is added at its end.

    Returns:
        What was made or added to.

    Raises:
        InvalidInput: the folder has a project, or part of one.
    """
    configuration = folder / "pyproject.toml"
    findings = [
        Finding(str(folder / part), "is already there")
        for part in PARTS
        if (folder / part).exists()
    ]
    if find_configuration(folder) == configuration.absolute():
        findings.append(Finding(str(configuration), "has a [tool.seedbed] table"))
    if findings:
        raise InvalidInput(f"{folder} already has a project", findings=findings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(bundled_root() / part, folder / part, ignore=ignored)
        with configuration.open("a", encoding="utf-8") as file:
            file.write(("\n" if configuration.stat().st_size else "") + configuration_text())
    except OSError as error:
        raise InvalidInput(f"{error.filename or folder}: {error.strerror}") from error
    return [*(folder / part for part in PARTS), configuration]


def configuration_text() -> str:
    """Return the ``[tool.seedbed]`` table of the payroll project as TOML."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in PAYROLL.items()]
    return "\n".join(["[tool.seedbed]", *lines, ""])
