"""One test's visit to a database: what its markers ask for, the stay, and what happens when it ends."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from seedbed.errors import SeedbedError
from seedbed.pytest_plugin.bases import RollbackBase, SharedBase
from seedbed.pytest_plugin.handle import Seedbed
from seedbed.pytest_plugin.rolled_back import InTransaction
from seedbed.pytest_plugin.session import FORKED, HANDLE, Leak, in_one_line
from seedbed.pytest_plugin.stay import OfItsOwn, ReadOnly, Stay
from seedbed.testdb.blueprint import Manifest

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    from seedbed.pytest_plugin.options import Wishes
    from seedbed.pytest_plugin.session import Session


class Visit:
    """A test in its database.

    Args:
        session: the plugin's object of this process.
        item: the test.
        isolation: how the test is kept apart where no marker says it; None: as the options say.

    Attributes:
        handle: what the test sees.
    """

    def __init__(self, session: Session, item: pytest.Item, isolation: str | None = None) -> None:
        self._session, self._item, self._before = session, item, ""
        try:
            wishes = session.wishes_of(item, isolation)
            self._databases, blueprint = session.place(wishes)
            self._template = self._databases.template(blueprint)
            self._key = self._databases.name, self._template.name, wishes.isolation
            self._stay = self._enter(wishes)
        except SeedbedError as error:
            raise in_one_line(error) from None
        self.handle = Seedbed(self._stay, blueprint, self._databases.host, self.async_session)
        self._keep, self._keeping, self._told = wishes.keep, False, False
        self._engine: AsyncEngine | None = None
        self._async_session: AsyncSession | None = None
        instance = getattr(item, "instance", None)
        if instance is not None and hasattr(instance, "assertEqual"):  # unittest takes no fixtures
            instance.seedbed = self.handle
        self._creating = self.handle.creating(wishes.seed, commits=wishes.isolation == "clone")
        self._creating.begin()

    def _enter(self, wishes: Wishes) -> Stay:
        databases, template = self._databases, self._template
        if wishes.isolation == "clone":
            return OfItsOwn(databases, template, wishes.pool)
        bases, key = self._session.bases, self._key
        base = bases.find(key)
        if isinstance(base, RollbackBase):
            base.hear()
            self._session.late.note(base, self._item.nodeid)
            self._before = base.last
        if base is not None and not base.fit:
            self._session.discard(key)
            base = None
        if wishes.isolation == "shared":
            if not isinstance(base, SharedBase):
                base = SharedBase(databases, template)
                bases.put(key, base)
            return ReadOnly(base)
        if not isinstance(base, RollbackBase):
            base = RollbackBase(databases, template)
            bases.put(key, base)
        return InTransaction(base)

    def async_engine(self) -> AsyncEngine:
        """Return the test's engine for asyncio."""
        if self._engine is None:
            self._engine = self._stay.async_engine()
        return self._engine

    def async_session(self) -> AsyncSession:
        """Return the test's session for asyncio."""
        from sqlalchemy.ext.asyncio import AsyncSession

        if self._async_session is None:
            self._async_session = AsyncSession(self.async_engine(), expire_on_commit=False)
        return self._async_session

    def ask(self) -> None:
        """Let the server find out whether the test has committed, while pytest collects the test's output."""
        if not self._session.forked:
            self._stay.ask()

    def check(self) -> None:
        """Fail the test if it has committed where others see it."""
        if self._session.forked:
            return
        leaks = self._stay.leaks()
        if leaks:
            self._told = True
            raise Leak(self._complaint(leaks), pytrace=False)

    def leave_forked(self, raised: BaseException | None) -> None:
        """End the process if it is a child that the test has forked, before it takes for its own what is its parent's.

        Args:
            raised: what the test has raised there.
        """
        if not self._session.forked:
            return
        if isinstance(raised, SystemExit) and isinstance(raised.code, int | None):
            os._exit(raised.code or 0)
        print(f"{self._item.nodeid}: {FORKED}", file=sys.__stderr__, flush=True)
        os._exit(1)

    def report(self, report: pytest.TestReport) -> None:
        """Decide whether the database is kept, and tell how to open it."""
        self._keeping = self._keep == "all" or (self._keep == "failed" and report.failed)
        if self._keeping and report.failed:
            report.sections.append(("seedbed", "\n".join(self._directions())))

    @property
    def failures_come_late(self) -> bool:
        """Whether to stay until all fixtures have ended: one that fails has the database kept."""
        return self._keep == "failed" and not self._keeping

    def fail_late(self) -> None:
        """Keep the database: a fixture failed after the test."""
        if self._session.forked:
            return
        self._keeping = True
        self._item.add_report_section("teardown", "seedbed", "\n".join(self._directions()))

    def finalize(self) -> None:
        """End the visit with the test's fixtures, or leave that to what comes after all of them."""
        if not self.failures_come_late:
            self.leave()

    def leave(self) -> None:
        """End the visit."""
        if self._session.forked:
            return
        del self._item.stash[HANDLE]  # some plugins run a test again
        self._creating.end()
        self._session.late.possible = False
        leaks: list[str] | None = None
        try:
            try:
                self._close_async()
            finally:
                leaks = self._stay.leave(keep=self._keeping)
        finally:
            self._let_go(used_up=leaks != [])
        if leaks and not self._told:
            raise Leak(self._complaint(leaks), pytrace=False)

    def _let_go(self, *, used_up: bool) -> None:
        """Keep the database, or leave it to the next test, or give it back where that test needs another."""
        base = self._session.bases.get(self._key)
        if isinstance(base, RollbackBase):
            self._session.late.note(base, self._item.nodeid)
            used_up, base.last = used_up or not base.fit, self._item.nodeid
        if base is not None and (used_up or self._keeping):
            self._session.discard(self._key, drop=not self._keeping)
        if self._keeping:
            self._session.keep(self._databases, self._stay.name, self._item.nodeid)

    def _complaint(self, leaks: list[str]) -> str:
        before = (
            f" (If nothing in it does, look for a thread or a process that an earlier test has left: {self._before} ran before.)"
            if self._before
            else ""
        )
        return (
            f"{self._item.nodeid} committed where other tests would see it: {', '.join(leaks)}. "
            "Under rollback isolation everything happens in one transaction of the test's own connection; "
            "give the test a database of its own: @pytest.mark.seedbed(isolation='clone')." + before
        )

    def _directions(self) -> Iterator[str]:
        yield f"The test's database is kept: psql {shlex.quote(self._stay.url)}"
        was = Manifest.read(self._template.manifest).rows
        try:
            now = self._stay.row_counts()
        except SeedbedError as error:
            yield f"Its rows cannot be counted: {error}"
            return
        if now is None:
            yield "Its transaction had failed: what was done since the last commit is not in it."
            return
        for table in sorted({*was, *now}):
            difference = now.get(table, 0) - was.get(table, 0)
            if difference:
                yield f"  {table}: {now.get(table, 0)} rows, {difference:+} against the template"

    def _close_async(self) -> None:
        """Close what asyncio left open, in a loop made for it: the test's own has ended, or is not ours to use."""
        if self._engine is None:
            return
        import asyncio

        async def close() -> None:
            if self._async_session is not None:
                await self._async_session.close()
            assert self._engine is not None
            await self._engine.dispose()

        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(close())
        finally:
            loop.close()
