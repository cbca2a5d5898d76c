"""What a failed test's report says beside the failure, where somebody could not know it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seedbed.errors import SeedbedError
from seedbed.pytest_plugin.session import HANDLE

if TYPE_CHECKING:
    import pytest

    from seedbed.pytest_plugin.session import Session

_SCOPES = re.compile(r"ScopeMismatch: .* function scoped fixture (seedbed\w*) with a (\w+) scoped")


def hints(session: Session, item: pytest.Item, raised: BaseException) -> Iterator[str]:
    """Yield what helps with a failure.

    Args:
        session: the plugin's object of this process.
        item: the test.
        raised: what failed it.
    """
    scopes = _SCOPES.search(str(raised))
    if scopes:
        yield (
            f"{scopes[1]} belongs to one test. For a fixture of {scopes[2]} scope, seedbed_clone makes databases that last: "
            "with seedbed_clone() as database: yield database"
        )
    if HANDLE in item.stash:
        try:
            yield session.announcement.borrowed(session.wishes_of(item))
        except SeedbedError:
            return
