"""The link to the department's service: signed requests over TLS to one authority, and nothing else.

Every request is signed by the device (`protocol.signed_requests`); the service's certificate must come from the
department's own authority; redirects are not followed. Plain HTTP is for loopback only (R14).
"""

import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from edge.errors import ConfigError, LinkError, RevokedError
from hitonly_core.keys import SigningKey
from hitonly_core.urls import HTTPS, AddressError, parse
from protocol.signed_requests import Request, sign_request

_TIMEOUT_S: Final = 15.0
_ANSWER_S: Final = 600.0
"""A whole answer must be here within it: the largest list over a slow line."""
MOST_ANSWER: Final = 1024 * 1024 * 1024
"""Most bytes of one answer: more than the largest list that the department takes."""
_LIKE: Final = (
    "It looks like https://plates.example.gov, with :8443 or another port after it where it has one."
)
_REVOKED: Final = "urn:hitonly:problem:revoked"


@dataclass(slots=True)
class Link:
    """One device's way to the service; use it from one thread.

    Attributes:
        url: the service's address.
        device: the device's id, or `protocol.messages.ENROLLING`.
        key: the device's signing key.
        authority: file of the certificate authority that vouches for the service; None for plain loopback.

    Raises:
        ConfigError: plain HTTP to another machine, or no authority for HTTPS.
    """

    url: str
    device: str
    key: SigningKey = field(repr=False)
    authority: Path | None = None
    _client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.url = demand_private(self.url, self.authority)
        context = _context(self.authority) if self.authority else True
        self._client = httpx.Client(
            base_url=self.url, verify=context, timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False
        )

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send one signed request; return the answer, whatever its status.

        Raises:
            LinkError: the service cannot be reached, its certificate is not the department's, or its answer is
                packed, too large or does not end.
        """
        signed = sign_request(
            Request(method, self._client.base_url.netloc.decode(), path, "", body),
            key=self.key,
            key_id=self.device,
            created=int(time.time()),
            nonce=secrets.token_urlsafe(24),
        )
        content = {"Content-Type": "application/json"} if body else {}
        sent = {"Accept-Encoding": "identity", **(headers or {}), **signed, **content}
        try:
            with self._client.stream(method, path, content=body, headers=sent) as answer:
                return self._read(answer)
        except httpx.RequestError as problem:
            raise LinkError(f"{self.url} cannot be reached: {type(problem).__name__}") from None

    def _read(self, answer: httpx.Response) -> httpx.Response:
        """Read an answer of bounded size within a bounded time; nothing in it is unpacked.

        Raises:
            LinkError: it is packed, too large, or does not end.
        """
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise LinkError(f"{self.url} answered with a packed body, which was not asked for")
        end, content = time.monotonic() + _ANSWER_S, bytearray()
        for part in answer.iter_raw():
            content += part
            if len(content) > MOST_ANSWER:
                raise LinkError(f"{self.url} answered with more than {MOST_ANSWER} bytes")
            if time.monotonic() > end:
                raise LinkError(f"{self.url} did not end its answer within {_ANSWER_S:g} s")
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=bytes(content), request=answer.request
        )

    def json(self, method: str, path: str, body: bytes = b"") -> Any:  # noqa: ANN401 - any JSON
        """Send one signed request and return the JSON of a good answer.

        Raises:
            LinkError: unreachable, refused (with the service's own reason), or an answer that is no JSON.
            RevokedError: the service says that this device is revoked.
        """
        answer = self.send(method, path, body)
        try:
            found = answer.json()
        except ValueError:
            raise LinkError(f"{self.url} answered {answer.status_code} with no JSON") from None
        if answer.status_code != httpx.codes.OK:
            said = found if isinstance(found, dict) else {}
            words = f"{said.get('title', '')} {said.get('detail', '')}".strip()
            kind = RevokedError if said.get("type") == _REVOKED else LinkError
            raise kind(f"{self.url} refused ({answer.status_code}): {words}")
        return found

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def demand_private(url: str, authority: Path | None) -> str:
    """Refuse an address over which others could listen; return it as it is used.

    Raises:
        ConfigError: no address, plain HTTP off loopback, or HTTPS without the department's authority.
    """
    try:
        address = parse(url, HTTPS, rest=False)
    except AddressError as problem:
        raise ConfigError(f"the department's address {problem}", hint=_LIKE) from None
    if address.scheme == "https":
        if authority is None:
            hint = "Give the department's authority (ca.pem); public authorities are not trusted for this."
            raise ConfigError("an https:// address needs the department's certificate authority", hint=hint)
    elif not address.is_loopback:
        raise ConfigError(
            "the department's address must be https://, or http:// on this machine's loopback (R14)"
        )
    return address.text().rstrip("/")


def _context(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=authority)
    except (OSError, ssl.SSLError) as problem:
        raise ConfigError(f"{authority} is no certificate authority: {problem.strerror or problem}") from None
    return context
