"""Applying rows to a live database: created, left alone, changed, pruned."""

from __future__ import annotations

from given import applied, counts, execute, ledger, planned, prepare, rows, traces

TEAMS = """
CREATE TABLE teams (id serial PRIMARY KEY, name text NOT NULL UNIQUE, budget numeric(10,2), founded date);
CREATE TABLE players (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, team_id int NOT NULL REFERENCES teams,
                      captain_id bigint REFERENCES players, nick text, score int DEFAULT 7);
CREATE TABLE log (id serial PRIMARY KEY, what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO log (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON teams FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON players FOR EACH ROW EXECUTE FUNCTION note();
"""


def teams(*names, budget=100.5):
    return rows(
        "teams", names, {"name": list(names), "budget": [budget] * len(names)}, key=["name"]
    )


def players(*nicks, team=0, captain=None):
    refs = {"team": ("teams", [team] * len(nicks))}
    if captain is not None:
        refs["captain"] = ("players", [captain] * len(nicks))
    return rows("players", nicks, {"nick": list(nicks)}, refs=refs)


class TestCreate:
    def test_rows_get_ids_of_the_tables_own_sequences_in_the_order_of_the_dataset(self, database):
        prepare(database, TEAMS)
        done = applied(database, teams("red", "blue"), players("ann", "bob", team=1, captain=0))
        assert counts(done) == {"teams": {"create": 2}, "players": {"create": 2}}
        assert execute(database, "SELECT id, name, budget FROM teams ORDER BY 1") == [
            (1, "red", 100.50),
            (2, "blue", 100.50),
        ]
        assert execute(
            database, "SELECT id, team_id, captain_id, nick, score FROM players ORDER BY 1"
        ) == [
            (1, 2, 1, "ann", 7),
            (2, 2, 1, "bob", 7),
        ]


class TestAgain:
    def test_a_second_apply_touches_no_tuple_no_sequence_and_no_trigger(self, database):
        prepare(database, TEAMS)
        tables = (teams("red", "blue"), players("ann", "bob", captain=0))
        applied(database, *tables)
        before, book = traces(database, "teams", "players", "log"), ledger(database)
        again = applied(database, *tables)
        assert not again.changed
        assert counts(again) == {"teams": {"unchanged": 2}, "players": {"unchanged": 2}}
        assert traces(database, "teams", "players", "log") == before
        assert ledger(database) == book

    def test_planning_writes_nothing(self, database):
        prepare(database, TEAMS)
        before = traces(database, "teams", "players", "log")
        assert counts(planned(database, teams("red"), players("ann"))) == {
            "teams": {"create": 1},
            "players": {"create": 1},
        }
        assert traces(database, "teams", "players", "log") == before


class TestChange:
    def test_only_the_rows_and_columns_that_differ_are_updated(self, database):
        prepare(database, TEAMS)
        applied(database, teams("red", "blue"), players("ann", "bob"))
        execute(database, "TRUNCATE log")
        moved = rows(
            "players", ["ann", "bob"], {"nick": ["ann", "rob"]}, refs={"team": ("teams", [0, 0])}
        )
        done = applied(database, teams("red", "blue"), moved, detail=True)
        assert counts(done)["players"] == {"update": 1, "unchanged": 1}
        assert done.tables["players"].rows[0].fields == ("nick",)
        assert execute(database, "SELECT what FROM log") == [("UPDATE players",)]
        assert execute(database, "SELECT nick FROM players ORDER BY id") == [("ann",), ("rob",)]

    def test_a_row_can_move_to_a_parent_that_is_new(self, database):
        prepare(database, TEAMS)
        applied(database, teams("red"), players("ann"))
        assert counts(planned(database, teams("red", "blue"), players("ann", team=1)))[
            "players"
        ] == {"update": 1}
        applied(database, teams("red", "blue"), players("ann", team=1))
        assert execute(database, "SELECT t.name FROM players p JOIN teams t ON t.id = team_id") == [
            ("blue",)
        ]


class TestPrune:
    def test_rows_that_left_the_profile_leave_children_first(self, database):
        prepare(database, TEAMS)
        applied(database, teams("red", "blue"), players("ann", "bob", team=1))
        done = applied(database, teams("red"), players("ann"))
        assert counts(done) == {
            "teams": {"unchanged": 1, "prune": 1},
            "players": {"update": 1, "prune": 1},
        }
        assert execute(database, "SELECT name FROM teams") == [("red",)]
        assert len(ledger(database)) == 2

    def test_a_table_that_left_the_profile_is_emptied_of_our_rows(self, database):
        prepare(database, TEAMS)
        applied(database, teams("red"), players("ann"))
        execute(database, "INSERT INTO players (team_id, nick) VALUES (1, 'theirs')")
        done = applied(database, teams("red"))
        assert counts(done)["players"] == {"prune": 1}
        assert execute(database, "SELECT nick FROM players") == [("theirs",)]
