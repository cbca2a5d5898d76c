"""The same from Python: the public functions, in a project of the user's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.canary import bare

PROGRAM = """
import sys
import seedbed

url = sys.argv[1]
planned = seedbed.plan("development", url, minimal=True)
assert planned.tables["customers"].create == 1
done = seedbed.apply("development", url, as_of="2026-03-01")
assert done.changed and done.as_of.isoformat() == "2026-03-01T00:00:00"
assert not seedbed.apply("development", url).changed
assert seedbed.status(url).profile == "development"
try:
    seedbed.apply("developmemt", url)
except seedbed.errors.InvalidInput as error:
    assert error.exit_code == 2
name = seedbed.status(url).database
assert seedbed.plan("development", url, clean=True).emptied["customers"].ours == 11
assert seedbed.apply("development", url, clean=True, backup=False, lock_timeout=5).emptied
assert set(seedbed.reset("development", url, confirm=name, backup="backups").dropped) == {"customers", "orders"}
try:
    seedbed.destroy(url, confirm="yes")
except seedbed.errors.Refused:
    print(seedbed.destroy(url, confirm=name, backup=False).tables)
"""


def test_plan_apply_status_reset_and_destroy(shop: Path, database: str) -> None:
    """With names or moments as the command line takes them, and errors as exceptions."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, bare(database)], cwd=shop, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "'orders': 23" in done.stdout


OF_ANOTHER_FOLDER = """
import sys
import seedbed

url, folder = sys.argv[1:]
assert seedbed.status(url).environment != "production"
assert seedbed.status(url, project=folder).environment == "production"
said = {"confirm": seedbed.status(url).database, "environment": "development"}
try:
    seedbed.destroy(url, backup=False, project=folder, **said)
except seedbed.errors.Refused as refusal:
    print(refusal)
assert not seedbed.destroy(url, backup=False, **said).tables
"""


def test_what_a_project_elsewhere_says_of_names_holds(shop: Path, database: str) -> None:
    """Its folder is given, and the guard goes by its patterns."""
    away = shop.parent / "away"
    away.mkdir()
    (away / "pyproject.toml").write_text('[tool.seedbed]\nenvironments.production = ["empty_*"]\n')
    done = subprocess.run(
        [sys.executable, "-c", OF_ANOTHER_FOLDER, bare(database), str(away)],
        cwd=shop,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "contradicts itself" in done.stdout
