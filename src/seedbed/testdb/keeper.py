"""A process that keeps one container: ``python -m seedbed.testdb.keeper IMAGE KEEP``, standard input being the run's leash.

The tests' processes come and go (pytest-xdist's workers, one of which is the first to need a server), and testcontainers ties a
container to the process that started it. So a process of its own starts it, says on one line where it is, and removes it when the
leash is let go, whatever ended the run; unless somebody has made the file KEEP by then.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from seedbed.errors import SeedbedError
from seedbed.servers.container import Container, remove_orphans
from seedbed.servers.protocol import Unavailable
from seedbed.servers.tuning import DISPOSABLE
from seedbed.testdb.leases import Lease

LABEL = "seedbed.keeper"


def main(image: str, keep: Path) -> None:
    """Start a container, report it, and remove it in the end."""
    owner = json.dumps(asdict(Lease.own()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # testcontainers imports it for one exception, for a quarter of a second, and does without where there is none.
    sys.modules["sqlalchemy"] = None  # type: ignore[assignment]
    try:
        remove_orphans(LABEL, _ended)
        server = Container(image, labels=((LABEL, owner),)).server(Path(), DISPOSABLE)
        server.start()
    except Unavailable as reason:
        return _say({"unavailable": str(reason)})
    except SeedbedError as error:
        return _say({"failure": str(error)})
    try:
        _say({"url": server.url(), "version": server.version})
        sys.stdin.read()
        if keep.exists():
            keep.unlink()
            signal.pause()
    finally:
        server.stop()


def _say(message: dict[str, str]) -> None:
    print(json.dumps(message), flush=True)
    sys.stdout.close()


def _ended(label: str) -> bool:
    return Lease(**json.loads(label)).ended is True


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
