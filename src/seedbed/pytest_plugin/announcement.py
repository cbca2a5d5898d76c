"""What people are told of a run: whose server and rows it uses, what was kept or committed late, and what took how long."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedbed.errors import SeedbedError
from seedbed.pytest_plugin.late import TITLE
from seedbed.pytest_plugin.options import Wishes, said_anywhere

if TYPE_CHECKING:
    from seedbed.pytest_plugin.session import Session
    from seedbed.testdb.host import Host


class Announcement:
    """What the header and the end of a run say.

    Args:
        session: the plugin's object of this process.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._announced = session, False

    def header(self) -> str:
        """Return where the server comes from, for people, and whose the rows are where that is not plain; said once a run."""
        self._announced = True
        lines = [self.choice, self._whose()]
        return "\n".join(f"seedbed: {line}" for line in lines if line)

    def _whose(self) -> str:
        from seedbed.settings import find_configuration

        root, wishes = self._session.root, self._session.wishes
        usual = root / "profiles"
        if find_configuration(root) and (usual.is_dir() or usual.with_suffix(".py").exists()):
            return ""  # all is theirs; reading the configuration to say so would take milliseconds
        from seedbed.testdb.whose import told_of

        if wishes.profile:
            return self.borrowed(wishes)
        try:
            return self.borrowed(wishes) or told_of(self._session.project(wishes))
        except SeedbedError:  # the first test that uses a fixture says what is wrong
            return ""

    def borrowed(self, wishes: Wishes) -> str:
        """Return what people are told where tables and rows are not theirs but the payroll project's; else nothing."""
        from seedbed.testdb.whose import BORROWED

        if not self._session.project(wishes).bundled:
            return ""
        return f"{BORROWED}: no pyproject.toml in {self._session.root} or above has [tool.seedbed]"

    def expected(self) -> bool:
        """Tell whether tests of this run may use fixtures of ours: there is a project, or somebody said something.

        Elsewhere there is only the payroll project, with which a curious person may begin.
        """
        from seedbed.settings import find_configuration

        here = find_configuration(self._session.config.rootpath) is not None
        return not self._session.is_worker and (here or said_anywhere(self._session.config))

    @cached_property
    def choice(self) -> str:
        """Where the server will come from, for people, and why not from elsewhere; nothing heavy is imported to tell."""
        wishes = self._session.wishes
        if wishes.server == "url":
            from seedbed.url import redacted

            return (
                f"PostgreSQL {self._session.given.judge(wishes)} url {redacted(wishes.url or '')}"
            )
        from seedbed.servers.container import Container
        from seedbed.testdb.choosing import choice

        try:
            return str(choice(wishes.server, Container(wishes.image, glance=True)))
        except SeedbedError as error:
            return str(error).replace("\n", " ")

    def summarise(self, reporter: Any) -> None:
        """Show what was kept, servers that are not the header's, and how long databases took where that was asked for."""
        session = self._session
        unannounced = [host.description for host in self._unannounced()]
        if unannounced and not self._announced:
            unannounced.append(self._whose())
        for line in filter(None, unannounced):
            reporter.line(f"seedbed: {line}")
        if session.kept:
            reporter.section("databases that were kept (seedbed test-db list)")
            for line in session.kept:
                reporter.line(line)
        if session.late:
            reporter.section(TITLE)
            for line in session.late:
                reporter.line(line)
        if session.wishes.durations:
            from seedbed.pytest_plugin.durations import lines

            reporter.section("seedbed durations")
            for line in lines(session.all_spent()):
                reporter.line(line)

    def _unannounced(self) -> Iterator[Host]:
        """Yield the servers that the header did not name: those of markers, and what was had where an image was not."""
        session = self._session
        if "folder" not in session.__dict__ or session.config.get_verbosity() < 0:
            return
        own = session.folder.server(session.wanted(session.wishes)).path
        told = self.choice.partition("(")[0] if self._announced else ""
        for server in session.folder.servers():
            host = server.host()
            if host and not (server.path == own and host.kind in told):
                yield host
