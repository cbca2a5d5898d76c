"""Which older backups go: those of the same database that carry our manifest, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from seedbed.backup.manifest import Manifest, manifest_path, read_manifest
from seedbed.errors import InvalidInput


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
    """
    older = sorted(
        (found for found in _of_same_database(folder, newest) if found.file != newest.file),
        key=lambda manifest: manifest.made_at,
        reverse=True,
    )
    gone = []
    if retention.keep is not None:
        gone = older[retention.keep - 1 :]
    if retention.keep_days is not None:
        oldest = newest.made_at - timedelta(days=retention.keep_days)
        gone = [manifest for manifest in older if manifest.made_at < oldest]
    paths = [folder / manifest.file for manifest in gone]
    for path in paths:
        path.unlink()
        manifest_path(path).unlink()
    return paths


def _of_same_database(folder: Path, newest: Manifest) -> list[Manifest]:
    whose = (newest.system_identifier, newest.database)
    found = []
    for path in folder.glob("*.json"):
        manifest = read_manifest(path) if not path.is_symlink() else None
        if manifest is None or (manifest.system_identifier, manifest.database) != whose:
            continue
        dump = path.with_suffix("")
        ours = dump.name == manifest.file and dump.is_file() and not dump.is_symlink()
        if ours and dump.stat().st_size == manifest.size:
            found.append(manifest)
    return found
