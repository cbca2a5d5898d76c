"""The same inputs give the same rows, to the byte: in every process, locale and time zone, and on another Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from seedbed.factory import DEFAULT_SEED
from tests.everything import digest, evaluate
from tests.pythons import other_python

ROOT = Path(__file__).parents[2]
PRINT = "from tests.everything import digest, evaluate; print(digest(evaluate()))"
PRINT_PROFILES = "from tests.everything import payroll_digests; print(payroll_digests())"


@pytest.fixture(scope="module")
def expected() -> str:
    """Return the hash of this process."""
    return digest(evaluate())


def hash_of(python: str | Path, environment: Mapping[str, str], code: str = PRINT) -> str:
    """Return the hash that another process comes to."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    run = subprocess.run(
        [python, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "0"},
        {"PYTHONHASHSEED": "4242"},
        {"TZ": "Asia/Kathmandu"},
        {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"POLARS_MAX_THREADS": "1"},
        {"POLARS_MAX_THREADS": "9"},
        {"PYTHONOPTIMIZE": "2"},
    ],
    ids=str,
)
def test_another_process_comes_to_the_same_values(
    environment: Mapping[str, str], expected: str
) -> None:
    """Nothing of the surroundings gets in."""
    assert hash_of(sys.executable, environment) == expected


def test_the_payroll_profiles_come_to_the_same_values() -> None:
    """All of them, in surroundings that differ in everything."""
    environment = {
        "PYTHONHASHSEED": "77",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "POLARS_MAX_THREADS": "9",
    }
    other = hash_of(sys.executable, environment, PRINT_PROFILES)
    assert other == hash_of(sys.executable, {"POLARS_MAX_THREADS": "1"}, PRINT_PROFILES)
    assert len(other.split("'")) == 17  # four profiles, four hashes


def test_another_python_comes_to_the_same_values(expected: str) -> None:
    """3.13 where this is 3.11 or 3.12, and the other way round; the payroll profiles too."""
    python = other_python()
    assert hash_of(python, {}) == expected
    assert hash_of(python, {}, PRINT_PROFILES) == hash_of(sys.executable, {}, PRINT_PROFILES)


def test_columns_may_be_asked_for_in_any_order(expected: str) -> None:
    """Each is computed when it is first wanted, by whomever."""
    dataset = evaluate()
    for rows in reversed(dataset.tables.values()):
        for name in reversed(rows.column_names):
            rows.column(name)
    assert digest(dataset) == expected


def test_another_seed_gives_other_values_to_the_same_rows(expected: str) -> None:
    """Keys and labels stay."""
    ours, others = evaluate(), evaluate(seed=DEFAULT_SEED + "2")
    (table,) = (name for name in ours.tables if str(name) == "teams")
    assert ours.tables[table].keys.tolist() == others.tables[table].keys.tolist()
    names = [dataset.tables[table].column("name").to_list() for dataset in (ours, others)]
    assert sum(a == b for a, b in zip(*names, strict=True)) <= 2  # the hand-picked one, and chance


def test_a_later_moment_moves_what_is_relative_to_it_alone() -> None:
    """`--as-of` changes times, and what is computed from them."""
    ours, later = evaluate(), evaluate(as_of=datetime(2026, 3, 2, 12))
    (table,) = (name for name in ours.tables if str(name) == "people")
    for column in ("name", "rate", "badge", "phone", "born", "zoned"):
        first, second = (d.tables[table].column(column).to_list() for d in (ours, later))
        assert first == second
