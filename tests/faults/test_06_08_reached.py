"""Faults 6 to 8: the server that is reached is judged, whatever the URL, the environment and the address make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from operating import PASSWORD, Operator, stamped
from psycopg.conninfo import conninfo_to_dict
from switchboard import switched

pytestmark = pytest.mark.on_one_server


@dataclass(frozen=True)
class Reached:
    """A production database, and where it is.

    Attributes:
        url: what leads to it without detours.
        name: the database's.
        socket, port: the server's socket.
        door: a port of 127.0.0.1 that leads to it.
    """

    url: str
    name: str
    socket: str
    port: str
    door: str


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """Return somebody with a small project."""
    return Operator(tmp_path / "shop")


@pytest.fixture
def tunnel(database: str) -> Iterator[str]:
    """Return a URL on 127.0.0.1 that leads to the database through another port."""
    with switched(database) as url:
        yield url


@pytest.fixture
def production(database: str, tunnel: str) -> Reached:
    """Return a database that is stamped production and called nothing in particular."""
    stamped(database, "production")
    parts, door = conninfo_to_dict(database), str(conninfo_to_dict(tunnel)["port"])
    name, socket, port = (str(parts[each]) for each in ("dbname", "host", "port"))
    return Reached(database, name, socket, port, door)


def refused_as(operator: Operator, production: Reached, url: str, **variables: str) -> None:
    """Assert that an apply is refused because of the database that is reached, by its own name."""
    said = operator.apply_refused(production.url, url, **variables)
    assert f"{production.name} is taken for production" in said
    assert "stamp: production" in said


class TestFault06TheUrlSaysTwoThings:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_fault_06_its_query_wins_and_is_what_is_judged(
        self, operator: Operator, production: Reached, scheme: str
    ) -> None:
        """SQLAlchemy's url.host and url.database would name the innocent ones."""
        innocent = f"{scheme}://postgres:{PASSWORD}@localhost:1/shop_dev"
        query = f"host={production.socket}&port={production.port}&dbname={production.name}"
        refused_as(operator, production, f"{innocent}?{query}")

    def test_fault_06_one_part_is_enough(self, operator: Operator, production: Reached) -> None:
        """Only the database, only the host."""
        here = f"postgresql://postgres@127.0.0.1:{production.door}"
        refused_as(operator, production, f"{here}/shop_dev?dbname={production.name}")
        elsewhere = f"postgresql://postgres@192.0.2.1:{production.port}/{production.name}"
        refused_as(operator, production, f"{elsewhere}?host={production.socket}")


class TestFault07TheEnvironmentDecides:
    def test_fault_07_pghost(self, operator: Operator, production: Reached) -> None:
        """And the other variables of libpq, under a URL that says next to nothing."""
        variables = {"PGHOST": production.socket, "PGPORT": production.port, "PGUSER": "postgres"}
        refused_as(operator, production, f"postgresql:///{production.name}", **variables)
        refused_as(operator, production, "postgresql://", PGDATABASE=production.name, **variables)

    def test_fault_07_pghostaddr(self, operator: Operator, production: Reached) -> None:
        """The name is another machine's, the address leads here: the stamp is what counts."""
        url = f"postgresql://postgres@shop.example.com:{production.door}/{production.name}"
        refused_as(operator, production, url, PGHOSTADDR="127.0.0.1")
        refused_as(operator, production, f"{url}?hostaddr=127.0.0.1")

    def test_fault_07_a_service(self, operator: Operator, production: Reached) -> None:
        """Named by a variable or by the URL, in a file that has the rest."""
        file = operator.folder / "services"
        file.write_text(
            f"[innocent_dev]\nhost={production.socket}\nport={production.port}\n"
            f"dbname={production.name}\nuser=postgres\npassword={PASSWORD}\n"
        )
        services = {"PGSERVICEFILE": str(file)}
        refused_as(operator, production, "postgresql://", PGSERVICE="innocent_dev", **services)
        refused_as(operator, production, "postgresql:///?service=innocent_dev", **services)

    def test_fault_07_several_hosts(self, operator: Operator, production: Reached) -> None:
        """The one that answers is judged; here the first one does not."""
        url = f"postgresql://postgres@127.0.0.1:1,127.0.0.1:{production.door}/{production.name}"
        refused_as(operator, production, url)

    def test_fault_07_an_empty_database_under_anothers_name(
        self, operator: Operator, database: str, tunnel: str
    ) -> None:
        """PGHOSTADDR leads to this machine, but nobody has said so: the name is that of another one."""
        url = tunnel.replace("127.0.0.1", "db.example.com")
        said = operator.apply_refused(database, url, PGHOSTADDR="127.0.0.1")
        assert "db.example.com is empty, but not on this machine" in said


class TestFault08ATunnelOnLocalhost:
    @pytest.mark.parametrize("environment", ["production", "staging", "demo"])
    def test_fault_08_the_stamp_decides(
        self, operator: Operator, database: str, tunnel: str, environment: str
    ) -> None:
        """Localhost proves nothing."""
        stamped(database, environment)
        said = operator.apply_refused(database, tunnel)
        assert f"stamp: {environment}" in said

    def test_fault_08_rows_at_its_end_are_somebodys(
        self, operator: Operator, database: str, tunnel: str
    ) -> None:
        """Until they are stamped by name, through the tunnel or without it."""
        with psycopg.connect(database) as connection:
            connection.execute("CREATE TABLE theirs AS SELECT 1 AS id")
        assert "holds rows (theirs)" in operator.apply_refused(database, tunnel)
        stamped(database, "development")
        assert operator.apply(tunnel).code == 0

    def test_fault_08_a_provider_s_server_is_never_local(
        self, operator: Operator, database: str, tunnel: str
    ) -> None:
        """The provider's name, for its certificate, and the tunnel's address."""
        url = tunnel.replace("127.0.0.1", "shop.c1x.eu-west-1.rds.amazonaws.com")
        said = operator.apply_refused(database, f"{url}?hostaddr=127.0.0.1")
        assert "managed by Amazon RDS" in said
