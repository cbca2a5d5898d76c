"""Which older backups go: those of the same database that carry our manifest, and nothing else."""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from seedbed.backup.manifest import Manifest, manifest_path, read_manifest
from seedbed.errors import DatabaseFailure, Finding, InvalidInput

_LEAVING = ".seedbed-leaving-"
"""Before the name of a manifest whose backup is being removed."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long backups stay.

    Attributes:
        keep: how many of a database, the newest; None for all.
        keep_days: for how many days; None for ever.
    """

    keep: int | None = None
    keep_days: float | None = None

    def __post_init__(self) -> None:
        if self.keep is not None and self.keep_days is not None:
            raise InvalidInput("--keep and --keep-days do not go together")
        if self.keep is not None and self.keep < 1:
            raise InvalidInput(f"--keep {self.keep} would not even keep the backup just made")
        if self.keep_days is not None and not self.keep_days > 0:
            raise InvalidInput(f"--keep-days {self.keep_days:g} is not a number of days")


def retire(folder: Path, newest: Manifest, retention: Retention) -> list[Path]:
    """Remove the backups that are older than a retention lets stay; returns the dumps that are gone.

    Args:
        folder: where to look; not in folders below.
        newest: the one just made, which stays, and whose database's backups are meant.
        retention: how long they stay.

    Raises:
        DatabaseFailure: some could not be removed; the others are gone.
    """
    _finish(folder)
    removed, stuck = [], []
    for manifest in _too_old(folder, newest, retention):
        try:
            if _remove(folder, manifest.file):
                removed.append(folder / manifest.file)
        except OSError as error:
            stuck.append(
                Finding(str(folder / manifest.file), error.strerror or "cannot be removed")
            )
    if stuck:
        raise DatabaseFailure(
            f"{folder / newest.file} is a good backup, but older ones could not be removed",
            findings=stuck,
        )
    return removed


def _too_old(folder: Path, newest: Manifest, retention: Retention) -> list[Manifest]:
    older = sorted(
        (found for found in _of_same_database(folder, newest) if found.file != newest.file),
        key=lambda manifest: manifest.made_at,
        reverse=True,
    )
    if retention.keep is not None:
        return older[retention.keep - 1 :]
    if retention.keep_days is not None:
        oldest = newest.made_at - timedelta(days=retention.keep_days)
        return [manifest for manifest in older if manifest.made_at < oldest]
    return []


def _remove(folder: Path, name: str) -> bool:
    """Remove a backup's two files; says no where another run was faster.

    First the manifest is called something else, by which the next run knows what we left when we are killed here.
    """
    beside = manifest_path(folder / name)
    leaving = beside.with_name(_LEAVING + beside.name)
    try:
        beside.rename(leaving)
    except FileNotFoundError:
        return False
    try:
        (folder / name).unlink(missing_ok=True)
    except OSError:
        leaving.rename(beside)  # it stays, then, and as a whole backup
        raise
    leaving.unlink(missing_ok=True)
    return True


def _finish(folder: Path) -> None:
    """Remove what a run that was killed had begun to remove."""
    for path in folder.glob(f"{_LEAVING}*.json"):
        manifest = read_manifest(path) if not path.is_symlink() else None
        if manifest and path.name == f"{_LEAVING}{manifest_path(folder / manifest.file).name}":
            with suppress(OSError):  # not ours to remove, perhaps; it is no backup any more
                if _is_whole(folder / manifest.file, manifest):
                    (folder / manifest.file).unlink()
                path.unlink()


def _of_same_database(folder: Path, newest: Manifest) -> list[Manifest]:
    whose = (newest.system_identifier, newest.database)
    found = []
    for path in folder.glob("*.json"):
        manifest = read_manifest(path) if not path.is_symlink() else None
        if manifest is None or (manifest.system_identifier, manifest.database) != whose:
            continue
        dump = path.with_suffix("")
        if dump.name == manifest.file and _is_whole(dump, manifest):
            found.append(manifest)
    return found


def _is_whole(dump: Path, manifest: Manifest) -> bool:
    """Say whether a dump is still the file that its manifest is of, as far as a glance tells."""
    try:
        status = dump.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == manifest.size
