"""The enrolment string: all that a unit needs to find its department, to know it again, and to be let in.

``https://plates.example.gov:8443#ABCDEF-GHIJKL-MNOPQR-STUVWX#`` and 64 hexadecimal digits: the service's address,
the one-time code, and the SHA-256 of the certificate authority (its DER form) that must vouch for the address. On
plain loopback there is no authority and the last part is left out. The string is a secret until the code is used.
"""

import re
import ssl
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from hitonly_core.errors import HitonlyError
from hitonly_core.urls import HTTPS, AddressError, parse

_CODE: Final = re.compile(r"[A-Za-z0-9-]{10,60}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PARTS: Final = (2, 3)


class EnrolmentTextError(HitonlyError):
    """A text is no enrolment string; the message holds no part of it."""

    hint = "Copy the whole string from the service's devices page, or from `alpr-api devices add`."


@dataclass(frozen=True, slots=True)
class EnrolmentText:
    """An enrolment string in its parts.

    Attributes:
        url: the service's address.
        code: the one-time code.
        authority: SHA-256 of its certificate, 64 lower-case hexadecimal digits; empty on plain loopback.
    """

    url: str
    code: str = field(repr=False)
    authority: str

    def text(self) -> str:
        """Return the string that a person copies."""
        return "#".join(part for part in (self.url, self.code, self.authority) if part)


def read_enrolment(text: str) -> EnrolmentText:
    """Take an enrolment string apart.

    Raises:
        EnrolmentTextError: a part is absent, cut short or not what it must be.
    """
    url, *parts = "".join(text.split()).split("#")
    if len(parts) + 1 not in _PARTS:
        raise EnrolmentTextError(
            "an enrolment string has an address, a code and a fingerprint, with # between"
        )
    code, digest = parts[0], parts[1].lower() if len(parts) > 1 else ""
    try:
        address = parse(url, HTTPS, rest=False)
    except AddressError as problem:
        raise EnrolmentTextError(f"the address in the enrolment string {problem}") from None
    if not _CODE.fullmatch(code):
        raise EnrolmentTextError("the code in the enrolment string is cut short or altered")
    if address.scheme == "https" and not _DIGEST.fullmatch(digest):
        raise EnrolmentTextError("the fingerprint in the enrolment string is absent, cut short or altered")
    if address.scheme == "http" and digest:
        raise EnrolmentTextError("the enrolment string has a fingerprint, but its address is http://")
    return EnrolmentText(address.text().rstrip("/"), code, digest)


def fingerprint(authority: str) -> str:
    """Return the SHA-256 of the one certificate (DER) in a PEM text, in hexadecimal.

    Raises:
        ValueError: it is not the PEM of exactly one certificate.
    """
    if authority.count("-----BEGIN CERTIFICATE-----") != 1:
        raise ValueError("not the PEM of exactly one certificate")
    return sha256(ssl.PEM_cert_to_DER_cert(authority.strip())).hexdigest()
