"""The names that backups get when several are made at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from seedbed.backup.drafting import draft
from seedbed.backup.manifest import Manifest, checked, digest, manifest_path
from seedbed.backup.publishing import publish


def manifest_of(dump: Path) -> Manifest:
    size, moment = dump.stat().st_size, datetime(2026, 3, 1, 12, tzinfo=UTC)
    return Manifest("", size, digest(dump), "payroll", "1", "testing", 180000, 18, moment, {})


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump without a name."""
    file = tmp_path / "dump"
    file.write_text("rows")
    return file


def test_a_folder_that_many_want_to_make_at_once_is_made_once(tmp_path: Path) -> None:
    together = Barrier(8)

    def first(folder: Path) -> bool:
        together.wait()
        with draft(folder) as file:
            file.write_text("rows")
            return file.exists()

    with ThreadPoolExecutor(8) as pool:
        for number in range(25):
            assert all(pool.map(first, [tmp_path / f"{number}" / "backups"] * 8))


def test_backups_of_one_moment_get_names_of_their_own(tmp_path: Path) -> None:
    together = Barrier(8)

    def named(number: int) -> Path:
        file = tmp_path / f"{number}"
        file.write_text(f"rows of {number}")
        manifest = manifest_of(file)
        together.wait()
        return publish(file, tmp_path, manifest)[0]

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(named, range(8)))
    assert [path.read_text() for path in paths] == [f"rows of {n}" for n in range(8)]
    assert [checked(path).file for path in paths] == [path.name for path in paths]


@pytest.mark.parametrize("there", ["the dump", "the manifest"])
def test_a_name_of_which_a_part_is_there_is_left_alone(
    tmp_path: Path, dump: Path, there: str
) -> None:
    taken = tmp_path / "payroll-20260301T120000Z.dump"
    file = taken if there == "the dump" else manifest_path(taken)
    file.write_text("mine")
    path, _ = publish(dump, tmp_path, manifest_of(dump))
    assert path.name == "payroll-20260301T120000Z-2.dump"
    assert file.read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == sorted([file, path, manifest_path(path)])
