"""Making a list file: canonical body, signatures, and a seal for every device.

    body     = header line, then one canonical JSON line for each entry, sorted by id
    signed   = first line with signatures over the body's SHA-256, perhaps the word of an online key that the
               list is current, then the body, deflated
    sealed   = first line with the content key sealed to each device, then the signed file under AES-256-GCM

One sealed file serves every device. Whoever steals one box finds a list that only that box's key opens.
"""

import base64
import hashlib
import secrets
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, pairwise
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hitonly_core.canonical import canonical
from hitonly_core.keys import SealPublic, SigningKey
from hotlist.entry import Entry, entry_to_line, time_text
from hotlist.errors import MalformedError
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.list_format import (
    LIST,
    MAX_DEVICES,
    SEALED,
    SIGNED,
    HeaderForm,
    Limits,
    SignedForm,
    body_digest,
    body_lines,
    box_info,
    parse_line,
    signed_message,
    split_first_line,
    unbase64,
)
from hotlist.signed_list.packed_entries import Entries
from hotlist.signed_list.timestamp import Timestamp

NONCE_BYTES: Final = 12
CONTENT_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class HotList:
    """An accepted list.

    Attributes:
        department: whose list it is.
        version: its number; only ever grows.
        issued: when it was made; aware UTC. R7 counts from here.
        expires: its own end; aware UTC.
        entries: sorted by id; each becomes an `Entry` when it is asked for.
        digest: SHA-256 of the body, hexadecimal.
        signers: names of the trusted people who signed.
        timestamp: the online key's word that it is current, if it came with one; what that cancels is not
            among the entries.
        next_keys: the key set that replaces the current one, if the list carries one.
    """

    department: str
    version: int
    issued: datetime
    expires: datetime
    entries: Entries = field(repr=False)
    digest: str
    signers: tuple[str, ...]
    next_keys: KeySet | None = field(default=None, repr=False)
    timestamp: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A key's id and its 64-byte signature."""

    key: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list in the clear with its signatures, as it goes from one signer to the next. Not for a camera box.

    Attributes:
        packed: the body, deflated.
        digest: SHA-256 of the body.
        signatures: in the order they were made.
        timestamp: the online key's word that the list is current, if there is one.
    """

    packed: bytes = field(repr=False)
    digest: bytes
    signatures: tuple[Signature, ...] = ()
    timestamp: Timestamp | None = None

    def signed_by(self, key: SigningKey) -> "SignedList":
        """Return the list with this key's signature; signing twice changes nothing."""
        return self.with_signature(Signature(key.public.id, key.sign(signed_message(self.digest))))

    def with_signature(self, signature: Signature) -> "SignedList":
        """Return the list with a signature that was made elsewhere; it is not checked here."""
        others = tuple(each for each in self.signatures if each.key != signature.key)
        return replace(self, signatures=(*others, signature))

    def stated_by(self, timestamp: Timestamp) -> "SignedList":
        """Return the list with a statement that it is current, in the place of any other."""
        return replace(self, timestamp=timestamp)

    def to_bytes(self) -> bytes:
        """Return the signed file."""
        signatures = [
            {"key": each.key, "signature": base64.b64encode(each.value).decode()} for each in self.signatures
        ]
        first: dict[str, object] = {"format": SIGNED, "signatures": signatures}
        if self.timestamp is not None:
            first["timestamp"] = self.timestamp.to_json()
        return canonical(first) + b"\n" + self.packed

    @classmethod
    def from_bytes(cls, content: bytes, limits: Limits) -> "SignedList":
        """Read a signed file; its signatures are not checked and its entries are not read.

        Raises:
            MalformedError: it is no signed list.
            TooLargeError: its body is over the ceiling.
        """
        first, rest = split_first_line(content, step=4)
        form = parse_line(first, SignedForm, step=4)
        signatures = tuple(Signature(each.key, unbase64(each.signature, step=4)) for each in form.signatures)
        if len({each.key for each in signatures}) != len(signatures):
            raise MalformedError("one key signed twice", step=4)
        said = form.timestamp
        timestamp = Timestamp.from_form(said, unbase64(said.signature, step=4), step=4) if said else None
        return cls(bytes(rest), body_digest(rest, limits, step=5), signatures, timestamp)

    def header(self, limits: Limits) -> HeaderForm:
        """Return the body's first line.

        Raises:
            MalformedError: it is no header.
        """
        first = next(body_lines(memoryview(self.packed), limits, step=7), b"")
        return parse_line(first, HeaderForm, step=7)


def make(
    entries: Iterable[Entry],
    *,
    department: str,
    version: int,
    issued: datetime,
    expires: datetime,
    next_keys: KeySet | None = None,
) -> SignedList:
    """Return an unsigned list. The same arguments give the same bytes.

    Raises:
        MalformedError: the header breaks a rule, or two entries have one id.
    """
    lines = sorted((entry.id.encode(), entry_to_line(entry)) for entry in entries)
    if any(first[0] == second[0] for first, second in pairwise(lines)):
        raise MalformedError("two entries with one id")
    return pack(
        (line for _, line in lines),
        count=len(lines),
        department=department,
        version=version,
        issued=issued,
        expires=expires,
        next_keys=next_keys,
    )


def pack(
    lines: Iterable[bytes],
    *,
    count: int,
    department: str,
    version: int,
    issued: datetime,
    expires: datetime,
    next_keys: KeySet | None = None,
) -> SignedList:
    """Return an unsigned list of `count` canonical lines that are sorted by id already; none is held.

    Raises:
        MalformedError: the header breaks a rule.
    """
    header = canonical(
        {
            "count": count,
            "department": department,
            "expires": time_text(expires),
            "format": LIST,
            "issued": time_text(issued),
            "next_keys": next_keys.to_json() if next_keys else None,
            "version": version,
        }
    )
    parse_line(header, HeaderForm, step=0)
    digest, deflate, packed = hashlib.sha256(), zlib.compressobj(6), []
    for line in chain((header,), lines):
        digest.update(line + b"\n")
        packed.append(deflate.compress(line + b"\n"))
    packed.append(deflate.flush())
    return SignedList(b"".join(packed), digest.digest())


def seal(signed: SignedList, devices: Sequence[SealPublic]) -> bytes:
    """Return one file that each of the devices can open, and nobody else.

    Raises:
        MalformedError: no device, or more than a file can serve.
    """
    if not 1 <= len(devices) <= MAX_DEVICES:
        raise MalformedError(f"{len(devices)} devices; a list is sealed to 1 to {MAX_DEVICES}")
    content_key = secrets.token_bytes(CONTENT_KEY_BYTES)
    boxes = [
        {
            "device": device.id,
            "key": base64.b64encode(device.seal(content_key, info=box_info(device.id))).decode(),
        }
        for device in sorted(set(devices), key=lambda device: device.id)
    ]
    first = canonical({"devices": boxes, "format": SEALED})
    nonce = secrets.token_bytes(NONCE_BYTES)
    return first + b"\n" + nonce + AESGCM(content_key).encrypt(nonce, signed.to_bytes(), first)
