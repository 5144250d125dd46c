"""A signature that travels without its list: made on a person's own computer, handed to the service.

    {"digest":HEX,"format":"hitonly/list-signature/v1","key":KEY ID,"signature":BASE64,"version":N}

in canonical JSON on one line. The signature is the one that would stand in the list's first line: over the
digest alone. The version is there for people and error messages.
"""

import base64
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hitonly_core.canonical import canonical
from hitonly_core.keys import SigningKey
from hotlist.errors import MalformedError
from hotlist.signed_list.bundle import Signature
from hotlist.signed_list.list_format import KeyId, parse_line, signed_message, unbase64

FORMAT: Final = "hitonly/list-signature/v1"
MAX_FILE: Final = 1024
"""Most bytes of a signature's file."""


class DetachedForm(BaseModel):
    """The file's JSON; members in the order of the alphabet."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    format: Literal["hitonly/list-signature/v1"]
    key: KeyId
    signature: Annotated[str, StringConstraints(max_length=88)]
    version: Annotated[int, Field(ge=1, lt=2**53)]


@dataclass(frozen=True, slots=True)
class Detached:
    """A signature and what it is over.

    Attributes:
        version: the list's number.
        digest: SHA-256 of the list's body.
        signature: whose, and its 64 bytes; not checked here.
    """

    version: int
    digest: bytes
    signature: Signature = field(repr=False)

    @classmethod
    def make(cls, key: SigningKey, version: int, digest: bytes) -> Self:
        """Sign a list's digest."""
        return cls(version, digest, Signature(key.public.id, key.sign(signed_message(digest))))

    def to_bytes(self) -> bytes:
        """Return the file."""
        body = {
            "digest": self.digest.hex(),
            "format": FORMAT,
            "key": self.signature.key,
            "signature": base64.b64encode(self.signature.value).decode(),
            "version": self.version,
        }
        return canonical(body) + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read the file.

        Raises:
            MalformedError: it is no signature's file.
        """
        if len(content) > MAX_FILE or not content.endswith(b"\n"):
            raise MalformedError(
                "it is no signature's file", hint="Choose the file that `countersign` wrote."
            )
        form = parse_line(content[:-1], DetachedForm, step=0)
        value = unbase64(form.signature, step=0)
        found = cls(form.version, bytes.fromhex(form.digest), Signature(form.key, value))
        if found.to_bytes() != content:
            raise MalformedError("it is written otherwise than a signature's file is")
        return found
