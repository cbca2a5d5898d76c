"""What is written down beside a backup: what it is of, and by what it can be told to be whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from seedbed.errors import InvalidInput, Refused

FORM = 1
"""The form of the manifest, for those who read an older or newer one."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of.

    Attributes:
        file: its name.
        size: in bytes.
        sha256: of the file.
        database: the name of the database it was made of.
        system_identifier: of that database's server; empty where the role could not ask for it.
        environment: what the database was for when it was made; ``unknown`` where nothing said so.
        server_version: of that server, as PostgreSQL counts: 180006.
        program: the major version of the pg_dump that wrote it; an older pg_restore cannot read it.
        made_at: the moment of the snapshot it holds.
        rows: how many rows each table holds, by qualified name.
    """

    file: str
    size: int
    sha256: str
    database: str
    system_identifier: str
    environment: str
    server_version: int
    program: int
    made_at: datetime
    rows: Mapping[str, int]

    def write(self, path: Path) -> None:
        """Write a new file, and see it onto the disk; there is none where that fails.

        Raises:
            FileExistsError: there is such a file.
        """
        values = {"seedbed_backup": FORM, **asdict(self), "made_at": self.made_at.isoformat()}
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(values, indent=2) + "\n")
                stream.flush()
                os.fsync(file)
        except BaseException:
            path.unlink()
            raise


def manifest_path(dump: Path) -> Path:
    """Return where a backup's manifest is: beside it."""
    return dump.with_name(f"{dump.name}.json")


def read_manifest(path: Path) -> Manifest | None:
    """Return a manifest of ours, None where the file is not one."""
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if values.pop("seedbed_backup") != FORM:
            return None
        values["made_at"] = datetime.fromisoformat(values["made_at"])
        manifest = Manifest(**values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return manifest if _sound(manifest) else None


def _sound(manifest: Manifest) -> bool:
    kinds = {"str": str, "int": int, "datetime": datetime, "Mapping[str, int]": dict}
    return all(
        isinstance(getattr(manifest, field.name), kinds[str(field.type)])
        for field in fields(manifest)
    )


def checked(dump: Path) -> Manifest:
    """Return the manifest of a backup that is exactly as it was when it was made.

    Raises:
        Refused: there is no manifest.
        InvalidInput: there is no such file, or it is not what its manifest says.
    """
    if not dump.is_file():
        raise InvalidInput(f"{dump}: there is no such file")
    manifest = read_manifest(manifest_path(dump))
    if manifest is None:
        raise Refused(
            f"{dump} has no manifest of seedbed's beside it, so nothing tells what it is and whether it is whole",
            remedy=f"It belongs in {manifest_path(dump)}; both files move together. "
            "A dump that seedbed did not make is for pg_restore.",
        )
    size = dump.stat().st_size
    if size != manifest.size:
        raise InvalidInput(
            f"{dump} is damaged: {size:,} bytes, and {manifest.size:,} when it was made"
        )
    if digest(dump) != manifest.sha256:
        raise InvalidInput(f"{dump} is damaged: its SHA-256 is not what it was when it was made")
    return manifest


def digest(file: Path) -> str:
    """Return a file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
