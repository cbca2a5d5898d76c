"""Servers that somebody gives by URL: the run stops before its first test when one of them is not for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seedbed.errors import SeedbedError

if TYPE_CHECKING:
    from seedbed.pytest_plugin.options import Wishes
    from seedbed.pytest_plugin.session import Session


_WHERE = frozenset({"server", "url", "hosts"})
"""What a marker says of a given server."""


class Given:
    """The given servers of a run; each is judged once in each process that comes across it.

    Args:
        session: the plugin's object of this process.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._versions: dict[tuple[str | None, str], str] = {}

    def judge(self, wishes: Wishes) -> str:
        """Return the version of a test's server; empty where there is no given one.

        Raises:
            SeedbedError: it is not for tests, or it cannot be reached.
        """
        if wishes.server != "url":
            return ""
        from seedbed.testdb.given import refuse_what_is_not_disposable

        key = wishes.url, wishes.hosts
        if key not in self._versions:
            self._session.silence(own=False)
            self._versions[key] = refuse_what_is_not_disposable(*key)
        return self._versions[key]

    def judge_the_runs_own(self) -> None:
        """Stop the run before collection.

        Raises:
            pytest.UsageError: the run's own server is not for tests, or it cannot be reached.
        """
        wishes = self._session.wishes
        if self._session.is_worker and wishes.server == "url":
            self._versions[wishes.url, wishes.hosts] = ""  # who began the run has done it
        try:
            self.judge(wishes)
        except SeedbedError as error:
            raise pytest.UsageError(str(error)) from None

    def judge_those_of_markers(self, items: list[pytest.Item]) -> None:
        """Stop the run after collection; a worker tells the process that began it.

        Raises:
            pytest.UsageError: a marker's server is not for tests, or it cannot be reached.
        """
        refusal = next(filter(None, map(self._refusal, items)), "")
        if refusal and self._session.is_worker:
            self._session.folder.refuse(refusal)
        elif refusal:
            raise pytest.UsageError(refusal)

    def _refusal(self, item: pytest.Item) -> str:
        """Return why a test's markers stop the run, empty where they do not."""
        if all(_WHERE.isdisjoint(marker.kwargs) for marker in item.iter_markers("seedbed")):
            return ""
        try:
            wishes = self._session.wishes_of(item)
        except SeedbedError:  # the test will say so
            return ""
        try:
            self.judge(wishes)
        except SeedbedError as error:
            return f"{item.nodeid}: {error}"
        return ""

    def hear_workers(self) -> None:
        """Stop the run where a worker has found one.

        Raises:
            pytest.UsageError: that.
        """
        refusal = self._session.folder.refusal()
        if refusal:
            raise pytest.UsageError(refusal)
