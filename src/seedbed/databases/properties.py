"""What a database is beside its contents: owner, encoding, locale, settings, grants, comment; and giving them to another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

from seedbed.errors import DatabaseFailure, Finding

_PROPERTIES = """
SELECT pg_catalog.to_jsonb(d) || pg_catalog.jsonb_build_object(
    'owner', pg_catalog.pg_get_userbyid(d.datdba), 'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
    'tablespace', (SELECT spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace),
    'comment', pg_catalog.shobj_description(d.oid, 'pg_database'))
FROM pg_catalog.pg_database d WHERE d.datname = %s
"""
_SETTINGS = """
SELECT r.rolname, s.setting FROM pg_catalog.pg_db_role_setting c
JOIN pg_catalog.pg_database d ON d.oid = c.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = c.setrole,
LATERAL unnest(c.setconfig) AS s(setting) WHERE d.datname = %s AND (c.setrole = 0 OR r.rolname IS NOT NULL)
"""
_GRANTS = """
SELECT g.rolname, a.privilege_type, a.is_grantable FROM pg_catalog.pg_database d,
LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
WHERE d.datname = %s AND (a.grantee = 0 OR g.rolname IS NOT NULL)
"""
_RIGHTS = """
SELECT r.rolsuper OR (r.rolcreatedb AND pg_catalog.pg_has_role(d.datdba, 'USAGE')), r.rolcreatedb OR r.rolsuper
FROM pg_catalog.pg_database d, pg_catalog.pg_roles r WHERE d.datname = %s AND r.rolname = current_user
"""

_LISTS = (
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
)
"""Settings whose value is a list of names, each of which is quoted by itself (PostgreSQL's GUC_LIST_QUOTE)."""


@dataclass(frozen=True, slots=True)
class Properties:
    """A row of pg_database, whatever columns the server's version has."""

    name: str
    values: Mapping[str, Any]

    @property
    def owner(self) -> str:
        """The role it belongs to."""
        return str(self.values["owner"])

    @property
    def comment(self) -> str:
        """Its comment; empty where it has none."""
        return self.values["comment"] or ""

    def creation(self) -> Iterator[sql.Composable]:
        """Yield the options of CREATE DATABASE that an empty one of the same kind is made with."""
        values = self.values
        yield sql.SQL("ENCODING {}").format(values["encoding"])
        provider = values.get("datlocprovider", "c")
        if "datlocprovider" in values:
            kinds = {"c": "libc", "i": "icu", "b": "builtin"}
            yield sql.SQL("LOCALE_PROVIDER {}").format(sql.Identifier(kinds[provider]))
        yield sql.SQL("LC_COLLATE {} LC_CTYPE {}").format(values["datcollate"], values["datctype"])
        locale = values.get("datlocale") or values.get("daticulocale")
        if provider != "c" and locale:
            which = sql.SQL("ICU_LOCALE {}" if provider == "i" else "BUILTIN_LOCALE {}")
            yield which.format(locale)
        if values.get("daticurules"):
            yield sql.SQL("ICU_RULES {}").format(values["daticurules"])


def properties(admin: Connection[Any], name: str) -> Properties:
    """Return a database's.

    Raises:
        DatabaseFailure: there is no database of that name.
    """
    row = admin.execute(_PROPERTIES, [name]).fetchone()
    if row is None:
        raise DatabaseFailure(f"there is no database {name} any more")
    return Properties(name, row[0])


def require_rights(admin: Connection[Any], name: str) -> None:
    """Make sure that the role may create databases and rename this one, before anything is done.

    Raises:
        DatabaseFailure: it may not.
    """
    row = admin.execute(_RIGHTS, [name]).fetchone()
    if row is not None and row[0]:
        return
    role, owner = sql.Identifier(admin.info.user).as_string(admin), properties(admin, name).owner
    findings = []
    if row is None or not row[1]:
        findings.append(Finding("", "it may not create databases", f"ALTER ROLE {role} CREATEDB"))
    member = admin.execute("SELECT pg_catalog.pg_has_role(%s, 'USAGE')", [owner]).fetchone()
    if member != (True,):
        quoted = sql.Identifier(owner).as_string(admin)
        findings.append(Finding("", f"{name} belongs to {owner}", f"GRANT {quoted} TO {role}"))
    raise DatabaseFailure(
        f"the role {role} may not put another database in the place of {name}", findings=findings
    )


def carry_over(admin: Connection[Any], old: Properties, name: str, *, of: str) -> list[str]:
    """Give a new database what an old one had beside its contents; returns what could not be given, in words.

    Settings (``ALTER DATABASE ... SET``, ``ALTER ROLE ... IN DATABASE``), grants, the limit of connections. The comment goes over
    when the names do.

    Args:
        admin: a connection in a transaction.
        old: the database that is replaced.
        name: the new one.
        of: what the old one is called by now.
    """
    notes = []
    for role, setting in admin.execute(_SETTINGS, [of]).fetchall():
        variable, _, value = setting.partition("=")
        try:
            with admin.transaction():
                admin.execute(_set(name, role, variable, value))
        except psycopg.Error:
            whose = f" of role {role}" if role else ""
            notes.append(f"the setting {variable}{whose} (the role may not set it)")
    notes += _grant(admin, old, name, of)
    limit = sql.SQL("ALTER DATABASE {} WITH CONNECTION LIMIT {} IS_TEMPLATE {}")
    values = old.values
    admin.execute(
        limit.format(sql.Identifier(name), values["datconnlimit"], values["datistemplate"])
    )
    return notes


def _set(name: str, role: str | None, variable: str, value: str) -> sql.Composed:
    database = sql.Identifier(name)
    whose = sql.SQL("DATABASE {}").format(database)
    if role:
        whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), database)
    parts = _names(value) if variable in _LISTS else [value]
    values = sql.SQL(", ").join(sql.Literal(part) for part in parts)
    called = sql.Identifier(*variable.split("."))
    return sql.SQL("ALTER {} SET {} TO {}").format(whose, called, values)


def _names(value: str) -> list[str]:
    """Return the names in a list as the catalogue keeps it: ``"$user", public``."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^\s,]+)', value)
    return [quoted.replace('""', '"') or plain for quoted, plain in found] or [""]


def _grant(admin: Connection[Any], old: Properties, name: str, of: str) -> list[str]:
    database = sql.Identifier(name)
    if old.values["datacl"] is None:  # as it comes from CREATE DATABASE
        admin.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO PUBLIC").format(database))
        return []
    notes = []
    owner = sql.Identifier(old.owner)
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(database, owner))
    for grantee, privilege, grantable in admin.execute(_GRANTS, [of]).fetchall():
        to = sql.Identifier(grantee) if grantee else sql.SQL("PUBLIC")
        option = sql.SQL("WITH GRANT OPTION" if grantable else "")
        statement = sql.SQL("GRANT {} ON DATABASE {} TO {} {}")
        try:
            with admin.transaction():
                admin.execute(statement.format(sql.SQL(privilege), database, to, option))
        except psycopg.Error:
            notes.append(f"the grant of {privilege} to {grantee or 'PUBLIC'}")
    return notes
