"""``python -m benchmarks.run --scale 1``: all measurements, as a table and as benchmarks/results.json.

Every ratio is of two things measured in this run, on this server, in turns. The server is the embedded one with its files in memory
and durability off, as for tests: writing is then as cheap as it gets, and what seedbed adds to it shows most.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks import measure, plain
from seedbed.servers import Server, choose, disposable

RESULTS = Path(__file__).parent / "results.json"
PLAIN_EMPLOYEES = 60


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table.

    Attributes:
        what: what was compared with what.
        value, unit: the figure; a ratio has the unit ``x``.
        goal: the bound, such as ``<= 1.6``.
        met: whether the figure is inside it.
        detail: the measurements behind it.
    """

    what: str
    value: float
    unit: str
    goal: str
    met: bool
    detail: str


def at_most(what: str, value: float, bound: float, unit: str, detail: str = "") -> Result:
    """Return a result that must not be above a bound."""
    return Result(what, value, unit, f"<= {bound:g}", value <= bound, detail)


def at_least(what: str, value: float, bound: float, unit: str, detail: str = "") -> Result:
    """Return a result that must not be below a bound."""
    return Result(what, value, unit, f">= {bound:g}", value >= bound, detail)


def staging(server: Server, scale: float, rounds: int) -> Iterator[Result]:
    """Measure the staging profile against COPY, against itself, and against a plain seed script."""
    first, again, copied, peaks, rows = [], [], [], [], 0
    for number in range(rounds):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_memory())))
            ours = stack.enter_context(measure.database(server, f"ours_{number}"))
            raw = stack.enter_context(measure.database(server, f"raw_{number}"))
            measure.create_schema(ours)
            tables = measure.create_schema(raw)
            command = ("apply", "staging", "--database-url", ours, "--scale", str(scale), "--quiet")
            ran = measure.seedbed(*command)
            first.append(ran.seconds)
            peaks.append(ran.peak)
            again.append(measure.seedbed(*command).seconds)
            rows = measure.copy_out(ours, tables, folder)
            copied.append(measure.copy_in(raw, tables, folder))
    ours_, raw_ = median(first), median(copied)
    figures = f"{rows:,} rows: {ours_:.1f} s, COPY {raw_:.1f} s"
    yield at_most("staging, first apply / raw COPY", ours_ / raw_, 1.6, "x", figures)
    figures = f"{median(again):.1f} s / {ours_:.1f} s"
    yield at_most("staging, nothing to do / first apply", median(again) / ours_, 0.6, "x", figures)
    yield at_most("staging, peak memory of our process", max(peaks), 2048, "MiB")
    with measure.database(server, "plain") as url:
        measure.create_schema(url)
        count, seconds = plain.seed(url, PLAIN_EMPLOYEES)
    faster = (rows / ours_) / (count / seconds)
    figures = f"{rows / ours_:,.0f} rows/s, factory_boy + Session {count / seconds:,.0f} rows/s ({count:,} rows)"
    yield at_least("staging / factory_boy + SQLAlchemy session", faster, 15, "x", figures)


def generation(scale: float) -> Iterator[Result]:
    """Measure generation alone."""
    command = [sys.executable, "-m", "benchmarks.generation", "staging", str(scale)]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    speed = made["rows"] / made["seconds"]
    figures = f"{made['rows']:,} rows in {made['seconds']:.2f} s"
    yield at_least("staging, generation alone", speed, 250_000, "rows/s", figures)


def commands(server: Server, rounds: int) -> Iterator[Result]:
    """Measure what a developer waits for, from process start to exit."""
    first, again = [], []
    for number in range(rounds):
        with measure.database(server, f"development_{number}") as url:
            command = ("apply", "development", "--database-url", url, "--quiet")
            first.append(measure.seedbed(*command).seconds)
            again.append(measure.seedbed(*command).seconds)
    yield at_most("apply development, schema included", median(first), 1.5, "s")
    yield at_most("apply development, nothing to do", median(again), 1.0, "s")
    imports = [measure.run([sys.executable, "-c", "import seedbed"]).seconds for _ in range(7)]
    yield at_most("import seedbed, with Python's own start", median(imports), 0.15, "s")


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    backend = choose().backend
    with disposable(backend) as server:
        results = [
            *generation(chosen.scale),
            *commands(server, chosen.rounds),
            *staging(server, chosen.scale, chosen.rounds),
        ]
        version = server.version
    _print(
        results, f"scale {chosen.scale:g}, PostgreSQL {version}, Python {platform.python_version()}"
    )
    document = {
        "scale": chosen.scale,
        "rounds": chosen.rounds,
        "postgresql": version,
        "python": platform.python_version(),
        "results": [asdict(result) for result in results],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


def _print(results: list[Result], title: str) -> None:
    table = Table("what", "measured", "goal", "", "from", title=title)
    for result in results:
        figure = f"{result.value:,.2f}" if result.value < 100 else f"{result.value:,.0f}"
        verdict = "met" if result.met else "[red]missed"
        table.add_row(result.what, f"{figure} {result.unit}", result.goal, verdict, result.detail)
    Console(width=140).print(table)


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    main()
