"""The department's signed word that it holds a hit: only then may the box delete its copy.

It names the SHA-256 of the envelope, so that a word about one hit is no word about another. This module needs
no vision package: the department's service imports it too.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from hitonly_core.canonical import canonical
from hitonly_core.errors import HitonlyError
from hitonly_core.keys import SigningKey, VerifyKey

FORMAT: Final = "hitonly/ack/v1"


class AckError(HitonlyError):
    """An acknowledgement is malformed, of another hit, or not signed by the department's service."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """That the department holds this device's hit.

    Attributes:
        hit: the hit's id.
        device: the device's id.
        digest: SHA-256 of the envelope's bytes, 64 hexadecimal digits.
        received: when it was first stored; aware UTC.
    """

    hit: UUID
    device: str
    digest: str
    received: datetime
    signature: bytes = field(default=b"", repr=False)

    def to_json(self) -> dict[str, object]:
        """Return the members that travel."""
        return {**self._signed(), "signature": base64.b64encode(self.signature).decode()}

    def _signed(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "hit": str(self.hit),
            "device": self.device,
            "digest": self.digest,
            "received": self.received.astimezone(UTC).isoformat(timespec="milliseconds"),
        }

    def signed_bytes(self) -> bytes:
        """Return what the service signs."""
        return canonical(self._signed())


def envelope_digest(envelope: bytes) -> str:
    """Return the digest that an acknowledgement names."""
    return hashlib.sha256(envelope).hexdigest()


def acknowledge(hit: UUID, device: str, digest: str, received: datetime, key: SigningKey) -> Acknowledgement:
    """Sign that the department holds a hit."""
    unsigned = Acknowledgement(hit, device, digest, received)
    return Acknowledgement(hit, device, digest, received, key.sign(unsigned.signed_bytes()))


def read_acknowledgement(body: object, *, envelope: bytes, device: str, key: VerifyKey) -> UUID:
    """Check an acknowledgement of an envelope that this device sent; return the hit's id.

    Raises:
        AckError: malformed, about other bytes, for another device, or not signed by this service.
    """
    if not isinstance(body, Mapping):
        raise AckError("an acknowledgement is a JSON object")
    try:
        if body["format"] != FORMAT:
            raise AckError(f"not in the format {FORMAT}")
        ack = Acknowledgement(
            hit=UUID(body["hit"]),
            device=str(body["device"]),
            digest=str(body["digest"]),
            received=datetime.fromisoformat(body["received"]),
            signature=base64.b64decode(body["signature"], validate=True),
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise AckError("a member of the acknowledgement is absent or of the wrong type") from None
    if (ack.device, ack.digest) != (device, envelope_digest(envelope)):
        raise AckError("the acknowledgement is about another envelope or another device")
    if not key.verifies(ack.signature, ack.signed_bytes()):
        raise AckError("the acknowledgement is not signed by the department's service")
    return ack.hit
