"""What several integration tests need beside a database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed import servers
from seedbed.servers.disposable import roomy_folder


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder for a development server, which is stopped afterwards.

    pytest's own temporary folders are closed to the account that root's servers run as.
    """
    folder = Path(tempfile.mkdtemp(prefix="seedbed-home-", dir=roomy_folder()))
    folder.chmod(0o755)
    yield folder
    servers.stop(home=folder)
    shutil.rmtree(folder)
