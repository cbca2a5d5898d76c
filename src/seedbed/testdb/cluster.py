"""What belongs to a whole server of ours and to none of its databases: roles, settings, other databases.

A data directory that is kept takes all of it along. What a schema makes belongs to the templates; what tests leave does
not, and would be in the way of the next run's. So it is noted after each building what there is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from psycopg import sql

from seedbed.errors import DatabaseFailure
from seedbed.testdb.connecting import connect
from seedbed.testdb.host import Host
from seedbed.testdb.registry import Registry, Template
from seedbed.testdb.tables import TablesFailure

_FACT = "cluster"
_LOCK = "the building of templates, one at a time"
_TAKEN = "42710"
"""duplicate_object: a role of that name is there already."""

# Databases of ours are the registry's. Of the database that everybody may connect to, what is in it counts, too.
_CENSUS = """
SELECT 'role ' || rolname, md5(a::text) FROM pg_authid a
UNION ALL
SELECT 'membership of ' || m.member::regrole || ' in ' || m.roleid::regrole, md5(string_agg(m::text, '' ORDER BY m::text))
FROM pg_auth_members m GROUP BY m.member, m.roleid
UNION ALL
SELECT 'database ' || datname, md5(concat_ws(' ', datdba, datallowconn, datconnlimit, datistemplate, datacl))
FROM pg_database WHERE datname !~ '^seedbed_'
UNION ALL
SELECT 'setting of ' || coalesce(r.rolname, 'all roles') || ' in ' || coalesce(d.datname, 'all databases'), md5(s.setconfig::text)
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
WHERE d.datname IS NULL OR d.datname !~ '^seedbed_'
UNION ALL
SELECT 'tablespace ' || spcname, md5(concat_ws(' ', spcowner, spcacl, spcoptions)) FROM pg_tablespace
UNION ALL
SELECT 'ALTER SYSTEM SET ' || name, md5(setting) FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf'
UNION ALL
SELECT 'relation ' || c.oid::regclass || ' in the database ' || current_database(), '' FROM pg_class c WHERE c.oid >= 16384
UNION ALL
SELECT 'function ' || p.oid::regproc || ' in the database ' || current_database(), '' FROM pg_proc p WHERE p.oid >= 16384
UNION ALL
SELECT 'schema ' || quote_ident(n.nspname) || ' in the database ' || current_database(), '' FROM pg_namespace n WHERE n.oid >= 16384
UNION ALL
SELECT 'extension ' || e.extname || ' in the database ' || current_database(), '' FROM pg_extension e
"""

Census = dict[str, str]


def begin(registry: Registry, host: Host) -> None:
    """Note what a new server of ours has, before any test can have changed it; one with templates brings its note along."""
    if _noted(registry) is None:
        _note(registry, _census(host))


def build_alone(
    registry: Registry, host: Host, key: str, build: Callable[[], Template]
) -> Template:
    """Build a template on a server of ours, and note what that made beside it.

    Where a role of an earlier run's template is in the way, that template and the role go first.

    Args:
        registry: the server's.
        host: the server.
        key: the template's.
        build: builds it.
    """
    with registry.alone(_LOCK):
        clean = _census(host) == _noted(registry)
        try:
            template = build()
        except TablesFailure as failure:
            if failure.sqlstate != _TAKEN or not (clean and _forgot_earlier(registry, key)):
                raise
            template = build()
        if clean:
            _note(registry, _census(host))
    return template


def changes(registry: Registry, host: Host) -> list[str]:
    """Return what differs from what the buildings of templates left, by name."""
    noted, now = _noted(registry) or {}, _census(host)
    return sorted(name for name in {*noted, *now} if noted.get(name) != now.get(name))


def _forgot_earlier(registry: Registry, key: str) -> bool:
    """Drop the templates of earlier runs that this one has not used, and the roles that schemas made; says whether it could."""
    registry.drop_all(
        "kind = 'template' AND (key = %s OR key IS NULL OR used_at < (SELECT heartbeat FROM runs WHERE id = %s))",
        [key, registry.run],
    )
    roles: Iterable[tuple[Any, ...]] = registry.execute(
        "SELECT rolname FROM pg_roles WHERE oid >= 16384"
    )
    try:
        with registry.transaction():
            for (name,) in roles:
                registry.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    except DatabaseFailure:  # 2BP01: a template of this run has something of it
        return False
    return True


def _census(host: Host) -> Census:
    with connect(host.admin) as connection:
        return dict(connection.execute(_CENSUS).fetchall())


def _noted(registry: Registry) -> Census | None:
    rows = registry.execute("SELECT value FROM facts WHERE name = %s", [_FACT])
    return json.loads(rows[0][0]) if rows else None


def _note(registry: Registry, census: Census) -> None:
    registry.execute(
        "INSERT INTO facts VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [_FACT, json.dumps(census)],
    )
