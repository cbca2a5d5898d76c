"""Backups: a verified dump with a manifest, and bringing one back.

from seedbed.backup import Wanted, backup, restore

made = backup("postgresql://localhost/payroll_dev", out=Path("backups"))
restore("postgresql://localhost/payroll_dev", made.path, Wanted(confirm="payroll_dev"))
"""

from seedbed.backup.dumping import FOLDER, Backup, backup
from seedbed.backup.kept import Dropped, Wanted, drop_kept
from seedbed.backup.manifest import Manifest
from seedbed.backup.restoring import Restored, restore
from seedbed.backup.rule import BackupUndecided, made_first, require_decision

__all__ = [
    "FOLDER",
    "Backup",
    "BackupUndecided",
    "Dropped",
    "Manifest",
    "Restored",
    "Wanted",
    "backup",
    "drop_kept",
    "made_first",
    "require_decision",
    "restore",
]
