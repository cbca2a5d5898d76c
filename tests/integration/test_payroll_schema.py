"""The payroll schema on a real server: what create_all makes is what payroll.md says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.orm import Session as OrmSession

from factories.models import ActivityLog, Base, Organization, Payment, User, WorkSession
from factories.vocabulary import ENTITY_TABLES, ESCROW_SIGNS, ESCROW_TRANSACTION_TYPES
from tests.payroll_world import add_world

TABLES = sorted(Base.metadata.tables)

STAMPED = [name for name in TABLES if "updated_at" in Base.metadata.tables[name].columns]

CHECKED_WORDS = [
    (table, column.name)
    for table in TABLES
    for column in Base.metadata.tables[table].columns
    if column.constraints
]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Return an engine on a database with the payroll schema."""
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_create_all_makes_the_thirteen_tables(engine: Engine, database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        made = sorted(name for (name,) in rows)
    assert made == TABLES
    assert len(made) == 13


def test_create_all_over_a_complete_schema_changes_nothing(engine: Engine) -> None:
    """Whoever may not create anything may still call it: not even the trigger function is replaced."""
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    Base.metadata.create_all(engine)
    assert [line for line in statements if "CREATE" in line] == []


def test_create_all_gives_a_missing_table_back_with_its_trigger(
    engine: Engine, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE payment_configurations")
        Base.metadata.create_all(engine)
        assert "payment_configurations" in _tables_with_trigger(connection)


def test_every_table_with_updated_at_has_the_trigger(world: psycopg.Connection) -> None:
    assert _tables_with_trigger(world) == STAMPED


def _tables_with_trigger(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'set_updated_at'"
    )
    return sorted(name for (name,) in rows)


@pytest.mark.parametrize("table", STAMPED)
def test_an_update_sets_updated_at(world: psycopg.Connection, table: str) -> None:
    """The trigger wins even over a value written by hand."""
    update = "UPDATE {} SET updated_at = '2001-01-01' RETURNING updated_at = now()::timestamp"
    rows = world.execute(sql.SQL(update).format(sql.Identifier(table))).fetchall()
    assert set(rows) == {(True,)}


def test_words_are_checked_on_ten_columns() -> None:
    assert len(CHECKED_WORDS) == 10


@pytest.mark.parametrize(("table", "column"), CHECKED_WORDS)
def test_a_word_outside_the_vocabulary_is_refused(
    world: psycopg.Connection, table: str, column: str
) -> None:
    update = sql.SQL("UPDATE {} SET {} = 'unheard of'").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        world.execute(update)
    assert refused.value.diag.constraint_name == f"ck_{table}_{column}"


@pytest.mark.parametrize(("table", "column"), CHECKED_WORDS)
def test_every_word_of_the_vocabulary_is_taken(
    world: psycopg.Connection, table: str, column: str
) -> None:
    update = sql.SQL("UPDATE {} SET {} = %s").format(sql.Identifier(table), sql.Identifier(column))
    for word in Base.metadata.tables[table].columns[column].info["vocabulary"]:
        assert world.execute(update, (word,)).rowcount > 0


def test_a_channel_cannot_owe_more_than_it_holds(world: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="balance_is_funded"):
        world.execute("UPDATE payment_channels SET off_chain_accumulated_balance = 1000.00000001")


def test_every_foreign_key_has_an_index_that_begins_with_it(world: psycopg.Connection) -> None:
    bare = world.execute(
        """SELECT conrelid::regclass, conname FROM pg_constraint
            WHERE contype = 'f' AND NOT EXISTS (
                SELECT FROM pg_index
                 WHERE indrelid = conrelid AND indpred IS NULL AND indkey[0] = conkey[1])"""
    ).fetchall()
    assert bare == []


def test_every_status_column_has_an_index(world: psycopg.Connection) -> None:
    bare = world.execute(
        """SELECT attrelid::regclass, attname FROM pg_attribute
            JOIN pg_class c ON c.oid = attrelid AND c.relkind = 'r'
            WHERE c.relnamespace = 'public'::regnamespace AND attname ~ 'status$' AND NOT EXISTS (
                SELECT FROM pg_index WHERE indrelid = attrelid AND indkey[0] = attnum)"""
    ).fetchall()
    assert bare == []


def test_an_organization_takes_everything_with_it_but_the_activity_log(engine: Engine) -> None:
    with OrmSession(engine) as session:
        add_world(session)
        session.delete(session.get_one(Organization, 1))
        session.flush()
        assert session.scalars(select(Payment)).all() == []
        assert session.scalars(select(WorkSession.id)).all() == [6]
        assert session.scalars(select(ActivityLog.organization_id)).all() == [None]


def test_a_user_takes_the_employments_along_but_not_the_activity_log(engine: Engine) -> None:
    with OrmSession(engine) as session:
        add_world(session)
        session.delete(session.get_one(User, 3))
        session.flush()
        assert session.scalars(select(WorkSession.id)).all() == [7]
        assert session.scalars(select(ActivityLog.user_id)).all() == [None]


def test_a_payment_outlives_its_shift(engine: Engine) -> None:
    with OrmSession(engine) as session:
        add_world(session)
        session.delete(session.get_one(WorkSession, 1))
        session.flush()
        assert session.get_one(Payment, 1).session_id is None


def test_defaults_fill_what_a_bare_row_leaves_out(engine: Engine) -> None:
    with OrmSession(engine) as session:
        user = User(wallet_address="r", user_type="admin")
        session.add(user)
        session.flush()
        assert (user.is_active, type(user.created_at)) == (True, datetime)
        assert user.created_at.tzinfo is None


def test_every_table_can_be_asked_from_its_relatives(engine: Engine) -> None:
    """Relationships are named after their foreign key, and each leads back."""
    for mapper in Base.registry.mappers:
        for relation in mapper.relationships:
            if not relation.uselist and relation.local_columns != {mapper.local_table.c.id}:
                assert {column.name for column in relation.local_columns} == {f"{relation.key}_id"}
            assert relation.back_populates


def test_every_entity_type_names_a_table() -> None:
    assert set(ENTITY_TABLES.values()) <= set(TABLES)


def test_every_escrow_transaction_type_has_a_direction() -> None:
    assert set(ESCROW_SIGNS) == set(ESCROW_TRANSACTION_TYPES)
