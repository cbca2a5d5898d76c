"""The usual style: one transaction a test, undone afterwards. Commits are savepoints."""

from __future__ import annotations

from sqlalchemy.orm import Session

from factories import UserFactory
from seedbed.pytest_plugin import Seedbed


def test_renaming(seedbed: Seedbed, seedbed_session: Session) -> None:
    """Rows of the profile by name, rows of the test by factory."""
    tess = seedbed.row(UserFactory, "tess-admin")
    tess.display_name = UserFactory.create().display_name
    seedbed_session.commit()
    assert len(seedbed.rows(UserFactory)) == 3
