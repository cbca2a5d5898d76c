"""One plan, apply or reset from the command line: prepared, done, its questions asked, its result printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from seedbed.cli.asking import confirmed
from seedbed.cli.database import operator_says, place_for, place_to_compare
from seedbed.cli.offering import offered
from seedbed.cli.output import Output
from seedbed.cli.progress import shown
from seedbed.cli.report import document, print_cast, print_plan, print_way_in
from seedbed.cli.startup import imports_done
from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from seedbed.apply import OnProgress
    from seedbed.cli.database import Place
    from seedbed.dataset import Dataset
    from seedbed.options import Options
    from seedbed.plan import Plan
    from seedbed.profile import Profile
    from seedbed.project import Project
    from seedbed.source import Source
    from seedbed.wishes import Wishes

    Write = Callable[[Source, str, Options, OnProgress | None], Plan]
    """Apply or reset: what writes a profile to a database, by its URL, and tells how far it is."""


@dataclasses.dataclass(frozen=True, slots=True)
class Seeding:
    """One plan, apply or reset from the command line.

    Attributes:
        profile: the profile's name.
        database_url, environment: the options of these names.
        wishes: what the other options say.
    """

    output: Output
    project: Project
    profile: str
    database_url: str | None
    environment: str | None
    wishes: Wishes

    def plan(self, save: Path | None = None) -> Plan:
        """Compare, print the difference and return it.

        Args:
            save: the file to write the plan to.
        """
        from seedbed.plan import plan as compare
        from seedbed.plan import save as write

        ready = self._prepared()
        with place_to_compare(self.output, self.project, self.database_url, self.profile) as (
            place,
            url,
        ):
            imports_done()
            if save and url != place.url:
                raise InvalidInput(
                    "a plan of a database that is not there yet cannot be saved",
                    remedy="seedbed apply makes the database.",
                )
            found = compare(ready.source, url, ready.options)
        if save:
            write(found, ready.options, save)
            self.output.note(f"plan: saved to {save}")
        self.output.document(document(found, place.url))
        print_plan(self.output, found, done=False)
        return found

    def apply(self) -> None:
        """Write, and print what was done and how to look at it."""
        from seedbed.apply import apply as carry_out

        ready = self._prepared()
        said = ready.options.said
        place = place_for(self.output, self.project, self.database_url, self.profile, said)
        self._write(carry_out, place, ready, "empty the profile's tables of all of that")

    def reset(self, place: Place) -> None:
        """Drop, make anew and write, and print what was done and how to look at it.

        Args:
            place: the database, which is there already.
        """
        from seedbed.reset import reset as start_over

        self._write(
            start_over, place, self._prepared(), "drop the project's tables with all of that"
        )

    def _write(self, write: Write, place: Place, ready: _Ready, what: str) -> None:
        """Write, with the answers to the questions that come up, and print what was done.

        Args:
            write: the use case.
            place: the database.
            ready: the profile and the options.
            what: what repeating the database's name confirms.
        """
        imports_done()
        source, made = _remembering(ready.source)

        def step(wanted: Options) -> Plan:
            """Write with the answers there are so far."""
            with shown(self.output) as progress:
                return write(source, place.url, wanted, progress)

        done = asked(step, ready.options, what)
        self.output.document(document(done, place.url))
        print_plan(self.output, done, done=True)
        if ready.profile.cast is not None and made:
            print_cast(self.output, ready.profile.cast(made[-1]))
        print_way_in(self.output, place, self.profile)

    def _prepared(self) -> _Ready:
        from seedbed.wishes import options_for, source_for

        profile = self.project.profile(self.profile)
        said = operator_says(self.project, self.environment)
        wishes: Wishes = {**self.wishes, "project": self.project, "environment": said}
        return _Ready(profile, source_for(profile, wishes), options_for(wishes))


@dataclasses.dataclass(frozen=True, slots=True)
class _Ready:
    """What a use case takes, and the profile that it comes from."""

    profile: Profile
    source: Source
    options: Options


def asked(step: Callable[[Options], Plan], options: Options, what: str) -> Plan:
    """Do a step with the answers to the questions it turns out to ask: the database's name, and whether to make a backup.

    Args:
        step: what to do.
        options: what was said on the command line.
        what: what the name confirms.
    """

    def named(confirm: str | None) -> Plan:
        """Do it with a name, or none yet, and offer a backup where one has to be decided on."""
        wanted = dataclasses.replace(options, confirm=confirm)
        return offered(
            lambda choice: step(dataclasses.replace(wanted, backup=choice)), options.backup
        )

    return confirmed(named, options.confirm, what)


def _remembering(source: Source) -> tuple[Source, list[Dataset]]:
    """Return a source that keeps what it was evaluated to, for the cast."""
    made: list[Dataset] = []

    def evaluate(moment: datetime) -> Dataset:
        """Evaluate, and keep the outcome of the latest attempt only."""
        made[:] = [source.evaluate(moment)]
        return made[0]

    return dataclasses.replace(source, evaluate=evaluate), made
