"""The command line as a person or a program meets it: another process, a small project, a real PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.program import Ran, run_seedbed, write_files

pytestmark = pytest.mark.on_one_server

Run = Callable[..., Ran]

REPOSITORY = Path(__file__).parents[2]


class TestApplyAndPlan:
    def test_apply_creates_writes_and_then_finds_nothing_to_do(
        self, seedbed: Run, database: str
    ) -> None:
        """The second run says that nothing changed."""
        first = seedbed("apply", "development", "--database-url", database)
        assert first.code == 0, first.err
        assert "Created the 2 tables: customers, orders" in first.out
        assert "development: applied" in first.out
        second = seedbed("apply", "development", "--database-url", database)
        assert second.code == 0, second.err
        assert "development: nothing changed" in second.out

    def test_the_json_object_holds_what_programs_need(self, seedbed: Run, database: str) -> None:
        """Required keys, counts per table, and nothing else on standard output."""
        done = seedbed("apply", "development", "--database-url", database, "--json").json
        required = {"profile", "environment", "as_of", "scale", "seed", "seconds", "changed"}
        assert required <= set(done)
        assert done["changed"] is True
        assert done["tables"] == {
            "customers": counts(create=11),
            "orders": counts(create=23),
        }

    def test_plan_and_dry_run_write_nothing(self, seedbed: Run, database: str) -> None:
        """They say the same, and the tables are still not there."""
        planned = seedbed("plan", "development", "--database-url", database, "--json").json
        dry = seedbed(
            "apply", "development", "--database-url", database, "--json", "--dry-run"
        ).json
        assert planned["tables"] == dry["tables"]
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT to_regclass('customers')").fetchone() == (None,)

    def test_plan_clean_shows_what_would_go_as_a_dry_run_does(
        self, seedbed: Run, database: str
    ) -> None:
        """Whose rows the tables hold, and what apply would want to hear."""
        seedbed("apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            connection.execute("INSERT INTO customers (email, name) VALUES ('x', 'Theirs')")
        planned = seedbed("plan", "development", "--database-url", database, "--clean")
        assert planned.code == 0, planned.err
        assert "Would empty" in planned.out
        assert "customers: 1 row that seedbed did not write (--confirm DATABASE)" in planned.out
        dry = ("apply", "development", "--database-url", database, "--clean", "--dry-run", "--json")
        assert seedbed(*dry).json["emptied"] == {
            "customers": {"ours": 11, "edited": 0, "others": 1},
            "orders": {"ours": 23, "edited": 0, "others": 0},
        }

    def test_detail_names_rows_and_fields(self, seedbed: Run, database: str) -> None:
        """A row's label, and the column that differs."""
        seedbed("apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE customers SET name = 'Anna' WHERE email LIKE 'ann@%'")
        shown = seedbed("plan", "development", "--database-url", database, "--detail")
        assert "edited  customers ann: name" in shown.out

    def test_plan_and_status_tell_scripts_by_their_exit_code(
        self, seedbed: Run, database: str
    ) -> None:
        """4 where apply would change something or be refused, and where somebody changed rows; 0 without the option."""
        plan = ("plan", "development", "--exit-code", "--database-url", database)
        status = ("status", "--exit-code", "--database-url", database)
        assert (seedbed(*plan).code, seedbed(*status).code) == (4, 0)
        seedbed("apply", "development", "--database-url", database)
        assert (seedbed(*plan).code, seedbed(*status).code) == (0, 0)
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE customers SET name = 'Anna' WHERE email LIKE 'ann@%'")
        done = seedbed(*plan, "--json")
        assert (done.code, done.json["changed"], seedbed(*status).code) == (4, False, 4)
        assert seedbed("status", "--database-url", database).code == 0

    def test_an_edited_row_needs_a_decision(self, seedbed: Run, database: str) -> None:
        """Exit 4 with the list; kept or restored when told so."""
        apply = ("apply", "development", "--database-url", database)
        seedbed(*apply)
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE customers SET name = 'Anna' WHERE email LIKE 'ann@%'")
        refused = seedbed(*apply)
        assert refused.code == 4
        assert "customers ann: edited since: name" in refused.err
        assert seedbed(*apply, "--keep-edits", "--json").json["changed"] is False
        assert seedbed(*apply, "--overwrite-edits", "--json").json["changed"] is True
        with psycopg.connect(database) as connection:
            query = "SELECT name FROM customers WHERE email LIKE 'ann@%'"
            assert connection.execute(query).fetchone() == ("Ann",)

    def test_the_cast_and_the_way_in_are_printed(self, seedbed: Run, database: str) -> None:
        """A profile for people tells who is in it."""
        shown = seedbed("apply", "development", "--database-url", database)
        assert "ann@example.com  has three orders" in shown.out
        assert "Database     postgresql://" in shown.out

    def test_minimal_and_scale_choose_how_much(self, seedbed: Run, database: str) -> None:
        """Only the named rows; twice the crowd."""
        minimal = seedbed("plan", "development", "--database-url", database, "--minimal", "--json")
        assert minimal.json["tables"]["customers"]["create"] == 1
        doubled = seedbed("plan", "development", "--database-url", database, "--scale=2", "--json")
        assert doubled.json["tables"]["customers"]["create"] == 21

    def test_quiet_prints_nothing(self, seedbed: Run, database: str) -> None:
        """For scripts that only look at the exit code."""
        done = seedbed("apply", "development", "--database-url", database, "--quiet")
        assert (done.code, done.out, done.err) == (0, "", "")

    def test_no_create_leaves_an_empty_database_alone(self, seedbed: Run, database: str) -> None:
        """Exit 2, and still no tables."""
        done = seedbed("apply", "development", "--database-url", database, "--no-create")
        assert done.code == 2
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT to_regclass('customers')").fetchone() == (None,)


class TestWhereTheUrlComesFrom:
    def test_the_option_wins(self, seedbed: Run, database: str) -> None:
        """And is said on standard error."""
        done = seedbed("plan", "development", "--database-url", database, DATABASE_URL="mysql://x")
        assert done.code == 0, done.err
        assert "(from --database-url)" in done.err

    def test_the_variable_is_said_aloud(self, seedbed: Run, database: str) -> None:
        """So that nobody wonders which database was written."""
        done = seedbed("plan", "development", DATABASE_URL=database)
        assert done.code == 0, done.err
        assert "(from DATABASE_URL)" in done.err

    def test_the_configuration_wins_over_the_variable(
        self, seedbed: Run, shop: Path, database: str
    ) -> None:
        """[tool.seedbed] is the project's own word."""
        with (shop / "pyproject.toml").open("a") as file:
            file.write(f"database_url = {json.dumps(database)}\n")
        done = seedbed("plan", "development", DATABASE_URL="mysql://x")
        assert done.code == 0, done.err
        assert "(from [tool.seedbed] in" in done.err

    def test_that_the_project_is_not_one_s_own_is_said_once(self, tmp_path: Path) -> None:
        """Also by reset, which needs the project before it knows the profile."""
        nowhere = "postgresql://127.0.0.1:1/nothing"
        done = run_seedbed(tmp_path, "reset", "demo", "--database-url", nowhere)
        assert done.err.count("project: no [tool.seedbed] here or above") == 1


class TestStatusAndDestroy:
    def test_status_counts_rows_and_drift(self, seedbed: Run, database: str) -> None:
        """Deleted and edited rows are told apart."""
        seedbed("apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE customers SET name = 'Anna' WHERE email LIKE 'ann@%'")
            connection.execute("DELETE FROM orders WHERE id = 1")
        found = seedbed("status", "--database-url", database, "--json").json
        assert (found["profile"], found["drifted"]) == ("development", True)
        assert found["tables"]["customers"] == {"rows": 11, "named": 1, "edited": 1, "missing": 0}
        assert found["tables"]["orders"] == {"rows": 23, "named": 0, "edited": 0, "missing": 1}

    def test_destroy_deletes_our_rows_and_no_other(self, seedbed: Run, database: str) -> None:
        """The application's own customer stays."""
        seedbed("apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            connection.execute(
                "INSERT INTO customers (email, name) VALUES ('own@example.com', 'Own')"
            )
            name = connection.info.dbname
        done = seedbed(
            "destroy", "--database-url", database, "--confirm", name, "--no-backup", "--json"
        )
        assert done.json["tables"] == {"customers": 11, "orders": 23}
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT email FROM customers").fetchall() == [
                ("own@example.com",)
            ]

    def test_destroy_leaves_edited_rows_to_whoever_edited_them(
        self, seedbed: Run, database: str
    ) -> None:
        """It asks first: exit 4. A table may be forgotten as a whole."""
        seedbed("apply", "development", "--database-url", database)
        with psycopg.connect(database) as connection:
            connection.execute("UPDATE customers SET name = 'Anna' WHERE email LIKE 'ann@%'")
            name = connection.info.dbname
        there = ("--database-url", database, "--confirm", name)
        refused = seedbed("destroy", *there, "--no-backup")
        assert (refused.code, "edited since" in refused.err) == (4, True)
        assert seedbed("forget", "orders", *there, "--json").json["tables"] == {"orders": 23}
        with psycopg.connect(database) as connection:
            connection.execute("DELETE FROM orders")
        done = seedbed("destroy", *there, "--no-backup", "--keep-edits", "--json").json
        assert (done["tables"], done["kept"]) == ({"customers": 10}, {"customers": 1})

    @pytest.mark.parametrize("confirmation", [(), ("--confirm", "1"), ("--confirm", "")])
    def test_destroy_without_the_name_is_refused(
        self, seedbed: Run, database: str, confirmation: tuple[str, ...]
    ) -> None:
        """Without a terminal there is no prompt to hang at."""
        seedbed("apply", "development", "--database-url", database)
        done = seedbed("destroy", "--database-url", database, *confirmation, stdin="")
        assert done.code == 3
        assert "--confirm" in done.err

    def test_stamp_names_what_a_full_database_is_for(self, seedbed: Run, database: str) -> None:
        """A database with rows is refused until somebody says what it is."""
        with psycopg.connect(database) as connection:
            connection.execute("CREATE TABLE old AS SELECT 1 AS one")
            name = connection.info.dbname
        refused = seedbed("apply", "development", "--database-url", database)
        assert refused.code == 3
        assert f"seedbed stamp ENVIRONMENT --confirm {name}" in refused.err
        stamp = seedbed("stamp", "development", "--database-url", database, "--confirm", name)
        assert stamp.code == 0, stamp.err
        assert seedbed("apply", "development", "--database-url", database).code == 0


class TestWithoutADatabase:
    def test_profiles_are_listed_with_their_rows(self, seedbed: Run) -> None:
        """Evaluated, not guessed."""
        (found,) = seedbed("profiles", "--json").json["profiles"]
        assert found["tables"] == {"customers": 11, "orders": 23}
        assert found["rows"] == 34

    def test_preview_shows_rows_with_labels(self, seedbed: Run) -> None:
        """References are numbers of the rows they mean."""
        shown = seedbed("preview", "development", "orders", "--rows", "2", "--json").json
        assert [row["label"] for row in shown["rows"]] == ["ann/orders/0", "ann/orders/1"]
        assert [row["values"]["customer_id"] for row in shown["rows"]] == [1, 1]

    def test_a_database_tells_the_tables_where_the_project_does_not(
        self, seedbed: Run, shop: Path, database: str
    ) -> None:
        """Of migrations, say; without one, the way out is named."""
        seedbed("apply", "development", "--database-url", database)
        (shop / "pyproject.toml").write_text("[tool.seedbed]\n")
        export = ("export", "development", "--format", "csv", "--out", "files")
        assert "--database-url" in seedbed(*export).err
        done = seedbed(*export, "--database-url", database)
        assert done.code == 0, done.err
        assert (shop / "files/customers.csv").read_text().startswith("id,email,name\n1,ann@")
        shown = seedbed("preview", "development", "orders", "--database-url", database)
        assert shown.out.startswith("orders"), shown.err

    def test_export_writes_what_apply_writes(
        self, seedbed: Run, shop: Path, database: str, tmp_path: Path
    ) -> None:
        """The rows of the files are the rows of a freshly applied database, numbers included."""
        moment = ("--as-of", "2026-03-01")
        seedbed("apply", "development", "--database-url", database, *moment)
        done = seedbed("export", "development", "--format", "jsonl", "--out", "files", *moment)
        assert done.code == 0, done.err
        with psycopg.connect(database) as connection:
            for table in ("customers", "orders"):
                query = f"SELECT to_jsonb(t) FROM {table} t ORDER BY id"
                expected = [row for (row,) in connection.execute(query).fetchall()]
                lines = (shop / "files" / f"{table}.jsonl").read_text().splitlines()
                assert [json.loads(line) for line in lines] == expected

    def test_schemas_of_the_seed_files_are_printed(self, seedbed: Run) -> None:
        """One JSON object, by table."""
        schemas = seedbed("schema", "--json-schema").json
        assert schemas["customers"]["additionalProperties"]["properties"]["name"]

    def test_schemas_are_written_a_file_for_each_table(self, seedbed: Run, shop: Path) -> None:
        """An editor takes one schema for one file."""
        every = seedbed("schema", "--json-schema").json
        done = seedbed("schema", "--json-schema", "--out", "seeds/.schema")
        assert done.code == 0, done.err
        written = {
            file.stem: json.loads(file.read_text())
            for file in (shop / "seeds" / ".schema").glob("*.json")
        }
        assert written == every

    def test_one_bad_recipe_does_not_hide_the_other_profiles(
        self, seedbed: Run, shop: Path
    ) -> None:
        """Its error stands in its line, and the exit code tells."""
        with (shop / "profiles" / "__init__.py").open("a") as file:
            file.write(BROKEN_PROFILE)
        shown = seedbed("profiles")
        assert shown.code == 2
        good, bad = shown.out.splitlines()[1:]
        assert good.split()[:3] == ["development", "34", "2"]
        assert "broken" in bad
        assert "KeyError" in bad
        listed = seedbed("profiles", "--json")
        assert listed.code == 2
        assert [p.get("rows") for p in listed.json["profiles"]] == [34, None]
        assert "KeyError" in listed.json["profiles"][1]["error"]

    def test_preview_shows_values_as_they_are(self, seedbed: Run, shop: Path) -> None:
        """A number of a row is no sum to read: no separators."""
        people = shop / "factories" / "people.py"
        people.write_text(people.read_text().replace("integer(1, 100)", "integer(12345, 12345)"))
        shown = seedbed("preview", "development", "orders", "--rows", "1")
        assert "12345" in shown.out

    def test_init_makes_a_project_and_refuses_the_second_time(self, tmp_path: Path) -> None:
        """What is there is never written over."""
        folder = tmp_path / "empty"
        folder.mkdir()
        assert run_seedbed(folder, "init").code == 0
        assert "[tool.seedbed]" in (folder / "pyproject.toml").read_text()
        again = run_seedbed(folder, "init")
        assert again.code == 2
        assert "already has a project" in again.err


BROKEN_PROFILE = """
broken = Profile("broken")

@broken.recipe
def nothing(rows):
    {}["nothing"]
"""

BAD_INPUT = {
    ("apply", "developmemt"): (2, "did you mean 'development'?"),
    ("apply",): (2, "Missing argument"),
    ("aply", "development"): (2, "aply"),
    ("apply", "development", "--as-of", "yesterdayish"): (2, "as of 'yesterdayish'"),
    ("apply", "development", "--scale", "-1"): (2, "above 0"),
    ("apply", "development", "--scale", "many"): (2, "--scale"),
    ("apply", "development", "--only", "custmers"): (2, "did you mean 'customers'?"),
    ("apply", "development", "--seed", ""): (2, "the seed is an empty text"),
    ("apply", "development", "--only", "orders", "--skip", "orders"): (
        2,
        "they leave no table to write",
    ),
    ("export", "development", "--format=sql", "--out=x", "--only=orders", "--skip=orders"): (
        2,
        "they leave no table to write",
    ),
    ("stamp", "nonsense"): (2, "'nonsense' is not an environment"),
    ("apply", "development", "--keep-edits", "--overwrite-edits"): (2, "exclude each other"),
    ("apply", "development", "--environment", "moon"): (2, "moon"),
    ("preview", "development", "custmers"): (2, "did you mean 'customers'?"),
    ("export", "development", "--format", "xml", "--out", "x"): (2, "xml"),
}


class TestBadInput:
    @pytest.mark.parametrize("arguments", BAD_INPUT, ids=" ".join)
    def test_one_message_and_its_exit_code(
        self, seedbed: Run, database: str, arguments: tuple[str, ...]
    ) -> None:
        """No traceback, nothing written."""
        code, expected = BAD_INPUT[arguments]
        done = seedbed(*arguments, DATABASE_URL=database)
        assert (done.code, done.out) == (code, "")
        assert expected in done.err
        assert "Traceback" not in done.err
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT to_regclass('customers')").fetchone() == (None,)

    def test_a_missing_database_is_exit_6(self, seedbed: Run, database: str) -> None:
        """The server's own words, without a traceback."""
        url = database.replace("/empty_", "/missing_")
        done = seedbed("apply", "development", "--database-url", url)
        assert done.code == 6
        assert "missing_" in done.err

    def test_a_recipe_that_raises_is_blamed_by_line(self, seedbed: Run, shop: Path) -> None:
        """The user's file and line, not the library's."""
        write_files(
            shop,
            {
                "profiles/__init__.py": """
                import factories.people
                from seedbed import Profile
                development = Profile("development")
                @development.recipe
                def shop(rows):
                    {}["nothing"]
                """
            },
        )
        done = seedbed("preview", "development", "customers")
        assert done.code == 2
        assert "KeyError" in done.err
        assert "profiles/__init__.py:6: KeyError" in done.err

    def test_a_password_in_an_exception_of_a_recipe_is_hidden(
        self, seedbed: Run, shop: Path
    ) -> None:
        """Such as that of a driver which quotes the URL it was given."""
        with (shop / "profiles" / "__init__.py").open("a") as file:
            file.write('raise RuntimeError("no way to postgresql://app:s3cret@db/x")\n')
        done = seedbed("profiles")
        assert done.code == 2
        assert "RuntimeError: no way to postgresql://app:***@db/x" in done.err

    def test_a_broken_seed_file_is_reported_with_every_finding(
        self, seedbed: Run, shop: Path, database: str
    ) -> None:
        """File and line, and the nearest right name."""
        (shop / "seeds" / "customers.yaml").write_text("ann:\n  emial: x\n  nam: Ann\n")
        done = seedbed("apply", "development", "--database-url", database)
        assert done.code == 2
        assert "seeds/customers.yaml:2" in done.err
        assert "seeds/customers.yaml:3" in done.err
        assert "'email'" in done.err

    def test_a_configuration_key_gets_the_nearest(self, seedbed: Run, shop: Path) -> None:
        """With the line in pyproject.toml."""
        (shop / "pyproject.toml").write_text("[tool.seedbed]\nschemas = 'a:b'\n")
        done = seedbed("profiles")
        assert done.code == 2
        assert "pyproject.toml:2: unknown key 'schemas' (did you mean 'schema'?)" in done.err

    def test_a_bug_of_ours_is_one_line_without_row_content(self, seedbed: Run, shop: Path) -> None:
        """And the way to the traceback."""
        (shop / "sitecustomize.py").write_text(
            "import seedbed.starter\n"
            "def broken(folder): raise LookupError('s3cret row')\n"
            "seedbed.starter.copy_payroll = broken\n"
        )
        done = seedbed("init", "elsewhere", PYTHONPATH=str(shop))
        assert done.code == 1
        assert done.err.startswith("seedbed: this is a bug in seedbed: LookupError in")
        assert "SEEDBED_TRACEBACK=1" in done.err
        assert "s3cret" not in done.err


class TestTheProgram:
    def test_both_ways_to_start_it_are_the_same(self, shop: Path) -> None:
        """`python -m seedbed` and `seedbed`."""
        script = str(Path(sys.executable).with_name("seedbed"))
        assert run_seedbed(shop, "--version") == run_seedbed(shop, "--version", command=(script,))

    def test_completion_knows_the_profiles(self, shop: Path) -> None:
        """The shell asks the program."""
        script = str(Path(sys.executable).with_name("seedbed"))
        done = run_seedbed(
            shop,
            command=(script,),
            _SEEDBED_COMPLETE="complete_bash",
            COMP_WORDS="seedbed apply dev",
            COMP_CWORD="2",
        )
        assert done.out.split() == ["development"]

    def test_the_reference_is_what_help_says(self, tmp_path: Path) -> None:
        """docs/cli.md is written by `make docs`."""
        text = (REPOSITORY / "docs" / "build_cli.py").read_text()
        (tmp_path / "build_cli.py").write_text(text)
        subprocess.run([sys.executable, tmp_path / "build_cli.py"], check=True)
        written = (tmp_path / "cli.md").read_text()
        assert written == (REPOSITORY / "docs" / "cli.md").read_text(), "run make docs"

    def test_a_latin_1_terminal_does_not_end_the_run(self, seedbed: Run, shop: Path) -> None:
        """What it lacks is shown as a question mark."""
        (shop / "seeds" / "customers.yaml").write_text(
            "ann:\n  email: a@example.com\n  name: 😀\n", encoding="utf-8"
        )
        done = seedbed("preview", "development", "customers", PYTHONIOENCODING="latin-1")
        assert done.code == 0, done.err
        assert "?" in done.out


def counts(**given: int) -> dict[str, int]:
    """Return the six counts, zero but for those given."""
    names = ("create", "update", "unchanged", "adopt", "edited", "prune")
    return {name: given.get(name, 0) for name in names}
