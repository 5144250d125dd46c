"""Keys, and the only algorithms there are: Ed25519 to sign; HPKE with ML-KEM-768 and X25519 to seal.

Four kinds of key file, each a short JSON text that says what it is: a signing key and its public half, a
sealing key and its public half. A private key's file is refused when others can read it. A key's id is the
first 16 hexadecimal digits of the SHA-256 of its kind and public bytes.

Sources: RFC 8032 (Ed25519), RFC 9180 (HPKE), FIPS 203 (ML-KEM), draft-ietf-hpke-pq (the hybrid KEM).
"""

import base64
import binascii
import hashlib
import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Self

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from hitonly_core.errors import KeyFileError, SealError
from hitonly_core.files import write_durably
from hitonly_core.key_checks import check_ed25519, check_mlkem768, check_x25519

_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_ED25519_BYTES: Final = 32
_MLKEM_SEED_BYTES: Final = 64
_MLKEM_PUBLIC_BYTES: Final = 1184
_X25519_BYTES: Final = 32
_MAX_FILE: Final = 16_384


@dataclass(frozen=True, slots=True)
class _KeyText:
    """What all four kinds share: raw bytes, and a file that says what it is."""

    raw: bytes = field(repr=False)

    kind: ClassVar[str]
    size: ClassVar[int]
    private: ClassVar[bool]

    def __post_init__(self) -> None:
        if len(self.raw) != self.size:
            raise KeyFileError(f"a {self.kind} of {len(self.raw)} bytes; it has {self.size}")
        self._check()

    def _check(self) -> None:
        """Refuse bytes that are no such key, or a key that keeps nothing; a public key's class says how."""

    def to_text(self) -> str:
        """Return the key file's text."""
        body = {"kind": self.kind, "version": 1, "key": base64.b64encode(self.raw).decode()}
        return json.dumps(body) + "\n"

    @classmethod
    def from_text(cls, text: str | bytes) -> Self:
        """Read a key file's text.

        Raises:
            KeyFileError: it is no key, or a key of another kind.
        """
        try:
            body = json.loads(text)
            kind, encoded = body["kind"], body["key"]
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            raise KeyFileError(f"no key text; expected a {cls.kind}") from None
        if kind != cls.kind or body.get("version") != 1:
            raise KeyFileError(f"a {str(kind)[:40]!r} where a {cls.kind} (version 1) is needed")
        return cls(raw)

    def save(self, path: Path) -> None:
        """Write the key file: 0600 for a private key, 0644 for a public one; never over another.

        Raises:
            KeyFileError: a file is already there, or the folder cannot be written.
        """
        try:
            mode = 0o600 if self.private else 0o644
            write_durably(path, self.to_text().encode(), mode=mode, replace=False)
        except FileExistsError:
            hint = "Keys are never replaced: choose another name, or move the old one away yourself."
            raise KeyFileError(f"{path} is already there", hint=hint) from None
        except OSError as problem:
            raise KeyFileError(f"{path} cannot be written: {problem.strerror}") from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file.

        Raises:
            KeyFileError: absent, of another kind, or a private key that others can read.
        """
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(path.stat().st_mode)
                text = file.read(_MAX_FILE)
        except OSError as problem:
            raise KeyFileError(f"{path} cannot be read: {problem.strerror}") from None
        if cls.private and mode & 0o077:
            hint = f"Run `chmod 600 {path}`, and think about who may have read it."
            raise KeyFileError(f"{path} is a private key that others can read (mode {mode:04o})", hint=hint)
        try:
            return cls.from_text(text)
        except KeyFileError as problem:
            raise KeyFileError(f"{path}: {problem}", hint=problem.hint) from None


class _Identified(_KeyText):
    """A public key, which has an id."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """Return the key's id: 16 hexadecimal digits."""
        return hashlib.sha256(self.kind.encode() + b"\0" + self.raw).hexdigest()[:16]


class VerifyKey(_Identified):
    """The public half of a person's or a device's signing key."""

    __slots__ = ()
    kind = "hitonly verify key"
    size = _ED25519_BYTES
    private = False

    def _check(self) -> None:
        check_ed25519(self.raw)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey(_KeyText):
    """A person's or a device's Ed25519 signing key."""

    __slots__ = ()
    kind = "hitonly signing key"
    size = _ED25519_BYTES
    private = True

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> VerifyKey:
        """Return the public half."""
        return VerifyKey(Ed25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of a message."""
        return Ed25519PrivateKey.from_private_bytes(self.raw).sign(message)


class SealPublic(_Identified):
    """The public half of a sealing key: anybody can seal to it."""

    __slots__ = ()
    kind = "hitonly sealing public key"
    size = _MLKEM_PUBLIC_BYTES + _X25519_BYTES
    private = False

    def _check(self) -> None:
        check_mlkem768(self.raw[:_MLKEM_PUBLIC_BYTES])
        check_x25519(self.raw[_MLKEM_PUBLIC_BYTES:])

    def seal(self, plaintext: bytes, *, info: bytes) -> bytes:
        """Seal to the key's owner; `info` names what it is and must be the same to open it."""
        kem = MLKEM768PublicKey.from_public_bytes(self.raw[:_MLKEM_PUBLIC_BYTES])
        curve = X25519PublicKey.from_public_bytes(self.raw[_MLKEM_PUBLIC_BYTES:])
        return _SUITE.encrypt(plaintext, hpke.MLKEM768X25519PublicKey(kem, curve), info)


class SealKey(_KeyText):
    """The private half of a sealing key: the department's, or a device's for its hot list."""

    __slots__ = ()
    kind = "hitonly sealing key"
    size = _MLKEM_SEED_BYTES + _X25519_BYTES
    private = True

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        seed = MLKEM768PrivateKey.generate().private_bytes_raw()
        return cls(seed + X25519PrivateKey.generate().private_bytes_raw())

    def _parts(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        kem = MLKEM768PrivateKey.from_seed_bytes(self.raw[:_MLKEM_SEED_BYTES])
        return kem, X25519PrivateKey.from_private_bytes(self.raw[_MLKEM_SEED_BYTES:])

    @property
    def public(self) -> SealPublic:
        """Return the public half."""
        kem, curve = self._parts()
        return SealPublic(kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw())

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """Open what was sealed to this key with the same `info`.

        Raises:
            SealError: sealed to another key, for another use, or altered.
        """
        try:
            return _SUITE.decrypt(sealed, hpke.MLKEM768X25519PrivateKey(*self._parts()), info)
        except (InvalidTag, ValueError):
            raise SealError("sealed to another key, for another use, or altered") from None
