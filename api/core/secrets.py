"""The service's own keys, in the state folder: made at the first start, 0600, never replaced.

``department.key`` opens hits; ``service.key`` signs receipts and checkpoints; ``secret.key`` seals the
people's TOTP secrets and signing keys, and keys the hash behind the alert on repeated look-ups.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.core.errors import StateError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SigningKey

NONCE: Final = 12
KEY: Final = 32


def encrypt(key: bytes, content: bytes, label: str) -> bytes:
    """Encrypt with AES-256-GCM under a fresh nonce; `label` must be the same to decrypt."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, label.encode())


def decrypt(key: bytes, sealed: bytes, label: str) -> bytes:
    """Undo `encrypt`.

    Raises:
        StateError: another key, another label, or altered.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], label.encode())
    except (InvalidTag, ValueError):
        raise StateError("a sealed value does not open: another key, or it was altered") from None


@dataclass(frozen=True, slots=True)
class Secrets:
    """The service's keys, loaded."""

    department: SealKey = field(repr=False)
    service: SigningKey = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def prepare(cls, state: Path) -> Self:
        """Load the keys, and make those that are not there yet.

        Raises:
            KeyFileError: a key file is unreadable, of another kind, or open to others.
            StateError: the folder cannot be used.
        """
        try:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            if state.stat().st_mode & 0o077:
                hint = f"Run `chmod 700 {state}`."
                raise StateError(f"{state} holds private keys and others can read it", hint=hint)
        except OSError as problem:
            raise StateError(f"{state} cannot be used: {problem.strerror}") from None
        if not (state / "department.key").exists():
            SealKey.generate().save(state / "department.key")
        if not (state / "service.key").exists():
            SigningKey.generate().save(state / "service.key")
        department, service = SealKey.load(state / "department.key"), SigningKey.load(state / "service.key")
        for name, public in (("department.pub", department.public), ("service.pub", service.public)):
            if not (state / name).exists():
                public.save(state / name)
        return cls(department, service, _secret(state))

    def seal(self, content: bytes, label: str) -> bytes:
        """Encrypt a value of the service's own, under a label that says what it is."""
        return encrypt(self.secret, content, label)

    def open(self, sealed: bytes, label: str) -> bytes:
        """Undo `seal`.

        Raises:
            StateError: another key, another label, or altered.
        """
        return decrypt(self.secret, sealed, label)

    def blind(self, text: str) -> str:
        """Return a keyed hash: equal texts are seen to be equal, and nothing else is told."""
        return self.blind_bytes(text.encode())

    def blind_bytes(self, content: bytes, salt: bytes = b"") -> str:
        """Return a keyed hash of bytes, 64 hexadecimal digits; what it is of is told by nobody without the key.

        Args:
            content: what is hashed.
            salt: kept beside the hash and deleted with it, where the hash lasts.
        """
        key = hmac.digest(self.secret, b"salt\0" + salt, "sha256") if salt else self.secret
        return hmac.new(key, b"blind\0" + content, hashlib.sha256).hexdigest()


def _secret(state: Path) -> bytes:
    """Load or make the 32 random bytes of ``secret.key``.

    Raises:
        StateError: the file is open to others or of another size.
    """
    path = state / "secret.key"
    if not path.exists():
        write_durably(path, secrets.token_bytes(KEY), replace=False)
    content = path.read_bytes()
    if len(content) != KEY or path.stat().st_mode & 0o077:
        raise StateError(f"{path} is not 32 bytes readable by its owner only")
    return content
