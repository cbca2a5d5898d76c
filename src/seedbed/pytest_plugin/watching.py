"""The triggers by which a database tells what other connections than the test's commit in it.

They speak through NOTIFY, which PostgreSQL sends at commit and never for what is rolled back. Statements on rows fire triggers of
their table, also of a partition named directly; changes to tables and everything else that is created, altered, dropped or granted
fire event triggers, which only a superuser may make: any other role is told of rows alone. What fires no trigger is not noticed:
sequences, large objects, rows where session_replication_role is replica, and what belongs to the server (roles, a database's settings).
"""

from __future__ import annotations

CHANNEL = "seedbed_leak"
"""Where they tell it."""

PATIENCE = "10s"
"""How long anybody waits for a lock: who waits for the test's own transaction would wait for ever, often in the test's own thread."""

OWN = f"SET seedbed.own_connection = 'on'; SET lock_timeout = '{PATIENCE}'"
"""What makes a connection the test's."""

BETWEEN = "between tests: "
"""What is told begins with it where no test had begun when the transaction did."""

_WATCH = """
CREATE FUNCTION seedbed.tell(what text, how text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF current_setting('seedbed.own_connection', true) IS DISTINCT FROM 'on' THEN
        PERFORM pg_notify('seedbed_leak', format('%s%s (%s)', CASE WHEN (
            SELECT state = 'idle' OR xact_start > now() FROM pg_catalog.pg_stat_activity WHERE pid = THE_TESTS_OWN
        ) THEN 'between tests: ' END, what, lower(how)));
    END IF;
END $$;
CREATE FUNCTION seedbed.watch_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM seedbed.tell(TG_TABLE_NAME, TG_OP);
    RETURN NULL;
END $$;
CREATE FUNCTION seedbed.watch_commands() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM seedbed.tell(coalesce(object_identity, object_type), TG_TAG) FROM pg_event_trigger_ddl_commands()
    WHERE schema_name IS DISTINCT FROM 'pg_temp';
END $$;
CREATE FUNCTION seedbed.watch_drops() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM seedbed.tell(object_identity, TG_TAG) FROM pg_event_trigger_dropped_objects() WHERE original AND NOT is_temporary;
END $$;
DO $$
DECLARE each regclass;
BEGIN
    FOR each IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed') AND n.nspname !~ '^pg_t(emp|oast)'
    LOOP
        EXECUTE format('CREATE TRIGGER seedbed_leak_guard AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s '
                       'FOR EACH STATEMENT EXECUTE FUNCTION seedbed.watch_rows()', each);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I SET lock_timeout = %L', current_database(), current_setting('lock_timeout'));
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        CREATE EVENT TRIGGER seedbed_leak_guard_commands ON ddl_command_end EXECUTE FUNCTION seedbed.watch_commands();
        CREATE EVENT TRIGGER seedbed_leak_guard_drops ON sql_drop EXECUTE FUNCTION seedbed.watch_drops();
    END IF;
END $$;
"""


def watch(own: int) -> str:
    """Return what makes the triggers.

    Args:
        own: the process of the tests' own connection on the server: while it is idle there is no test.
    """
    return _WATCH.replace("THE_TESTS_OWN", str(own))
