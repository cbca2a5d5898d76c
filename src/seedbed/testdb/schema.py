"""Where a test database's tables come from: an Alembic configuration, SQL files, a callable or a metadata."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.blame import blaming
from seedbed.errors import InvalidInput
from seedbed.testdb.address import driven
from seedbed.testdb.sql_files import run_files
from seedbed.testdb.tables import making, require_tables

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def make_schema(root: Path, said: str, url: str) -> None:
    """Make the tables in an empty database.

    Args:
        root: the project's folder, to which paths are relative.
        said: an Alembic ``.ini`` file; ``.sql`` files or patterns of them, run in this order; or ``module:attribute``, a
            metadata, a declarative base, or a callable that takes a URL.
        url: the database.

    Raises:
        InvalidInput: it is none of these, or not there.
    """
    kind = _kind(said)
    if kind == "alembic":
        _upgrade(root, said, url)
    elif kind == "sql":
        run_files(_existing(root, said), root, url)
    else:
        _from_attribute(root, said, url)


def schema_files(root: Path, said: str | None) -> list[Path]:
    """Return the files that tables are made from, as far as they can be told without importing anything."""
    if said is None:
        return []
    kind = _kind(said)
    if kind == "sql":
        return _existing(root, said)
    if kind == "alembic":
        ini = _existing(root, said)[0]
        return [ini, *_migrations(ini)]
    top = said.partition(":")[0].partition(".")[0]
    return [*(root / top).rglob("*.py"), root / f"{top}.py"]


_SEPARATORS = {"os": os.pathsep, "space": " ", "newline": "\n", ";": ";", ":": ":"}


def _migrations(ini: Path) -> Iterator[Path]:
    """Yield every file below the folders that an Alembic configuration names: migrations read others than Python's, too."""
    parser = ConfigParser({"here": str(ini.parent)}, interpolation=None)
    parser.read(ini, encoding="utf-8")
    if not parser.has_section("alembic"):
        return
    said = parser["alembic"]
    separator = said.get("path_separator", said.get("version_path_separator", ""))
    between = _SEPARATORS.get(separator.partition("#")[0].strip())
    locations = said.get("version_locations", "")
    parts = locations.split(between) if between else re.split(r"[,\s]+", locations)
    for part in (said.get("script_location", ""), *parts):
        name = part.strip().replace("%(here)s", str(ini.parent))
        if not name:
            continue
        folder = ini.parent / name
        if not folder.is_dir() and ":" in name:  # package:folder
            package, _, inner = name.partition(":")
            folder = ini.parent / package.replace(".", "/") / inner
        yield from (path for path in folder.rglob("*") if "__pycache__" not in path.parts)


def _kind(said: str) -> str:
    words = said.split()
    if len(words) == 1 and said.strip().endswith(".ini"):
        return "alembic"
    if words and all(word.endswith(".sql") for word in words):
        return "sql"
    module, colon, attribute = said.partition(":")
    if colon and module.replace(".", "").isidentifier() and attribute:
        return "attribute"
    raise InvalidInput(
        f"seedbed_schema = {said!r} is not a schema",
        remedy="Give an Alembic .ini, .sql files, or module:attribute (a metadata or a callable).",
    )


def _existing(root: Path, said: str) -> list[Path]:
    found: list[Path] = []
    for word in said.split():
        given = Path(word)
        here = [given] if given.is_absolute() else sorted(root.glob(word))
        files = [path for path in here if path.is_file()]
        if not files:
            raise InvalidInput(f"seedbed_schema: there is no file {word!r} in {root}")
        found += files
    return found


def _upgrade(root: Path, said: str, url: str) -> None:
    """Run an Alembic upgrade as the ``alembic`` command does, with this database's URL.

    All usual forms of ``env.py`` find it: ``sqlalchemy.url``, a connection in ``config.attributes``, and DATABASE_URL.
    """
    ini = _existing(root, said)[0]
    try:
        from alembic import command
        from alembic.config import Config
    except ModuleNotFoundError:
        raise InvalidInput(f"{ini} needs Alembic, which is not installed") from None
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    address = driven(url)
    config = Config(str(ini))
    config.set_main_option("sqlalchemy.url", address.replace("%", "%%"))
    config.attributes["configure_logger"] = False
    engine = create_engine(address, poolclass=NullPool)
    with making(root, said, url), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    require_tables(said, url)


def _from_attribute(root: Path, said: str, url: str) -> None:
    name, _, path = said.partition(":")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        with blaming(root, f"importing {name} for seedbed_schema"):
            value: object = importlib.import_module(name)
        for attribute in path.split("."):
            value = getattr(value, attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"seedbed_schema = {said!r}: {error}") from error
    from sqlalchemy import MetaData

    metadata = getattr(value, "metadata", value)
    if isinstance(metadata, MetaData):
        _create(root, metadata, url)
    elif callable(value):
        call: Callable[[str], object] = value
        with making(root, said, url):
            call(url)
        require_tables(said, url)
    else:
        raise InvalidInput(f"seedbed_schema = {said!r} is neither a metadata nor a callable")


def _create(root: Path, metadata: MetaData, url: str) -> None:
    from seedbed.load.schema import create
    from seedbed.load.session import connect
    from seedbed.settings import read_settings

    with connect(url) as connection:
        create(connection, metadata, read_settings(root).extensions, allowed=True)
        connection.commit()
