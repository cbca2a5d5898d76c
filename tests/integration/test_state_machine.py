"""Any sequence of applying, editing, deleting and inserting keeps three promises.

Rows that are not ours stay as they are; after an apply that overwrites edits the database says what the profile says; a second apply
finds nothing to do.
"""

from __future__ import annotations

from given import applied, execute, prepare, rows
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from seedbed.destroy import destroy
from seedbed.errors import Drift

DDL = """
CREATE TABLE teams (id serial PRIMARY KEY, code text NOT NULL UNIQUE, slug text UNIQUE);
CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), team_id int REFERENCES teams ON DELETE CASCADE,
                     note text, updated_at timestamp DEFAULT now());
ALTER TABLE teams ADD COLUMN lead_id uuid REFERENCES people ON DELETE SET NULL;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = clock_timestamp(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
"""
LABELS = "abcd"
TEAMS = st.dictionaries(st.sampled_from(LABELS), st.sampled_from("uvwxyz"), max_size=4).filter(
    lambda teams: len(set(teams.values())) == len(teams)
)
PEOPLE = st.lists(
    st.tuples(st.sampled_from("klmnop"), st.integers(0, 3), st.sampled_from(["", "x", None])),
    max_size=6,
    unique_by=lambda person: person[0],
)


def world(teams, people, lead):
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
    """Return what the database should then hold of ours, in the form of `OURS`."""
    names = list(teams)
    found = sorted((f"c{label}", slug) for label, slug in teams.items())
    members = [
        (f"c{names[team % len(names)]}" if names else None, note) for _, team, note in people
    ]
    leads = {people[lead % len(people)][2]} if people and names and lead is not None else set()
    return found, sorted(members, key=str), leads


class Databases(RuleBasedStateMachine):
    """One database that a profile and an application write to."""

    url = ""

    def __init__(self):
        super().__init__()
        execute(self.url, "TRUNCATE teams, people; DROP SCHEMA IF EXISTS seedbed CASCADE")
        prepare(self.url, "SELECT 1")
        self.theirs = {}
        self.number = 0

    @rule(teams=TEAMS, people=PEOPLE, lead=st.none() | st.integers(0, 5))
    def apply(self, teams, people, lead):
        tables = world(teams, people, lead)
        try:
            applied(self.url, *tables, edits="overwrite")
        except Drift:
            if not self.theirs:  # only rows of the application may stand in the way
                raise
            return
        assert self.ours() == expected(teams, people, lead)
        assert not applied(self.url, *tables).changed

    @rule(table=st.sampled_from(["teams", "people"]))
    def edit_ours(self, table):
        change = {"teams": "slug = slug || '!'", "people": "note = coalesce(note, '') || '!'"}[
            table
        ]
        some = f"SELECT id FROM {table} WHERE {self.mine(table)} LIMIT 1"
        execute(self.url, f"UPDATE {table} SET {change} WHERE id IN ({some})")

    @rule()
    def delete_ours(self):
        execute(self.url, f"DELETE FROM people WHERE {self.mine('people')}")

    @rule()
    def insert_theirs(self):
        self.number += 1
        execute(self.url, "INSERT INTO teams (code) VALUES (%s)", f"theirs {self.number}")
        self.snapshot()

    @rule()
    def insert_theirs_below_ours(self):
        execute(
            self.url,
            "INSERT INTO people (team_id, note) SELECT id, 'theirs' FROM teams WHERE code NOT LIKE 'theirs%' LIMIT 1",
        )
        self.snapshot()

    @rule()
    def destroy(self):
        name = execute(self.url, "SELECT current_database()")[0][0]
        try:
            destroy(self.url, confirm=name)
        except Drift:
            if not self.theirs:
                raise

    @invariant()
    def their_rows_are_untouched(self):
        assert self.read_theirs() == self.theirs

    def mine(self, table):
        return {"teams": "code NOT LIKE 'theirs%'", "people": "note IS DISTINCT FROM 'theirs'"}[
            table
        ]

    def snapshot(self):
        self.theirs = self.read_theirs()

    def read_theirs(self):
        return {
            table: found
            for table in ("teams", "people")
            if (
                found := execute(
                    self.url,
                    f"SELECT ctid, xmin, t FROM {table} t WHERE NOT ({self.mine(table)}) ORDER BY 1",
                )
            )
        }

    def ours(self):
        teams = execute(
            self.url, f"SELECT code, slug FROM teams WHERE {self.mine('teams')} ORDER BY 1"
        )
        people = execute(
            self.url,
            "SELECT code, note FROM people LEFT JOIN teams t ON t.id = team_id WHERE note IS DISTINCT FROM 'theirs'",
        )
        leads = execute(
            self.url,
            f"SELECT DISTINCT note FROM teams JOIN people p ON p.id = lead_id WHERE {self.mine('teams')}",
        )
        return teams, sorted(people, key=str), {note for (note,) in leads}


def test_any_sequence_of_events_keeps_the_promises(database):
    execute(database, DDL)
    Databases.url = database
    run_state_machine_as_test(
        Databases,
        settings=settings(
            max_examples=12,
            derandomize=True,
            stateful_step_count=12,
            deadline=None,
            phases=[Phase.generate],
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
