"""Backups: a verified dump with a manifest, and bringing one back.

    from seedbed.backup import RestoreOptions, backup, restore

    made = backup("postgresql://localhost/payroll_dev", out=Path("backups"))
    restore("postgresql://localhost/payroll_dev", made.path, RestoreOptions(confirm="payroll_dev"))

A dump is pg_dump's, in its custom format; the manifest beside it says what it is of, and how many rows each table has.
"""

from seedbed.backup.dumping import FOLDER, Backup, backup
from seedbed.backup.kept import Dropped, RestoreOptions, drop_kept
from seedbed.backup.manifest import Manifest
from seedbed.backup.restoring import Restored, restore
from seedbed.backup.rule import BackupUndecided, made_first, require_decision

__all__ = [
    "FOLDER",
    "Backup",
    "BackupUndecided",
    "Dropped",
    "Manifest",
    "RestoreOptions",
    "Restored",
    "backup",
    "drop_kept",
    "made_first",
    "require_decision",
    "restore",
]
