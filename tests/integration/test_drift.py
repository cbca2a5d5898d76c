"""What apply does about rows that somebody else edited, deleted or wrote."""

from __future__ import annotations

import pytest
from given import applied, counts, execute, ledger, planned, prepare, rows, traces

from seedbed.errors import Drift, InvalidInput

USERS = """
CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text, seen timestamp, hits int DEFAULT 0);
CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE, title text);
"""


def users(*names, **columns):
    emails = [f"{name}@example.test" for name in names]
    return rows("users", names, {"email": emails, "name": list(names), **columns}, key=["email"])


class TestDeleted:
    """A row somebody deleted, and columns that are set once."""

    def test_a_deleted_row_is_made_anew_and_the_plan_says_so(self, database):
        prepare(database, USERS)
        applied(database, users("ann", "bob"))
        execute(database, "DELETE FROM users WHERE id = 1")
        done = applied(database, users("ann", "bob"))
        assert counts(done)["users"] == {"create": 1, "unchanged": 1}
        assert any("deleted by somebody" in note for note in done.notes)
        assert execute(database, "SELECT id, name FROM users ORDER BY id") == [
            (2, "bob"),
            (3, "ann"),
        ]
        assert not applied(database, users("ann", "bob")).changed

    def test_a_deleted_row_that_left_the_profile_is_forgotten(self, database):
        prepare(database, USERS)
        applied(database, users("ann", "bob"))
        execute(database, "DELETE FROM users WHERE id = 1")
        assert counts(applied(database, users("bob")))["users"] == {"unchanged": 1}
        assert len(ledger(database)) == 1

    def test_insert_only_columns_are_set_once(self, database):
        prepare(database, USERS)
        first = rows(
            "users", ["ann"], {"email": ["a@x.test"], "hits": [5]}, key=["email"], once=["hits"]
        )
        applied(database, first)
        execute(database, "UPDATE users SET hits = 6")
        second = rows(
            "users", ["ann"], {"email": ["a@x.test"], "hits": [50]}, key=["email"], once=["hits"]
        )
        assert not applied(database, second).changed
        assert execute(database, "SELECT hits FROM users") == [(6,)]


class TestAdopt:
    """A row with our natural key that we did not write is somebody's."""

    def test_children_find_an_adopted_parent(self, database):
        prepare(database, USERS + "INSERT INTO users (email) VALUES ('ann@example.test')")
        posts = rows("posts", ["p"], {"title": ["t"]}, refs={"user": ("users", [0])})
        applied(database, users("ann"), posts, adopt=True)
        assert execute(database, "SELECT user_id, title FROM posts") == [(1, "t")]

    def test_another_label_for_the_same_natural_key_keeps_the_row(self, database):
        prepare(database, USERS)
        applied(
            database, rows("users", ["old"], {"email": ["a@x.test"], "name": ["A"]}, key=["email"])
        )
        renamed = rows("users", ["new"], {"email": ["a@x.test"], "name": ["B"]}, key=["email"])
        assert counts(applied(database, renamed))["users"] == {"update": 1}
        assert execute(database, "SELECT id, name FROM users") == [(1, "B")]
        assert not applied(database, renamed).changed

    def test_a_row_can_take_a_natural_key_that_another_one_gives_up(self, database):
        prepare(database, USERS)
        applied(database, rows("users", ["a"], {"email": ["x@x.test"]}, key=["email"]))
        swapped = rows("users", ["b", "a"], {"email": ["x@x.test", "y@x.test"]}, key=["email"])
        assert counts(applied(database, swapped))["users"] == {"create": 1, "update": 1}
        assert execute(database, "SELECT id, email FROM users ORDER BY id") == [
            (1, "y@x.test"),
            (2, "x@x.test"),
        ]

    def test_a_row_whose_id_somebody_changed_is_adopted_and_not_called_deleted(self, database):
        prepare(database, USERS)
        ann = rows("users", ["ann"], {"email": ["a@x.test"]}, key=["email"])
        applied(database, ann)
        execute(database, "UPDATE users SET id = 7")
        found = planned(database, ann)
        assert counts(found)["users"] == {"adopt": 1}
        assert not [note for note in found.notes if "deleted" in note]

    def test_a_unique_value_that_a_pruned_row_gives_up_can_be_used(self, database):
        prepare(database, "CREATE TABLE t (id serial PRIMARY KEY, slug text UNIQUE)")
        applied(database, rows("t", ["old"], {"slug": ["x"]}))
        assert counts(applied(database, rows("t", ["new"], {"slug": ["x"]})))["t"] == {
            "create": 1,
            "prune": 1,
        }


class TestHeld:
    """A row of ours that somebody else's row depends on is not pruned: fault 55."""

    def test_a_cascade_to_rows_of_others_is_listed_and_refused(self, database):
        prepare(database, USERS)
        applied(database, users("ann", "bob"))
        execute(database, "INSERT INTO posts (user_id, title) VALUES (2, 'theirs')")
        before = traces(database, "users", "posts")
        plan = planned(database, users("ann"))
        assert counts(plan)["users"] == {"unchanged": 1, "prune": 1}
        assert len(plan.obstacles) == 1
        with pytest.raises(
            Drift, match=r"1 row of public.users: referred to by rows of public.posts \(user_id\)"
        ):
            applied(database, users("ann"))
        assert traces(database, "users", "posts") == before

    def test_an_edited_row_to_keep_that_refers_to_a_row_to_prune_is_named_before_anything_is_written(
        self, database
    ):
        prepare(database, USERS)
        one = rows("posts", ["p", "q"], {"title": ["t", "u"]}, refs={"user": ("users", [1, 1])})
        applied(database, users("ann", "bob"), one)
        execute(database, "UPDATE posts SET title = 'x' WHERE id = 1")
        moved = rows("posts", ["p", "q"], {"title": ["t", "u"]}, refs={"user": ("users", [0, 0])})
        before = traces(database, "users", "posts")
        with pytest.raises(Drift, match="edited and kept: p; --overwrite-edits lets go") as caught:
            applied(database, users("ann"), moved, edits="keep")
        assert "1 row of public.users" in str(caught.value)
        assert traces(database, "users", "posts") == before
        applied(database, users("ann"), moved, edits="overwrite")

    def test_only_leaves_rows_of_other_tables_in_peace(self, database):
        prepare(database, USERS)
        posts = rows("posts", ["p"], {"title": ["t"]}, refs={"user": ("users", [1])})
        applied(database, users("ann", "bob"), posts)
        with pytest.raises(Drift, match=r"referred to by rows of public.posts"):
            applied(database, users("ann"), only=("users",))


class TestOnly:
    """--only and --skip write some tables and find the others through the ledger."""

    def test_a_table_left_out_is_resolved_through_the_ledger(self, database):
        prepare(database, USERS)
        applied(database, users("ann", "bob"))
        posts = rows("posts", ["p"], {"title": ["t"]}, refs={"user": ("users", [1])})
        done = applied(database, users("ann", "bob"), posts, only=("posts",))
        assert counts(done) == {"users": {}, "posts": {"create": 1}}
        assert execute(database, "SELECT user_id FROM posts") == [(2,)]

    def test_a_row_that_is_not_there_is_named(self, database):
        prepare(database, USERS)
        posts = rows("posts", ["p"], {"title": ["t"]}, refs={"user": ("users", [0])})
        with pytest.raises(
            Exception, match=r"p: public.posts.user_id: refers to a row of public.users"
        ):
            applied(database, users("ann"), posts, skip=("users",))

    def test_a_table_left_out_need_not_exist(self, database):
        prepare(database, USERS)
        logs = rows("logs", ["l"], {"what": ["x"]}, refs={"user": ("users", [0])})
        done = applied(database, users("ann"), logs, skip=("logs",))
        assert counts(done) == {"users": {"create": 1}}
        with pytest.raises(InvalidInput, match="logs: the database has no such table"):
            applied(database, users("ann"), logs)

    def test_a_table_left_out_that_others_refer_to_must_exist(self, database):
        prepare(database, "CREATE TABLE posts (id serial PRIMARY KEY, user_id int)")
        posts = rows("posts", ["p"], refs={"user": ("users", [0])})
        with pytest.raises(InvalidInput, match="users: the database has no such table"):
            applied(database, users("ann"), posts, skip=("users",))

    def test_that_leave_nothing_are_a_mistake(self, database):
        prepare(database, USERS)
        with pytest.raises(InvalidInput, match="they leave no table to write"):
            applied(database, users("ann"), only=("users",), skip=("users",))

    def test_a_wrong_name_gets_the_nearest(self, database):
        prepare(database, USERS)
        with pytest.raises(Exception, match="did you mean 'users'"):
            applied(database, users("ann"), only=("user",))


class TestExchange:
    """Unique values move between rows of ours in one run."""

    NULLABLE = "CREATE TABLE t (id serial PRIMARY KEY, slug text UNIQUE, n int)"
    STRICT = "CREATE TABLE t (id serial PRIMARY KEY, slug text NOT NULL UNIQUE, n int)"

    @staticmethod
    def slugs(**slugs):
        return rows("t", list(slugs), {"slug": list(slugs.values())})

    @pytest.mark.parametrize("ddl", [NULLABLE, STRICT], ids=["nullable", "not-null"])
    def test_a_chain(self, database, ddl):
        prepare(database, ddl)
        applied(database, self.slugs(a="1", b="2", c="3"))
        applied(database, self.slugs(a="2", b="3", c="4"))
        assert execute(database, "SELECT id, slug FROM t ORDER BY id") == [
            (1, "2"),
            (2, "3"),
            (3, "4"),
        ]

    def test_a_circle(self, database):
        prepare(database, self.NULLABLE)
        applied(database, self.slugs(a="1", b="2", c="3"))
        applied(database, self.slugs(a="2", b="1", c="3"))
        assert execute(database, "SELECT id, slug FROM t ORDER BY id") == [
            (1, "2"),
            (2, "1"),
            (3, "3"),
        ]
        assert not applied(database, self.slugs(a="2", b="1", c="3")).changed

    @pytest.mark.parametrize(
        "index",
        ["(lower(slug))", "(slug) WHERE n IS NULL", '(slug COLLATE "C", coalesce(n, 0))'],
        ids=["expression", "partial", "several"],
    )
    @pytest.mark.parametrize("column", ["text", "text NOT NULL"])
    def test_chains_and_circles_of_expressions(self, database, index, column):
        """A chain in any case, a circle where the values may be NULL for a moment."""
        prepare(database, f"CREATE TABLE t (id serial PRIMARY KEY, slug {column}, n int)")
        execute(database, f"CREATE UNIQUE INDEX k ON t {index}")
        applied(database, self.slugs(a="c0", b="c1", c="c2", d="c3"))
        chain = self.slugs(a="C1", b="C2", c="C3", d="C4")
        if "lower" not in index:
            chain = self.slugs(a="c1", b="c2", c="c3", d="c4")
        assert not planned(database, chain).obstacles
        applied(database, chain)
        assert not applied(database, chain).changed
        circle = self.slugs(a="c2", b="c1", c="c3", d="c4")
        if column == "text":
            applied(database, circle)
            assert execute(database, "SELECT slug FROM t ORDER BY id LIMIT 2") == [("c2",), ("c1",)]
        else:
            with pytest.raises(InvalidInput, match="rows exchange the unique key k") as caught:
                applied(database, circle)
            assert "DEFERRABLE" not in caught.value.remedy
            assert [f.where for f in planned(database, circle).obstacles] == ["a"]
        assert not planned(database, self.slugs(a="C7", b="C8", c="C9", d="C0")).obstacles

    def test_a_circle_of_values_that_must_not_be_null_is_refused(self, database):
        prepare(database, self.STRICT)
        applied(database, self.slugs(a="1", b="2"))
        with pytest.raises(
            InvalidInput, match=r"rows exchange the unique key t_slug_key \(slug\)"
        ) as caught:
            applied(database, self.slugs(a="2", b="1"))
        assert "first with a value that no row has for a," in caught.value.remedy
        assert [f.where for f in planned(database, self.slugs(a="2", b="1")).obstacles] == ["a"]
        assert execute(database, "SELECT id, slug FROM t ORDER BY id") == [(1, "1"), (2, "2")]

    @pytest.mark.parametrize("way", ["deferrable", "twice"])
    def test_the_ways_out_of_such_a_circle_are_ways_out(self, database, way):
        prepare(database, self.STRICT)
        applied(database, self.slugs(a="1", b="2"))
        if way == "twice":
            applied(database, self.slugs(a="between", b="1"))
        else:
            execute(
                database,
                "ALTER TABLE t DROP CONSTRAINT t_slug_key; ALTER TABLE t ADD UNIQUE (slug) DEFERRABLE",
            )
        applied(database, self.slugs(a="2", b="1"))
        assert execute(database, "SELECT id, slug FROM t ORDER BY id") == [(1, "2"), (2, "1")]

    def test_a_new_row_takes_what_another_gives_up(self, database):
        prepare(database, self.STRICT)
        applied(database, self.slugs(a="1"))
        applied(database, self.slugs(a="2", b="1"))
        assert execute(database, "SELECT id, slug FROM t ORDER BY id") == [(1, "2"), (2, "1")]


def test_of_many_edited_rows_the_first_are_listed_and_the_others_counted(database):
    prepare(database, USERS)
    table = users(*(f"u{n}" for n in range(50)))
    applied(database, table)
    execute(database, "UPDATE users SET name = 'x'")
    with pytest.raises(Drift, match="users, 30 more rows: edited since") as caught:
        applied(database, table)
    assert len(caught.value.findings) == 21


class TestAnotherKey:
    """The primary key of a row that others refer to changes in the profile."""

    TAGS = """
    CREATE TABLE tags (slug text PRIMARY KEY, title text, hex text UNIQUE);
    CREATE TABLE posts (id serial PRIMARY KEY, tag text NOT NULL REFERENCES tags, title text);
    """

    @staticmethod
    def tables(*slugs):
        tags = rows("tags", ["a", "b"], {"slug": list(slugs), "hex": ["1", "2"]}, key=["slug"])
        refs = {"tag": ("tags", [0, 0, 1])}
        return tags, rows("posts", ["p", "q", "r"], {"title": ["t", "u", "v"]}, refs=refs)

    def test_our_rows_that_refer_to_it_follow(self, database):
        prepare(database, self.TAGS)
        applied(database, *self.tables("red", "blue"))
        plan = planned(database, *self.tables("green", "blue"))
        assert counts(plan) == {
            "tags": {"create": 1, "unchanged": 1, "prune": 1},
            "posts": {"update": 2, "unchanged": 1},
        }
        applied(database, *self.tables("green", "blue"))
        assert execute(database, "SELECT slug, hex FROM tags ORDER BY 1") == [
            ("blue", "2"),
            ("green", "1"),
        ]
        assert execute(database, "SELECT id, tag FROM posts ORDER BY 1") == [
            (1, "green"),
            (2, "green"),
            (3, "blue"),
        ]
        assert not applied(database, *self.tables("green", "blue")).changed

    def test_a_composite_key_is_followed_too(self, database):
        prepare(
            database,
            "CREATE TABLE p (a int, b text, PRIMARY KEY (a, b));"
            "CREATE TABLE c (id serial PRIMARY KEY, a int, b text, FOREIGN KEY (a, b) REFERENCES p)",
        )

        def tables(b):
            child = rows("c", ["y"], refs={"p": ("p", [0], ("a", "b"))})
            return rows("p", ["x"], {"a": [1], "b": [b]}), child

        applied(database, *tables("old"))
        applied(database, *tables("new"))
        assert execute(database, "SELECT * FROM c") == [(1, 1, "new")]
        assert execute(database, "SELECT * FROM p") == [(1, "new")]
        assert not applied(database, *tables("new")).changed

    def test_rows_of_others_that_refer_to_it_are_in_the_way(self, database):
        prepare(database, self.TAGS)
        applied(database, *self.tables("red", "blue"))
        execute(database, "INSERT INTO posts (tag) VALUES ('red')")
        before = traces(database, "tags", "posts")
        assert len(planned(database, *self.tables("green", "blue")).obstacles) == 1
        with pytest.raises(Drift, match=r"1 row of public.tags: referred to by rows of public.pos"):
            applied(database, *self.tables("green", "blue"))
        assert traces(database, "tags", "posts") == before

    def test_a_foreign_key_that_passes_it_on_needs_no_new_row(self, database):
        prepare(database, self.TAGS.replace("REFERENCES tags", "REFERENCES tags ON UPDATE CASCADE"))
        applied(database, *self.tables("red", "blue"))
        done = applied(database, *self.tables("green", "blue"))
        assert counts(done)["tags"] == {"update": 1, "unchanged": 1}

    TREE = "CREATE TABLE t (slug text PRIMARY KEY, up text REFERENCES t ON UPDATE {})"

    @staticmethod
    def tree(slug):
        return rows("t", ["a", "b"], {"slug": [slug, "leaf"]}, refs={"up": ("t", [None, 0])})

    def test_rows_of_the_same_table_follow_in_the_same_statement(self, database):
        prepare(database, self.TREE.format("NO ACTION"))
        applied(database, self.tree("root"))
        applied(database, self.tree("stem"))
        assert execute(database, "SELECT * FROM t ORDER BY 1") == [
            ("leaf", "stem"),
            ("stem", None),
        ]
        assert not applied(database, self.tree("stem")).changed

    def test_rows_of_the_same_table_that_cannot_follow_are_named(self, database):
        prepare(database, self.TREE.format("RESTRICT"))
        applied(database, self.tree("root"))
        with pytest.raises(
            InvalidInput, match=r"a: public\.t\.slug: .*the tables refer to each other"
        ):
            planned(database, self.tree("stem"))

    def test_where_that_cannot_be_the_plan_says_so(self, database):
        prepare(database, self.TAGS + "ALTER TABLE tags ALTER hex SET NOT NULL")
        applied(database, *self.tables("red", "blue"))
        with pytest.raises(InvalidInput, match=r"tags_hex_key \(hex\) lets no") as caught:
            planned(database, *self.tables("green", "blue"))
        assert "a: public.tags.slug: changes, and rows of public.posts (tag)" in str(caught.value)
        assert "posts_tag_fkey ON UPDATE CASCADE" in str(caught.value)


class TestAnotherKeyByHand:
    """Somebody changed the primary key of a row of ours: it is edited, not gone."""

    TAGS = TestAnotherKey.TAGS.replace("REFERENCES tags", "REFERENCES tags ON UPDATE CASCADE")

    def test_a_renamed_row_is_edited_and_not_made_anew(self, database):
        prepare(database, self.TAGS)
        tables = TestAnotherKey.tables("red", "blue")
        applied(database, *tables)
        execute(database, "UPDATE tags SET slug = 'crimson' WHERE slug = 'red'")
        with pytest.raises(Drift, match="tags a: edited since: slug"):
            applied(database, *tables)
        for _ in range(2):
            applied(database, *tables, edits="keep")
            assert execute(database, "SELECT slug FROM tags ORDER BY 1") == [
                ("blue",),
                ("crimson",),
            ]
        applied(database, *tables, edits="overwrite")
        assert execute(database, "SELECT slug FROM tags ORDER BY 1") == [("blue",), ("red",)]
        assert execute(database, "SELECT tag FROM posts ORDER BY id") == [
            ("red",),
            ("red",),
            ("blue",),
        ]
        assert not applied(database, *tables).changed

    def test_a_row_moved_to_another_partition_is_found_by_the_rest_of_its_key(self, database):
        prepare(
            database,
            "CREATE TABLE logs (id bigserial, at timestamp, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
            "CREATE TABLE logs_rest PARTITION OF logs DEFAULT",
        )
        logs = rows("logs", ["a", "b"], {"at": ["2025-05-01", "2025-05-02"], "what": ["x", "x"]})
        applied(database, logs)
        execute(database, "UPDATE logs SET at = '2026-01-01' WHERE id = 2")
        with pytest.raises(Drift, match="logs b: edited since: at"):
            applied(database, logs)
        applied(database, logs, edits="overwrite")
        assert execute(database, "SELECT id, at::text FROM logs ORDER BY 1") == [
            (1, "2025-05-01 00:00:00"),
            (2, "2025-05-02 00:00:00"),
        ]
        assert not applied(database, logs).changed

    def test_a_deleted_row_is_still_made_anew(self, database):
        prepare(database, self.TAGS)
        tables = TestAnotherKey.tables("red", "blue")
        applied(database, *tables)
        execute(database, "DELETE FROM posts; DELETE FROM tags WHERE slug = 'red'")
        assert counts(applied(database, *tables))["tags"] == {"create": 1, "unchanged": 1}
