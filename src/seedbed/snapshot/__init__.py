"""Snapshots: a copy of a database beside it, on the same server, to go back to in no time.

    from seedbed import snapshot

    snapshot.save("postgresql://localhost/payroll_dev", "before-the-demo")
    snapshot.restore("postgresql://localhost/payroll_dev", "before-the-demo", confirm="payroll_dev")

A snapshot is a database nobody can connect to; its comment says what it is of and how it is called, and by that alone it is known.
"""

from seedbed.snapshot.kept import Snapshot, saved
from seedbed.snapshot.restoring import Returned, restore
from seedbed.snapshot.saving import drop, save

__all__ = ["Returned", "Snapshot", "drop", "restore", "save", "saved"]


def __dir__() -> list[str]:
    return __all__
