"""Templates: built once per fingerprint under a private name, connections off, renamed last; complete or absent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from typing import Any

import psycopg
from psycopg import Connection, sql

from seedbed.errors import InvalidInput
from seedbed.settings import Said
from seedbed.source import Source
from seedbed.testdb.blueprint import Blueprint, Manifest, today
from seedbed.testdb.cluster import build_alone
from seedbed.testdb.connecting import connect, failure
from seedbed.testdb.copying import create_database, fastest_way
from seedbed.testdb.host import Host
from seedbed.testdb.reading import noting
from seedbed.testdb.registry import Registry, Template

_SMALL = 100_000_000
"""Bytes up to which rewriting a database takes no longer than a few copies of it."""

ORIGIN = "the pytest plugin"
"""Who says what a test database is for."""
_HOOK = "pytest_seedbed_schema"


def ensure_template(host: Host, registry: Registry, blueprint: Blueprint) -> tuple[Template, bool]:
    """Return a template of a blueprint, and whether it had to be built.

    Raises:
        SeedbedError: one of its kinds: the project cannot be imported, the profile does not fit the tables ...
    """
    key = blueprint.fingerprint(host.version)
    found = _usable(registry, key)
    if found:
        return found, False
    with registry.alone(key):
        found = _usable(registry, key)
        if found:
            return found, False
        return _build(host, registry, blueprint, key), True


def _usable(registry: Registry, key: str) -> Template | None:
    found = registry.template(key)
    return found if found and Manifest.read(found.manifest).holds else None


def _build(host: Host, registry: Registry, blueprint: Blueprint, key: str) -> Template:
    if host.root:
        return build_alone(registry, host, key, lambda: _built(host, registry, blueprint, key))
    return _built(host, registry, blueprint, key)


def _built(host: Host, registry: Registry, blueprint: Blueprint, key: str) -> Template:
    draft = registry.reserve("draft")[0]
    create_database(registry, draft, way=fastest_way(registry))
    try:
        with noting() as readings:
            manifest = fill(blueprint, host.url(draft))
        manifest = manifest.with_files(readings.of_project(blueprint.root))
    except BaseException:
        registry.drop(draft, force=True)
        raise
    # A run that copies an older one right now keeps it, so that this one has a name of its own.
    stale = registry.template(key)
    if stale and not registry.drop(stale.name):
        registry.execute("UPDATE databases SET key = NULL WHERE name = %s", [stale.name])
    template = Template(f"seedbed_template_{key}_{draft[-4:]}", key, manifest.text())
    registry.publish(draft, template)
    return template


def fill(blueprint: Blueprint, url: str) -> Manifest:
    """Make tables and rows in an empty database of ours, through the engine and its guard."""
    from seedbed.apply import apply
    from seedbed.birth import stamp_at_birth
    from seedbed.options import Options
    from seedbed.testdb.schema import make_schema

    wanted, environment = _source(blueprint)
    # We made this database: a migration's rows in it are no reason to doubt what it is for.
    stamp_at_birth(url, environment)
    dated = wanted.as_of is None
    if dated:
        wanted = replace(wanted, as_of=datetime.combine(today(), time()))
    prepared = _prepared(blueprint, url)
    if not (prepared or blueprint.schema or wanted.metadata is not None):
        raise InvalidInput(
            f"nothing says where the tables of the project in {blueprint.root} come from",
            remedy='Say schema = "package.models:Base" in [tool.seedbed] of pyproject.toml, or seedbed_schema in the ini file.',
        )
    if blueprint.schema and not prepared:
        make_schema(blueprint.root, blueprint.schema, url)
    if prepared or blueprint.schema:
        wanted = replace(wanted, metadata=None)
    done = apply(wanted, url, Options(environment=Said(environment, ORIGIN)))
    with connect(url) as connection:
        rows = count_rows(connection)
    compact(url)
    return Manifest.of_this_process(blueprint.root, done.as_of, wanted.seed, rows, dated=dated)


def _prepared(blueprint: Blueprint, url: str) -> bool:
    """Let a hook of the project make the tables; says whether it did."""
    from seedbed.testdb.tables import making, require_tables

    if blueprint.prepare is None:
        return False
    with making(blueprint.root, _HOOK, url):
        prepared = bool(blueprint.prepare(url))
    if prepared:
        require_tables(_HOOK, url)
    return prepared


def _source(blueprint: Blueprint) -> tuple[Source, str]:
    """Return the blueprint's profile, ready to be evaluated, and what its database is for."""
    from seedbed.testdb.whose import source_of

    wanted = source_of(blueprint)
    return wanted, "testing" if "testing" in wanted.environments else wanted.environments[0]


def compact(url: str) -> None:
    """Rewrite a small database with as few files and pages as can be: how long a copy takes depends on its files more than on its rows."""
    with connect(url) as connection:
        connection.autocommit = True
        try:
            size = connection.execute(
                "SELECT pg_catalog.pg_database_size(current_database())"
            ).fetchone()
            if size and size[0] < _SMALL:
                connection.execute("VACUUM (FULL, FREEZE)")
        except psycopg.Error as error:
            raise failure(error) from None


def count_rows(connection: Connection[Any]) -> dict[str, int]:
    """Return how many rows each table of a database holds, the ledger's apart."""
    tables = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed') "
        "AND n.nspname !~ '^pg_t(emp|oast)' ORDER BY 1, 2"
    ).fetchall()
    counts = {}
    for schema, name in tables:
        query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, name))
        row = connection.execute(query).fetchone()
        counts[name if schema == "public" else f"{schema}.{name}"] = row[0] if row else 0
    return counts


def restore(blueprint: Blueprint, url: str, as_of: datetime) -> None:
    """Bring the profile's rows in a clone of ours back to what the profile says."""
    from seedbed.apply import apply
    from seedbed.birth import stamp_at_birth
    from seedbed.options import Options

    wanted, environment = _source(blueprint)
    # A clone carries its template's stamp, which the guard rightly takes for another database's.
    stamp_at_birth(url, environment)
    options = Options(environment=Said(environment, ORIGIN), edits="overwrite", create=False)
    apply(replace(wanted, as_of=as_of, metadata=None), url, options)
