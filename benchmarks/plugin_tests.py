"""The test files that ``benchmarks.plugin`` runs: the same tests in each way of keeping them apart.

`{url}`, `{host}`, `{port}` and `{tests}` are filled in.
"""

from __future__ import annotations

from textwrap import dedent

HEAD = """
    import pytest
    from unittest import TestCase
    from sqlalchemy import create_engine, text
    from sqlalchemy.orm import Session, sessionmaker
    from factories.models import User  # as a test of models does

    many = pytest.mark.parametrize("number", range({tests}))
"""
"""What each test file begins with: no style pays for an import that another one does not."""

READS = """
    @many
    def test_reads({session}, number):
        assert {session}.scalar(text("SELECT count(*) FROM users")) == 3
"""
READS_PSYCOPG = """
    @many
    def test_reads({connection}, number):
        assert {connection}.execute("SELECT count(*) FROM users").fetchone() == (3,)
"""
WORKS = """
    import time

    @many
    def test_works({connection}, number):
        assert {connection}.execute("SELECT count(*) FROM users").fetchone() == (3,)
        time.sleep(0.025)
"""
READS_IN_CLASS = """
    def reads(self):
        assert self.session.scalar(text("SELECT count(*) FROM users")) == 3

    for number in range({tests}):
        setattr(Some, f"test_reads_{{number}}", reads)
    del reads
"""

# Nothing is prepared in what the others are measured against: statements are prepared after five times, which no test's connection
# ever gets to.
OPEN_SESSION = """
    @pytest.fixture(scope="session")
    def session():
        return Session(create_engine({url!r}, connect_args={{"prepare_threshold": None}}))
"""
OPEN_CONNECTION = """
    import psycopg

    @pytest.fixture(scope="session")
    def connection():
        return psycopg.connect({url!r}.replace("+psycopg", ""), prepare_threshold=None)
"""
OPEN_CLASS = """
    class Some(TestCase):
        session = Session(create_engine({url!r}, connect_args={{"prepare_threshold": None}}))
"""
RECIPE = """
    engine = create_engine({url!r})

    @pytest.fixture
    def session():
        connection = engine.connect()
        transaction = connection.begin()
        session = Session(bind=connection, join_transaction_mode="create_savepoint")
        yield session
        session.close()
        transaction.rollback()
        connection.close()
"""
"""The savepoint recipe as people write it for pytest."""

DOCUMENTED = """
    Session = sessionmaker()
    engine = create_engine({url!r})

    class Some(TestCase):
        def setUp(self):
            self.connection = engine.connect()
            self.trans = self.connection.begin()
            self.session = Session(
                bind=self.connection, join_transaction_mode="create_savepoint"
            )

        def tearDown(self):
            self.session.close()
            self.trans.rollback()
            self.connection.close()
"""
"""SQLAlchemy's documentation, "Joining a Session into an External Transaction (such as for test suites)", as it stands there."""

OURS_CLASS = """
    @pytest.mark.usefixtures("seedbed")
    class Some(TestCase):
        @property
        def session(self):
            return self.seedbed.session
"""
CLONED = """
    pytestmark = pytest.mark.seedbed(isolation="clone")
"""
POSTGRESQL = """
    from pytest_postgresql import factories

    def load(**kwargs):
        import seedbed
        from urllib.parse import quote
        host, port = quote(str(kwargs["host"]), safe=""), kwargs["port"]
        url = "postgresql://postgres@/" + kwargs["dbname"] + f"?host={{host}}&port={{port}}"
        seedbed.apply("testing", url, environment="testing")

    server = factories.postgresql_noproc(host={host!r}, port={port}, user="postgres", load=[load])
    connection = factories.postgresql("server")
"""
FIRST = """
    def test_first(seedbed_session):
        assert seedbed_session.scalar(text("SELECT count(*) FROM users")) == 3
"""
SERVER = """
    def test_server(seedbed_server):
        assert seedbed_server.version
"""

SOURCES = {
    "open session": HEAD + OPEN_SESSION + READS,
    "recipe": HEAD + RECIPE + READS,
    "rollback": HEAD + READS,
    "open class": HEAD + OPEN_CLASS + READS_IN_CLASS,
    "documented": HEAD + DOCUMENTED + READS_IN_CLASS,
    "rollback class": HEAD + OURS_CLASS + READS_IN_CLASS,
    "open connection": HEAD + OPEN_CONNECTION + READS_PSYCOPG,
    "pytest-postgresql": HEAD + POSTGRESQL + READS_PSYCOPG,
    "clone": HEAD + CLONED + READS_PSYCOPG,
    "clone at work": HEAD + CLONED + WORKS,
    "first": HEAD + FIRST,
    "server": SERVER,
    "nothing": "    def test_nothing(): pass",
}
OURS = ("rollback", "rollback class", "clone", "clone at work", "first", "server")


def source(name: str, **given: object) -> str:
    """Return a test file.

    Args:
        name: one of `SOURCES`.
        given: ``url``, ``host``, ``port`` and ``tests``.
    """
    names = ("seedbed_session", "seedbed_psycopg") if name in OURS else ("session", "connection")
    return dedent(SOURCES[name].format(session=names[0], connection=names[1], **given))
