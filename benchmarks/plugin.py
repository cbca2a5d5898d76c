"""``python -m benchmarks.plugin``: what the pytest plugin adds to a test, beside pytest-postgresql and SQLAlchemy's savepoint recipe.

Every figure is the median over rounds in which all runs of pytest take turns. What a test costs is the sum of its set-up, call and
tear-down; what is *added* is that minus the same for the same test on a session or connection that is simply open.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which
from statistics import median

import psycopg
from psycopg.conninfo import conninfo_to_dict

import seedbed
from benchmarks.plugin_tests import source
from benchmarks.run import Result, _print, at_least, at_most
from seedbed.servers import Server, choose, disposable

RESULTS = Path(__file__).parent / "plugin-results.json"
ROOT = Path(__file__).parent.parent
IMAGE = "seedbed-postgres:18"
"""What .ci/container-image makes."""

CONFTEST = """
import json

spent = {}

def pytest_runtest_logreport(report):
    spent[report.nodeid] = spent.get(report.nodeid, 0) + report.duration * 1000

def pytest_sessionfinish(session):
    with open("spent.json", "w") as file:
        json.dump(list(spent.values()), file)
"""
STYLES = (
    "open session",
    "recipe",
    "rollback",
    "open class",
    "documented",
    "rollback class",
    "open connection",
    "pytest-postgresql",
    "clone",
    "clone at work",
)
FEW = ("pytest-postgresql", "clone", "clone at work")
"""Styles whose tests take long."""


Times = Mapping[str, list[list[float]]]


class Project:
    """A project that links to this one, in whose folder pytest runs.

    Args:
        folder: where it is to be.
        given: what `benchmarks.plugin_tests.source` fills in.
    """

    def __init__(self, folder: Path, **given: object) -> None:
        self.folder, self.given = folder, given
        for part in ("pyproject.toml", "factories", "profiles", "seeds"):
            (folder / part).symlink_to(ROOT / part)
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "pytest.ini").write_text("[pytest]\nseedbed_server = embedded\n")
        # A cache of its own: runs that clear it leave the user's alone.
        self.environment = os.environ | {
            "PYTHONPATH": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TESTCONTAINERS_RYUK_DISABLED": "true",  # its image would have to be pulled
        }

    def run(self, name: str, tests: int, *options: str) -> list[float]:
        """Run the test file of a name; return each test's milliseconds.

        Raises:
            SystemExit: a test failed.
        """
        file = self.folder / f"test_{name.replace(' ', '_').replace('-', '_')}.py"
        file.write_text(source(name, tests=tests, **self.given))
        self.pytest(file.name, *options)
        spent: list[float] = json.loads((self.folder / "spent.json").read_text())
        return spent

    def pytest(self, *options: str) -> float:
        """Run pytest; return its seconds from start to end."""
        command = [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", *options]
        began = time.perf_counter()
        ran = subprocess.run(
            [*command, "-p", "no:cacheprovider"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if ran.returncode:
            sys.exit(ran.stdout[-3000:] + ran.stderr[-2000:])
        return time.perf_counter() - began


def added(times: Times, style: str, to: str) -> float:
    """Return what a style adds to a test: the median over rounds, each against its own round."""
    pairs = zip(times[style], times[to], strict=True)
    return median(median(ours[1:]) - median(bare[1:]) for ours, bare in pairs)


def timed(project: Project, tests: int, rounds: int) -> Times:
    """Return the milliseconds of each test, by style and round."""
    times = defaultdict[str, list[list[float]]](list)
    for _ in range(rounds):
        for style in STYLES:
            few = style in FEW
            times[style].append(project.run(style, max(20, tests // 4) if few else tests))
    return times


def of_rollback(times: Times) -> Iterator[Result]:
    """Compare with SQLAlchemy's recipe, in the two forms people write it in."""
    ours, recipe = (added(times, style, "open session") for style in ("rollback", "recipe"))
    yield at_most("rollback, added to a test", ours, 1.5, "ms")
    figures = f"{ours:.2f} ms / {recipe:.2f} ms"
    yield at_most("rollback / the recipe as a pytest fixture", ours / recipe, 0.5, "x", figures)
    ours, recipe = (added(times, style, "open class") for style in ("rollback class", "documented"))
    figures = f"{ours:.2f} ms / {recipe:.2f} ms, TestCase"
    yield at_most("rollback / the recipe as documented", ours / recipe, 0.5, "x", figures)
    first = [run[0] for run in times["rollback"]]
    yield at_most("first database, template cached", median(first), 250, "ms")


def of_clones(times: Times) -> Iterator[Result]:
    """Compare with pytest-postgresql."""
    clone, theirs, work = (
        added(times, style, "open connection")
        for style in ("clone", "pytest-postgresql", "clone at work")
    )
    yield at_most("clone, added to tests without work of their own", clone, 10, "ms")
    yield at_most("clone, added to tests that take 25 ms", work - 25, 10, "ms", "the pool keeps up")
    figures = f"{theirs:.1f} ms / {clone:.1f} ms"
    yield at_least("pytest-postgresql / clone", theirs / clone, 5, "x", figures)


def of_beginnings(project: Project, rounds: int) -> Iterator[Result]:
    """Measure a run that finds nothing kept, and one that uses no fixture."""
    cold = [project.run("first", 1, "--seedbed-cache-clear")[0] for _ in range(rounds)]
    yield at_most("first database, cold", median(cold) / 1000, 2, "s", "testing profile")
    project.run("nothing", 1)
    differences = []
    for _ in range(rounds * 7):
        without = project.pytest("test_nothing.py", "-p", "no:seedbed", "-o", "seedbed_server=")
        differences.append(project.pytest("test_nothing.py") - without)
    yield at_most(
        "the plugin, added to a run that does not use it", median(differences) * 1000, 20, "ms"
    )


def of_containers(project: Project, rounds: int) -> Iterator[Result]:
    """Measure the container backend against ``docker run`` of the same image; nothing where there is no Docker engine."""
    if not which("docker") or subprocess.run(["docker", "version"], capture_output=True).returncode:
        return
    subprocess.run([ROOT / ".ci/container-image", IMAGE], check=True, capture_output=True)
    ours, bare = [], []
    options = ("--seedbed-server=container", f"--seedbed-image={IMAGE}")
    for _ in range(rounds):
        ours.append(project.run("server", 1, *options)[0] / 1000)
        bare.append(_bare_container())
    figures = f"{median(ours):.2f} s / {median(bare):.2f} s"
    yield at_most("container, added to its start", median(ours) - median(bare), 0.5, "s", figures)


def _bare_container() -> float:
    """Return the seconds from ``docker run`` to the first connection."""
    began = time.perf_counter()
    command = ["docker", "run", "--detach", "--rm", "--publish=127.0.0.1::5432"]
    command += ["--tmpfs=/var/lib/postgresql", "--env=POSTGRES_PASSWORD=bare", IMAGE]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        asked = subprocess.run(["docker", "port", name, "5432"], check=True, capture_output=True)
        port = asked.stdout.decode().split()[0].rpartition(":")[2]
        while True:
            try:
                psycopg.connect(f"postgresql://postgres:bare@127.0.0.1:{port}/postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.005)
            else:
                return time.perf_counter() - began
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


def measured(server: Server, folder: Path, tests: int, rounds: int) -> list[Result]:
    """Measure everything, the others on a server given to them."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE recipe")
    seedbed.apply("testing", server.url("recipe"), environment="testing")
    url, found = server.url("recipe"), conninfo_to_dict(server.url())
    driven = url.replace("://", "+psycopg://", 1)
    project = Project(folder, url=driven, host=found["host"], port=found["port"])
    project.run("first", 1)  # keeps its template
    return [
        *of_rollback(times := timed(project, tests, rounds)),
        *of_clones(times),
        *of_beginnings(project, rounds),
        *of_containers(project, rounds),
    ]


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with disposable(choose("embedded").backend) as server, tempfile.TemporaryDirectory() as place:
        results = measured(server, Path(place), chosen.tests, chosen.rounds)
    load = f"load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"
    _print(results, f"{chosen.rounds} rounds of {chosen.tests} tests, {load}")
    document = [{"what": each.what, "value": each.value, "unit": each.unit} for each in results]
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
