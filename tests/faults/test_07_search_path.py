"""Fault 7 once more: the URL's options put a schema before PostgreSQL's own, and somebody answers there in the server's name."""

from __future__ import annotations

import pytest
from given import applied, execute, planned, prepare, rows
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from seedbed import api
from seedbed.destroy import DestroyOptions, destroy
from seedbed.errors import Refused

LIE = """
SET check_function_bodies = off;
DO $$ DECLARE f record; BEGIN
  FOR f IN SELECT proname, pg_get_function_identity_arguments(p.oid) AS arguments, prorettype::regtype AS returned FROM pg_proc p
            WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset AND provariadic = 0
              AND proargmodes IS NULL AND prosrc <> 'aggregate_dummy'
              AND NOT EXISTS (SELECT FROM unnest(proargtypes::oid[] || prorettype) t JOIN pg_type y ON y.oid = t WHERE typtype = 'p')
  LOOP
    EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN RAISE ''taken in''; END $f$',
                   f.proname, f.arguments, f.returned);
  END LOOP;
  FOR f IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r FROM pg_operator JOIN pg_type y ON y.oid = oprresult
            WHERE oprname IN ('=', '<>', '->>', '||') AND oprkind = 'b' AND oprleft IN
                  ('name'::regtype, 'text'::regtype, 'oid'::regtype, 'int4'::regtype, 'int8'::regtype, 'jsonb'::regtype, '"char"'::regtype)
              AND oprright IN ('name'::regtype, 'text'::regtype, 'oid'::regtype, 'int4'::regtype, 'int8'::regtype, '"char"'::regtype)
  LOOP
    EXECUTE format('CREATE FUNCTION evil.lie(%s, %s) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN RAISE ''taken in''; END $f$', f.l, f.r);
    EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.lie, LEFTARG = %s, RIGHTARG = %s)', f.oprname, f.l, f.r);
    EXECUTE format('ALTER FUNCTION evil.lie(%s, %s) RENAME TO %I', f.l, f.r, 'lie' || md5(f.oprname));
  END LOOP;
END $$;
"""
"""A function for each of PostgreSQL's own that has plain arguments, and operators, that tell on whoever calls them."""


@pytest.fixture
def deceived(database):
    """Return a database's URL by which another schema comes before pg_catalog."""
    prepare(database, "CREATE SCHEMA evil; CREATE TABLE notes (id serial PRIMARY KEY, body text)")
    return make_conninfo(database, options="-csearch_path=evil,pg_catalog,public")


def name_of(url):
    return conninfo_to_dict(url)["dbname"]


def notes(*labels):
    return rows("notes", labels, {"body": list(labels)})


def test_fault_07_nobody_answers_in_the_servers_name(deceived, database, tmp_path):
    execute(database, LIE)
    assert applied(deceived, notes("a", "b")).changed
    assert not planned(deceived, notes("a", "b")).changed
    assert applied(deceived, notes("a")).changed
    assert api.status(deceived).database == name_of(database)
    assert api.backup(deceived, out=tmp_path).manifest.database == name_of(database)
    assert destroy(deceived, DestroyOptions(name_of(database), backup=False)).tables == {"notes": 1}


def test_fault_07_the_name_that_is_asked_for_is_the_databases_own(deceived, database):
    applied(database, notes("a"))
    execute(
        database,
        "CREATE FUNCTION evil.current_database() RETURNS name LANGUAGE sql AS $$ SELECT name 'harmless' $$",
    )
    with pytest.raises(Refused, match=name_of(database)):
        destroy(deceived, DestroyOptions("harmless", backup=False))
    with pytest.raises(Refused, match=name_of(database)):
        api.stamp(deceived, "development", confirm="harmless")
