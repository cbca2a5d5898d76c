"""Backups: a verified dump with a manifest, and bringing one back.

from seedbed.backup import backup, restore

made = backup("postgresql://localhost/payroll_dev", out=Path("backups"))
restore("postgresql://localhost/payroll_dev", made.path, confirm="payroll_dev")
"""

from seedbed.backup.dumping import FOLDER, Backup, backup
from seedbed.backup.manifest import Manifest

__all__ = ["FOLDER", "Backup", "Manifest", "backup"]
