"""Environment-aware seeding and fixtures for PostgreSQL.

The names below are the public API. Each is imported when it is first used, so that ``import seedbed`` costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedbed import errors, fields, snapshot
    from seedbed.api import apply, backup, destroy, forget, plan, reset, restore, stamp, status
    from seedbed.errors import SeedbedError
    from seedbed.factory import Factory
    from seedbed.profile import Profile
    from seedbed.recipe import Rows, between

__all__ = [
    "Factory",
    "Profile",
    "Rows",
    "SeedbedError",
    "apply",
    "backup",
    "between",
    "destroy",
    "errors",
    "fields",
    "forget",
    "plan",
    "reset",
    "restore",
    "snapshot",
    "stamp",
    "status",
]

_HOMES = {
    "Factory": "seedbed.factory",
    "Profile": "seedbed.profile",
    "Rows": "seedbed.recipe",
    "SeedbedError": "seedbed.errors",
    "apply": "seedbed.api",
    "backup": "seedbed.api",
    "between": "seedbed.recipe",
    "destroy": "seedbed.api",
    "errors": "",
    "fields": "",
    "forget": "seedbed.api",
    "plan": "seedbed.api",
    "reset": "seedbed.api",
    "restore": "seedbed.api",
    "snapshot": "",
    "stamp": "seedbed.api",
    "status": "seedbed.api",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'seedbed' has no attribute {name!r}")
    home = _HOMES[name]
    value = getattr(import_module(home), name) if home else import_module(f"seedbed.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Facade(ModuleType):
    """This package: its public functions keep their names when modules of those names are imported.

    Python binds every imported submodule to its package; ``seedbed.plan``, the module, would replace ``seedbed.plan``, the function.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and _HOMES.get(name)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Facade
