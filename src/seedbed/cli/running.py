"""One plan, apply or reset from the command line: prepared, done, its questions asked, its result printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from seedbed.cli.asking import confirmed
from seedbed.cli.database import find_project_aloud, operator_says, place_for, place_to_compare
from seedbed.cli.offering import offered
from seedbed.cli.output import Output
from seedbed.cli.progress import shown
from seedbed.cli.report import document, print_cast, print_plan, print_way_in
from seedbed.cli.startup import imports_done
from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from seedbed.cli.database import Place
    from seedbed.dataset import Dataset
    from seedbed.options import Options
    from seedbed.plan import Plan
    from seedbed.profile import Profile
    from seedbed.project import Project
    from seedbed.source import Source
    from seedbed.wishes import Wishes


@dataclasses.dataclass(frozen=True, slots=True)
class Seeding:
    """One plan, apply or reset from the command line."""

    output: Output
    profile: str
    database_url: str | None
    environment: str | None
    wishes: Wishes

    def plan(self, save: Path | None = None) -> None:
        """Compare, and print the difference.

        Args:
            save: the file to write the plan to.
        """
        from seedbed.plan import plan as compare
        from seedbed.plan import save as write

        project, _, source, options = self._prepared()
        with place_to_compare(self.output, project, self.database_url, self.profile) as (
            place,
            url,
        ):
            imports_done()
            if save and url != place.url:
                raise InvalidInput(
                    "a plan of a database that is not there yet cannot be saved",
                    remedy="seedbed apply makes the database.",
                )
            found = compare(source, url, options)
        if save:
            write(found, options, save)
            self.output.note(f"plan: saved to {save}")
        self.output.document(document(found, place.url))
        print_plan(self.output, found, done=False)

    def apply(self) -> None:
        """Write, and print what was done and how to look at it."""
        from seedbed.apply import apply as carry_out

        project, profile, prepared, options = self._prepared()
        place = place_for(self.output, project, self.database_url, self.profile, options.said)
        imports_done()
        source, made = _remembering(prepared)

        def step(wanted: Options) -> Plan:
            """Apply with the answers there are so far."""
            with shown(self.output) as progress:
                return carry_out(source, place.url, wanted, progress)

        done = asked(step, options, "empty the profile's tables of all of that")
        self._print(done, place, profile, made)

    def reset(self, place: Place) -> None:
        """Drop, make anew and write, and print what was done and how to look at it.

        Args:
            place: the database, which is there already.
        """
        from seedbed.reset import reset as start_over

        _, profile, prepared, options = self._prepared()
        imports_done()
        source, made = _remembering(prepared)

        def step(wanted: Options) -> Plan:
            """Start over with the answers there are so far."""
            with shown(self.output) as progress:
                return start_over(source, place.url, wanted, progress)

        done = asked(step, options, "drop the project's tables with all of that")
        self._print(done, place, profile, made)

    def _print(self, done: Plan, place: Place, profile: Profile, made: list[Dataset]) -> None:
        self.output.document(document(done, place.url))
        print_plan(self.output, done, done=True)
        if profile.cast is not None and made:
            print_cast(self.output, profile.cast(made[-1]))
        print_way_in(self.output, place, self.profile)

    def _prepared(self) -> tuple[Project, Profile, Source, Options]:
        from seedbed.wishes import chosen, prepared

        project = find_project_aloud(self.output)
        profile = project.profile(self.profile)
        said = operator_says(project, self.environment)
        wishes: Wishes = {**self.wishes, "project": project, "environment": said}
        return project, profile, prepared(profile, wishes), chosen(wishes)


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
