"""Database URLs: what libpq makes of one, and how to show one without its password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from seedbed.errors import InvalidInput

if TYPE_CHECKING:
    import sqlalchemy

REMEDY = (
    "Write postgresql://user@host:5432/database; characters such as @ : / ? # % and blanks "
    "in a user's name or password must be percent-encoded."
)


def url_text(url: str | sqlalchemy.URL) -> str:
    """Return a URL as text; one of SQLAlchemy's with its password, in the place of which its own text has ``***``.

    Raises:
        InvalidInput: it is neither, such as the None of a variable that is not set.
    """
    if isinstance(url, str):
        return url
    if not hasattr(url, "drivername"):  # importing SQLAlchemy to ask it takes too long
        raise InvalidInput(
            f"the database URL is {'None' if url is None else f'of the type {type(url).__name__}'}, and must be a text",
            remedy=REMEDY,
        )
    user = quote(url.username or "", safe="")
    if url.password is not None:
        user += f":{quote(str(url.password), safe='')}"
    place = _with_port(url.host or "", str(url.port or ""))
    several = {
        name: value if isinstance(value, str) else ",".join(value)
        for name, value in url.query.items()
    }
    query = urlencode(several, quote_via=quote)  # libpq takes a + for a +
    database = quote(url.database or "", safe="")
    text = f"{url.drivername}://{user + '@' if user else ''}{place}/{database}"
    return f"{text}?{query}" if query else text


def connection_parameters(url: str) -> dict[str, str]:
    """Return libpq's own reading of a URL or of a ``key=value`` string.

    A driver after the scheme, as SQLAlchemy writes it (``postgresql+psycopg://``), is dropped. A ``?host=`` or ``?dbname=`` wins
    over the part before it, as it does in libpq, so that nobody judges another server than the one that is connected to.

    Raises:
        InvalidInput: the text is not a PostgreSQL URL; the message does not quote it.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = conninfo_to_dict(libpq_url(url))
    except (ProgrammingError, UnicodeError):
        # `from None`: libpq quotes the part it did not understand, and that may be the password.
        raise InvalidInput("the database URL cannot be read", remedy=REMEDY) from None
    parameters = {name: str(value) for name, value in found.items() if value is not None}
    if not _plausible(parameters):
        raise InvalidInput("the database URL cannot be read: its parts are mixed up", remedy=REMEDY)
    return parameters


def libpq_url(url: str) -> str:
    """Return the URL as libpq takes it: without blanks around it and without SQLAlchemy's driver name.

    Raises:
        InvalidInput: the URL names another kind of database.
    """
    url = url.strip()
    if not url:
        raise InvalidInput("the database URL is empty", remedy=REMEDY)
    scheme = re.match(r"([A-Za-z][\w+.-]*)://", url)
    if not scheme:
        return url
    kind = scheme[1].partition("+")[0].lower()
    if kind not in ("postgresql", "postgres"):
        raise InvalidInput(f"{kind}:// is not a PostgreSQL URL", remedy=REMEDY)
    return f"postgresql://{url[scheme.end() :]}"


def redacted(url: str) -> str:
    """Return the URL with ``***`` for its password, made of the parts that are known to be harmless.

    >>> redacted("postgresql://app:s3cret@db.example.com:5432/payroll?sslmode=require")
    'postgresql://app:***@db.example.com:5432/payroll'
    >>> redacted("postgresql://app:s3/cret@db.example.com/payroll")
    'postgresql://***'
    """
    try:
        parts = connection_parameters(url)
    except InvalidInput:
        return "postgresql://***"
    user = quote(parts.get("user", ""), safe="")
    if parts.get("password"):
        user += ":***"
    host = parts.get("host", parts.get("hostaddr", ""))
    socket = host.startswith("/")
    place = "" if socket else _with_port(host, parts.get("port", ""))
    query = [f"host={quote(host, safe='/')}"] if socket else []
    if socket and "port" in parts:
        query.append(f"port={parts['port']}")
    text = f"postgresql://{user + '@' if user else ''}{place}/{quote(parts.get('dbname', ''), safe='')}"
    return text + ("?" + "&".join(query) if query else "")


_SECRETS = (
    (re.compile(r"([a-zA-Z][\w+.-]*://[^\s:/@]*:).*@"), r"\1***@"),
    (
        re.compile(r"""(?ix) (pass(?:word|wd)['"]? \s* (?:=|(?<=['"]):) \s*)
            (?: '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | [^\s&,;)}'"]+ )"""),
        r"\1***",
    ),
)


def without_passwords(text: str) -> str:
    """Return a line of text that was written by others, with ``***`` for whatever in it looks like a password.

    >>> without_passwords("cannot reach postgresql://app:s3/cr@et@db/x and app:8000")
    'cannot reach postgresql://app:***@db/x and app:8000'
    >>> without_passwords("host=db password='s3 cret' port=5432")
    'host=db password=*** port=5432'
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _with_port(hosts: str, ports: str) -> str:
    names = hosts.split(",")
    numbers = ports.split(",") if ports else [""]
    if len(numbers) == 1:
        numbers *= len(names)
    shown = [f"[{name}]" if ":" in name else name for name in names]
    return ",".join(
        f"{name}:{number}" if number else name for name, number in zip(shown, numbers, strict=False)
    )


def _plausible(parts: dict[str, str]) -> bool:
    """Tell whether the host, port and database can be what was meant.

    libpq takes ``postgresql://u:p/w@h/db`` for host u, port p and a database named w@h/db: the password's tail would be shown, and
    sent to the server, as a name.
    """
    host, port, database = parts.get("host", ""), parts.get("port", ""), parts.get("dbname", "")
    host_is_name = re.fullmatch(r"[\w.\-:%,]*", host) is not None
    return (
        (host_is_name or host.startswith("/"))
        and re.fullmatch(r"[\d,]*", port) is not None
        and "@" not in database
        and "://" not in database
    )
