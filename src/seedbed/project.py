"""A project: the folder that holds seeds, factories and profiles, and the modules in it.

The engine never imports a project statically. It finds the folder of the nearest pyproject.toml with ``[tool.seedbed]``, puts it
first on the path, as Alembic does, and imports the modules named there. Where there is none, the payroll project that comes with
seedbed takes its place.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from seedbed.blame import blaming
from seedbed.errors import Finding, InvalidInput, nearest
from seedbed.settings import Settings, read_settings

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from seedbed.batch import Seed
    from seedbed.factory import Factory
    from seedbed.profile import Profile

PAYROLL: Mapping[str, str] = {
    "profiles": "profiles",
    "seeds": "seeds",
    "schema": "factories.models:Base",
}
"""The ``[tool.seedbed]`` table of the payroll project, wherever it lies."""


@dataclass(frozen=True)
class Project:
    """A project's folder and configuration; its modules are imported when they are asked for.

    Attributes:
        root: the folder that is put on the path.
        settings: what the configuration and the environment say.
        bundled: whether this is the payroll project that comes with seedbed, in want of one of the user's own.
    """

    root: Path
    settings: Settings
    bundled: bool = False

    @property
    def name(self) -> str:
        """What the project is called."""
        return self.settings.name

    @property
    def has_profiles(self) -> bool:
        """Whether there are profiles: a module that the configuration names must be there, the usual one need not."""
        module = self.settings.profiles
        path = [str(self.root), *sys.path]
        return module != PAYROLL["profiles"] or PathFinder.find_spec(module, path) is not None

    @property
    def seeds_folder(self) -> Path:
        """The folder of the hand-picked rows; it need not exist."""
        return self.root / self.settings.seeds

    @cached_property
    def seeds(self) -> Mapping[str, Mapping[str, Seed]]:
        """The hand-picked rows by table and label.

        Raises:
            InvalidInput: something is wrong in the files; all of it, with file and line.
        """
        from seedbed.seeds import read_seeds

        return read_seeds(self.seeds_folder, self.factories, self.described)

    @cached_property
    def described(self) -> MetaData | None:
        """The metadata, if there is one, where factories are bound to tables by name: it says what a model would."""
        needed = self.settings.schema and any(each._meta.table for each in self.factories)
        return self.metadata() if needed else None

    @cached_property
    def factories(self) -> Sequence[type[Factory[Any]]]:
        """All factories that the project's modules define, in the order of their definition."""
        from seedbed.factory import every_factory

        self.profiles  # noqa: B018  # importing the profiles imports the factories
        ours = set(self._top_level_names())
        return [
            factory
            for factory in every_factory()
            if factory.__module__.partition(".")[0] in ours
            and not factory._meta.abstract
            and _is_current(factory)
        ]

    @cached_property
    def profiles(self) -> Mapping[str, Profile]:
        """All profiles by name, in the order in which they were written down.

        Raises:
            InvalidInput: a module of the project cannot be imported, two profiles have one name, or there are none.
        """
        from seedbed.profile import Profile

        found: dict[str, Profile] = {}
        places: dict[str, str] = {}
        for module in self._profile_modules():
            for value in vars(module).values():
                if not isinstance(value, Profile) or found.get(value.name) is value:
                    continue
                if value.name in found:
                    raise InvalidInput(
                        f"there are two profiles named {value.name!r}",
                        findings=[
                            Finding(places[value.name], "the first"),
                            Finding(module.__name__, "the second"),
                        ],
                    )
                found[value.name], places[value.name] = value, module.__name__
        if not found:
            where = f"the module {self.settings.profiles!r} of {self.root}"
            raise InvalidInput(
                f"{where} holds no seedbed.Profile",
                remedy='Write one, or name another module in [tool.seedbed], such as profiles = "package.profiles".',
            )
        return found

    def profile(self, name: str) -> Profile:
        """Return a profile by name.

        Raises:
            InvalidInput: there is none of that name; the nearest is suggested.
        """
        if name not in self.profiles:
            known = nearest(name, list(self.profiles))
            raise InvalidInput(f"there is no profile {name!r} in {self.root}: {known}")
        return self.profiles[name]

    def metadata(self) -> MetaData:
        """Return the metadata of the project's tables: the attribute itself, or the ``.metadata`` of a declarative base.

        Raises:
            InvalidInput: there is no schema source, it cannot be imported, or it is not a metadata.
        """
        if self.settings.schema is None:
            raise InvalidInput(
                f"the project in {self.root} does not say where its tables are described",
                remedy='Name the metadata in [tool.seedbed], such as schema = "factories.models:Base".',
            )
        from sqlalchemy import MetaData

        name, _, path = self.settings.schema.partition(":")
        value: object = self._import(name)
        for attribute in path.split("."):
            if not hasattr(value, attribute):
                known = nearest(attribute, [key for key in vars(value) if key[0] != "_"])
                said = f"schema = {self.settings.schema!r}"
                raise InvalidInput(f"{said}: {name} has no attribute {attribute!r}: {known}")
            value = getattr(value, attribute)
        metadata = getattr(value, "metadata", value)
        if not isinstance(metadata, MetaData):
            kind = type(value).__name__
            problem = f"is neither a MetaData nor a declarative base, but a {kind}"
            raise InvalidInput(f"schema = {self.settings.schema!r} {problem}")
        return metadata

    def _profile_modules(self) -> Iterator[ModuleType]:
        package = self._import(self.settings.profiles)
        yield package
        for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
            if not module.name.startswith("_"):
                yield self._import(f"{package.__name__}.{module.name}")

    def _import(self, name: str) -> ModuleType:
        self._put_first()
        with blaming(self.root, f"importing the module {name}"):
            try:
                return importlib.import_module(name)
            except ModuleNotFoundError as error:
                if not error.name or not f"{name}.".startswith(f"{error.name}."):
                    raise
                said = f"{self.root / 'pyproject.toml'}, [tool.seedbed]"
                raise InvalidInput(f"{said}: there is no module {name!r} in {self.root}") from error

    def _put_first(self) -> None:
        """Make the project's own modules win over whatever else is called factories or profiles.

        A folder without an ``__init__.py`` would lose to any package of its name further down the path, and one that was
        imported before, from elsewhere, would stay: so the top-level names are bound to this folder by hand.
        """
        here = str(self.root)
        sys.path[:] = [here, *(entry for entry in sys.path if entry != here)]
        importlib.invalidate_caches()
        for name in self._top_level_names():
            spec = PathFinder.find_spec(name, [here])
            if spec is None or _lies_at(self.root / name, sys.modules.get(name)):
                continue
            for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
                del sys.modules[loaded]
            module = sys.modules[name] = module_from_spec(spec)
            if spec.loader is not None:
                with blaming(self.root, f"importing the module {name}"):
                    _execute(module)

    def _top_level_names(self) -> list[str]:
        named = [self.settings.schema or "", self.settings.profiles]
        tops = [name.partition(":")[0].partition(".")[0] for name in named]
        return list(dict.fromkeys(name for name in ("factories", *tops) if name))


def find_project(folder: Path | None = None) -> Project:
    """Return the project a folder belongs to, or the payroll project that comes with seedbed.

    Args:
        folder: where to start looking upwards; the current folder by default.

    Raises:
        InvalidInput: the configuration is broken.
    """
    settings = read_settings(folder)
    if settings.root is not None:
        return Project(settings.root, settings)
    root = bundled_root()
    return Project(
        root,
        replace(
            settings,
            root=root,
            name="payroll",
            profiles=PAYROLL["profiles"],
            seeds=PAYROLL["seeds"],
            schema=PAYROLL["schema"],
        ),
        bundled=True,
    )


def bundled_root() -> Path:
    """Return the folder of the payroll project: inside the installed package, or the checkout it is developed in."""
    package = Path(__file__).parent
    installed = package / "payroll"
    return installed if installed.is_dir() else package.parent.parent


def _is_current(kind: type) -> bool:
    """Tell whether a class belongs to a module that is loaded, and not to another project's of the same name before it."""
    return getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind


def _execute(module: ModuleType) -> None:
    spec = module.__spec__
    assert spec is not None
    assert spec.loader is not None
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(
            module.__name__, None
        )  # as the import statement does: half a module is none
        raise


def _lies_at(place: Path, module: ModuleType | None) -> bool:
    """Tell whether a module was loaded from the package, or the file, at a place."""
    if module is None:
        return False
    loaded = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    ours = (place, place / "__init__.py", place.with_name(f"{place.name}.py"))
    return any(found and Path(found) in ours for found in loaded)
