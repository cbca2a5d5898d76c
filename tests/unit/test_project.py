"""Projects: found, put first on the path, imported, and blamed by file and line."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from seedbed.errors import InvalidInput
from seedbed.project import PAYROLL, Project, bundled_root, find_project
from seedbed.request import checked_scale, moment, source
from seedbed.starter import copy_payroll

Make = Callable[[dict[str, str]], Project]

PROFILE = "from seedbed import Profile\n{name} = Profile('{name}')\n"


@pytest.fixture(autouse=True)
def _path_and_modules_put_back() -> Iterator[None]:
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if name.split(".")[0] in ("factories", "profiles", "shapes"):
            del sys.modules[name]
    sys.modules.update(modules)


@pytest.fixture
def project(tmp_path: Path) -> Make:
    """Return a function that writes files into a folder and finds the project there."""

    def make(files: dict[str, str]) -> Project:
        root = tmp_path / "project"
        for name, text in {"pyproject.toml": "[tool.seedbed]\n", **files}.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return find_project(root)

    return make


class TestFinding:
    def test_a_folder_without_a_project_has_the_payroll_project(self, tmp_path: Path) -> None:
        """So `seedbed apply demo` runs in an empty folder."""
        found = find_project(tmp_path)
        assert found.bundled
        assert (found.root, found.name) == (bundled_root(), "payroll")

    def test_a_project_is_named_by_its_pyproject(self, project: Make) -> None:
        """The name is part of the embedded server's databases."""
        text = "[project]\nname = 'shop'\n[tool.seedbed]\n"
        assert project({"pyproject.toml": text}).name == "shop"

    def test_the_repositorys_own_configuration_is_the_bundled_one(self) -> None:
        """What `seedbed init` writes is what this repository runs on."""
        repository = Path(__file__).parents[2] / "pyproject.toml"
        assert tomllib.loads(repository.read_text("utf-8"))["tool"]["seedbed"] == PAYROLL


class TestProfiles:
    def test_profiles_are_collected_from_a_package_and_its_modules(self, project: Make) -> None:
        """One file a profile, or all of them in __init__.py."""
        found = project(
            {
                "profiles/__init__.py": PROFILE.format(name="demo"),
                "profiles/testing.py": PROFILE.format(name="testing"),
                "profiles/_shared.py": "raise RuntimeError('not a module of profiles')\n",
            }
        )
        assert list(found.profiles) == ["demo", "testing"]

    def test_a_profile_imported_from_its_neighbour_is_one(self, project: Make) -> None:
        """`extends` needs the other profile's name in the module."""
        found = project(
            {
                "profiles/__init__.py": "from profiles.testing import testing\n",
                "profiles/testing.py": PROFILE.format(name="testing"),
            }
        )
        assert list(found.profiles) == ["testing"]

    def test_two_profiles_of_one_name_are_refused(self, project: Make) -> None:
        """Both places are named."""
        found = project(
            {
                "profiles/__init__.py": "",
                "profiles/a.py": PROFILE.format(name="demo"),
                "profiles/b.py": PROFILE.format(name="demo"),
            }
        )
        with pytest.raises(InvalidInput, match="two profiles named 'demo'") as caught:
            _ = found.profiles
        assert [finding.where for finding in caught.value.findings] == ["profiles.a", "profiles.b"]

    def test_a_wrong_name_gets_the_nearest(self, project: Make) -> None:
        """demmo is demo."""
        found = project({"profiles.py": PROFILE.format(name="demo")})
        with pytest.raises(InvalidInput, match=r"did you mean 'demo'\?"):
            found.profile("demmo")

    def test_a_module_without_profiles_is_refused(self, project: Make) -> None:
        """An empty profiles.py is not an empty list of profiles."""
        with pytest.raises(InvalidInput, match=r"holds no seedbed\.Profile"):
            _ = project({"profiles.py": ""}).profiles


class TestWhoseModulesWin:
    @pytest.mark.parametrize("marker", ["factories/__init__.py", "factories/notes.txt"])
    def test_the_projects_folders_win_over_installed_packages(
        self, project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str
    ) -> None:
        """With and without an __init__.py, and though the other one was imported before."""
        other = tmp_path / "elsewhere" / "factories"
        other.mkdir(parents=True)
        (other / "__init__.py").write_text("ORIGIN = 'elsewhere'\n")
        (other / "people.py").write_text("ORIGIN = 'elsewhere'\n")
        monkeypatch.syspath_prepend(other.parent)
        sys.modules.pop("factories", None)
        __import__("factories.people")
        found = project(
            {
                marker: "",
                "factories/people.py": "ORIGIN = 'project'\n",
                "profiles.py": "from factories.people import ORIGIN\n"
                "from seedbed import Profile\ndemo = Profile('demo', description=ORIGIN)\n",
            }
        )
        assert found.profile("demo").description == "project"

    def test_two_projects_in_one_process_do_not_mix(self, project: Make, tmp_path: Path) -> None:
        """The second project's `profiles` is not the first one's."""
        first = project({"profiles.py": PROFILE.format(name="demo")})
        second = tmp_path / "second"
        second.mkdir()
        (second / "pyproject.toml").write_text("[tool.seedbed]\n")
        (second / "profiles.py").write_text(PROFILE.format(name="other"))
        assert list(first.profiles) == ["demo"]
        assert list(find_project(second).profiles) == ["other"]


class TestBlame:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x = 1\nx.y\n", r"profiles\.py:2: AttributeError: 'int' object has no attribute 'y'"),
            ("def broken(:\n", r"profiles\.py:1: SyntaxError"),
            ("import json\n\njson.loads('{')\n", r"profiles\.py:3: JSONDecodeError"),
            ("import sys\nsys.exit(3)\n", r"profiles\.py:2: SystemExit: 3"),
            ("import nowhere_at_all\n", r"profiles\.py:1: ModuleNotFoundError: .*nowhere_at_all"),
        ],
    )
    def test_a_broken_module_is_reported_by_its_own_line(
        self, project: Make, text: str, expected: str
    ) -> None:
        """Not by the line of the library it called, and without a traceback."""
        with pytest.raises(InvalidInput, match=expected):
            _ = project({"profiles.py": text}).profiles

    def test_a_missing_module_is_the_configurations_mistake(self, project: Make) -> None:
        """`profiles = ...` names a module that is not there."""
        found = project({"pyproject.toml": "[tool.seedbed]\nprofiles = 'shapes'\n"})
        with pytest.raises(InvalidInput, match=r"pyproject\.toml.*there is no module 'shapes'"):
            _ = found.profiles


class TestSchemaSource:
    @pytest.mark.parametrize(
        ("schema", "text"),
        [
            ("shapes:metadata", "from sqlalchemy import MetaData\nmetadata = MetaData()\n"),
            (
                "shapes:Base",
                "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\n",
            ),
        ],
    )
    def test_it_is_a_metadata_or_a_declarative_base(
        self, project: Make, schema: str, text: str
    ) -> None:
        """Both are what people have."""
        configuration = f"[tool.seedbed]\nschema = '{schema}'\n"
        found = project({"pyproject.toml": configuration, "shapes.py": text})
        assert isinstance(found.metadata(), MetaData)

    @pytest.mark.parametrize(
        ("schema", "expected"),
        [
            ("shapes:Bose", "no attribute 'Bose': did you mean 'Base'"),
            ("shapes:Base", "neither a MetaData nor a declarative base, but a int"),
        ],
    )
    def test_anything_else_is_refused(self, project: Make, schema: str, expected: str) -> None:
        """A wrong name gets the nearest, a wrong thing its type."""
        configuration = f"[tool.seedbed]\nschema = '{schema}'\n"
        found = project({"pyproject.toml": configuration, "shapes.py": "Base = 1\n"})
        with pytest.raises(InvalidInput, match=expected):
            found.metadata()


class TestRequest:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-03-01", datetime(2026, 3, 1)),
            ("2026-03-01T12:30", datetime(2026, 3, 1, 12, 30)),
            ("2026-03-01T12:30+02:00", datetime(2026, 3, 1, 10, 30)),
            ("2026-03-01T12:30Z", datetime(2026, 3, 1, 12, 30)),
        ],
    )
    def test_a_moment_is_read_as_utc(self, text: str, expected: datetime) -> None:
        """A zone is converted, a date is its first moment."""
        assert moment(text) == expected

    @pytest.mark.parametrize("text", ["yesterdayish", "", "2026-13-01", "12:30"])
    def test_what_is_no_moment_is_refused(self, text: str) -> None:
        """With examples of what would be one."""
        with pytest.raises(InvalidInput, match="neither an ISO date or time nor now"):
            moment(text)

    @pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
    def test_a_scale_is_above_zero(self, scale: float) -> None:
        """Also NaN and infinity are refused."""
        with pytest.raises(InvalidInput, match="above 0"):
            checked_scale(scale)

    def test_the_profiles_own_moment_gives_way_to_the_callers(self, project: Make) -> None:
        """--as-of wins over Profile(as_of=...)."""
        found = project(
            {
                "profiles.py": "from datetime import datetime\nfrom seedbed import Profile\n"
                "fixed = Profile('fixed', as_of=datetime(2026, 1, 1))\n"
            }
        )
        profile = found.profile("fixed")
        assert source(found, profile).as_of == datetime(2026, 1, 1)
        assert source(found, profile, as_of="2026-02-01").as_of == datetime(2026, 2, 1)


class TestStarter:
    def test_an_empty_folder_becomes_a_project(self, tmp_path: Path) -> None:
        """The copy is found as a project of its own and holds the three folders."""
        copy_payroll(tmp_path / "mine")
        found = find_project(tmp_path / "mine")
        assert not found.bundled
        assert {"seeds", "factories", "profiles"} <= {path.name for path in found.root.iterdir()}

    def test_a_pyproject_that_is_there_is_kept(self, tmp_path: Path) -> None:
        """The table is added at its end."""
        (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'")
        copy_payroll(tmp_path)
        assert find_project(tmp_path).name == "shop"

    @pytest.mark.parametrize("file", ["profiles/mine.py", "pyproject.toml"])
    def test_a_folder_that_has_a_project_is_refused(self, tmp_path: Path, file: str) -> None:
        """Nothing is written over, and what is in the way is named."""
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("[tool.seedbed]\n")
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InvalidInput, match="already has a project"):
            copy_payroll(tmp_path)
        assert sorted(tmp_path.rglob("*")) == before
