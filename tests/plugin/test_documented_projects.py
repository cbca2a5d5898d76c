"""The tests that the README and docs/pytest.md show pass, in the payroll project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_what_the_pages_show_passes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block of Python that holds a test."""
    monkeypatch.setenv("SEEDBED_TEST_SERVER", "embedded")
    for part in ("pyproject.toml", "factories", "profiles", "seeds"):
        (pytester.path / part).symlink_to(ROOT / part)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n")
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "pytest.md").read_text()
    for name, source in re.findall(r'```python title="(shop\.py)"\n(.*?)```', text, re.S):
        (pytester.path / name).write_text(source)
    blocks = [b for b in re.findall(r"```python\n(.*?)```", text, re.S) if "def test_" in b]
    for number, block in enumerate(blocks):
        source = "from factories import UserFactory\n" + block
        (pytester.path / f"test_block_{number}.py").write_text(source)
    result = pytester.runpytest_subprocess("-q", "-W", "error", "-c", "tox.ini")
    assert result.parseoutcomes() == {"passed": 14}, result.stdout.str()
