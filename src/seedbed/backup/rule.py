"""What has to be said before rows are taken away: whether a backup is made first, and that a backup of elsewhere is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedbed.backup.dumping import FOLDER, Backup, backup
from seedbed.environment import Verdict
from seedbed.errors import Refused
from seedbed.settings import Said

if TYPE_CHECKING:
    from seedbed.options import BackupChoice


class BackupUndecided(Refused):
    """Nobody has said whether a backup is made before rows are taken away."""


def require_decision(choice: BackupChoice, verdict: Verdict, step: str) -> None:
    """Make sure that somebody has said whether a backup is made before a step.

    Args:
        choice: True or a folder to make one, False to go without, None where nobody has said.
        verdict: of the database; one that seedbed created may go without a word.
        step: what is about to be done, for the message.

    Raises:
        BackupUndecided: nobody has said.
    """
    if choice is None and not verdict.born:
        name = verdict.site.database
        raise BackupUndecided(
            f"refused: a {step} takes rows of {name} away for good, and nobody has said whether to make a backup first",
            remedy="--backup makes one, --no-backup goes without.",
        )


def made_first(url: str, choice: BackupChoice, said: Said | None = None) -> Backup | None:
    """Make the backup that was asked for; None where none was.

    Args:
        url: the database.
        choice: see `require_decision`.
        said: what the operator says the database is for.

    Raises:
        SeedbedError: it could not be made; nothing else must be done then.
    """
    if choice is None or choice is False:
        return None
    return backup(url, out=FOLDER if choice is True else choice, said=said)


def require_origin(environment: str, verdict: Verdict, told: str | None, what: str) -> None:
    """Make sure that rows of one environment go to a database of another only where that is meant.

    Args:
        environment: what the database was for that the rows are from.
        verdict: of the database they go to.
        told: the environment they are from, as the operator says it; None where nothing was said.
        what: what holds the rows, for the message.

    Raises:
        Refused: the environments differ and nobody named the rows', or they are from another than was named.
    """
    name = verdict.site.database
    if told is not None and told.strip().casefold() != environment:
        raise Refused(
            f"refused: {what} is of an environment that is {environment}, not {told.strip()}",
            remedy=f"If you mean it: --from {environment}",
        )
    if told is None and environment != verdict.environment:
        raise Refused(
            f"refused: {what} is of a database for {environment}, and {name} is for {verdict.environment}",
            remedy=f"If you mean it: --from {environment}. {name} is then still taken for {verdict.environment}, "
            f"with the rows of {environment} in it.",
        )
