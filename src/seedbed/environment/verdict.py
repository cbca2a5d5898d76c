"""What is known of a database, and what it is taken for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from seedbed.environment.providers import managed_by
from seedbed.environment.words import PROTECTED, Environment
from seedbed.errors import Finding


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the ledger says a database is for, and which database it said that of.

    Attributes:
        environment: as it was written.
        system_identifier: of the server's data directory; the same on its replicas, another after a restore elsewhere.
        database_oid: of the database; another in a copy on the same server.
        stamped_at: when.
        stamped_by: the role.
        born: whether seedbed itself created that database.
    """

    environment: str
    system_identifier: str
    database_oid: int
    stamped_at: datetime
    stamped_by: str
    born: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """The server and database a connection really leads to.

    Attributes:
        database: its name, as the server says.
        database_oid: the server's number for it.
        system_identifier: the server's data directory; empty where the role may not ask.
        host: the name or socket folder the connection was made to, after all of libpq's rules.
        local: whether that is a socket or a loopback address.
        standby: whether the server is a read-only copy of another.
        occupied: tables with rows that are nobody's bookkeeping, the first few; empty for an empty database.
        stamp: what the ledger says; None where it says nothing.
        address: the address behind the host's name, empty for a socket.
    """

    database: str
    database_oid: int
    system_identifier: str
    host: str
    local: bool
    standby: bool
    occupied: tuple[str, ...] = ()
    stamp: Stamp | None = None
    address: str = ""

    @property
    def stamped(self) -> bool:
        """Whether the stamp is this database's own, and not that of one it is a copy of."""
        return self.stamp is not None and (
            (self.stamp.system_identifier, self.stamp.database_oid)
            == (self.system_identifier, self.database_oid)
        )

    @property
    def copied(self) -> bool:
        """Whether a stamp, and a ledger with it, came along from another database."""
        return self.stamp is not None and not self.stamped

    @property
    def born(self) -> bool:
        """Whether seedbed itself created this database, and not one that it is a copy of."""
        return self.stamp is not None and self.stamp.born and self.stamped

    @property
    def hosts(self) -> list[str]:
        """What the host can be called: its name or socket folder, and its address where that is another."""
        return list(dict.fromkeys(filter(None, (self.host, self.address))))

    @property
    def place(self) -> str:
        """Where the server is, for people."""
        return "a local socket" if self.host.startswith(("/", "@")) else self.host

    @property
    def managed(self) -> str:
        """Whose server it is, where a provider runs it; empty elsewhere."""
        return next(filter(None, map(managed_by, self.hosts)), "")

    def without_stamp(self) -> Site:
        """Return the same as if nobody had stamped it yet."""
        return replace(self, stamp=None)


class Weight(StrEnum):
    """How much a piece of evidence counts for.

    SAYS counts in full: the stamp, the operator's word, the project's patterns. HINTS, a word in a name, counts where it or another claims
    a protected environment. WARNS, a variable that another overruled, counts where it claims a protected environment. TELLS is only shown.
    """

    SAYS = "says"
    HINTS = "hints"
    WARNS = "warns"
    TELLS = "tells"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that says what a database is for.

    Attributes:
        source: where it was found: ``stamp``, ``--environment``, ``database name`` ...
        says: the environment it stands for.
        detail: how it says so.
        weight: how much it counts for.
    """

    source: str
    says: Environment
    detail: str
    weight: Weight = Weight.SAYS

    def as_finding(self) -> Finding:
        """Return it as an error shows it."""
        return Finding(self.source, f"{self.says} ({self.detail})")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a database is taken for, and why.

    Attributes:
        environment: unknown where the evidence is missing or contradicts itself.
        site: the server and database judged.
        evidence: all of it, strongest first.
        unstamped: whether the database has no stamp, so that the first apply writes one.
        refusal: why nothing may be written; empty where the database may be written to.
        remedy: what to do about a refusal.
        unsaid: whether the refusal is only for want of evidence, and not because the evidence is against it.
    """

    environment: Environment
    site: Site
    evidence: tuple[Evidence, ...]
    unstamped: bool
    refusal: str = ""
    remedy: str = ""
    unsaid: bool = False

    @property
    def born(self) -> bool:
        """Whether seedbed itself created this database: then no backup is asked for before it is changed."""
        return self.site.born

    @property
    def protected(self) -> bool:
        """Whether people would miss what is in it: staging, production, and what nobody has spoken for."""
        unknown = self.environment is Environment.UNKNOWN and (self.unsaid or self.refusal != "")
        return unknown or self.environment in PROTECTED
