"""What a caller asks for, checked: the moment, the scale, and the profile made ready to be evaluated."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from seedbed.blame import blaming
from seedbed.dataset import Dataset
from seedbed.environment import read_patterns
from seedbed.errors import InvalidInput
from seedbed.source import Source

if TYPE_CHECKING:
    from seedbed.profile import Profile
    from seedbed.project import Project


def source(
    project: Project,
    profile: Profile,
    *,
    as_of: datetime | date | str | None = None,
    scale: float = 1.0,
    seed: str | int | None = None,
    minimal: bool = False,
) -> Source:
    """Return a profile that is ready to be evaluated.

    Args:
        project: where the hand-picked rows and the tables' metadata come from.
        profile: which rows.
        as_of: the moment they are made for, see `moment`; None: the profile's own, else the one the database's ledger keeps.
        scale: what the counts are multiplied by, above 0.
        seed: what the values hang on; None: the project's.
        minimal: only the hand-picked rows.

    Raises:
        InvalidInput: the moment, the scale or the seed is not one.
    """
    from seedbed.factory import DEFAULT_SEED  # imports polars

    said = project.settings.seed if seed is None else _checked_seed(str(seed))
    chosen, factor = said or DEFAULT_SEED, checked_scale(scale)

    def evaluate(when: datetime) -> Dataset:
        """Return the profile's rows, made for a moment; what its own code raises is put down to it."""
        seeds = project.seeds
        with blaming(project.root, f"evaluating the profile {profile.name}"):
            return profile.evaluate(
                as_of=when, scale=factor, seed=chosen, minimal=minimal, seeds=seeds
            )

    return Source(
        profile=profile.name,
        environments=tuple(profile.environments),
        evaluate=evaluate,
        production_safe=profile.production_safe,
        as_of=moment(as_of) or profile.as_of,
        scale=factor,
        seed=chosen,
        minimal=minimal,
        extensions=project.settings.extensions,
        metadata=project.metadata if project.settings.schema else None,
        patterns=read_patterns(project.settings.environments),
    )


def moment(value: datetime | date | str | None) -> datetime | None:
    """Return a moment as seedbed keeps it: naive UTC.

    Args:
        value: a datetime, taken as UTC where it has no zone; a date, taken as its first moment; an ISO text of either; ``now``.

    Raises:
        InvalidInput: the text is none of these.

    >>> moment("2026-03-01T12:00+02:00")
    datetime.datetime(2026, 3, 1, 10, 0)
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = _read_moment(value.strip())
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def now() -> datetime:
    """Return this moment, to the second, as seedbed keeps moments."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def checked_scale(scale: float) -> float:
    """Return the scale as a number above 0.

    Raises:
        InvalidInput: it is not.
    """
    if not math.isfinite(scale) or scale <= 0:
        raise InvalidInput(f"scale {scale:g}: must be a number above 0", remedy="Such as 0.1 or 2.")
    return float(scale)


def _checked_seed(seed: str) -> str:
    if not seed.strip():
        raise InvalidInput(
            "the seed is an empty text", remedy="Leave it out for the project's own seed."
        )
    return seed


def _read_moment(text: str) -> datetime:
    if text.lower() == "now":
        return now()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"as of {text!r}: is neither an ISO date or time nor now",
            remedy="Such as 2026-03-01, 2026-03-01T09:30 or 2026-03-01T09:30+02:00.",
        ) from None
