"""Any sequence of applying, editing, inserting, deleting, cleaning, destroying and crashing keeps seedbed's promises.

Rows of others stay as they are to the byte, unless they were asked for by name; what fails changes nothing; after an apply that
overwrites edits the database says what the profile says; a second apply finds nothing to do; and the ledger stands for our rows only.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import ClassVar

import pytest
from clones import clone
from contents import bytes_of
from given import applied, execute, prepare, rows
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg.conninfo import conninfo_to_dict
from seeders import ALONE, wait_for
from wire import Point, through_wire

from seedbed.destroy import DestroyOptions, destroy
from seedbed.errors import DatabaseFailure, Drift, SeedbedError
from seedbed.servers import Server

DDL = """
CREATE TABLE teams (id serial PRIMARY KEY, code text NOT NULL UNIQUE, slug text UNIQUE);
CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), team_id int REFERENCES teams ON DELETE CASCADE,
                     note text, updated_at timestamp DEFAULT now());
ALTER TABLE teams ADD COLUMN lead_id uuid REFERENCES people ON DELETE SET NULL;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
"""
LABELS, SLUGS = "abcd", "uvwxyz"
TABLES = ("teams", "people")
TEAMS = st.dictionaries(st.sampled_from(LABELS), st.sampled_from(SLUGS), max_size=4).filter(
    lambda teams: len(set(teams.values())) == len(teams)
)
PEOPLE = st.lists(
    st.tuples(st.sampled_from("klmnop"), st.integers(0, 3), st.sampled_from(["", "x", None])),
    max_size=6,
    unique_by=lambda person: person[0],
)
WORLDS = st.tuples(TEAMS, PEOPLE, st.none() | st.integers(0, 5))
EDITS = {
    "slug": "UPDATE teams SET slug = slug || '!' WHERE id = {}",
    "code": "UPDATE teams SET code = code || '!' WHERE id = {}",
    "lead": "UPDATE teams SET lead_id = NULL WHERE id = {}",
    "note": "UPDATE people SET note = coalesce(note, '') || '!' WHERE id = {}",
    "team": "UPDATE people SET team_id = NULL WHERE id = {}",
    "gone": "DELETE FROM people WHERE id = {}",
}
CLAIMED_TWICE = """
SELECT table_id, id, pk FROM seedbed.rows GROUP BY 1, 2, 3 HAVING count(*) > 1
"""
CLAIMED = """
SELECT coalesce(r.id::text, r.pk[1]) FROM seedbed.rows r JOIN seedbed.tables t ON t.id = r.table_id
"""


def made(teams, people, lead):
    """Return a dataset: teams with a slug each, people of them, and a lead, which makes a circle."""
    size = len(teams)
    members = [(label, team % size if size else None, note) for label, team, note in people]
    leads = [lead % len(people) if people and lead is not None else None] * size
    return (
        rows(
            "teams",
            list(teams),
            {"code": [f"c{label}" for label in teams], "slug": list(teams.values())},
            refs={"lead": ("people", leads)},
            key=["code"],
        ),
        rows(
            "people",
            [label for label, *_ in members],
            {"note": [note for *_, note in members]},
            refs={"team": ("teams", [team for _, team, _ in members])},
        ),
    )


def expected(teams, people, lead):
    """Return what the database should then hold of ours, in the form of `ours`."""
    names = list(teams)
    found = sorted((f"c{label}", slug) for label, slug in teams.items())
    members = [
        (f"c{names[team % len(names)]}" if names else None, note) for _, team, note in people
    ]
    leads = {people[lead % len(people)][2]} if people and names and lead is not None else set()
    return found, sorted(members, key=str), leads


def failure_of(run):
    """Do something and return the error it ends with, if any."""
    try:
        run()
    except SeedbedError as error:
        return error
    return None


class Databases(RuleBasedStateMachine):
    """A database of its own for each example, that a profile and an application write to."""

    server: ClassVar[Server]
    template: ClassVar[str]
    steps: ClassVar[int] = 0

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()
        self.url = self.stack.enter_context(clone(self.server, self.template))
        self.theirs = {table: {} for table in TABLES}
        self.number = 0

    def teardown(self):
        self.stack.close()

    # What seedbed does.

    @rule(world=WORLDS)
    def apply(self, world):
        self.attempt(world, edits="overwrite")

    @rule(world=WORLDS, edits=st.sampled_from(["refuse", "keep"]))
    def apply_beside_edits(self, world, edits):
        self.attempt(world, edits=edits)

    @rule(world=WORLDS)
    def adopt(self, world):
        """Rows of theirs with a natural key of ours become ours."""
        codes = {f"c{label}" for label in world[0]}
        if self.attempt(world, edits="overwrite", adopt=True):
            gone = [at for at, row in self.theirs["teams"].items() if row[2] in codes]
            for at in gone:
                del self.theirs["teams"][at]
            self.check_ours(world)

    @rule(world=WORLDS)
    def clean(self, world):
        """What was asked for by name: everything goes, also what is theirs."""
        name = conninfo_to_dict(self.url)["dbname"]
        applied(self.url, *made(*world), clean=True, confirm=name, backup=False)
        self.theirs = {table: {} for table in TABLES}
        self.check_ours(world)
        assert not applied(self.url, *made(*world)).changed

    @rule(edits=st.sampled_from(["refuse", "overwrite"]))
    def destroy(self, edits):
        """Rows that somebody edited are in its way until it is said what becomes of them."""
        before, name = self.bytes(), conninfo_to_dict(self.url)["dbname"]
        try:
            destroy(self.url, DestroyOptions(name, backup=False, edits=edits))
        except Drift as error:
            if error.message == "rows are not as seedbed left them":
                assert edits == "refuse"
                assert self.bytes() == before
            else:
                assert self.any_of_theirs()
        else:
            assert all(not self.ids_of_ours(table) for table in TABLES)

    @rule(
        world=WORLDS,
        statement=st.integers(1, 200),
        when=st.sampled_from(["before", "after"]),
        cut=st.booleans(),
    )
    def crash(self, world, statement, when, cut):
        """A run that meets the end of its backend, or of the line, leaves the old state or the new one."""
        before = self.bytes()

        def strike(who):
            if not cut:
                end = "SELECT pg_terminate_backend(%s, 60000)"
                execute(self.server.url(), end, who.backend)
            return not cut

        with through_wire(self.url, Point(statement, when), strike) as (line, wire):
            error = failure_of(lambda: applied(line, *made(*world), edits="overwrite"))
        wait_for(self.url, ALONE)
        assert not error or wire.struck or self.any_of_theirs(), error
        if error:
            assert self.bytes() == before
        else:
            self.check_ours(world)

    def attempt(self, world, **options):
        """Apply; return whether it was done. What is refused changes nothing, and what is done need not be done again."""
        tables, before = made(*world), self.bytes()
        try:
            applied(self.url, *tables, **options)
        except (Drift, DatabaseFailure):
            assert self.any_of_theirs() or options["edits"] != "overwrite"
            assert self.bytes() == before
            return False
        if options["edits"] == "overwrite" and not options.get("adopt"):
            self.check_ours(world)
        assert not applied(self.url, *tables, **options).changed
        return True

    # What the application does.

    @rule(edit=st.sampled_from(sorted(EDITS)))
    def edit_ours(self, edit):
        table = "teams" if "UPDATE teams" in EDITS[edit] else "people"
        for at in sorted(self.ids_of_ours(table))[:1]:
            execute(self.url, EDITS[edit].format("%s"), at)

    @rule(slug=st.none() | st.sampled_from(SLUGS))
    def insert_theirs(self, slug):
        self.number += 1
        insert = (
            "INSERT INTO teams (code, slug) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id"
        )
        self.keep("teams", execute(self.url, insert, f"theirs {self.number}", slug))

    @rule(label=st.sampled_from(LABELS))
    def insert_theirs_with_a_key_of_ours(self, label):
        insert = "INSERT INTO teams (code) VALUES (%s) ON CONFLICT DO NOTHING RETURNING id"
        self.keep("teams", execute(self.url, insert, f"c{label}"))

    @rule()
    def insert_theirs_below_ours(self):
        for at in sorted(self.ids_of_ours("teams"))[:1]:
            insert = "INSERT INTO people (team_id, note) VALUES (%s, 'theirs') RETURNING id::text"
            self.keep("people", execute(self.url, insert, at))

    @precondition(lambda self: self.any_of_theirs())
    @rule()
    def delete_theirs(self):
        execute(
            self.url, "DELETE FROM people WHERE id::text = ANY(%s)", list(self.theirs["people"])
        )
        execute(self.url, "DELETE FROM teams WHERE id::text = ANY(%s)", list(self.theirs["teams"]))
        self.theirs = {table: {} for table in TABLES}

    # What must always be true.

    @invariant()
    def their_rows_are_untouched(self):
        type(self).steps += 1
        for table, kept in self.theirs.items():
            assert self.read(table, list(kept)) == kept

    @invariant()
    def the_ledger_stands_for_our_rows_only(self):
        assert execute(self.url, CLAIMED_TWICE) == []
        claimed = {at for (at,) in execute(self.url, CLAIMED)}
        assert not claimed & {at for kept in self.theirs.values() for at in kept}

    def keep(self, table, inserted):
        """Remember rows of the application."""
        self.theirs[table] |= self.read(table, [str(at) for (at,) in inserted])

    def read(self, table, ids):
        found = execute(
            self.url,
            f"SELECT t.id::text, ctid::text, xmin::text, to_jsonb(t) ->> 'code', t::text FROM {table} t WHERE id::text = ANY(%s)",
            ids,
        )
        return {at: (place, writer, code, row) for at, place, writer, code, row in found}

    def any_of_theirs(self):
        return any(self.theirs.values())

    def ids_of_ours(self, table):
        found = execute(self.url, f"SELECT id::text FROM {table}")
        return {at for (at,) in found} - set(self.theirs[table])

    def bytes(self):
        return {
            table: found for table, found in bytes_of(self.url).items() if table != "seedbed.runs"
        }

    def check_ours(self, world):
        assert self.ours() == expected(*world)

    def ours(self):
        teams, people = (list(self.ids_of_ours(table)) for table in TABLES)
        return (
            execute(
                self.url,
                "SELECT code, slug FROM teams WHERE id::text = ANY(%s) ORDER BY 1",
                teams,
            ),
            sorted(
                execute(
                    self.url,
                    "SELECT code, note FROM people p LEFT JOIN teams t ON t.id = team_id WHERE p.id::text = ANY(%s)",
                    people,
                ),
                key=str,
            ),
            {
                note
                for (note,) in execute(
                    self.url,
                    "SELECT note FROM teams t JOIN people p ON p.id = lead_id WHERE t.id::text = ANY(%s)",
                    teams,
                )
            },
        )


@pytest.fixture
def databases(server, database):
    """Prepare the database that each example gets a copy of."""
    prepare(database, DDL)
    applied(database)
    Databases.server, Databases.template = server, str(conninfo_to_dict(database)["dbname"])
    Databases.steps = 0
    return Databases


def play(machine, examples, steps):
    """Run sequences, always the same ones."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            derandomize=True,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_any_sequence_of_events_keeps_the_promises(databases):
    play(databases, examples=6, steps=12)


@pytest.mark.slow_fault
def test_many_sequences_of_events_keep_the_promises(databases, figure):
    play(databases, examples=100, steps=40)
    figure(f"{databases.steps} steps")
