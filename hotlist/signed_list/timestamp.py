"""The word of a service's online key that a list which people signed is still the current one (R7).

People cannot sign every few hours for ever. They sign a list once, with an end; a key set may name one more
key, the *timestamp key*, which a service holds. Its statement says, for exactly one list, until when that list
may be taken for current, and which of its entries were cancelled since. So it can keep a list fresh up to the
end that people signed, and it can take entries away; it can add and change nothing. (The Update Framework
splits its online *timestamp* role from its offline roles for the same reason.)

    signature = Ed25519 over "hitonly/timestamp/v1", a zero byte, and the statement's canonical JSON
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hitonly_core.canonical import canonical
from hitonly_core.keys import SigningKey, VerifyKey
from hotlist.entry import Identity, Time, time_text
from hotlist.errors import MalformedError

TIMESTAMP: Final = "hitonly/timestamp/v1"
MAX_CANCELLED: Final = 10_000
"""Most entries that a statement can name: beyond it, people sign a new list."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class StatementForm(_Form):
    """What is stated; members in the order of the alphabet."""

    cancelled: Annotated[list[Identity], Field(max_length=MAX_CANCELLED)]
    department: Identity
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    expires: Time
    format: Literal["hitonly/timestamp/v1"]
    issued: Time
    version: Annotated[int, Field(ge=1, lt=2**53)]


class TimestampForm(_Form):
    """A statement and its signature, as they stand in a signed list's first line."""

    signature: Annotated[str, StringConstraints(max_length=88)]
    statement: StatementForm


@dataclass(frozen=True, slots=True)
class Timestamp:
    """That one list is current.

    Attributes:
        department: whose list.
        version: its number.
        digest: SHA-256 of its body, hexadecimal.
        issued: when this was said; aware UTC.
        expires: until when it holds; aware UTC.
        cancelled: ids of the list's entries that no longer count, sorted.
        signature: 64 bytes, or empty before it is signed.
    """

    department: str
    version: int
    digest: str
    issued: datetime
    expires: datetime
    cancelled: tuple[str, ...] = ()
    signature: bytes = field(default=b"", repr=False)

    def statement(self) -> dict[str, object]:
        """Return the JSON members that are signed."""
        return {
            "cancelled": list(self.cancelled),
            "department": self.department,
            "digest": self.digest,
            "expires": time_text(self.expires),
            "format": TIMESTAMP,
            "issued": time_text(self.issued),
            "version": self.version,
        }

    def to_json(self) -> dict[str, object]:
        """Return the statement with its signature, as it stands in a list's first line."""
        return {"signature": base64.b64encode(self.signature).decode(), "statement": self.statement()}

    def signed_bytes(self) -> bytes:
        """Return what the timestamp key signs."""
        return TIMESTAMP.encode() + b"\0" + canonical(self.statement())

    def is_by(self, key: VerifyKey) -> bool:
        """Whether this key signed it."""
        return key.verifies(self.signature, self.signed_bytes())

    @classmethod
    def from_form(cls, form: TimestampForm, signature: bytes, *, step: int) -> Self:
        """Make a statement of its checked form.

        Raises:
            MalformedError: the cancelled entries are not in order, or one is there twice.
        """
        said = form.statement
        if any(first >= second for first, second in pairwise(said.cancelled)):
            raise MalformedError("cancelled entries out of order, or one twice", step=step)
        return cls(
            department=said.department,
            version=said.version,
            digest=said.digest,
            issued=said.issued.astimezone(UTC),
            expires=said.expires.astimezone(UTC),
            cancelled=tuple(said.cancelled),
            signature=signature,
        )


def state_current(
    key: SigningKey,
    *,
    department: str,
    version: int,
    digest: str,
    issued: datetime,
    expires: datetime,
    cancelled: Iterable[str] = (),
) -> Timestamp:
    """Return the signed statement that a list is current.

    Raises:
        MalformedError: it would cancel more entries than a statement can name.
    """
    ids = tuple(sorted(set(cancelled)))
    if len(ids) > MAX_CANCELLED:
        hint = "Have people sign a new list: it leaves them out for good."
        raise MalformedError(f"{len(ids)} cancelled entries; at most {MAX_CANCELLED} can be named", hint=hint)
    unsigned = Timestamp(department, version, digest, issued, expires, ids)
    return Timestamp(
        department, version, digest, issued, expires, ids, signature=key.sign(unsigned.signed_bytes())
    )
