"""Starting over: the project's tables dropped and made again, then the profile's rows, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import Connection

from seedbed import guard, ledger, target
from seedbed.apply import Gone, Job, OnProgress, write
from seedbed.backup import require_decision
from seedbed.dataset import TableName
from seedbed.environment import Verdict
from seedbed.errors import DatabaseFailure, Drift, Finding, InvalidInput, Unconfirmed
from seedbed.load import dropping, emptying
from seedbed.load.failures import translating_errors
from seedbed.load.recording import forget_table
from seedbed.load.session import Limits, connect, transaction
from seedbed.options import Options
from seedbed.plan import Contents, Plan
from seedbed.source import Source

if TYPE_CHECKING:
    import sqlalchemy


def reset(
    source: Source,
    url: str,
    options: Options = Options(),  # noqa: B008 - frozen
    progress: OnProgress | None = None,
) -> Plan:
    """Drop the tables that the project's metadata describes, make them again, and apply a profile, all in one transaction.

    The tables go with whatever is in them, whoever wrote it, and with the types and sequences that the metadata makes. Nothing else
    does: where a view, a foreign key or a function outside depends on one of them, all of those are listed and nothing happens.
    The stamp and the record of runs stay. What others were granted on the tables goes, as DROP TABLE has it, and is told.

    Args:
        source: the profile; its project has to say where its tables are described.
        url: the database.
        options: see `Options`; `confirm` must be the database's name, and `backup` must be said.
        progress: is called from time to time.

    Raises:
        Refused: the guard says no, the name was not repeated, or nobody has said whether to make a backup.
        Drift: something outside depends on the tables.
        SeedbedError: another of its kinds; the old state is whole, except after OutcomeUnknown, where nobody knows.
    """
    if source.metadata is None:
        raise InvalidInput(
            "the project does not say where its tables are described, so they cannot be made again",
            remedy='Name the metadata in [tool.seedbed], such as schema = "factories.models:Base".',
        )
    if options.only or options.skip:
        raise InvalidInput("reset takes all of the profile's tables: no --only and no --skip")
    before = _Anew(source, source.metadata, options)
    return write(Job(source, url, options, progress or (lambda _: None), "reset", before))


def active_profile(url: str, limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    """Return the profile that a database's rows were last made by.

    Args:
        url: the database.
        limits: how long to wait for it.

    Raises:
        InvalidInput: there is none.
    """
    with (
        connect(url, limits) as connection,
        translating_errors(),
        transaction(connection, keep=False, limits=limits),
    ):
        name = ledger.active_profile(connection) if ledger.exists(connection) else None
    if name is None:
        raise InvalidInput(
            "the database holds no rows of a profile yet", remedy="Name one: seedbed reset PROFILE."
        )
    return name


@dataclass(frozen=True, slots=True)
class _Anew:
    """Dropping the tables, with all the questions that come before."""

    source: Source
    metadata: Callable[[], sqlalchemy.MetaData]
    options: Options

    def check(self, connection: Connection[Any], verdict: Verdict) -> None:
        """Refuse where the name is not said, the guard says no, or the tables cannot be dropped by this role."""
        tables = dropping.live(connection, self.metadata())
        name = verdict.site.database
        if self.options.confirm != name:
            raise Unconfirmed(
                f"refused: a reset drops the project's tables in {name} with all their rows",
                findings=_described(_contents(connection, tables)),
                remedy=f"If you mean it: --confirm {name}",
            )
        guard.permit(
            connection,
            "reset",
            confirm=self.options.confirm,
            said=self.options.said,
            patterns=self.source.patterns,
        )
        findings = dropping.unfit(connection, tables)
        if findings:
            raise DatabaseFailure("the project's tables cannot be dropped", findings=findings)
        if tables:
            require_decision(self.options.backup, verdict, "reset")

    def carry_out(self, connection: Connection[Any]) -> Gone:
        """Drop the tables and what the ledger knows of them."""
        metadata = self.metadata()
        tables = dropping.live(connection, metadata)
        gone = Gone(_contents(connection, tables), tuple(dropping.grants(connection, tables)))
        findings = dropping.drop(connection, metadata, tables)
        if findings:
            raise Drift(
                "other objects depend on the project's tables, and a reset drops none that the project does not describe",
                findings=findings,
            )
        entries = ledger.entries(connection) if ledger.exists(connection) else {}
        for one in tables:
            if one.name in entries:
                forget_table(connection, entries[one.name])
        return gone


def _contents(connection: Connection[Any], tables: list[dropping.Live]) -> dict[str, Contents]:
    entries = ledger.entries(connection) if ledger.exists(connection) else {}
    names: list[TableName] = [one.name for one in tables]
    live = target.read(connection, names)
    there = [live.tables[name] for name in names if name in live.tables]
    return {
        live.shown(one.table.name): Contents(one.ours, one.edited, one.others)
        for one in emptying.contents(connection, there, entries)
    }


def _described(contents: dict[str, Contents]) -> list[Finding]:
    return [Finding(name, str(one)) for name, one in contents.items() if one.rows]
