"""Programs on the PATH that stand before PostgreSQL's own: they note or spoil something, and leave the work to the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seedbed.servers import Embedded, System


class Impostors:
    """A folder at the head of the PATH.

    Args:
        folder: where the impostors go.
        backend: whose programs they stand for.
    """

    def __init__(
        self, folder: Path, backend: Embedded | System, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self.backend = folder, backend
        folder.mkdir()
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def stand_for(self, program: str, script: str) -> None:
        """Put a shell script in a program's place; ``$real`` is the real one, asked for its version without the script."""
        real = self.backend.binaries().program(program)
        lines = [
            "#!/bin/bash",
            f"real='{real}'",
            '[ "$1" = --version ] && exec "$real" --version',
            script,
        ]
        file = self.folder / program
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        file.chmod(0o755)
