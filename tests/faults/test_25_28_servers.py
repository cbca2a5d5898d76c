"""The server ends or its disk fills up in mid-run: no rows, exit 6, and the next run converges. Faults 25 and 28."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from contents import bytes_of
from given import applied, execute, prepare, rows
from machines import disk, machine, move_out, run
from wire import Point, through_wire

from seedbed.errors import DatabaseFailure
from seedbed.servers import Server
from seedbed.servers.disposable import new_root

DDL = "CREATE TABLE photos (id serial PRIMARY KEY, name text UNIQUE, bytes text); ALTER TABLE photos ALTER bytes SET STORAGE EXTERNAL"


def photos(size: int, *, bytes_each: int = 100):
    """Return rows that take some room."""
    names = [f"photo {number}" for number in range(size)]
    return rows("photos", names, {"name": names, "bytes": ["x" * bytes_each] * size}, key=["name"])


def old_state(server: Server) -> str:
    """Make a database with rows of ours and of others, all of it on the disk."""
    execute(server.url(), "CREATE DATABASE pictures")
    url = server.url("pictures")
    prepare(url, DDL)
    applied(url, photos(3))
    execute(url, "INSERT INTO photos (name) VALUES ('theirs')")
    execute(url, "CHECKPOINT")
    return url


def test_fault_25_immediate_shutdown_in_the_middle_of_copy(backend):
    with machine(backend) as server:
        server.start()
        url = old_state(server)
        before = bytes_of(url)

        def shut_down(who):
            run(server, "pg_ctl", "stop", "--mode=immediate", "--pgdata", server.place.data)
            return True

        with (
            through_wire(url, Point('COPY "public"."photos"', "after"), shut_down) as (line, wire),
            pytest.raises(DatabaseFailure) as caught,
        ):
            applied(line, photos(500))
        assert wire.struck
        assert caught.value.exit_code == 6
        server.start()
        assert bytes_of(server.url("pictures")) == before
        assert applied(server.url("pictures"), photos(500)).tables["photos"].create == 497


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 160 MB."""
    with disk("160m") as folder:
        yield folder


def test_fault_28_the_data_disk_is_full(backend, small_disk):
    """Rolled back, not tried again, and the server goes on; with room the next run does everything."""
    log = new_root()
    with machine(backend, root=small_disk / "server") as server:
        server.start()
        server.stop()
        # A server that cannot write its log stops, which is fault 25.
        move_out(server, "pg_wal", log)
        server.start()
        try:
            url = old_state(server)
            before = bytes_of(url)
            ballast = small_disk / "ballast"
            fill(ballast, shutil.disk_usage(small_disk).free - 4_000_000)
            with pytest.raises(DatabaseFailure, match="No space left on device") as caught:
                applied(url, photos(2000, bytes_each=8000))
            assert caught.value.exit_code == 6
            assert "attempts" not in str(caught.value)
            assert bytes_of(url) == before
            ballast.unlink()
            assert applied(url, photos(2000, bytes_each=8000)).tables["photos"].create == 1997
        finally:
            server.stop()
            shutil.rmtree(log)


def fill(file: Path, size: int) -> None:
    """Take up room."""
    with file.open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, size)
