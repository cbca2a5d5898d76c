"""Faults 48 and 49: what changed between a look and a write. Exit code 4, nothing written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from given import (
    GivenRows,
    applied,
    counts,
    execute,
    ledger,
    planned,
    prepare,
    rows,
    source,
    traces,
)

from seedbed import saved
from seedbed.apply import apply
from seedbed.errors import Drift, InvalidInput
from seedbed.options import Options
from seedbed.plan import Plan, plan, save
from tests.acceptance.program import FILES, run_seedbed, write_files

USERS = """
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text, seen timestamp, hits int DEFAULT 0);
CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE, title text);
"""


def users(*names, **columns):
    emails = [f"{name}@example.test" for name in names]
    return rows("users", names, {"email": emails, "name": list(names), **columns}, key=["email"])


# 48: the schema changed between plan and apply: a stale saved plan is refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a plan is saved."""
    return tmp_path / "plan.json"


def plan_to(file: Path, url: str, *tables: GivenRows) -> Plan:
    """Save a plan."""
    options = Options(environment="testing")
    found = plan(source(*tables), url, options)
    save(found, options, file)
    return found


def apply_from(file: Path, url: str, *tables: GivenRows, **options: object) -> Plan:
    """Apply what was saved."""
    kept = saved.read(file, "testing")
    wanted = Options(environment="testing", saved=kept, **options)  # type: ignore[arg-type]
    return apply(source(*tables), url, wanted)


def test_fault_48_a_saved_plan_is_carried_out_while_it_holds(database, file):
    """A first apply, an update, and a run with nothing to do; runs that change nothing make no plan stale."""
    prepare(database, USERS)
    for tables in (
        [users("ann", "bob")],
        [users("ann", name=["Ann"])],
        [users("ann", name=["Ann"])],
    ):
        seen = plan_to(file, database, *tables)
        assert counts(apply_from(file, database, *tables)) == counts(seen)
    assert not applied(database, *tables).changed
    assert not apply_from(file, database, *tables).changed


SCHEMA_CHANGES = {
    "a column is added": "ALTER TABLE users ADD extra text",
    "a column is dropped": "ALTER TABLE users DROP seen",
    "a column gets another type": "ALTER TABLE users ALTER name TYPE varchar(99)",
    "a column must not be NULL": "ALTER TABLE users ALTER name SET NOT NULL",
    "a column gets another default": "ALTER TABLE users ALTER hits SET DEFAULT 1",
    "a check is added": "ALTER TABLE users ADD CHECK (length(name) < 99)",
    "a unique key is added": "ALTER TABLE users ADD UNIQUE (name)",
    "a unique index is dropped": "ALTER TABLE users DROP CONSTRAINT users_email_key",
    "a foreign key is dropped": "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
    "a table refers to it": "CREATE TABLE more (user_id int REFERENCES users)",
    "a trigger is added": "CREATE TRIGGER f BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()",
    "a policy is added": "CREATE POLICY p ON users USING (true)",
}


@pytest.mark.parametrize("change", SCHEMA_CHANGES)
def test_fault_48_a_schema_that_changed_makes_it_stale(database, file, change):
    """Whatever of it; the tables are named, and nothing is written."""
    prepare(
        database,
        USERS
        + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    )
    applied(database, users("ann"))
    plan_to(file, database, users("ann", "bob"))
    execute(database, SCHEMA_CHANGES[change])
    before, book = traces(database, "users", "posts"), ledger(database)
    with pytest.raises(Drift, match="users: its schema is another one than then") as caught:
        apply_from(file, database, users("ann", "bob"))
    assert caught.value.exit_code == 4
    assert (traces(database, "users", "posts"), ledger(database)) == (before, book)


def test_fault_48_what_a_trigger_does_is_part_of_the_schema(database, file):
    prepare(
        database,
        USERS
        + "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
        "CREATE TRIGGER f BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
    )
    plan_to(file, database, users("ann"))
    execute(
        database,
        "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    )
    with pytest.raises(Drift, match="users: its schema is another one"):
        apply_from(file, database, users("ann"))


def test_fault_48_another_table_may_change(database, file):
    """And rows that are not ours may come and go."""
    prepare(database, USERS + "CREATE TABLE other (id int)")
    plan_to(file, database, users("ann"))
    execute(database, "ALTER TABLE other ADD x text; INSERT INTO users (email) VALUES ('theirs')")
    assert counts(apply_from(file, database, users("ann"))) == {"users": {"create": 1}}


def test_fault_48_rows_that_changed_make_it_stale(database, file):
    """Of ours, and of others where they are in the way; not only by how many."""
    prepare(database, USERS)
    applied(database, users("ann", "bob"))
    for change in (
        "UPDATE users SET name = 'x' WHERE id = 1",
        "UPDATE users SET name = 'y' WHERE id = 1",
        "UPDATE users SET name = 'ann' WHERE id = 1; UPDATE users SET name = 'y' WHERE id = 2",
        "DELETE FROM users WHERE id = 2",
        "INSERT INTO users (email) VALUES ('eve@example.test')",
    ):
        plan_to(file, database, users("ann", "bob", "eve"))
        execute(database, change)
        with pytest.raises(Drift, match="users: other rows of it differ"):
            apply_from(file, database, users("ann", "bob", "eve"), edits="overwrite", adopt=True)


def test_fault_48_rows_that_would_be_emptied_unseen_make_it_stale(database, file):
    """A plan with --clean saw whose rows go."""
    prepare(database, USERS + "INSERT INTO users (email) VALUES ('theirs')")
    options = Options(environment="testing", clean=True)
    save(plan(source(users("ann")), database, options), options, file)
    execute(database, "INSERT INTO users (email) VALUES ('theirs, too')")
    wanted = replace(
        options,
        saved=saved.read(file, "testing"),
        backup=False,
        confirm=psycopg.conninfo.conninfo_to_dict(database)["dbname"],
    )
    with pytest.raises(Drift, match="users: other rows of it differ"):
        apply(source(users("ann")), database, wanted)
    assert execute(database, "SELECT count(*) FROM users") == [(2,)]


def test_fault_48_a_profile_that_changed_makes_it_stale(database, file):
    """A value, a row, a table."""
    prepare(database, USERS)
    plan_to(file, database, users("ann"))
    for tables in (
        [users("ann", name=["Ann"])],
        [users("ann", "bob")],
        [users("ann"), rows("posts", [], refs={"user": ("users", [])})],
    ):
        with pytest.raises(Drift, match="the profile has other rows of it than then"):
            apply_from(file, database, *tables)
    assert execute(database, "SELECT * FROM users") == []


def test_fault_48_a_run_in_between_makes_it_stale(database, file):
    """Though it did what the plan says."""
    prepare(database, USERS)
    plan_to(file, database, users("ann"))
    applied(database, users("ann"))
    with pytest.raises(Drift, match="run 1 has changed the database since, the plan saw 0"):
        apply_from(file, database, users("ann"))


def test_fault_48_another_database_makes_it_stale(database, file):
    """Of the same name on another server, or a copy beside it: the server's numbers decide."""
    prepare(database, USERS)
    plan_to(file, database, users("ann"))
    kept = saved.read(file, "testing")
    elsewhere = replace(kept, seen=replace(kept.seen, database="1/2"))
    with pytest.raises(Drift, match="it was made for another database"):
        apply(source(users("ann")), database, Options(environment="testing", saved=elsewhere))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "no JSON", '{"seedbed_plan": 1}', '{"seedbed_plan": 1, "seen": {}}', "null"],
)
def test_fault_48_a_file_that_is_no_plan_is_named(file, text):
    file.write_text(text)
    with pytest.raises(InvalidInput, match=r"plan\.json: holds no saved plan"):
        saved.read(file, "testing")


def test_fault_48_a_plan_of_another_profile_is_named(database, file):
    prepare(database, USERS)
    plan_to(file, database, users("ann"))
    with pytest.raises(InvalidInput, match="is a plan of testing, not of demo"):
        saved.read(file, "demo")


@pytest.mark.on_one_server
def test_fault_48_on_the_command_line(tmp_path, database):
    """plan --save, apply --plan, the same again: the moment is the plan's; exit 4 once it is stale."""
    shop = tmp_path / "shop"
    write_files(shop, FILES)

    def run(*arguments):
        return run_seedbed(shop, *arguments, DATABASE_URL=database)

    run("apply", "development", "--minimal")
    done = run("plan", "development", "--scale", "2", "--save", "plan.json")
    assert done.code == 0, done
    assert "plan: saved to plan.json" in done.err
    done = run("apply", "development", "--scale", "2", "--plan", "plan.json")
    assert done.code == 2, done
    assert "a saved plan and scale exclude each other" in done.err
    execute(database, "ALTER TABLE customers ADD note text")
    done = run("apply", "development", "--plan", "plan.json")
    assert (done.code, done.out) == (4, "")
    assert "the saved plan of development is stale" in done.err
    assert "customers: its schema is another one than then" in done.err
    assert execute(database, "SELECT count(*) FROM customers") == [(1,)]
    run("plan", "development", "--scale", "2", "--save", "plan.json")
    done = run("apply", "development", "--plan", "plan.json")
    assert done.code == 0, done
    assert execute(database, "SELECT count(*) FROM customers") == [(21,)]
    assert run("apply", "development", "--plan", "plan.json").code == 4


# 49: the profile edited and the row edited by somebody: the three-way difference; an explicit policy


def test_fault_49_apply_refuses_and_names_row_and_columns(database):
    prepare(database, USERS)
    applied(database, users("ann", "bob"))
    execute(database, "UPDATE users SET name = 'Bobby' WHERE id = 2")
    assert counts(planned(database, users("ann", "bob")))["users"] == {
        "edited": 1,
        "unchanged": 1,
    }
    with pytest.raises(Drift, match="users bob: edited since: name"):
        applied(database, users("ann", "bob"))
    assert execute(database, "SELECT name FROM users ORDER BY id") == [("ann",), ("Bobby",)]


def test_fault_49_the_plan_says_that_apply_would_refuse_and_by_which_option_it_would_not(database):
    prepare(database, USERS)
    applied(database, users("ann", "bob"))
    execute(database, "UPDATE users SET name = 'x'")
    execute(database, "INSERT INTO users (email) VALUES ('eve@example.test')")
    everybody = users("ann", "bob", "eve")
    assert [str(one) for one in planned(database, everybody).refusals] == [
        "2 rows edited (--keep-edits / --overwrite-edits)",
        "1 row that seedbed did not write (--adopt)",
    ]
    assert planned(database, everybody, edits="keep", adopt=True).refusals == ()


def test_fault_49_the_refusal_recommends_no_option_that_was_given(database):
    prepare(database, USERS)
    applied(database, users("ann"))
    execute(database, "UPDATE users SET name = 'x'")
    execute(database, "INSERT INTO users (email) VALUES ('eve@example.test')")
    with pytest.raises(Drift) as caught:
        applied(database, users("ann", "eve"), edits="keep")
    assert caught.value.remedy == "--adopt takes rows over"


def test_fault_49_keep_leaves_it_for_good(database):
    prepare(database, USERS)
    applied(database, users("ann", "bob"))
    execute(database, "UPDATE users SET name = 'Bobby' WHERE id = 2")
    for _ in range(2):
        done = applied(database, users("ann", "bob"), edits="keep")
        assert counts(done)["users"] == {"edited": 1, "unchanged": 1}
        assert not done.changed
    assert execute(database, "SELECT name FROM users WHERE id = 2") == [("Bobby",)]


def test_fault_49_overwrite_restores_it(database):
    prepare(database, USERS)
    applied(database, users("ann", "bob"))
    execute(database, "UPDATE users SET name = 'Bobby', hits = 3 WHERE id = 2")
    assert applied(database, users("ann", "bob"), edits="overwrite").changed
    assert execute(database, "SELECT name, hits FROM users WHERE id = 2") == [("bob", 3)]
    assert not applied(database, users("ann", "bob")).changed


def test_fault_49_columns_we_do_not_manage_are_not_ours_to_watch(database):
    prepare(database, USERS)
    applied(database, users("ann"))
    execute(database, "UPDATE users SET hits = 9")
    assert not applied(database, users("ann")).changed


def test_fault_49_an_edit_to_what_the_profile_now_says_is_no_conflict(database):
    prepare(database, USERS)
    applied(database, users("ann", name=["Ann"]))
    execute(database, "UPDATE users SET name = 'Anne'")
    assert not applied(database, users("ann", name=["Anne"])).changed
    assert counts(planned(database, users("ann", name=["Anne"])))["users"] == {"unchanged": 1}


def test_fault_49_both_changed_counts_as_edited(database):
    prepare(database, USERS)
    applied(database, users("ann", name=["Ann"]))
    execute(database, "UPDATE users SET name = 'Anne'")
    assert counts(planned(database, users("ann", name=["Anna"])))["users"] == {"edited": 1}


def test_fault_49_an_edited_row_that_left_the_profile_is_not_pruned_unasked(database):
    prepare(database, USERS)
    applied(database, users("ann", "bob"))
    execute(database, "UPDATE users SET name = 'Bobby' WHERE id = 2")
    with pytest.raises(Drift, match="no longer in the profile"):
        applied(database, users("ann"))
    applied(database, users("ann"), edits="keep")
    assert len(execute(database, "SELECT id FROM users")) == 2
    assert len(ledger(database)) == 2
    applied(database, users("ann"), edits="overwrite")
    assert len(execute(database, "SELECT id FROM users")) == 1


def three_ways(url: str) -> GivenRows:
    """Return rows of which one nobody touched, one the profile edited, one somebody, one both, and one both alike."""
    names = ["same", "ours", "theirs", "both", "alike"]
    prepare(url, USERS)
    applied(url, users(*names))
    execute(url, "UPDATE users SET name = name || '!' WHERE email ~ '^(theirs|both)'")
    execute(url, "UPDATE users SET name = 'new' WHERE email ~ '^alike'")
    return users(*names, name=["same", "new", "theirs", "new", "new"])


def names_of(url: str) -> list[str]:
    return [name for (name,) in execute(url, "SELECT name FROM users ORDER BY id")]


def test_fault_49_the_three_way_difference(database):
    """Who changed what is told apart, and apply says it of each row before it refuses; nothing is written."""
    wanted = three_ways(database)
    found = planned(database, wanted, detail=True).tables["users"]
    assert [(row.action, row.row, row.fields) for row in found.rows] == [
        ("update", "ours", ("name",)),
        ("edited", "theirs", ("name",)),
        ("edited", "both", ("name",)),
    ]
    before, book = traces(database, "users"), ledger(database)
    with pytest.raises(Drift) as caught:
        applied(database, wanted)
    assert caught.value.exit_code == 4
    assert [str(finding) for finding in caught.value.findings] == [
        "users theirs: edited since: name",
        "users both: edited since, and the profile has changed it too: name",
    ]
    assert "--keep-edits leaves edited rows as they are, --overwrite-edits restores" in str(
        caught.value
    )
    assert (traces(database, "users"), ledger(database)) == (before, book)


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        ("keep", ["same", "new", "theirs!", "both!", "new"]),
        ("overwrite", ["same", "new", "theirs", "new", "new"]),
    ],
)
def test_fault_49_an_explicit_policy(database, policy, names):
    """What it decides is decided for good: a second run finds nothing to do."""
    wanted = three_ways(database)
    assert applied(database, wanted, edits=policy).changed
    assert names_of(database) == names
    assert not applied(database, wanted, edits=policy).changed
    assert names_of(database) == names


def test_fault_49_rows_of_others_have_no_side_in_it(database):
    prepare(database, USERS + "INSERT INTO users (email, name) VALUES ('theirs', 'x')")
    applied(database, users("ann"))
    before = execute(database, "SELECT ctid, xmin, u::text FROM users u WHERE email = 'theirs'")
    execute(database, "UPDATE users SET name = 'y' WHERE id = 2")
    applied(database, users("ann", name=["Ann"]), edits="overwrite")
    assert (
        execute(database, "SELECT ctid, xmin, u::text FROM users u WHERE email = 'theirs'")
        == before
    )
