"""A signed end of the department's audit log: how long it was, and the root of its Merkle tree.

The service signs one for every heartbeat's answer; units, exports and the service's own high-water mark keep
them, and each can be held against the log later.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from hitonly_core.canonical import canonical
from hitonly_core.errors import HitonlyError
from hitonly_core.keys import VerifyKey
from protocol.merkle import HASH_BYTES

FORMAT: Final = "hitonly/audit-end/v1"
LONGEST: Final = 1 << 53
"""No log is longer: the number is one that every JSON reader keeps exactly."""
_SIGNATURE: Final = 64
_MEMBERS: Final = frozenset({"seq", "digest", "at", "signature"})


class AuditEndError(HitonlyError):
    """A text is no end of an audit log, or not one that the expected key signed."""


@dataclass(frozen=True, slots=True)
class AuditEnd:
    """One end.

    Attributes:
        seq: how many records the log had, from 1.
        digest: the root of its Merkle tree over them, 64 hexadecimal digits.
        at: when it was signed, as ``2030-01-31T12:00:00.00Z``.
        signature: the service's, over all of this.
    """

    seq: int
    digest: str
    at: str
    signature: bytes = b""

    @property
    def root(self) -> bytes:
        """The root's 32 bytes."""
        return bytes.fromhex(self.digest)

    @property
    def day(self) -> str:
        """The day it was signed on, as ``2030-01-31``."""
        return self.at[:10]

    def signed_bytes(self) -> bytes:
        """Return what the service signs."""
        return canonical({"format": FORMAT, "seq": self.seq, "digest": self.digest, "at": self.at})

    def signed_by(self, key: VerifyKey) -> bool:
        """Whether the key's owner signed it."""
        return key.verifies(self.signature, self.signed_bytes())

    def to_json(self) -> dict[str, int | str]:
        """Return the four members."""
        signature = base64.b64encode(self.signature).decode()
        return {"seq": self.seq, "digest": self.digest, "at": self.at, "signature": signature}

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read the members; the signature is not checked.

        Raises:
            AuditEndError: it is no end: another shape, or a number or time that none can have.
        """
        if not isinstance(body, Mapping) or set(body) != _MEMBERS:
            raise AuditEndError("no end of an audit log")
        seq, digest, at, text = (body[name] for name in ("seq", "digest", "at", "signature"))
        if type(seq) is not int or not 0 < seq <= LONGEST:
            raise AuditEndError("an end of an audit log with an impossible number")
        try:
            signature = base64.b64decode(text, validate=True)
            moment = datetime.fromisoformat(at)
            whole = len(bytes.fromhex(digest)) == HASH_BYTES and digest == digest.lower()
        except (TypeError, ValueError, AttributeError, binascii.Error):
            raise AuditEndError("no end of an audit log") from None
        if not whole or len(digest) != 2 * HASH_BYTES or len(signature) != _SIGNATURE or not moment.tzinfo:
            raise AuditEndError("no end of an audit log")
        return cls(seq, digest, at, signature)
