"""The persistent development server: made once, found again, started after any accident."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from seedbed import servers
from seedbed.errors import DatabaseFailure, InvalidInput
from seedbed.servers import Embedded, NoServer, Server, System
from seedbed.servers.account import Account
from seedbed.servers.databases import databases
from seedbed.servers.development import development_place
from seedbed.servers.postmaster import is_postgres

ENSURE_STARTED = """
import sys
from pathlib import Path
from seedbed.servers import ensure_started
print(ensure_started(backend=sys.argv[2], home=Path(sys.argv[1])).url)
"""


def start(home: Path, backend: Embedded | System) -> servers.Started:
    return servers.ensure_started(backend=backend.name, home=home)


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def kill(home: Path) -> int:
    """Take the server's process away as a crash would, and return when it is gone."""
    found = servers.status(home=home)
    assert found.pid is not None
    os.kill(found.pid, signal.SIGKILL)
    while is_postgres(found.pid, found.folder / "data"):
        pass
    return found.pid


class TestStarting:
    def test_makes_a_server_with_an_empty_database(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """From nothing to a URL that works."""
        started = start(home, backend)
        assert (started.launched, started.created) == (True, True)
        assert ask(started.url, "SELECT current_database()") == "seedbed"
        assert ask(started.url, "SHOW server_version").split()[0] in started.server

    @pytest.mark.on_one_server
    def test_does_nothing_the_second_time(self, home: Path, backend: Embedded | System) -> None:
        """The same process serves the same URL."""
        first, pid = start(home, backend), servers.status(home=home).pid
        second = start(home, backend)
        assert (second.launched, second.created, second.url) == (False, False, first.url)
        assert servers.status(home=home).pid == pid

    @pytest.mark.on_one_server
    def test_makes_a_database_that_is_missing(self, home: Path, backend: Embedded | System) -> None:
        """Any number of databases, with any names."""
        start(home, backend)
        other = servers.ensure_started('o"dd %/ name', home=home)
        assert other.created
        assert ask(other.url, "SELECT current_database()") == 'o"dd %/ name'

    def test_keeps_data_and_url_over_a_stop(self, home: Path, backend: Embedded | System) -> None:
        """A URL written down somewhere is still right tomorrow."""
        first = start(home, backend)
        with psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        servers.stop(home=home)
        assert start(home, backend).url == first.url
        assert ask(first.url, "SELECT answer FROM kept") == 42

    @pytest.mark.on_one_server
    def test_takes_another_port_when_its_own_is_taken(
        self, home: Path, backend: Embedded | System, server: Server
    ) -> None:
        """Somebody else's server sits there now."""
        start(home, backend)
        servers.stop(home=home)
        with psycopg.connect(server.url()) as connection:
            taken = connection.info.port
        (home / "server" / "port").write_text(str(taken))
        assert f"port={taken}" not in start(home, backend).url

    @pytest.mark.on_one_server
    @pytest.mark.parametrize("name", ["a b", 'Ümläut it\'s 100% "odd" & more?', "a, b"])
    def test_works_in_a_folder_with_an_odd_name(
        self, home: Path, backend: Embedded | System, name: str
    ) -> None:
        """Blanks, quotes, commas, percent signs and letters beyond ASCII."""
        odd = home / name
        try:
            assert ask(start(odd, backend).url, "SELECT 1") == 1
        finally:
            servers.stop(home=odd)
            shutil.rmtree(development_place(odd).socket)

    @pytest.mark.on_one_server
    def test_works_in_a_folder_too_deep_for_a_socket(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """A socket's path has at most 107 bytes; a private folder elsewhere takes its place."""
        deep = home / ("d" * 100)
        try:
            assert ask(start(deep, backend).url, "SELECT 1") == 1
            socket = development_place(deep).socket
            assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        finally:
            servers.stop(home=deep)
            socket.rmdir()

    def test_says_why_where_no_backend_has_the_version_of_the_data(self, home: Path) -> None:
        """Data of another major version is neither touched nor replaced."""
        data = home / "server" / "data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("9\n")
        with pytest.raises(NoServer, match="were made by PostgreSQL 9") as caught:
            servers.ensure_started(home=home)
        assert [finding.where for finding in caught.value.findings] == ["embedded", "system"]

    def test_gives_the_servers_own_last_words_when_it_will_not_start(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """A broken configuration is named, not guessed."""
        start(home, backend)
        servers.stop(home=home)
        with (home / "server" / "data" / "postgresql.conf").open("a") as file:
            file.write("no_such_setting = on\n")
        with pytest.raises(DatabaseFailure, match=r"did not start[^~]*no_such_setting"):
            start(home, backend)

    def test_in_a_place_that_cannot_be_written_is_one_clear_error(self, home: Path) -> None:
        """A file where the folder should be."""
        (home / "server").write_text("")
        with pytest.raises(DatabaseFailure, match="cannot be used"):
            servers.ensure_started(home=home)
        (home / "server").unlink()


class TestAccidents:
    def test_a_killed_server_is_started_again(self, home: Path, backend: Embedded | System) -> None:
        """Its postmaster.pid is still there; what was committed, too."""
        first = start(home, backend)
        with psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        pid = kill(home)
        assert (home / "server" / "data" / "postmaster.pid").exists()
        assert not servers.status(home=home).running
        assert start(home, backend).launched
        assert servers.status(home=home).pid != pid
        assert ask(first.url, "SELECT answer FROM kept") == 42

    @pytest.mark.on_one_server
    def test_a_killed_server_with_a_session_open_is_started_again(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """Its backends need a moment to leave; until then PostgreSQL refuses to start."""
        with psycopg.connect(start(home, backend).url) as connection:
            connection.execute("SELECT 1")
            kill(home)
            assert start(home, backend).launched
            connection.close()

    @pytest.mark.on_one_server
    def test_a_process_id_given_to_another_program_is_not_the_server(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """After a restart of the machine, the recorded number may be anybody's: here, this test's own."""
        start(home, backend)
        kill(home)
        record = home / "server" / "data" / "postmaster.pid"
        lines = record.read_text().splitlines()
        record.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        assert not servers.status(home=home).running
        assert not servers.stop(home=home)
        assert start(home, backend).launched

    @pytest.mark.on_one_server
    def test_what_a_killed_initdb_left_behind_is_cleared(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """The data directory is complete or absent."""
        draft = home / "server" / "data.new"
        draft.mkdir(parents=True)
        (draft / "PG_VERSION").write_text("broken")
        assert start(home, backend).launched
        assert not draft.exists()

    @pytest.mark.on_one_server
    def test_many_starters_at_once_get_one_server(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """One makes it, the others wait and find it."""
        command = [sys.executable, "-c", ENSURE_STARTED, str(home), backend.name]
        starters = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(4)
        ]
        answers = [starter.communicate()[0] for starter in starters]
        assert answers == [f"{servers.url(home=home)}\n"] * 4


@pytest.mark.on_one_server
class TestStopping:
    def test_twice_is_fine(self, home: Path, backend: Embedded | System) -> None:
        """The second time says that there was nothing to stop."""
        start(home, backend)
        assert servers.stop(home=home)
        assert not servers.stop(home=home)

    def test_before_the_first_start_is_fine_and_makes_nothing(self, home: Path) -> None:
        """Asking to stop is no reason to make a folder."""
        assert not servers.stop(home=home)
        assert list(home.iterdir()) == []

    def test_ends_sessions_that_are_open(self, home: Path, backend: Embedded | System) -> None:
        """A forgotten psql does not keep the server alive."""
        with psycopg.connect(start(home, backend).url) as connection:
            connection.execute("SELECT 1")
            assert servers.stop(home=home)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            connection.close()


class TestLooking:
    @pytest.mark.on_one_server
    def test_lists_its_databases(self, home: Path, backend: Embedded | System) -> None:
        """Those people made, not the server's own."""
        start(home, backend)
        servers.ensure_started("another", home=home)
        assert databases(home=home) == ["another", "seedbed"]

    @pytest.mark.on_one_server
    def test_tells_what_there_is(self, home: Path, backend: Embedded | System) -> None:
        """Running or not, with the version and the ways in."""
        assert servers.status(home=home).major is None
        start(home, backend)
        found = servers.status(home=home)
        assert (found.running, found.major) == (True, backend.binaries().major)
        assert found.tcp_url is not None
        assert ask(found.tcp_url, "SELECT 1") == 1
        servers.stop(home=home)
        assert (servers.status(home=home).running, servers.status(home=home).url) == (False, None)

    def test_has_no_url_while_it_does_not_run(self, home: Path) -> None:
        """And says how to start it."""
        with pytest.raises(InvalidInput, match="not running\nseedbed db start"):
            servers.url(home=home)

    def test_works_in_psql_as_it_is(self, home: Path, backend: Embedded | System) -> None:
        """Both URLs, with nothing added and no password asked for."""
        start(home, backend)
        found = servers.status(home=home)
        psql = backend.program("psql") or servers.psql()
        for url in (found.url, found.tcp_url):
            command = [psql, "-w", "-X", "-At", "-c", "SELECT 6 * 7", str(url)]
            assert subprocess.run(command, capture_output=True, text=True).stdout == "42\n"


class TestPrivacy:
    def test_nothing_is_readable_or_reachable_for_others(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """The socket asks for no password, so its folder is closed; TCP asks for one that is in a closed file."""
        url = start(home, backend).url
        place = development_place(home)
        modes = [
            stat.S_IMODE(path.stat().st_mode) for path in (place.socket, place.data, place.passfile)
        ]
        assert modes == [0o700, 0o700, 0o600]
        assert place.password not in url
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(str(servers.status(home=home).tcp_url).partition("?")[0])

    def test_a_folder_somebody_else_made_for_the_socket_is_not_used(self, home: Path) -> None:
        """In a shared folder such as /tmp, a name can be taken in advance."""
        deep = home / ("d" * 100)
        socket = development_place(deep).socket
        socket.mkdir(mode=0o755)
        try:
            with pytest.raises(DatabaseFailure, match="not a private folder"):
                servers.ensure_started(home=deep)
        finally:
            socket.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
class TestAccounts:
    def test_root_lends_the_server_to_an_ordinary_account(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """PostgreSQL refuses to run as root."""
        start(home, backend)
        pid = servers.status(home=home).pid
        assert Path(f"/proc/{pid}").stat().st_uid == Account.for_servers().uid != 0

    def test_an_ordinary_user_starts_and_stops_a_server(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """The usual case, tried as nobody."""
        nobody = Account(65534, 65534, "nobody", borrowed=True)
        nobody.give(home)
        answer = nobody.run([*ordinary_python(nobody), ENSURE_STARTED, home, backend.name])
        assert answer.returncode == 0, answer.stdout
        assert ask(answer.stdout.strip(), "SELECT 1") == 1
        pid = servers.status(home=home).pid
        assert Path(f"/proc/{pid}").stat().st_uid == 65534
        script = "import sys; from pathlib import Path; from seedbed.servers import stop; print(stop(home=Path(sys.argv[1])))"
        assert nobody.run([*ordinary_python(nobody), script, home]).stdout == "True\n"
        shutil.rmtree(home / "server")

    def test_another_users_server_is_left_alone(self, home: Path) -> None:
        """Root does not write into a folder that somebody else controls."""
        folder = home / "server"
        folder.mkdir()
        os.chown(folder, 65534, 65534)
        with pytest.raises(DatabaseFailure, match="belongs to another user"):
            servers.ensure_started(home=home)
        folder.rmdir()

    def test_data_keeps_its_owner_when_a_better_account_turns_up(
        self, home: Path, backend: Embedded | System
    ) -> None:
        """A server made as nobody still starts after a PostgreSQL package brought its own account."""
        start(home, backend)
        servers.stop(home=home)
        server = home / "server"
        for path in (server / "socket", server / "data", *(server / "data").rglob("*")):
            os.chown(path, 65534, 65534)
        start(home, backend)
        assert Path(f"/proc/{servers.status(home=home).pid}").stat().st_uid == 65534


def ordinary_python(account: Account) -> Sequence[str | Path]:
    """Return an interpreter of this version that an account can run, with our packages on its path."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    for program in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        command = ["/usr/bin/env", f"PYTHONPATH={path}", program, "-c"]
        try:
            if account.run([*command, "import seedbed.servers, psycopg"]).returncode == 0:
                return command
        except OSError:
            continue
    pytest.skip(f"{account.name} can reach no {version}")
