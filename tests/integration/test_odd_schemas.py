"""Schemas that are not thirteen tables with a serial id each."""

from __future__ import annotations

import pytest
from given import applied, counts, execute, planned, prepare, rows, traces

from seedbed.dataset import TableName
from seedbed.errors import Drift, InvalidInput


def settled(url, *tables, live=()):
    """Apply twice; the second time must leave everything alone."""
    done = applied(url, *tables)
    names = live or [str(table.table) for table in tables]
    before = traces(url, *names)
    again = applied(url, *tables)
    assert not again.changed, counts(again)
    assert traces(url, *names) == before
    return done


class TestKeys:
    """Primary keys of every kind."""

    def test_uuid_made_by_the_database(self, database):
        prepare(
            database,
            "CREATE TABLE p (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), a text);"
            "CREATE TABLE c (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), p_id uuid NOT NULL REFERENCES p)",
        )
        parents = rows("p", ["x", "y"], {"a": ["x", "y"]})
        settled(database, parents, rows("c", ["k"], refs={"p": ("p", [1])}))
        assert execute(database, "SELECT a FROM c JOIN p ON p.id = p_id") == [("y",)]

    def test_uuid_given_in_another_spelling(self, database):
        prepare(
            database,
            "CREATE TABLE p (id uuid PRIMARY KEY, a text); CREATE TABLE c (id serial PRIMARY KEY, p_id uuid REFERENCES p)",
        )
        upper = ["6F9619FF-8B86-D011-B42D-00C04FC964FF"]
        parents = rows("p", ["x"], {"id": upper, "a": ["x"]})
        settled(database, parents, rows("c", ["k"], refs={"p": ("p", [0])}))
        changed = rows("p", ["x"], {"id": upper, "a": ["y"]})
        assert counts(applied(database, changed, rows("c", ["k"], refs={"p": ("p", [0])})))[
            "p"
        ] == {"update": 1}

    def test_text_key_given_by_the_factory(self, database):
        prepare(
            database,
            "CREATE TABLE p (code text PRIMARY KEY, a int);"
            "CREATE TABLE c (id serial PRIMARY KEY, p_code text REFERENCES p ON UPDATE CASCADE)",
        )
        weird = ["it's", 'a "b"\\c\n,{}', ""]
        parents = rows("p", ["x", "y", "z"], {"code": weird, "a": [1, 2, 3]}, key=["code"])
        children = rows("c", ["k", "l"], refs={"p": ("p", [1, 2], ("p_code",))})
        settled(database, parents, children)
        assert execute(database, "SELECT p_code FROM c ORDER BY id") == [(weird[1],), ("",)]

    def test_many_to_many(self, database):
        prepare(
            database,
            "CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id serial PRIMARY KEY);"
            "CREATE TABLE ab (a_id int REFERENCES a, b_id int REFERENCES b, since date, PRIMARY KEY (a_id, b_id))",
        )
        a, b = rows("a", ["1", "2"], {}), rows("b", ["1", "2"], {})

        def links(second):
            refs = {"a": ("a", [0, 1]), "b": ("b", [0, second])}
            return rows("ab", ["x", "y"], {"since": ["2020-01-01"] * 2}, refs=refs, key=["a", "b"])

        settled(database, a, b, links(0))
        assert execute(database, "SELECT a_id, b_id FROM ab ORDER BY 1") == [(1, 1), (2, 1)]
        assert counts(applied(database, a, b, links(1)))["ab"] == {"update": 1, "unchanged": 1}
        assert execute(database, "SELECT a_id, b_id FROM ab ORDER BY 1") == [(1, 1), (2, 2)]
        assert not applied(database, a, b, links(1)).changed

    def test_composite_key_and_a_foreign_key_to_it(self, database):
        prepare(
            database,
            "CREATE TABLE p (org int, no int, a text, PRIMARY KEY (org, no));"
            "CREATE TABLE c (id serial PRIMARY KEY, p_org int, p_no int, FOREIGN KEY (p_org, p_no) REFERENCES p)",
        )
        parents = rows("p", ["x", "y"], {"org": [1, 1], "no": [5, 6], "a": ["x", "y"]})
        settled(database, parents, rows("c", ["k", "l"], refs={"p": ("p", [1, None])}))
        assert execute(database, "SELECT p_org, p_no FROM c ORDER BY id") == [(1, 6), (None, None)]

    def test_a_foreign_key_to_a_unique_column_that_is_not_the_primary_key(self, database):
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY, code text NOT NULL UNIQUE);"
            "CREATE TABLE c (id serial PRIMARY KEY, p_code text REFERENCES p (code))",
        )
        parents = rows("p", ["x", "y"], {"code": ["X", "Y"]}, key=["code"])
        settled(database, parents, rows("c", ["k"], refs={"p": ("p", [1], ("p_code",))}))
        assert execute(database, "SELECT p_code FROM c") == [("Y",)]

    def test_a_unique_key_stands_in_for_a_missing_primary_key(self, database):
        prepare(database, "CREATE TABLE t (code text NOT NULL UNIQUE, a int)")
        settled(database, rows("t", ["x"], {"code": ["X"], "a": [1]}))
        applied(database, rows("t", ["x"], {"code": ["X"], "a": [2]}))
        assert execute(database, "SELECT * FROM t") == [("X", 2)]

    def test_a_table_without_any_key_is_refused_by_name(self, database):
        prepare(database, "CREATE TABLE t (a int)")
        with pytest.raises(InvalidInput, match=r"public\.t: the table has neither a primary key"):
            applied(database, rows("t", ["x"], {"a": [1]}))

    def test_a_reference_without_a_foreign_key_takes_the_primary_key(self, database):
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY); CREATE TABLE c (id serial PRIMARY KEY, p_id int)",
        )
        settled(database, rows("p", ["x", "y"], {}), rows("c", ["k"], refs={"p": ("p", [1])}))
        assert execute(database, "SELECT p_id FROM c") == [(2,)]

    def test_a_deferrable_primary_key(self, database):
        prepare(
            database, "CREATE TABLE t (id serial PRIMARY KEY DEFERRABLE, n text UNIQUE DEFERRABLE)"
        )
        table = rows("t", ["x"], {"n": ["x"]}, key=["n"])
        settled(database, table)
        assert any("deferrable" in note for note in planned(database, table).notes)


class TestNames:
    """Names that need quotes: fault 43."""

    def test_several_schemas(self, database):
        prepare(
            database,
            "CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY, a text);"
            "CREATE TABLE public.t (id serial PRIMARY KEY, st_id int REFERENCES s.t)",
        )
        inner = rows("t", ["x"], {"a": ["x"]}, schema="s")
        outer = rows("t", ["y"], {}, refs={"st": (TableName("t", "s"), [0])})
        settled(database, inner, outer)
        assert execute(database, "SELECT a FROM s.t JOIN public.t p ON p.st_id = s.t.id") == [
            ("x",)
        ]

    def test_the_search_path_decides_what_a_name_without_schema_means(self, database):
        prepare(
            database,
            "CREATE SCHEMA app; CREATE TABLE app.t (id serial PRIMARY KEY, a text);"
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path TO app', current_database()); END $$",
        )
        applied(database, rows("t", ["x"], {"a": ["x"]}))
        assert execute(database, "SELECT a FROM app.t") == [("x",)]


class TestShapes:
    def test_partitioned_table(self, database):
        prepare(
            database,
            "CREATE TABLE logs (id bigserial, at timestamp NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
            "CREATE TABLE logs_2025 PARTITION OF logs FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
            "CREATE TABLE logs_rest PARTITION OF logs DEFAULT",
        )
        settled(
            database,
            rows(
                "logs",
                ["a", "b"],
                {"at": ["2025-05-01 10:00", "2026-01-01 00:00"], "what": ["a", "b"]},
            ),
        )
        assert execute(database, "SELECT what FROM logs_2025") == [("a",)]
        moved = rows("logs", ["a"], {"at": ["2026-02-01 10:00"], "what": ["a"]})
        assert counts(applied(database, moved))["logs"] == {"update": 1, "prune": 1}
        assert execute(database, "SELECT id, what FROM logs_rest") == [(1, "a")]
        assert not applied(database, moved).changed

    def test_a_table_with_nothing_but_its_key(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY)")
        settled(database, rows("t", ["x", "y"], {}))
        assert len(execute(database, "SELECT id FROM t")) == 2

    def test_a_table_without_rows(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, a int)")
        execute(database, "INSERT INTO t (a) VALUES (7)")
        settled(database, rows("t", [], {"a": []}))
        assert execute(database, "SELECT a FROM t") == [(7,)]


class TestTriggers:
    """What triggers make of our rows is not somebody's edit."""

    def test_one_that_alters_the_row_on_its_way_in(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, a text);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a = upper(NEW.a); RETURN NEW; END $$;"
            "CREATE TRIGGER f BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
        settled(database, rows("t", ["x"], {"a": ["abc"]}))
        assert execute(database, "SELECT a FROM t") == [("ABC",)]

    def test_one_that_keeps_a_total_in_another_table(self, database):
        prepare(
            database,
            "CREATE TABLE p (id serial PRIMARY KEY, name text, n int NOT NULL);"
            "CREATE TABLE c (id serial PRIMARY KEY, p_id int REFERENCES p);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN UPDATE p SET n = n + 1 WHERE id = NEW.p_id; RETURN NULL; END $$;"
            "CREATE CONSTRAINT TRIGGER f AFTER INSERT ON c DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION f()",
        )
        parents = rows("p", ["x"], {"name": ["x"], "n": [0]})
        settled(database, parents, rows("c", ["a", "b"], refs={"p": ("p", [0, 0])}))
        more = rows("c", ["a", "b", "c"], refs={"p": ("p", [0, 0, 0])})
        assert counts(applied(database, parents, more)) == {
            "p": {"unchanged": 1},
            "c": {"unchanged": 2, "create": 1},
        }
        assert counts(applied(database, parents, more))["p"] == {"unchanged": 1}
        assert execute(database, "SELECT n FROM p") == [(3,)]

    def test_one_that_keeps_rows_out_is_an_error(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, a text);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
            "CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
        with pytest.raises(Exception, match="1 of 1 rows were kept out by a trigger"):
            applied(database, rows("t", ["x"], {"a": ["abc"]}))


class TestSchemaChanges:
    """The database's schema changes between two runs."""

    def test_a_column_is_widened(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, a int, b varchar(10))")
        table = rows("t", ["x"], {"a": [1], "b": ["x"]})
        applied(database, table)
        execute(
            database, "ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE text, ALTER id TYPE bigint"
        )
        assert not applied(database, table).changed
        execute(database, "UPDATE t SET b = 'y'")
        assert counts(planned(database, table))["t"] == {"edited": 1}

    def test_an_edit_made_along_with_a_type_change_is_still_seen(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, a int)")
        applied(database, rows("t", ["x"], {"a": [1]}))
        execute(database, "ALTER TABLE t ALTER a TYPE bigint; UPDATE t SET a = 2")
        assert counts(planned(database, rows("t", ["x"], {"a": [1]})))["t"] == {"edited": 1}

    def test_the_profile_gives_another_column_a_value(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, a int, b int)")
        applied(database, rows("t", ["x"], {"a": [1]}))
        assert counts(applied(database, rows("t", ["x"], {"a": [1], "b": [2]})))["t"] == {
            "update": 1
        }
        assert not applied(database, rows("t", ["x"], {"a": [1], "b": [2]})).changed

    def test_a_table_is_dropped(self, database):
        prepare(
            database,
            "CREATE TABLE t (id serial PRIMARY KEY, a int); CREATE TABLE u (id serial PRIMARY KEY)",
        )
        applied(database, rows("t", ["x"], {"a": [1]}), rows("u", ["x"], {}))
        execute(database, "DROP TABLE u")
        assert not applied(database, rows("t", ["x"], {"a": [1]})).changed
        assert execute(database, "SELECT count(*) FROM seedbed.rows") == [(1,)]

    def test_the_primary_key_is_another_one(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL)")
        applied(database, rows("t", ["x"], {"a": [1]}))
        execute(database, "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)")
        with pytest.raises(Drift, match=r"written with the identity \(id\), now it is \(a\)"):
            applied(database, rows("t", ["x"], {"a": [1]}))
