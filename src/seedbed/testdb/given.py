"""A server that somebody names: whether tests may use it."""

from __future__ import annotations

import ipaddress

from seedbed import guard
from seedbed.environment import Environment
from seedbed.errors import Refused
from seedbed.testdb.connecting import connect
from seedbed.url import connection_parameters

_PROTECTED = (Environment.PRODUCTION, Environment.STAGING)


def refuse_what_is_not_disposable(url: str | None, allowed: str = "") -> str:
    """Refuse a server that is not on this machine, or whose database is known to be somebody's; return its version.

    Only databases of our own making are ever written to or dropped there; this is about where they may be made at all.

    Args:
        url: a database on the server.
        allowed: other hosts that may be used, comma-separated.

    Raises:
        Refused: it may not be used.
        SeedbedError: the URL is missing or cannot be read, or the server cannot be reached.
    """
    if not url:
        raise Refused("--seedbed-server url needs a --seedbed-url")
    hosts = {host.strip().lower() for host in allowed.split(",") if host.strip()}
    said = connection_parameters(url)
    far = [
        host
        for name in ("host", "hostaddr")
        for host in said.get(name, "").split(",")
        if host and not _near(host) and host.lower() not in hosts
    ]
    if far:
        raise _refusal(f"{', '.join(far)} is not this machine", far[0])
    with connect(url) as connection:  # libpq has the last word: PGHOST, a service file ...
        info = connection.info
        if not _near(info.host) and info.host.lower() not in hosts:
            raise _refusal(f"{info.host} is not this machine", info.host)
        verdict = guard.assess(connection)
        version = str(info.parameter_status("server_version")).split()[0]
    evidence = [each for each in verdict.evidence if each.says in _PROTECTED]
    if verdict.site.standby or verdict.environment in _PROTECTED or evidence:
        why = verdict.refusal or f"{verdict.site.database} is taken for {verdict.environment}"
        raise Refused(
            f"the server of --seedbed-url is not for tests: {why}",
            findings=[each.as_finding() for each in evidence],
            remedy="Give a server whose databases nobody needs.",
        )
    return version


def _near(host: str) -> bool:
    """Say whether a host is this machine, by what it is called: a tunnel is the stamp's business."""
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(why: str, host: str) -> Refused:
    return Refused(
        f"the server of --seedbed-url is not disposable: {why}",
        remedy=f"If databases may be made and dropped there: --seedbed-hosts {host}",
    )
