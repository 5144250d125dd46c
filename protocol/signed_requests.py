"""Signed HTTP requests between a device and the department: one small profile of RFC 9421, no options.

A request carries ``Content-Digest`` (RFC 9530, SHA-256, of an empty body too), ``Signature-Input`` and
``Signature``. Covered are the method, the authority (the host, and the port where it is not the scheme's own, as in
``Host``: a request for one service is none for another), the path, the query and the digest. The parameters are
``created``, ``keyid`` (the device's id), ``nonce`` and ``alg``. Any other set or order of them is refused, so that
there is nothing to negotiate. Both sides use this module; it does no I/O and reads no clock.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hitonly_core.errors import HitonlyError
from hitonly_core.keys import SigningKey, VerifyKey

LABEL: Final = "device"
_COVERED: Final = '("@method" "@authority" "@path" "@query" "content-digest")'
_INPUT: Final = re.compile(
    re.escape(f"{LABEL}={_COVERED}")
    + r';created=(?P<created>[0-9]{1,12});keyid="(?P<keyid>[A-Za-z0-9._-]{1,80})"'
    + r';nonce="(?P<nonce>[A-Za-z0-9_-]{16,64})";alg="ed25519"'
)
_SIGNATURE: Final = re.compile(f"{LABEL}=:(?P<value>[A-Za-z0-9+/=]{{88}}):")


class RequestSignatureError(HitonlyError):
    """A request is unsigned, signed in another way, or its body is not the one that was signed."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it travels.

    Attributes:
        method: upper case.
        authority: host and port as the ``Host`` header names them; case does not matter.
        path: the path as it is sent.
        query: what stands after the question mark, without it; empty when there is none.
        body: the whole body.
    """

    method: str
    authority: str
    path: str
    query: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a request claims; nothing is believed before `holds` has said so.

    Attributes:
        key_id: the device's id.
        created: when it was signed, seconds since 1970.
        nonce: what makes it unique.
    """

    key_id: str
    created: int
    nonce: str
    base: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def holds(self, key: VerifyKey) -> bool:
        """Whether the signature is this key's over the request."""
        return key.verifies(self.signature, self.base)


def sign_request(
    request: Request, *, key: SigningKey, key_id: str, created: int, nonce: str
) -> dict[str, str]:
    """Return the three headers to send.

    Args:
        request: what is sent.
        key: the device's signing key.
        key_id: the device's id.
        created: seconds since 1970.
        nonce: fresh and random, 16 to 64 characters of ``A-Za-z0-9_-``.
    """
    parameters = f'{_COVERED};created={created};keyid="{key_id}";nonce="{nonce}";alg="ed25519"'
    signature = key.sign(_base(request, parameters))
    return {
        "Content-Digest": _digest(request.body),
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }


def read_request(request: Request, headers: Mapping[str, str]) -> SignedRequest:
    """Read a request's signature; header names are lower case.

    Raises:
        RequestSignatureError: a header is absent or not of this profile, or the digest is another body's.
    """
    given = _INPUT.fullmatch(headers.get("signature-input", ""))
    value = _SIGNATURE.fullmatch(headers.get("signature", ""))
    if given is None or value is None:
        raise RequestSignatureError("the request is not signed in the one way that is accepted")
    if not hmac.compare_digest(_digest(request.body).encode(), headers.get("content-digest", "").encode()):
        raise RequestSignatureError("Content-Digest is absent or not the body's")
    try:
        signature = base64.b64decode(value["value"], validate=True)
    except binascii.Error:
        raise RequestSignatureError("the signature is no base64") from None
    base = _base(request, given[0].removeprefix(f"{LABEL}="))
    return SignedRequest(given["keyid"], int(given["created"]), given["nonce"], base, signature)


def _digest(body: bytes) -> str:
    """Return RFC 9530's Content-Digest of a body."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _base(request: Request, parameters: str) -> bytes:
    """Return the signature base of RFC 9421, section 2.5."""
    return "\n".join(
        (
            f'"@method": {request.method}',
            f'"@authority": {request.authority.lower()}',
            f'"@path": {request.path}',
            f'"@query": ?{request.query}',
            f'"content-digest": {_digest(request.body)}',
            f'"@signature-params": {parameters}',
        )
    ).encode()
