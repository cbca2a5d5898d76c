"""reset: the project's tables dropped and made again, then the profile, in one transaction."""

from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from given import counts, execute, ledger, prepare, rows, source, traces
from sqlalchemy.dialects.postgresql import DOMAIN

from seedbed import guard
from seedbed.apply import apply
from seedbed.backup.manifest import manifest_path, read_manifest
from seedbed.birth import stamp_at_birth
from seedbed.errors import DatabaseFailure, Drift, InvalidInput, Refused, Unconfirmed
from seedbed.options import Options
from seedbed.reset import active_profile, reset


def metadata(**users):
    """Return two tables in two schemas, with a type, a domain and a sequence, and a listener that makes a trigger."""
    made = sa.MetaData()
    mood = sa.Enum("happy", "sad", name="mood")
    numbers = sa.Sequence("user_numbers", metadata=made)
    share = DOMAIN("share", sa.Integer(), check="VALUE >= 0")
    table = sa.Table(
        "users",
        made,
        sa.Column("id", sa.Integer, server_default=numbers.next_value(), primary_key=True),
        sa.Column("name", sa.String, unique=True),
        sa.Column("mood", mood),
        sa.Column("share", share),
        *(sa.Column(name, kind) for name, kind in users.items()),
    )
    sa.Table(
        "posts",
        made,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.ForeignKey("users.id", name="author")),
        schema="blog",
    )
    sa.event.listen(table, "after_create", sa.DDL("CREATE VIEW names AS SELECT name FROM users"))
    sa.event.listen(table, "before_drop", sa.DDL("DROP VIEW names"))
    return made


def given(**columns):
    kinds = dict.fromkeys(columns, sa.String)
    users = rows("users", ["ann"], {"name": ["ann"], "mood": ["sad"], **columns}, key=["name"])
    posts = rows("posts", ["p"], schema="blog", refs={"user": ("users", [0])})
    return source(users, posts, metadata=lambda: metadata(**kinds))


def name_of(url):
    return psycopg.conninfo.conninfo_to_dict(url)["dbname"]


def seeded(url):
    """Apply the profile, and put somebody else's row beside it."""
    apply(given(), url, Options(environment="testing"))
    execute(url, "INSERT INTO users (id, name) VALUES (77, 'theirs')")


def anew(url, wanted=None, **options):
    options = {"confirm": name_of(url), "backup": False, "environment": "testing", **options}
    return reset(wanted or given(), url, Options(**options))


def everything(url):
    """Return what a failed reset must leave as it was: rows with their places, and the tables' own numbers."""
    tables = execute(
        url, "SELECT relname, oid FROM pg_class WHERE relkind IN ('r', 'v') ORDER BY 2"
    )
    return traces(url, "users", "blog.posts"), ledger(url), tables


class TestReset:
    def test_makes_the_tables_anew_whoever_wrote_their_rows(self, database):
        seeded(database)
        done = anew(database)
        assert {name: str(one) for name, one in done.dropped.items()} == {
            "blog.posts": "1 row: 1 of seedbed",
            "users": "2 rows: 1 of seedbed, 1 that seedbed did not write",
        }
        assert done.created == ("users", "blog.posts")
        assert counts(done) == {"users": {"create": 1}, "blog.posts": {"create": 1}}
        assert execute(database, "SELECT id, name FROM users") == [(1, "ann")]
        assert execute(database, "SELECT name FROM names") == [("ann",)]

    def test_brings_the_tables_to_what_the_models_say_now(self, database):
        """Even where types that the old tables used are described differently."""
        seeded(database)
        anew(database, given(town=["here"]))
        assert execute(database, "SELECT town FROM users") == [("here",)]

    def test_the_next_apply_finds_nothing_to_do(self, database):
        seeded(database)
        anew(database)
        assert not apply(given(), database).changed
        assert len(ledger(database)) == 2

    def test_the_stamp_survives_and_so_do_the_records(self, database):
        seeded(database)
        stamp = execute(database, "SELECT * FROM seedbed.stamp")
        anew(database)
        assert execute(database, "SELECT * FROM seedbed.stamp") == stamp
        assert execute(database, "SELECT action FROM seedbed.runs ORDER BY id") == [
            ("apply",),
            ("reset",),
        ]
        assert active_profile(database) == "testing"

    def test_tables_that_the_project_does_not_describe_stay(self, database):
        seeded(database)
        execute(
            database, "CREATE TABLE other AS SELECT 1 AS a; CREATE TYPE foreign_mood AS ENUM ('x')"
        )
        before = traces(database, "other")["other"]
        anew(database)
        assert traces(database, "other")["other"] == before
        assert execute(database, "SELECT to_regtype('foreign_mood') IS NULL") == [(False,)]

    def test_an_empty_database_gets_its_tables(self, database):
        done = anew(database, backup=None)
        assert (done.dropped, done.created) == ({}, ("users", "blog.posts"))

    def test_a_database_with_some_of_the_tables_is_completed(self, database):
        seeded(database)
        execute(database, "DROP TABLE blog.posts")
        assert anew(database).created == ("users", "blog.posts")

    def test_tables_in_a_circle_without_names_for_their_keys(self, database):
        """SQLAlchemy's own drop_all cannot do that."""

        def circle():
            made = sa.MetaData()
            for one, other in (("a", "b"), ("b", "a")):
                sa.Table(
                    one,
                    made,
                    sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("other_id", sa.ForeignKey(f"{other}.id")),
                )
            return made

        wanted = source(rows("a", ["x"], {}), rows("b", ["y"], {}), metadata=circle)
        apply(wanted, database, Options(environment="testing"))
        assert set(anew(database, wanted).dropped) == {"a", "b"}

    def test_tells_what_others_were_granted_on_the_old_tables(self, database):
        seeded(database)
        execute(database, "GRANT SELECT, INSERT ON users TO PUBLIC")
        assert anew(database).notes == (
            "what was granted went with the old table: GRANT INSERT, SELECT ON users TO PUBLIC",
        )

    def test_partitions_go_with_their_table(self, database):
        def logs():
            made = sa.MetaData()
            table = sa.Table(
                "Logs",
                made,
                sa.Column("id", sa.Integer, primary_key=True),
                postgresql_partition_by="RANGE (id)",
            )
            ddl = sa.DDL('CREATE TABLE "Logs_1" PARTITION OF "Logs" DEFAULT')
            sa.event.listen(table, "after_create", ddl)
            return made

        wanted = source(rows("Logs", ["x"], {"id": [5]}), metadata=logs)
        apply(wanted, database, Options(environment="testing"))
        anew(database, wanted)
        assert execute(database, 'SELECT id FROM "Logs_1"') == [(5,)]


class TestBackup:
    def test_is_made_before_the_tables_are_dropped(self, database, tmp_path):
        seeded(database)
        done = anew(database, backup=tmp_path)
        assert done.backup is not None
        assert read_manifest(manifest_path(done.backup)).rows["public.users"] == 2

    def test_is_not_made_for_a_reset_that_is_refused(self, database, tmp_path):
        seeded(database)
        with pytest.raises(Unconfirmed):
            anew(database, confirm=None, backup=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_is_not_asked_for_in_a_database_that_seedbed_created(self, database):
        stamp_at_birth(database, "testing")
        seeded(database)
        assert anew(database, backup=None).dropped


class TestRefusals:
    """Whatever refuses a reset leaves everything as it was."""

    @pytest.mark.parametrize("word", [None, "yes", "", "postgres"])
    def test_without_the_databases_name(self, database, word):
        seeded(database)
        before = everything(database)
        with pytest.raises(Refused) as caught:
            anew(database, confirm=word)
        assert everything(database) == before
        if word is None:
            assert isinstance(caught.value, Unconfirmed)
            shown = "users: 2 rows: 1 of seedbed, 1 that seedbed did not write"
            assert shown in map(str, caught.value.findings)

    def test_without_a_word_about_a_backup(self, database):
        seeded(database)
        before = everything(database)
        with pytest.raises(Refused, match="--backup makes one, --no-backup goes without"):
            anew(database, backup=None)
        assert everything(database) == before

    @pytest.mark.parametrize(
        ("ddl", "who"),
        [
            ("CREATE VIEW v AS SELECT 1 FROM users", "view v"),
            ("CREATE SCHEMA far; CREATE VIEW far.v AS SELECT mood FROM users", "view far.v"),
            ("CREATE MATERIALIZED VIEW m AS SELECT 1 FROM blog.posts", "materialized view m"),
            (
                "CREATE TABLE likes (id int REFERENCES blog.posts ON DELETE CASCADE)",
                "constraint likes_id_fkey on table likes",
            ),
            ("CREATE TABLE heir () INHERITS (users)", "table heir"),
            (
                "CREATE FUNCTION f(users) RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "function f(users)",
            ),
            ("CREATE TABLE moods (m mood)", "column m of table moods"),
            ("CREATE TABLE shares (s share[])", "column s of table shares"),
            (
                "CREATE TABLE n (id int DEFAULT nextval('user_numbers'))",
                "default value for column id of table n",
            ),
            (
                "CREATE TABLE p (a int); CREATE POLICY mine ON p USING (EXISTS (SELECT FROM users))",
                "policy mine on table p",
            ),
        ],
    )
    def test_something_outside_depends_on_the_tables(self, database, ddl, who):
        seeded(database)
        execute(database, ddl)
        before = everything(database)
        with pytest.raises(Drift) as caught:
            anew(database)
        assert caught.value.exit_code == 4
        assert who in [one.where for one in caught.value.findings]
        assert everything(database) == before

    def test_all_that_depends_is_listed_at_once(self, database):
        seeded(database)
        execute(database, "CREATE VIEW v AS SELECT 1 FROM users; CREATE TABLE m (m mood)")
        with pytest.raises(Drift) as caught:
            anew(database)
        assert [one.where for one in caught.value.findings] == ["column m of table m", "view v"]

    def test_a_view_where_the_metadata_has_a_table(self, database):
        execute(database, "CREATE VIEW users AS SELECT 1 AS id")
        prepare(database, "")
        with pytest.raises(DatabaseFailure, match=r"public\.users: is not a table"):
            anew(database)

    def test_a_table_that_would_be_made_again_in_another_schema(self, database):
        seeded(database)
        execute(
            database,
            "CREATE SCHEMA app; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path TO app, public', "
            "current_database()); END $$",
        )
        before = everything(database)
        with pytest.raises(DatabaseFailure, match="would be made again in another schema"):
            anew(database)
        assert everything(database) == before

    def test_a_project_without_metadata(self, database):
        with pytest.raises(InvalidInput, match="does not say where its tables are described"):
            anew(database, source(rows("users", ["ann"], {})))

    def test_part_of_a_profile(self, database):
        with pytest.raises(InvalidInput, match="takes all of the profile's tables"):
            anew(database, only=("users",))

    def test_rows_that_do_not_fit_leave_the_old_state_whole(self, database):
        """The tables were dropped and made again by then."""
        seeded(database)
        before = everything(database)
        wrong = rows("users", ["ann"], {"nmae": ["ann"]})
        with pytest.raises(InvalidInput, match="did you mean 'name'"):
            anew(database, source(wrong, metadata=metadata))
        assert everything(database) == before

    def test_staging_wants_the_variable_too(self, database, monkeypatch):
        seeded(database)
        with psycopg.connect(database) as connection:
            guard.stamp(connection, "staging", confirm=name_of(database))
        before = everything(database)
        staging = given()
        wanted = type(staging)(staging.profile, ("staging",), staging.evaluate, metadata=metadata)
        with pytest.raises(Refused, match="DB_RESET_CONFIRM=1"):
            anew(database, wanted, environment=None)
        assert everything(database) == before
        monkeypatch.setenv("DB_RESET_CONFIRM", "1")
        assert anew(database, wanted, environment=None).dropped
