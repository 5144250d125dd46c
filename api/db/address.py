"""A database's address, looked at before it is used: what is wrong with it is said without any part of it.

The libraries repeat an address that they cannot take apart, and look a host up whose name is half a password.
"""

import re
from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from hitonly_core.urls import AddressError, parse

_POSTGRES: Final = {"postgresql+psycopg": 5432, "postgresql": 5432}
_SQLITE: Final = re.compile(r"sqlite(\+pysqlite)?://(/.*)?", re.DOTALL)
_ANY: Final = "must begin with sqlite:/// or postgresql+psycopg://"


def check_address(url: str) -> None:
    """Look whether SQLite or PostgreSQL can be reached by an address.

    Raises:
        AddressError: it cannot; the message holds no part of it.
    """
    if url.startswith("sqlite"):
        if not _SQLITE.fullmatch(url):
            raise AddressError(
                "must be sqlite:/// and the file, with a fourth / where its path begins with one"
            )
        return
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in _POSTGRES:
        raise AddressError(_ANY)
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    before, _, hosts = authority.rpartition("@")
    if "@" in before:
        raise AddressError(
            "has more than one @ before the host; in a user name or password it is written %40"
        )
    for host in (hosts or "localhost").split(","):
        parse(f"{scheme}://{host}{rest[len(authority) :]}", _POSTGRES)
    parse(f"{scheme}://localhost/{before}", _POSTGRES)
    _check_options(url)


def _check_options(url: str) -> None:
    """Look whether PostgreSQL's library knows what stands behind the ? of an address.

    Raises:
        AddressError: it does not.
    """
    try:
        parts = make_url(url)
        _, options = parts.get_dialect()().create_connect_args(parts)
        make_conninfo("", **options)
    except (ArgumentError, ProgrammingError, TypeError, ValueError):
        raise AddressError(
            "has a form or an option behind its ? that PostgreSQL's library does not know"
        ) from None
