"""Generation alone, in a process of its own: every column and reference of a profile. Prints rows and seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

from seedbed.dataset import row_count
from seedbed.project import find_project


def main(profile: str, scale: float) -> None:
    """Evaluate a profile and ask for all there is."""
    project = find_project()
    chosen, seeds = project.profile(profile), project.seeds
    started = time.perf_counter()
    dataset = chosen.evaluate(as_of=datetime(2026, 11, 1), scale=scale, seeds=seeds)
    for rows in dataset.tables.values():
        for name in rows.column_names:
            rows.column(name)
        for reference in rows.references.values():
            len(reference.rows)
    seconds = time.perf_counter() - started
    print(json.dumps({"rows": row_count(dataset.tables.values()), "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
