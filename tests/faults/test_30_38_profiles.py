"""Faults 30 to 38: profiles and data that do not fit the database. Exit code 2, the place, all findings at once, nothing written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from given import GivenRows, applied, counts, execute, planned, prepare, rows, traces

from seedbed.batch.values import objects
from seedbed.dataset import TableName
from seedbed.errors import DatabaseFailure, Drift, InvalidInput, SeedbedError
from tests.acceptance.program import FILES, Ran, run_seedbed, write_files

USERS = "CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, code text UNIQUE, n numeric UNIQUE, age int);"


@contextmanager
def refused(
    url: str, *tables: str, error: type[SeedbedError] = InvalidInput, match: str = "."
) -> Iterator[pytest.ExceptionInfo[SeedbedError]]:
    """Expect an error, and that not a byte of these tables, nor a sequence, is another one afterwards."""
    before = traces(url, *tables)
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert traces(url, *tables) == before


def settled(url: str, *tables: GivenRows) -> None:
    """Apply twice; the second time must leave everything alone."""
    applied(url, *tables)
    names = [str(table.table) for table in tables]
    before = traces(url, *names)
    assert not applied(url, *tables).changed
    assert traces(url, *names) == before


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the folder of a small project."""
    write_files(tmp_path / "shop", FILES)
    return tmp_path / "shop"


@pytest.fixture
def seedbed(shop: Path, database: str) -> Callable[..., Ran]:
    """Return a function that applies the small project, as it is then, to a database."""

    def run(**files: str) -> Ran:
        write_files(shop, files)
        return run_seedbed(shop, "apply", "development", DATABASE_URL=database)

    return run


# 30: a foreign-key cycle is handled; if it can't be, the cycle is named


def test_fault_30_self_reference(database):
    prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, boss_id int REFERENCES t)")
    settled(database, rows("t", ["a", "b", "c"], {}, refs={"boss": ("t", [1, 2, None])}))
    assert execute(database, "SELECT id, boss_id FROM t ORDER BY 1") == [
        (1, 2),
        (2, 3),
        (3, None),
    ]


def test_fault_30_self_reference_that_must_not_be_null(database):
    prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, twin_id int NOT NULL REFERENCES t)")
    settled(database, rows("t", ["a", "b"], {}, refs={"twin": ("t", [1, 0])}))
    assert execute(database, "SELECT id, twin_id FROM t ORDER BY 1") == [(1, 2), (2, 1)]


@pytest.mark.parametrize(
    "kind",
    ["", "NOT NULL", "NOT NULL DEFERRABLE", "NOT NULL DEFERRABLE INITIALLY DEFERRED"],
    ids=["nullable", "not-null", "deferrable", "deferred"],
)
def test_fault_30_two_tables(database, kind):
    null, _, rest = kind.partition("NOT NULL")
    null = "NOT NULL" if "NOT NULL" in kind else ""
    prepare(
        database,
        f"CREATE TABLE a (id serial PRIMARY KEY, b_id int {null});"
        f"CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a {rest});"
        f"ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b {rest}",
    )
    a = rows("a", ["1", "2"], {}, refs={"b": ("b", [1, 0])})
    b = rows("b", ["1", "2"], {}, refs={"a": ("a", [0, 1])})
    settled(database, a, b)
    assert execute(database, "SELECT id, b_id FROM a ORDER BY 1") == [(1, 2), (2, 1)]
    assert execute(database, "SELECT id, a_id FROM b ORDER BY 1") == [(1, 1), (2, 2)]
    one = (
        rows("a", ["1"], {}, refs={"b": ("b", [0])}),
        rows("b", ["2"], {}, refs={"a": ("a", [0])}),
    )
    applied(database, *one)
    assert execute(database, "SELECT a.id, b.id FROM a JOIN b ON b.id = b_id AND a.id = a_id") == [
        (1, 2)
    ]


def test_fault_30_a_circle_whose_references_the_profile_leaves_out(database):
    prepare(
        database,
        "CREATE TABLE a (id serial PRIMARY KEY, b_id int);"
        "CREATE TABLE b (id serial PRIMARY KEY, a_id int REFERENCES a);"
        "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b",
    )
    settled(database, rows("a", ["1"], {}), rows("b", ["2"], {}))


def test_fault_30_a_tenants_id_that_is_part_of_every_key(database):
    """It comes by the reference to the tenant and by those to rows of the same tenant, the table's own rows included."""
    prepare(
        database,
        "CREATE TABLE tenants (id serial PRIMARY KEY);"
        "CREATE TABLE nodes (tenant_id int REFERENCES tenants, id int, parent_id int, PRIMARY KEY (tenant_id, id),"
        " FOREIGN KEY (tenant_id, parent_id) REFERENCES nodes)",
    )
    refs = {
        "tenant": ("tenants", [1, None, None]),
        "parent": ("nodes", [None, 0, 1], ("tenant_id", "parent_id")),
    }
    nodes = rows("nodes", ["root", "child", "leaf"], {"id": [1, 2, 3]}, refs=refs)
    settled(database, rows("tenants", ["a", "b"], {}), nodes)
    assert execute(database, "SELECT tenant_id, id, parent_id FROM nodes ORDER BY 2") == [
        (2, 1, None),
        (2, 2, 1),
        (2, 3, 2),
    ]


def test_fault_30_two_tables_that_hand_the_tenants_id_to_each_other(database):
    prepare(
        database,
        "CREATE TABLE tenants (id serial PRIMARY KEY);"
        "CREATE TABLE people (tenant_id int REFERENCES tenants, id int, team_id int, PRIMARY KEY (tenant_id, id));"
        "CREATE TABLE teams (tenant_id int REFERENCES tenants, id int, head_id int, PRIMARY KEY (tenant_id, id),"
        " FOREIGN KEY (tenant_id, head_id) REFERENCES people);"
        "ALTER TABLE people ADD FOREIGN KEY (tenant_id, team_id) REFERENCES teams",
    )
    tenant = {"tenant": ("tenants", [0])}
    people = rows(
        "people",
        ["p"],
        {"id": [7]},
        refs={**tenant, "team": ("teams", [0], ("tenant_id", "team_id"))},
    )
    teams = rows(
        "teams",
        ["t"],
        {"id": [9]},
        refs={**tenant, "head": ("people", [0], ("tenant_id", "head_id"))},
    )
    settled(database, rows("tenants", ["a"], {}), people, teams)
    assert execute(database, "SELECT tenant_id, id, team_id FROM people") == [(1, 7, 9)]
    assert execute(database, "SELECT tenant_id, id, head_id FROM teams") == [(1, 9, 7)]


def test_fault_30_a_circle_in_which_nobody_gives_the_value_is_named(database):
    """Two primary keys that are each other's: ids can be drawn, copies of each other cannot."""
    prepare(
        database,
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a);"
        "ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b DEFERRABLE",
    )
    a, b = rows("a", ["x"], refs={"id": ("b", [0])}), rows("b", ["y"], refs={"id": ("a", [0])})
    with refused(database, "a", "b", match="nobody gives it one") as caught:
        applied(database, a, b)
    assert "public.a.id: takes the value of public.b.id and that the value of public.a.id" in str(
        caught.value
    )


def test_fault_30_a_row_whose_key_is_its_own_is_named(database):
    prepare(database, "CREATE TABLE a (id int PRIMARY KEY REFERENCES a)")
    with refused(database, "a", match=r"public\.a\.id: takes the value of public\.a\.id"):
        applied(database, rows("a", ["x"], refs={"id": ("a", [0])}))


def test_fault_30_a_wrong_value_inside_a_circle_names_its_own_table(database):
    prepare(
        database,
        "CREATE TABLE a (id serial PRIMARY KEY, b_id int NOT NULL);"
        "CREATE TABLE b (id serial PRIMARY KEY, a_id int NOT NULL REFERENCES a, v text CONSTRAINT polite CHECK (v <> 'x'));"
        "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b",
    )
    a = rows("a", ["1"], refs={"b": ("b", [0])})
    b = rows("b", ["2"], {"v": ["x"]}, refs={"a": ("a", [0])})
    with pytest.raises(DatabaseFailure, match=r"2: public\.b: the check constraint polite"):
        applied(database, a, b)
    assert execute(database, "SELECT * FROM a") == execute(database, "SELECT * FROM b") == []


# 31: an unknown table, column, factory, label: the nearest is suggested


@pytest.mark.on_one_server
def test_fault_31_tables_and_columns(database):
    prepare(database, USERS)
    wrong = rows("user", ["x"], {"email": ["x"]})
    columns = rows("users", ["x"], {"emial": ["x"], "agee": [1]}, refs={"boss": ("user", [0])})
    with pytest.raises(InvalidInput) as caught:
        applied(database, wrong, columns)
    text = str(caught.value)
    assert "user: the database has no such table (did you mean 'users'?)" in text
    assert "public.users.emial: the table has no such column (did you mean 'email'?)" in text
    assert "public.users.agee: the table has no such column (did you mean 'age'?)" in text


def test_fault_31_a_reference_that_could_mean_two_columns(database):
    prepare(
        database,
        "CREATE TABLE p (id serial PRIMARY KEY);"
        "CREATE TABLE c (id serial PRIMARY KEY, x int REFERENCES p, y int REFERENCES p)",
    )
    with pytest.raises(InvalidInput, match="2 foreign keys lead to public"):
        applied(database, rows("p", ["a"], {}), rows("c", ["b"], refs={"z": ("p", [0])}))


@pytest.mark.on_one_server
def test_fault_31_every_finding_of_every_seed_file_at_once(seedbed, database):
    """Exit 2; file and line; a table, a column, a label and a value that are not right."""
    done = seedbed(
        **{
            "seeds/customer.yaml": "x: {}\n",
            "seeds/customers.yaml": "ann:\n  emial: ann@example.com\n  name: [x]\n",
            "seeds/orders.yaml": "first:\n  customer: anne\n  amount: many\n",
        }
    )
    assert (done.code, done.out) == (2, "")
    assert "seeds/customer.yaml: no factory makes rows of 'customer' (did you mean" in done.err
    assert (
        "seeds/customers.yaml:2: ann has an unknown column 'emial' (did you mean 'email'?"
        in done.err
    )
    assert "seeds/customers.yaml:3: ann.name is ['x'], not text" in done.err
    assert "seeds/orders.yaml:2: first.customer: customers has no row labelled 'anne'" in done.err
    assert "(did you mean 'ann'?)" in done.err
    assert "seeds/orders.yaml:3: first.amount is 'many', not a whole number" in done.err
    assert execute(database, "SELECT to_regclass('customers')") == [(None,)]


@pytest.mark.on_one_server
@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('rows.named(CustomerFactory, "anna")', "'ann'"),
        ('rows.each(ann, OrderFactory, 3, via="custmer")', "'customer'"),
    ],
)
def test_fault_31_names_in_a_recipe(seedbed, database, wrong, right):
    """A label nobody picked, an attribute no factory has; the line of the recipe."""
    recipe = FILES["profiles/__init__.py"]
    for name in ("named(CustomerFactory", "each(ann"):
        if name in wrong:
            line = next(line for line in recipe.splitlines() if name in line)
            recipe = recipe.replace(line.strip().partition(" = ")[2] or line.strip(), wrong)
    done = seedbed(**{"profiles/__init__.py": recipe})
    assert done.code == 2, done
    assert f"did you mean {right}?" in done.err
    assert "Traceback" not in done.err
    assert execute(database, "SELECT to_regclass('customers')") == [(None,)]


@pytest.mark.on_one_server
def test_fault_31_a_profile(shop, database):
    done = run_seedbed(shop, "apply", "developmnet", DATABASE_URL=database)
    assert done.code == 2
    assert "did you mean 'development'?" in done.err


# 32: a wrong type, an overflow, too long, not in the enum: located, nothing written


DDL = """
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE t (id serial PRIMARY KEY, i int, s smallint, n numeric(5,2), v varchar(3), m mood, b bool, d date, u uuid,
                j jsonb, a text[], req text NOT NULL, f float4);
"""


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("i", 2**31, "out of range for integer"),
        ("s", -40000, "out of range for smallint"),
        ("i", "twelve", "not an integer"),
        ("i", 1.5, "numbers with a fraction"),
        ("i", True, "Boolean values, but the column holds integers"),
        ("n", 1000.0, r"out of range for numeric\(5,2\)"),
        ("n", 999.999, r"out of range for numeric\(5,2\)"),
        ("n", "dear", "not a number"),
        ("v", "abcd", "longer than the 3 characters"),
        ("v", [1], "it is a list"),
        ("m", "angry", "not one of the labels of public.mood"),
        ("b", 3, "Int64 values, but the column holds true or false"),
        ("d", 3, "Int64 values, but the column holds date"),
        ("a", 3, "but the column is an array"),
        ("v", b"x", "Binary values"),
    ],
)
def test_fault_32_a_value_is_located(database, column, value, problem):
    prepare(database, DDL)
    with refused(database, "t", match=problem) as caught:
        applied(database, rows("t", ["row-7"], {"req": ["x"], column: [value]}))
    assert f"row-7: public.t.{column}" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "good", "bad", "problem"),
    [
        ("i", 1.0, 1.5, "numbers with a fraction"),
        ("i", 1.0, float("nan"), "NaN, infinity or a number beyond 64 bits"),
        ("i", 1.0, float("inf"), "NaN, infinity or a number beyond 64 bits"),
        ("i", 1.0, 1e300, "NaN, infinity or a number beyond 64 bits"),
        ("v", "abc", {"a": 1}, "it is a dict"),
        ("v", "abc", {1}, "nothing knows how to write a set"),
        ("i", 1, [2], "it is a list"),
        ("j", {"a": 1}, {"a": b"x"}, "bytes has no place in JSON"),
    ],
)
def test_fault_32_it_is_the_wrong_row_that_is_named(database, column, good, bad, problem):
    """Of a column that as a whole has no natural type, too; the others that are wrong are counted."""
    prepare(database, DDL)
    values = [good, good, bad, good, bad]
    series = values if isinstance(bad, float) else objects(values)
    with refused(database, "t", match=problem) as caught:
        labels = [f"r{n}" for n in range(5)]
        applied(database, rows("t", labels, {"req": ["x"] * 5, column: series}))
    assert f"r2: public.t.{column}" in str(caught.value)
    assert "1 more row" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("u", "no-uuid", "not valid input for the column's type"),
        ("d", "31st of June", "not a date or time"),
        ("d", "2025-02-30", "a date or time out of range"),
        ("b", "maybe", "not valid input"),
        ("j", "{", "not valid input"),
        ("a", "{", "not valid input"),
    ],
)
def test_fault_32_what_only_the_server_can_tell_is_located_too(database, column, value, problem):
    prepare(database, DDL)
    labels = [f"row-{n}" for n in range(9)]
    values = {"req": ["x"] * 9, column: [None] * 7 + [value] + [None]}
    with pytest.raises(InvalidInput, match=problem) as caught:
        applied(database, rows("t", labels, values))
    assert f"row-7: public.t.{column}" in str(caught.value)
    assert value not in str(caught.value)
    assert execute(database, "SELECT * FROM t") == []


def test_fault_32_all_findings_come_at_once(database):
    prepare(database, DDL)
    bad = rows("t", ["a", "b"], {"req": [None, "x"], "i": [2**40, 1], "m": ["happy", "angry"]})
    with pytest.raises(InvalidInput) as caught:
        applied(database, bad)
    assert len(caught.value.findings) == 3


def test_fault_32_an_overflow_that_only_the_server_can_tell_of_a_row_that_is_there(database):
    """An UPDATE says neither row nor column; it is asked again in halves."""
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, f float4, g float4 GENERATED ALWAYS AS (1 / f) STORED)",
    )
    labels = [f"row-{n}" for n in range(9)]
    applied(database, rows("t", labels, {"f": [1.0] * 9}))
    with pytest.raises(InvalidInput, match=r"row-6: public\.t: .*SQLSTATE 22012"):
        applied(database, rows("t", labels, {"f": [2.0] * 6 + [0.0] + [2.0] * 2}))
    assert execute(database, "SELECT DISTINCT f FROM t") == [(1.0,)]


@pytest.mark.on_one_server
def test_fault_32_a_value_a_recipe_made_up(seedbed, database):
    """The factory's row is named by its label."""
    done = seedbed(
        **{
            "factories/people.py": FILES["factories/people.py"].replace(
                "integer(1, 100)", "integer(2**40, 2**41)"
            )
        }
    )
    assert done.code == 2
    assert "public.orders.amount: out of range for integer" in done.err
    assert "ann/orders/" in done.err
    assert execute(database, "SELECT to_regclass('orders')") == [(None,)]


# 33: a NOT NULL or CHECK violation is located; exit 6 if only the server can tell


def test_fault_33_generated_columns_and_columns_nobody_fills(database):
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, a int, g int GENERATED ALWAYS AS (a) STORED, must text NOT NULL)",
    )
    with pytest.raises(InvalidInput) as caught:
        applied(database, rows("t", ["x"], {"a": [1], "g": [1]}))
    assert "public.t.g: a generated column takes no value" in str(caught.value)
    assert "public.t.must: NOT NULL, and neither the factory nor a default" in str(caught.value)


def test_fault_33_no_value_for_a_column_that_needs_one(database):
    prepare(database, DDL)
    with refused(database, "t", match=r"b: public\.t\.req: no value, but req is NOT NULL"):
        applied(database, rows("t", ["a", "b"], {"req": ["x", None]}))


def test_fault_33_check(database):
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, secret text, CONSTRAINT polite CHECK (secret <> 'canary'))",
    )
    bad = rows("t", ["a", "b", "c"], {"secret": ["x", "canary", "y"]})
    with pytest.raises(
        DatabaseFailure, match=r"b: public\.t: the check constraint polite is not met"
    ) as caught:
        applied(database, bad)
    assert "canary" not in str(caught.value)
    assert execute(database, "SELECT * FROM t") == []


def test_fault_33_foreign_key_given_as_a_value(database):
    prepare(
        database,
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id serial PRIMARY KEY, p_id int REFERENCES p)",
    )
    with pytest.raises(
        DatabaseFailure, match="the foreign key t_p_id_fkey names a row that is not there"
    ) as caught:
        applied(database, rows("t", ["a"], {"p_id": [424242]}))
    assert "424242" not in str(caught.value)
    assert caught.value.findings[0].remedy.startswith("refer to a row of the profile")


def test_fault_33_a_value_given_up_while_others_refer_to_it(database):
    prepare(
        database,
        "CREATE TABLE p (id serial PRIMARY KEY, n text, code text UNIQUE);"
        "CREATE TABLE t (id serial PRIMARY KEY, code text REFERENCES p (code))",
    )
    applied(database, rows("p", ["a"], {"n": ["x"], "code": ["c"]}))
    execute(database, "UPDATE p SET n = 'y'; INSERT INTO t (code) VALUES ('c')")
    with pytest.raises(
        DatabaseFailure, match="rows of t refer to it by the foreign key t_code_fkey"
    ):
        applied(database, rows("p", ["a"], {"n": ["x"], "code": ["d"]}), edits="overwrite")


def test_fault_33_a_domains_check(database):
    prepare(
        database,
        "CREATE DOMAIN d AS text CHECK (value <> 'canary'); CREATE TABLE t (id serial PRIMARY KEY, v d)",
    )
    with pytest.raises(DatabaseFailure, match=r"b: public\.t") as caught:
        applied(database, rows("t", ["a", "b"], {"v": ["x", "canary"]}))
    assert "canary" not in str(caught.value)


def test_fault_33_a_trigger_that_raises(database):
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY);"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no canary: %', NEW USING DETAIL = 'canary'; END $$;"
        "CREATE TRIGGER f AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    with pytest.raises(
        DatabaseFailure, match=r"public\.t: the function f refused \(SQLSTATE P0001\)"
    ) as caught:
        applied(database, rows("t", ["a"], {}))
    assert "canary" not in str(caught.value)


def test_fault_33_the_row_of_a_foreign_key_given_as_a_value(database):
    """The server quotes the value in its DETAIL; it is looked up, and never shown."""
    prepare(
        database,
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);"
        "CREATE TABLE t (id serial PRIMARY KEY, p_id int REFERENCES p)",
    )
    with pytest.raises(
        DatabaseFailure, match=r"b: public\.t: the foreign key t_p_id_fkey"
    ) as caught:
        applied(database, rows("t", ["a", "b", "c"], {"p_id": [1, 424242, None]}))
    assert "424242" not in str(caught.value)


def test_fault_33_the_row_of_a_check_that_an_update_does_not_meet(database):
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, v text, CONSTRAINT polite CHECK (v <> 'canary'))",
    )
    labels = [f"r{n}" for n in range(20)]
    applied(database, rows("t", labels, {"v": ["x"] * 20}))
    before = traces(database, "t")["t"]
    bad = ["y"] * 13 + ["canary"] + ["y"] * 6
    with pytest.raises(
        DatabaseFailure, match=r"r13: public\.t: the check constraint polite"
    ) as caught:
        applied(database, rows("t", labels, {"v": bad}))
    assert caught.value.exit_code == 6
    assert "canary" not in str(caught.value)
    assert traces(database, "t")["t"] == before


# 34: duplicate keys, also those equal only to the database: both rows named


def test_fault_34_two_rows_with_the_same_key_are_both_named(database):
    prepare(database, USERS)
    twice = rows("users", ["ann", "bob"], {"email": ["x", "x"]}, key=["email"])
    with pytest.raises(InvalidInput, match=r"ann and bob: the same natural key \(email\)"):
        applied(database, twice)


def test_fault_34_the_same_row_key_twice(database):
    prepare(database, USERS)
    doubled = GivenRows(TableName("users"), np.array([1, 1]), {}, labels=("a", "b"))
    with pytest.raises(InvalidInput, match="a and b: the same row key"):
        applied(database, doubled)


EQUAL = {
    "numeric": ("1.0", "1.00"),
    "char(5)": ("ab", "ab   "),
    "date": ("2026-01-01", "20260101"),
    "float8": ("1", "1.0"),
    "uuid": ("6F9619FF-8B86-D011-B42D-00C04FC964FF", "6f9619ff8b86d011b42d00c04fc964ff"),
    "timestamptz": ("2026-01-01 00:00+00", "2026-01-01 01:00+01"),
    "inet": ("10.0.0.1", "10.0.0.1/32"),
    "jsonb": ('{"a": 1, "b": 2}', '{"b": 2, "a": 1.0}'),
    "citext": ("x", "X"),
    "text COLLATE blind": ("x", "X"),
    "int[]": ("{1,2}", "{1, 2}"),
}
"""By type, two spellings that only the database finds equal."""

BLIND = "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"


@pytest.mark.parametrize("kind", EQUAL)
def test_fault_34_keys_that_only_the_database_finds_equal(database, kind):
    """A natural key, with and without an index, by plan and apply alike; and another unique key, when it is hit."""
    offer(database, kind)
    prepare(
        database,
        f"CREATE TABLE t (id serial PRIMARY KEY, n {kind}); CREATE TABLE u (id serial PRIMARY KEY, n {kind} UNIQUE)",
    )
    values = {"n": list(EQUAL[kind])}
    for table in ("t", "u"):
        twice = rows(table, ["ann", "bob"], values, key=["n"])
        for use in (planned, applied):
            with refused(
                database, "t", "u", match=r"ann and bob: the same natural key \(n\) in public"
            ):
                use(database, twice)
    with pytest.raises(
        InvalidInput, match=r"ann and bob: the same values in the unique key u_n_key \(n\)"
    ):
        applied(database, rows("u", ["ann", "bob"], values))
    assert execute(database, "SELECT * FROM u") == []


def offer(database: str, kind: str) -> None:
    """Make a type or collation that not every PostgreSQL has."""
    if kind == "citext":
        execute(database, "CREATE EXTENSION citext")
    if "blind" in kind:
        if not execute(database, "SELECT FROM pg_collation WHERE collprovider = 'i' LIMIT 1"):
            pytest.skip("this PostgreSQL was built without ICU")
        execute(database, BLIND)


def test_fault_34_a_composite_key_with_a_reference_in_it(database):
    prepare(
        database,
        "CREATE TABLE p (id serial PRIMARY KEY); CREATE TABLE t (id serial PRIMARY KEY, p_id int REFERENCES p, n numeric)",
    )
    parents = rows("p", ["x", "y"], {})

    def children(*numbers):
        refs = {"p": ("p", [0, 0, 1])}
        return rows("t", ["a", "b", "c"], {"n": list(numbers)}, refs=refs, key=["p", "n"])

    with refused(database, "t", match=r"a and b: the same natural key \(p_id, n\)") as caught:
        applied(database, parents, children("1", "1.0", "1"))
    assert len(caught.value.findings) == 1
    settled(database, parents, children("1", "2", "1"))


def test_fault_34_a_change_of_nothing_but_case_is_a_change(database):
    """Also under a collation for which it is none."""
    offer(database, "text COLLATE blind")
    prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, n text COLLATE blind UNIQUE)")
    applied(database, rows("t", ["a"], {"n": ["x"]}, key=["n"]))
    settled(database, rows("t", ["a"], {"n": ["X"]}, key=["n"]))
    assert execute(database, "SELECT n FROM t") == [("X",)]


# 35: NULL in a natural key is refused


def test_fault_35_null_in_the_key(database):
    prepare(database, USERS)
    with pytest.raises(InvalidInput, match=r"bob: public\.users\.email: NULL in the natural key"):
        applied(database, rows("users", ["ann", "bob"], {"email": ["x", None]}, key=["email"]))


def test_fault_35_a_reference_in_the_key_that_is_null(database):
    prepare(
        database,
        "CREATE TABLE p (id serial PRIMARY KEY); CREATE TABLE t (id serial PRIMARY KEY, p_id int REFERENCES p)",
    )
    t = rows("t", ["a", "b"], refs={"p": ("p", [0, None])}, key=["p"])
    with refused(database, "t", match=r"b: public\.t\.p_id: NULL in the natural key"):
        applied(database, rows("p", ["x"], {}), t)


@pytest.mark.on_one_server
def test_fault_35_in_a_seed_file(seedbed, database):
    """File, line, and the row."""
    done = seedbed(**{"seeds/customers.yaml": "ann:\n  email: null\n  name: Ann\n"})
    assert done.code == 2
    assert "seeds/customers.yaml:2" in done.err
    assert "email must not be empty" in done.err


# 36: a unique index partial, deferrable or missing: predicted before the run, not met as 42P10 or 55000


WEAK = {
    "": "it has no unique index",
    "CREATE UNIQUE INDEX ON t (a) WHERE a <> 'z'": "it is partial",
    "ALTER TABLE t ADD UNIQUE (a) DEFERRABLE": "it is deferrable",
    "ALTER TABLE t ADD UNIQUE (a) DEFERRABLE INITIALLY DEFERRED": "it is deferrable",
    "CREATE UNIQUE INDEX ON t (lower(a))": "it has no unique index",
    "CREATE UNIQUE INDEX ON t (a, b)": "it has no unique index",
}


@pytest.mark.parametrize("index", WEAK)
def test_fault_36_a_key_without_a_usable_index_works_and_the_plan_says_so(database, index):
    """An upsert would end in 42P10 or 55000; a row is recognised, adopted and changed all the same."""
    prepare(database, f"CREATE TABLE t (id serial PRIMARY KEY, a text, b int); {index}")
    execute(database, "INSERT INTO t (a, b) VALUES ('theirs', 1)")

    def table(b, *names):
        return rows("t", names, {"a": list(names), "b": [b] * len(names)}, key=["a"])

    plan = planned(database, table(1, "x"))
    assert any(WEAK[index] in note for note in plan.notes)
    assert counts(applied(database, table(1, "x")))["t"] == {"create": 1}
    with refused(database, "t", error=Drift):
        applied(database, table(2, "x", "theirs"))
    done = applied(database, table(2, "x", "theirs", "y"), adopt=True)
    assert counts(done)["t"] == {"update": 1, "adopt": 1, "create": 1}
    settled(database, table(2, "x", "theirs", "y"))


@pytest.mark.parametrize("index", [index for index in WEAK if "DEFERR" in index])
def test_fault_36_a_deferrable_key_is_checked_before_the_end(database, index):
    """What COMMIT would refuse is an error with both rows named."""
    prepare(database, f"CREATE TABLE t (id serial PRIMARY KEY, a text, b int); {index}")
    with pytest.raises(SeedbedError) as caught:
        applied(database, rows("t", ["x", "y"], {"a": ["1", "1"]}))
    assert "x and y: the same values in the unique key t_a_key (a)" in str(caught.value)
    assert execute(database, "SELECT * FROM t") == []


def test_fault_36_an_index_that_could_not_be_built(database):
    """CREATE INDEX CONCURRENTLY that failed leaves one that is not valid."""
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('d'), ('d')",
    )
    with pytest.raises(Exception, match="could not create unique index"):
        execute(database, "CREATE UNIQUE INDEX CONCURRENTLY ON t (a)")
    plan = planned(database, rows("t", ["x"], {"a": ["x"]}, key=["a"]))
    assert any("it is not valid" in note for note in plan.notes)
    settled(database, rows("t", ["x"], {"a": ["x"]}, key=["a"]))


# 37: a second unique constraint is hit: both rows named


def test_fault_37_a_second_unique_constraint_hit_by_another_row_of_the_profile(database):
    prepare(database, USERS)
    twice = rows("users", ["ann", "bob"], {"email": ["x", "y"], "code": ["c", "c"]}, key=["email"])
    with pytest.raises(
        InvalidInput, match="ann and bob: the same values in the unique key users_code_key"
    ):
        applied(database, twice)
    assert execute(database, "SELECT * FROM users") == []


def test_fault_37_a_second_unique_constraint_hit_by_a_row_that_is_not_ours(database):
    prepare(database, USERS + "INSERT INTO users (email, code) VALUES ('theirs', 'c')")
    with pytest.raises(
        Drift, match=r"ann: its values in the unique key users_code_key .* row \(1\)"
    ) as caught:
        applied(database, rows("users", ["ann"], {"email": ["x"], "code": ["c"]}, key=["email"]))
    assert "theirs" not in str(caught.value)


UNIQUE = {
    "an expression": ("CREATE UNIQUE INDEX k ON t (lower(a))", {"a": ["X", "x", "y"]}),
    "some rows": (
        "CREATE UNIQUE INDEX k ON t (a) WHERE b IS NULL",
        {"a": ["x", "x", "x"], "b": [None, None, 1]},
    ),
    "rows by a column with its default": (
        "ALTER TABLE t ADD gone timestamp; CREATE UNIQUE INDEX k ON t (a) WHERE gone IS NULL",
        {"a": ["x", "x", "y"]},
    ),
    "two columns": (
        "ALTER TABLE t ADD CONSTRAINT k UNIQUE (b, a)",
        {"a": ["x", "x", "x"], "b": [1, 1, 2]},
    ),
    "what it includes is not part of it": (
        "CREATE UNIQUE INDEX k ON t (a) INCLUDE (b)",
        {"a": ["x", "x", "y"], "b": [1, 2, 3]},
    ),
}


@pytest.mark.parametrize("what", UNIQUE)
def test_fault_37_whatever_the_key_is_made_of(database, what):
    """Exactly the two rows that share it, not those that look alike."""
    ddl, values = UNIQUE[what]
    prepare(database, f"CREATE TABLE t (id serial PRIMARY KEY, a text, b int); {ddl}")
    with pytest.raises(
        InvalidInput, match="ann and bob: the same values in the unique key k"
    ) as caught:
        applied(database, rows("t", ["ann", "bob", "eve"], values))
    assert len(caught.value.findings) == 1
    assert execute(database, "SELECT * FROM t") == []


def test_fault_37_nulls_that_are_the_same(database):
    if execute(database, "SELECT current_setting('server_version_num')::int < 150000")[0][0]:
        pytest.skip("NULLS NOT DISTINCT came with PostgreSQL 15")
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, a text, b int, CONSTRAINT k UNIQUE NULLS NOT DISTINCT (a, b))",
    )
    with pytest.raises(InvalidInput, match="ann and bob: the same values in the unique key k"):
        applied(database, rows("t", ["ann", "bob"], {"a": ["x", "x"], "b": [None, None]}))


def test_fault_37_the_key_of_a_partition(database):
    """The server names the partition's own index."""
    prepare(
        database,
        "CREATE TABLE t (id bigserial, at date NOT NULL, a text, PRIMARY KEY (id, at), UNIQUE (a, at)) PARTITION BY RANGE (at);"
        "CREATE TABLE t_rest PARTITION OF t DEFAULT",
    )
    twice = rows("t", ["ann", "bob"], {"at": ["2020-01-01"] * 2, "a": ["x", "x"]})
    with pytest.raises(InvalidInput, match="ann and bob: the same values in the unique key"):
        applied(database, twice)


def test_fault_37_an_expression_held_by_a_row_that_is_not_ours(database):
    """Its identity is shown, its content is not."""
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, a text); CREATE UNIQUE INDEX k ON t (lower(a));"
        "INSERT INTO t (a) VALUES ('Theirs')",
    )
    before = traces(database, "t")["t"]
    with pytest.raises(
        Drift, match=r"bob: its values in the unique key k .* held by row \(1\)"
    ) as caught:
        applied(database, rows("t", ["ann", "bob"], {"a": ["x", "THEIRS"]}, key=["a"]))
    assert "heirs" not in str(caught.value).lower().replace("their ", "")
    assert traces(database, "t")["t"] == before


def test_fault_37_an_update_that_hits_a_row_that_is_not_ours(database):
    prepare(database, USERS)
    applied(database, rows("users", ["ann"], {"email": ["x"], "code": ["c"]}, key=["email"]))
    execute(database, "INSERT INTO users (email, code) VALUES ('theirs', 'd')")
    changed = rows("users", ["ann"], {"email": ["x"], "code": ["d"]}, key=["email"])
    with refused(
        database, "users", error=Drift, match=r"ann: .* users_code_key .* held by row \(2\)"
    ):
        applied(database, changed)


# 38: an existing row with the same natural key that we did not write: refused, or adopted with --adopt


def test_fault_38_it_is_refused(database):
    prepare(database, PEOPLE)
    before = traces(database, "users")
    assert counts(planned(database, people("ann", "bob")))["users"] == {"adopt": 1, "create": 1}
    with pytest.raises(Drift, match=r"users ann: a row with its natural key \(email\)"):
        applied(database, people("ann", "bob"))
    assert traces(database, "users") == before


def test_fault_38_adopt_takes_it_over_with_its_id(database):
    prepare(database, PEOPLE)
    done = applied(database, people("ann", "bob"), adopt=True, detail=True)
    assert counts(done)["users"] == {"adopt": 1, "create": 1}
    assert execute(database, "SELECT id, name FROM users ORDER BY id") == [
        (1, "ann"),
        (2, "bob"),
    ]
    assert counts(applied(database, people("ann", "bob")))["users"] == {"unchanged": 2}


def test_fault_38_a_key_that_several_live_rows_have(database):
    prepare(
        database,
        "CREATE TABLE t (id serial PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('x'), ('x')",
    )
    with pytest.raises(InvalidInput, match=r"x: 2 rows of public\.t have its natural key \(a\)"):
        applied(database, rows("t", ["x"], {"a": ["x"]}, key=["a"]), adopt=True)


PEOPLE = """
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text);
INSERT INTO users (email, name) VALUES ('ann@example.test', 'theirs');
"""


def people(*names):
    emails = [f"{name}@example.test" for name in names]
    return rows("users", names, {"email": emails, "name": list(names)}, key=["email"])


@pytest.mark.on_one_server
def test_fault_38_on_the_command_line(shop, database):
    """Exit 4 with the option to say; then it is ours."""
    run_seedbed(shop, "apply", "development", DATABASE_URL=database)
    name = database.partition("?")[0].rpartition("/")[2]
    run_seedbed(shop, "destroy", "--confirm", name, "--no-backup", DATABASE_URL=database)
    execute(database, "INSERT INTO customers (email, name) VALUES ('ann@example.com', 'theirs')")
    done = run_seedbed(shop, "apply", "development", DATABASE_URL=database)
    assert done.code == 4
    assert "customers ann: a row with its natural key (email) is there" in done.err
    assert "--adopt takes rows over" in done.err
    assert execute(database, "SELECT name FROM customers") == [("theirs",)]
    done = run_seedbed(shop, "apply", "development", "--adopt", DATABASE_URL=database)
    assert done.code == 0, done
    assert execute(database, "SELECT name FROM customers WHERE email LIKE 'ann@%'") == [("Ann",)]
