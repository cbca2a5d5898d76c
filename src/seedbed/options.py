"""What a caller of the use cases may choose."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seedbed.errors import InvalidInput
from seedbed.load.run import Scope
from seedbed.load.session import Limits
from seedbed.saved import Saved
from seedbed.settings import Said

Edits = Literal["refuse", "keep", "overwrite"]

BackupChoice = bool | Path | None
"""Whether a backup is made before rows are taken away: True or a folder to put it in, False for none, None: nobody has said."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller of plan, apply or reset may choose, apart from the rows.

    Of one caller's wishes (`wishes.Wishes`: Python's keyword arguments, and the command line's options), those about the rows become a
    `Source`, and all others these options; what reading and comparing need of them is their `Scope`.

    Attributes:
        environment: what the operator says the database is for; None where nothing was said.
        confirm: the database's name, where a write has to be confirmed.
        edits: what to do about rows that somebody else changed since.
        adopt: take over rows with our natural key that seedbed did not write.
        only, skip: names of tables to write, and not to.
        create: whether to create the tables in a database that has none of them.
        clean: empty the tables first, whoever wrote their rows.
        backup: whether a backup is made first; has to be said before rows are taken away.
        detail: the plan holds the single rows and fields.
        wait: wait for another run's lock.
        saved: do nothing but what this plan saw.
        limits: how long to wait for other locks, for a statement and for the server.

    Raises:
        InvalidInput: two of them contradict each other.
    """

    environment: str | Said | None = None
    confirm: str | None = None
    edits: Edits = "refuse"
    adopt: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    create: bool = True
    clean: bool = False
    backup: BackupChoice = None
    detail: bool = False
    wait: bool = True
    saved: Saved | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.clean and (self.edits == "keep" or self.adopt):
            other = "--adopt" if self.adopt else "--keep-edits"
            raise InvalidInput(f"--clean and {other} exclude each other: it leaves no row as it is")

    @property
    def said(self) -> Said | None:
        """What the operator says the database is for, and where."""
        if isinstance(self.environment, str):
            return Said(self.environment, "--environment")
        return self.environment

    def scope(self, *, writing: bool) -> Scope:
        """Return which part of the profile is meant."""
        return Scope(self.only, self.skip, self.create, writing, self.clean, self.adopt)
