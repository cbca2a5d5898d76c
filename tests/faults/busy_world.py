"""A small world in which one apply does everything it can do at once; also the program that is killed while it does it.

As a program it stays, forks for every line of its standard input a process that applies, and says how that ended: what takes long,
the imports, is done once.
"""

from __future__ import annotations

import os
import sys

from given import applied, execute, prepare, rows
from psycopg.conninfo import conninfo_to_dict

DDL = """
CREATE TABLE teams (id serial PRIMARY KEY, code text NOT NULL UNIQUE, slug text UNIQUE, size int NOT NULL DEFAULT 0);
CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), team_id int NOT NULL REFERENCES teams,
                     note text, updated_at timestamp);
ALTER TABLE teams ADD lead_id uuid REFERENCES people;
CREATE TABLE tags (slug text PRIMARY KEY, shade text);
CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tag text NOT NULL REFERENCES tags,
                    team_id int REFERENCES teams, body text, length int GENERATED ALWAYS AS (length(body)) STORED);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at = '2026-01-01'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN UPDATE teams SET size = size + 1 WHERE id = NEW.team_id; RETURN NULL; END $$;
CREATE TRIGGER grow AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION grow();
"""
THEIRS = """
INSERT INTO teams (code, slug) VALUES ('theirs', 'theirs'), ('d', 'made by hand');
INSERT INTO people (id, team_id, note) SELECT '00000000-0000-0000-0000-000000000001', id, 'theirs' FROM teams WHERE code = 'theirs';
INSERT INTO tags VALUES ('theirs');
INSERT INTO posts (tag, body) VALUES ('theirs', 'theirs');
UPDATE people SET note = 'edited by hand' WHERE note = 'ann';
DELETE FROM people WHERE note = 'dan';
"""
LONG = "x" * 900


def tables(teams, people, tags, posts):
    """Return the world's tables from what is to be told apart."""
    codes = list(teams)
    return (
        rows(
            "teams",
            codes,
            {"code": codes, "slug": list(teams.values())},
            refs={"lead": ("people", [0] * len(codes))},
            key=["code"],
        ),
        rows(
            "people",
            list(people),
            {"note": list(people)},
            refs={"team": ("teams", [codes.index(code) for code in people.values()])},
        ),
        rows("tags", list(tags), {"slug": list(tags.values()), "shade": list(tags)}),
        rows(
            "posts",
            [f"{tag} {number}" for tag, number in posts],
            {"body": [f"{number} {LONG}" for _, number in posts]},
            refs={
                "tag": ("tags", [list(tags).index(tag) for tag, _ in posts]),
                "team": ("teams", [number % len(codes) for _, number in posts]),
            },
        ),
    )


def old():
    """Return what the profile said before."""
    return tables(
        {"a": "x", "b": "y", "c": "z"},
        {"ann": "a", "bob": "b", "cyd": "c", "dan": "a"},
        {"red": "crimson", "blue": "azure", "grey": "grey"},
        [(tag, number) for tag in ("red", "blue") for number in range(3)],
    )


def new():
    """Return what it says now.

    Team c goes, d is there already (to be adopted), e is made; a and b swap their slugs; ann was edited by hand, bob changes teams, cyd
    goes, dan was deleted, eve is made; the tag red gets another key, to which posts refer; grey goes; and many posts are made.
    """
    return tables(
        {"a": "y", "b": "x", "d": "w", "e": "v"},
        {"ann": "a", "bob": "d", "dan": "e", "eve": "e"},
        {"red": "scarlet", "blue": "azure", "green": "green"},
        [(tag, number) for tag in ("red", "blue", "green") for number in range(100)],
    )


def make_old(url):
    """Bring an empty database to the old state: the old profile, rows of others, edits by hand."""
    prepare(url, DDL)
    applied(url, *old())
    execute(url, THEIRS)


def make_bare(url):
    """Bring an empty database to the state before seedbed: tables without rows, no ledger."""
    execute(url, DDL)


def apply_old(url):
    """Apply the old profile; nobody else may hold the lock, so that one which was left behind shows."""
    return applied(url, *old(), wait=False)


def apply_new(url):
    """Apply the new profile over the old one, edits and rows of others."""
    return applied(url, *new(), edits="overwrite", adopt=True, wait=False)


def clean(url):
    """Empty the tables and apply the new profile."""
    name = str(conninfo_to_dict(url)["dbname"])
    return applied(url, *new(), clean=True, confirm=name, backup=False, wait=False)


RUNS = {"first": apply_old, "next": apply_new, "clean": clean}
"""What can be done to a state: the first apply, which makes the ledger; the next one, which does everything; one that cleans."""
MAKERS = {"first": make_bare, "next": make_old, "clean": make_old}


def serve():
    """Do what each line says, in a process of its own: a name of `RUNS` and a database."""
    for line in sys.stdin:
        name, url = line.split()
        pid = os.fork()
        if not pid:
            RUNS[name](url)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
