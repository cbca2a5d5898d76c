"""URLs of the databases of one server."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from seedbed.url import connection_parameters


def address(url: str, database: str) -> str:
    """Return the URL of another database on the same server, in the form that libpq and SQLAlchemy both take.

    >>> address("postgresql+psycopg://me:s%40fe@localhost:5432/a?sslmode=disable", "b")
    'postgresql://me:s%40fe@localhost:5432/b?sslmode=disable'
    """
    parts = connection_parameters(url)
    parts.pop("dbname", None)
    user = quote(parts.pop("user", ""), safe="")
    if parts.get("password"):
        user += ":" + quote(parts.pop("password"), safe="")
    place = ""
    if not {"/", ",", ":"}.intersection(parts.get("host", "/")):
        place = parts.pop("host")
        if "port" in parts:
            place += ":" + parts.pop("port")
    query = urlencode(parts, safe="/", quote_via=quote)
    text = f"postgresql://{user + '@' if user else ''}{place}/{quote(database, safe='')}"
    return f"{text}?{query}" if query else text


def driven(url: str) -> str:
    """Return the URL with the driver's name, as SQLAlchemy wants it; its asynchronous form is the same."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
