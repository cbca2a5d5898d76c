"""What the public functions take, and what they say to what they do not take; no server is asked anything."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import URL

import seedbed
from seedbed.errors import DatabaseFailure, InvalidInput

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.mark.parametrize("function", [seedbed.plan, seedbed.apply, seedbed.reset])
def test_an_unknown_keyword_is_a_type_error_with_the_nearest_known_one(function: Any) -> None:
    """As Python itself has it for functions that name their arguments one by one."""
    with pytest.raises(TypeError, match=r"\(\) got .* 'sacle': did you mean 'scale'\?"):
        function("development", NOWHERE, sacle=2)


def test_apply_has_no_dry_run_and_names_plan() -> None:
    """The command line has one, so people will type it."""
    with pytest.raises(TypeError, match=r"'dry_run': call seedbed\.plan\(\), which writes nothing"):
        seedbed.apply("development", NOWHERE, dry_run=True)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"edits": "overwirte"}, "edits='overwirte': did you mean 'overwrite'?"),
        ({"only": "notes"}, "only='notes': must be a list of tables' names, such as ['notes']"),
        ({"skip": [1]}, "skip=[1]: must be a list of tables' names"),
        ({"scale": "2"}, "scale='2': must be a number"),
        ({"scale": True}, "scale=True: must be a number"),
        ({"scale": -1}, "scale -1: must be a number above 0"),
        ({"as_of": 3}, "as_of=3: must be a datetime, a date, an ISO text or 'now'"),
        ({"as_of": "soon"}, "as of 'soon': is neither an ISO date or time nor now"),
        ({"seed": 1.5}, "seed=1.5: must be a text or a whole number"),
        ({"minimal": "no"}, "minimal='no': must be True or False"),
        ({"confirm": True}, "confirm=True: must be the database's name"),
        ({"backup": 1}, "backup=1: must be True, False or a folder"),
        ({"lock_timeout": "5s"}, "lock_timeout='5s': must be a number of seconds"),
        ({"environment": 1}, "environment=1: must be a text"),
        ({"project": 1}, "project=1: must be a folder"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_can(wish: dict[str, Any], said: str) -> None:
    """Never taken for something else, and never a traceback from within."""
    with pytest.raises(InvalidInput) as error:
        seedbed.apply("development", NOWHERE, **wish)
    assert said in str(error.value)


@pytest.mark.parametrize("module", [seedbed.errors, seedbed.fields, seedbed.snapshot])
def test_the_public_modules_say_what_of_them_is_public(module: Any) -> None:
    """Nothing that they import for themselves."""
    for name in module.__all__:
        home = getattr(getattr(module, name), "__module__", module.__name__)
        assert home.startswith((module.__name__, "polars"))  # col is polars'


def test_options_that_an_error_names_are_told_in_pythons_words() -> None:
    """As a note below the error, which a traceback shows; with each of several."""
    with pytest.raises(InvalidInput, match="--clean and --adopt exclude") as error:
        seedbed.apply("development", NOWHERE, clean=True, adopt=True)
    assert error.value.__notes__ == ["In Python, --clean is clean=True, --adopt is adopt=True."]


@pytest.mark.parametrize("url", [None, 5, ""])
def test_what_is_no_url_is_refused_by_name(url: Any) -> None:
    """Such as what os.environ.get gives where nothing is set."""
    for call in (lambda: seedbed.status(url), lambda: seedbed.plan("development", url)):
        with pytest.raises(InvalidInput, match="URL"):
            call()


def test_sqlalchemys_url_is_taken_with_its_password() -> None:
    """Its text has *** there; the server is looked for where it says, so the failure is the connection's."""
    url = URL.create("postgresql+psycopg", "nobody", "secret", "127.0.0.1", 1, "nothing")
    with pytest.raises(DatabaseFailure, match="no connection"):
        seedbed.status(url)


def test_a_profile_that_is_none_is_refused() -> None:
    """The other way round: the URL before the profile, or a module."""
    with pytest.raises(InvalidInput, match="profile"):
        seedbed.plan(None, NOWHERE)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="profile"):
        seedbed.apply(None, NOWHERE, plan="a.plan")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["destroy", "forget", "status", "stamp", "backup", "restore"])
def test_every_function_takes_a_project(name: str, tmp_path: Any) -> None:
    """Its folder will do; here it is of a project whose configuration is broken."""
    (tmp_path / "pyproject.toml").write_text("[tool.seedbed]\nprofils = 'x'\n")
    more: dict[str, tuple[Any, ...]] = {"stamp": ("development",), "restore": ("file",)}
    keywords = {} if name in ("status", "backup") else {"confirm": "nothing"}
    with pytest.raises(InvalidInput, match="did you mean 'profiles'"):
        getattr(seedbed, name)(NOWHERE, *more.get(name, ()), project=tmp_path, **keywords)


@pytest.mark.parametrize("name", ["save", "restore", "drop"])
def test_so_do_the_functions_of_snapshots(name: str, tmp_path: Any) -> None:
    """Before anything is connected to."""
    (tmp_path / "pyproject.toml").write_text("[tool.seedbed]\nprofils = 'x'\n")
    keywords = {} if name == "save" else {"confirm": "nothing"}
    with pytest.raises(InvalidInput, match="did you mean 'profiles'"):
        getattr(seedbed.snapshot, name)(NOWHERE, "first", project=tmp_path, **keywords)
