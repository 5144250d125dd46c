"""Addresses that people write: taken apart once, in one way, without ever repeating what was written.

A camera's address may hold a password, and a password that is not written as an address needs it (`#` for
``%23``) makes every part of the address something else. So an error says what is wrong and how to mend it in
words of its own: no part of the text is in it.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

RTSP: Final = {"rtsp": 554, "rtsps": 322}
HTTPS: Final = {"http": 80, "https": 443}
"""Schemes and their own ports."""
MAX_LENGTH: Final = 2000
MAX_USER: Final = 120
"""Of user, colon and password as written; the video library has room for 127 bytes and cuts the rest off."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?", re.ASCII)
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES: Final = "/ is written %2F, ? is %3F, # is %23, @ is %40, : is %3A, % is %25"


class AddressError(ValueError):
    """An address cannot be used; the message holds no part of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts.

    Attributes:
        scheme: in lower case.
        host: a name, or an IP address without brackets.
        port: the one written, or the scheme's own.
        user: decoded; empty where there is none.
        password: decoded; None where there is none.
        rest: path and query as written.
    """

    scheme: str
    host: str
    port: int
    user: str = field(repr=False, default="")
    password: str | None = field(repr=False, default=None)
    rest: str = field(repr=False, default="")
    written_port: bool = field(repr=False, default=False)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine is meant."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def text(self, password: str | None = None) -> str:
        """Return the address as text, with another password if one is given.

        Raises:
            AddressError: user and password are too long, or the password has no user.
        """
        secret = self.password if password is None else password
        written = "" if not self.user else _quoted(self.user)
        if secret is not None:
            if not self.user:
                raise AddressError("a password needs a user name before the host, as in rtsp://user@host")
            written += f":{_quoted(secret)}"
        if len(written) > MAX_USER:
            raise AddressError(f"user name and password take more than {MAX_USER} characters as written")
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.written_port else ""
        return f"{self.scheme}://{written}{'@' if written else ''}{host}{port}{self.rest}"


def parse(text: str, schemes: Mapping[str, int], *, user: bool = False, rest: bool = True) -> Address:
    """Take an address apart.

    Args:
        text: what was written.
        schemes: those that may be used, each with its own port.
        user: whether a user name and password may stand in it.
        rest: whether a path and query may.

    Raises:
        AddressError: it is none, or has what it may not have.
    """
    scheme, text = _scheme(text, schemes)
    authority, between, after = _cut(text)
    if "@" in after:
        raise AddressError(
            f"has an @ after the host. In a user name or password {_ESCAPES}; so is an @ in a path"
        )
    if "#" in between + after:
        raise AddressError(f"has a #, which nothing uses. In a password {_ESCAPES}")
    if not rest and (between + after).strip("/"):
        raise AddressError("must end after the host and port: no path, no query")
    before, at, place = authority.rpartition("@")
    if at and not user:
        raise AddressError("can have no user name or password")
    host, port = _place(place)
    name, colon, secret = before.partition(":")
    if at and not name:
        raise AddressError("has a password, or an @, without a user name before it")
    address = Address(
        scheme,
        host,
        port or schemes[scheme],
        _decoded(name),
        _decoded(secret) if colon else None,
        between + after,
        written_port=port is not None,
    )
    if user:
        address.text()
    return address


def _scheme(text: str, schemes: Mapping[str, int]) -> tuple[str, str]:
    """Return the scheme, and what comes after it."""
    if len(text) > MAX_LENGTH:
        raise AddressError(f"is longer than {MAX_LENGTH} characters")
    if re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise AddressError(
            "holds a space, a backslash or a control character; a space is written %20, a \\ %5C"
        )
    found = _SCHEME.match(text)
    if not found or found[1].lower() not in schemes:
        raise AddressError(f"must begin with {' or '.join(f'{name}://' for name in schemes)}")
    if _PERCENT.search(text):
        raise AddressError(f"has a % that is not part of a code such as %23. In a password {_ESCAPES}")
    return found[1].lower(), text[found.end() :]


def _cut(text: str) -> tuple[str, str, str]:
    """Cut at the first of / ? #, which end what names the host."""
    found = re.search(r"[/?#]", text)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def _place(text: str) -> tuple[str, int | None]:
    """Return the host and the port, None where none is written."""
    if text.startswith("["):
        inner, bracket, tail = text[1:].partition("]")
        try:
            host = str(ipaddress.IPv6Address(inner))
        except ValueError:
            host = ""
        if not bracket or not host or "%" in inner or (tail and not tail.startswith(":")):
            raise AddressError("has no IPv6 address in its [ ]; it is written as in [2001:db8::1]:554")
        return host, _port(tail[1:]) if tail else None
    host, colon, port = text.partition(":")
    if ":" in port:
        raise AddressError("has more than one : after the user; an IPv6 address is written in [ ]")
    if not _is_host(host):
        raise AddressError(
            "has no host, or one with characters that no host name has; a name with other letters than A to Z "
            "is written in its xn-- form"
        )
    return host.lower(), _port(port) if colon else None


def _is_host(host: str) -> bool:
    if not _HOST.fullmatch(host) or ".." in host:
        return False
    if re.fullmatch(r"[\d.]+", host, re.ASCII):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return False
    return True


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - TCP's ports
        raise AddressError("has a port that is no number from 1 to 65535")
    return int(text)


def _quoted(text: str) -> str:
    """Write as little as possible in codes: they take room."""
    return quote(text, safe="!$&'()*+,;=~-._")


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise AddressError("has % codes that are not UTF-8 text") from None
    if re.search(r"[\x00-\x1f\x7f]", decoded):
        raise AddressError("has a control character in its user name or password")
    return decoded
