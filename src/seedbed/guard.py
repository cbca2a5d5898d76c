"""The guard: nothing is written before the server connected to has been asked what it is.

The questions go over the connection that will write, inside its transaction, so that neither a URL's oddities nor a reconnect to
another server can get in between. The use cases call `judge`; there is no way around it for callers from Python.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from seedbed import ledger
from seedbed.environment import (
    KNOWN,
    Environment,
    Patterns,
    Site,
    Stamp,
    Step,
    Verdict,
    admit,
    allow,
    read_environment,
    read_patterns,
    weigh,
)
from seedbed.errors import InvalidInput, Refused
from seedbed.settings import Permissions, Said, read_permissions, read_settings

_BOOKKEEPING = (
    "alembic_version",
    "ar_internal_metadata",
    "databasechangelog",
    "databasechangeloglock",
    "django_migrations",
    "flyway_schema_history",
    "schema_migrations",
)
"""Tables in which migration tools keep their own notes: rows in them are nobody's data."""

_SHOWN = 5
"""How many of the tables with rows a refusal names."""

_SITE = """
SELECT current_database(), d.oid, pg_catalog.pg_is_in_recovery()
FROM pg_catalog.pg_database d WHERE d.datname = current_database()
"""

_STAMP = """
SELECT environment, system_identifier, database_oid, stamped_at, stamped_by,
       coalesce((pg_catalog.to_jsonb(s) ->> 'born')::bool, false) FROM seedbed.stamp s
"""
"""Through JSON, for a ledger that was made before the column has none."""

_CANDIDATES = """
SELECT n.nspname, c.relname,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND NOT pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND pg_catalog.pg_relation_size(c.oid) > 0
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', %(ours)s)
  AND lower(c.relname) <> ALL (%(bookkeeping)s)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e'
                  AND e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid)
ORDER BY 1, 2
"""
"""Tables, and partitions, that take space, and whether this role would see all of their rows."""


def judge(
    connection: Connection[Any],
    *,
    profile: str,
    environments: Sequence[str],
    production_safe: bool = False,
    said: Said | None = None,
    confirm: str | None = None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Return what the database connected to is for, if a profile may be written to it.

    Call it inside the transaction that will write; where the verdict is ``unstamped``, call `stamp_verdict` before committing.

    Args:
        connection: the one that will write.
        profile: the profile's name, for the message.
        environments: where the profile may go; an empty local database nobody says anything about becomes the first of them.
        production_safe: whether it may go to production, too.
        said: what the operator says the database is for, and where; None where nothing was said.
        confirm: the database's name, where the operator repeated it.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        Refused: it may not be written to; all the evidence is listed.
        InvalidInput: the operator's word, or the profile's, is no environment.
    """
    allowed = _read(environments)
    verdict = weigh(survey(connection), said, allowed, _patterns(patterns))
    verdict = admit(verdict, profile, allowed, production_safe=production_safe, confirm=confirm)
    if verdict.refusal:
        raise _refusal(verdict)
    return verdict


def permit(
    connection: Connection[Any],
    step: Step,
    *,
    confirm: str | None,
    said: Said | None = None,
    permissions: Permissions | None = None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Return what the database connected to is for, if rows may be taken away from it.

    Call it inside the transaction that will do so. Where the verdict is ``born``, seedbed created the database and no backup is asked
    for; anywhere else, `seedbed.backup` has to be offered.

    Args:
        connection: the one that will write.
        step: what is about to be done.
        confirm: the database's name, repeated; nothing else will do.
        said: what the operator says the database is for, and where; None where nothing was said.
        permissions: what the variables DB_RESET_CONFIRM and the like allow; those of this process by default.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        Refused: it may not be done; all the evidence is listed.
        InvalidInput: the operator's word is no environment.
    """
    verdict = weigh(survey(connection), said, (), _patterns(patterns))
    allowed = read_permissions() if permissions is None else permissions
    verdict = allow(verdict, step, confirm=confirm, said=allowed)
    if verdict.refusal:
        raise _refusal(verdict)
    return verdict


def stamp_at_birth(connection: Connection[Any], environment: str) -> None:
    """Write into a database that seedbed has just created what it is for, and that it did; the caller commits.

    Args:
        connection: to that database.
        environment: what it is for, in any spelling.

    Raises:
        InvalidInput: there is no such environment.
    """
    wanted = read_environment(Said(environment, "a new database's environment"))
    _write(connection, survey(connection, look_inside=False), wanted, born=True)


def explain(
    connection: Connection[Any],
    *,
    environments: Sequence[str] = (),
    said: Said | None = None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Return what the database connected to is taken for, with the evidence; a refusal is told, not raised.

    Args:
        connection: to that database.
        environments: where a profile may go, if there is one in question; see `judge`.
        said: what the operator says the database is for, and where.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        InvalidInput: the operator's word, or the profile's, is no environment.
    """
    return weigh(survey(connection), said, _read(environments), _patterns(patterns))


def stamp(
    connection: Connection[Any],
    environment: str,
    *,
    confirm: str | None,
    patterns: Patterns | None = None,
) -> Verdict:
    """Write down what a database is for, whatever it holds; the caller commits.

    Args:
        connection: to that database.
        environment: what it is for, in any spelling.
        confirm: the database's name, repeated: what makes this deliberate.
        patterns: what the project says of names; the project of the current folder by default.

    Raises:
        Refused: the name was not repeated, the host's or database's name says otherwise, or the server is a standby.
        InvalidInput: there is no such environment.
    """
    said = Said(environment, "seedbed stamp")
    wanted = read_environment(said)
    found = survey(connection, look_inside=False)
    if confirm != found.database:
        raise Refused(
            f"a stamp needs the name of the database it is for, {found.database}, said once more",
            remedy=f"If you mean it: seedbed stamp {wanted} --confirm {found.database}",
        )
    verdict = weigh(found.without_stamp(), said, (), _patterns(patterns))
    if verdict.refusal:
        raise _refusal(verdict)
    _write(connection, found, verdict.environment, born=found.born)
    return verdict


def stamp_verdict(connection: Connection[Any], verdict: Verdict) -> None:
    """Write a verdict into the ledger, which is made if there is none; the caller commits."""
    if verdict.environment not in KNOWN:
        raise InvalidInput(f"a database cannot be stamped {verdict.environment}")
    _write(connection, verdict.site, verdict.environment, born=verdict.born)


def survey(connection: Connection[Any], *, look_inside: bool = True) -> Site:
    """Return the server and database a connection leads to, as the server itself describes them.

    Args:
        connection: an open one.
        look_inside: whether to look for rows where there is no stamp.
    """
    row = connection.execute(_SITE).fetchone()
    assert row is not None
    database, oid, standby = row
    written = _stamp(connection)
    return Site(
        database=database,
        database_oid=oid,
        system_identifier=_system_identifier(connection),
        host=connection.info.host,
        address=connection.info.hostaddr,
        local=_is_local(connection.info),
        standby=standby,
        occupied=_occupied(connection) if look_inside and written is None else (),
        stamp=written,
    )


def _patterns(given: Patterns | None) -> Patterns:
    return read_patterns(read_settings().environments) if given is None else given


def _read(environments: Sequence[str]) -> list[Environment]:
    return [read_environment(Said(each, "the profile's environments")) for each in environments]


def _write(
    connection: Connection[Any], site: Site, environment: Environment, *, born: bool
) -> None:
    ledger.write_stamp(
        connection, str(environment), site.system_identifier, site.database_oid, born=born
    )


def _stamp(connection: Connection[Any]) -> Stamp | None:
    try:
        absent = connection.execute("SELECT pg_catalog.to_regclass('seedbed.stamp') IS NULL")
        row = None if absent.fetchone() == (True,) else connection.execute(_STAMP).fetchone()
    except errors.InsufficientPrivilege:  # 42501, from the schema or the table
        role = sql.Identifier(connection.info.user).as_string(connection)
        raise Refused(
            f"refused: role {role} may not read what seedbed wrote down about this database",
            remedy="GRANT USAGE ON SCHEMA seedbed, and SELECT, INSERT, UPDATE and DELETE on its tables, "
            f"TO {role}",
        ) from None
    return None if row is None else Stamp(*row)


def _system_identifier(connection: Connection[Any]) -> str:
    """Return the number of the server's data directory, or nothing where the role may not ask for it."""
    query = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"
    try:
        with connection.transaction():
            row = connection.execute(query).fetchone()
    except errors.InsufficientPrivilege:  # 42501; the savepoint keeps the transaction usable
        return ""
    return str(row[0]) if row else ""


def _is_local(info: psycopg.ConnectionInfo) -> bool:
    """Say whether a connection goes through a socket or to a loopback address, whatever names led there."""
    if info.host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(info.hostaddr).is_loopback
    except ValueError:
        return False


def _occupied(connection: Connection[Any]) -> tuple[str, ...]:
    """Return the first few tables that hold rows, or whose rows this role might not see."""
    parameters = {"ours": ledger.SCHEMA, "bookkeeping": list(_BOOKKEEPING)}
    found: list[str] = []
    for schema, name, visible in connection.execute(_CANDIDATES, parameters).fetchall():
        if not visible or _has_rows(connection, schema, name):
            found.append(name if schema == "public" else f"{schema}.{name}")
        if len(found) == _SHOWN:
            break
    return tuple(found)


def _has_rows(connection: Connection[Any], schema: str, name: str) -> bool:
    table = sql.Identifier(schema, name)
    row = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(table)
    ).fetchone()
    return row == (True,)


def _refusal(verdict: Verdict) -> Refused:
    site = verdict.site
    place = "a local socket" if site.host.startswith(("/", "@")) else site.host
    where = f"database {site.database} on {place}"
    findings = [each.as_finding() for each in verdict.evidence]
    return Refused(
        f"refused: {verdict.refusal} [{where}]", findings=findings, remedy=verdict.remedy
    )
