"""Passwords, one-time passwords and recovery codes: what proves who somebody is (R13)."""

import hmac
from datetime import datetime
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from api.core.errors import InvalidError

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 200
STEP: Final = 30
_HASHER: Final = PasswordHasher()
_NOBODY: Final = _HASHER.hash("nobody has this password")
"""Verified for unknown names, so that the time taken does not tell which names exist."""


def hash_password(password: str, name: str) -> str:
    """Return the Argon2id hash of a new password.

    Raises:
        InvalidError: too short, too long, or it contains the name.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    if name.casefold() in password.casefold():
        raise InvalidError("the password contains the name")
    return _HASHER.hash(password)


def check_password(stored: str | None, password: str) -> bool:
    """Whether the password is right; takes as long for an unknown name (None)."""
    try:
        _HASHER.verify(stored or _NOBODY, password[:MAX_PASSWORD])
    except VerificationError:
        return False
    return stored is not None


def new_totp_secret() -> str:
    """Return a new TOTP secret, base32 (RFC 6238)."""
    return pyotp.random_base32()


def totp_link(secret: str, name: str, agency: str) -> str:
    """Return the link that an authenticator app reads, as text or as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=agency)


def totp_step(secret: str, code: str, now: datetime, last: int) -> int | None:
    """Return the time step a code belongs to, or None; a step at or before `last` was used already.

    The step before and after the present one count too: clocks differ.
    """
    present = int(now.timestamp()) // STEP
    for step in (present, present - 1, present + 1):
        expected = pyotp.TOTP(secret).at(step * STEP)
        if step > last and hmac.compare_digest(expected.encode(), code.strip().encode()):
            return step
    return None
