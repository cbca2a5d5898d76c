"""Where servers and copies of programs live: the user's folders, or root's where its own are closed to the server."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from seedbed.servers.account import Account

_ROOT_DATA = Path("/var/lib/seedbed")
_ROOT_CACHE = Path("/var/cache/seedbed")


def data_home(account: Account) -> Path:
    """Return the folder for what must last: the user's data directory if the account can reach into it."""
    return _first_open(account, platformdirs.user_data_path("seedbed"), _ROOT_DATA)


def cache_home(account: Account) -> Path:
    """Return the folder for what can be made again."""
    return _first_open(account, platformdirs.user_cache_path("seedbed"), _ROOT_CACHE)


def _first_open(account: Account, own: Path, for_root: Path) -> Path:
    """Return the caller's folder, or root's for an account that may not pass through the caller's home (0700)."""
    if not account.borrowed:
        return own
    existing = next(folder for folder in (own, *own.parents) if folder.exists())
    return own if account.can_enter(existing) else for_root
