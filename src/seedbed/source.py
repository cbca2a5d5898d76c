"""A profile that is ready to be evaluated: what the use cases take, whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from seedbed.dataset import Dataset
from seedbed.environment import Patterns

if TYPE_CHECKING:
    import sqlalchemy


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of one run come from.

    Attributes:
        profile: the profile's name.
        environments: the environments the profile may be applied to.
        production_safe: whether the profile may be applied to a production database.
        as_of: the moment the rows are made for, naive UTC; None takes the moment the ledger keeps for this profile, else now.
        scale: what the counts are multiplied by.
        seed: what the streams are keyed with.
        minimal: only the hand-picked rows.
        evaluate: makes the rows for a moment; pure, called once per attempt, after the lock is held.
        extensions: what the tables need of the server, such as ``pgcrypto``.
        metadata: gives the tables to create in a database that has none of them; None where there is no schema source.
        patterns: what the project says of the names of databases and hosts.
    """

    profile: str
    environments: tuple[str, ...]
    evaluate: Callable[[datetime], Dataset]
    production_safe: bool = False
    as_of: datetime | None = None
    scale: float = 1.0
    seed: str = ""
    minimal: bool = False
    extensions: tuple[str, ...] = ()
    metadata: Callable[[], sqlalchemy.MetaData] | None = None
    patterns: Patterns = ()
