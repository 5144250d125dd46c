"""Passwords, one-time passwords and recovery codes: what proves who somebody is (R13)."""

import hmac
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from api.core.errors import InvalidError, TooManyError

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 200
_STRENGTH: Final = 3
"""What zxcvbn's estimate must reach, of 4: safe from whoever has stolen the hashes, for a while."""
_ESTIMATED: Final = 72
"""Characters that are estimated: more would cost much time, and tell nothing more."""
STEP: Final = 30
_AT_ONCE: Final = max(1, min(4, os.cpu_count() or 1))
"""Hashes at once: each takes 64 MiB and a processor for a tenth of a second."""
_WAITING: Final = 8
"""More wait for their turn; the next one is refused, or hashing would take every thread that answers requests."""
_TURNS: Final = threading.BoundedSemaphore(_AT_ONCE)
_PLACES: Final = threading.BoundedSemaphore(_AT_ONCE + _WAITING)
_HASHER: Final = PasswordHasher()
_NOBODY: Final = _HASHER.hash("nobody has this password")
"""Verified for unknown names, so that the time taken does not tell which names exist."""


def hash_password(password: str, name: str) -> str:
    """Return the Argon2id hash of a new password.

    Raises:
        InvalidError: too short, too long, easily guessed, or it contains the name.
        TooManyError: too many passwords are being hashed already.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    if name.casefold() in password.casefold():
        raise InvalidError("the password contains the name")
    with turn():
        if zxcvbn(password[:_ESTIMATED], user_inputs=[name])["score"] < _STRENGTH:
            raise InvalidError(
                "that password is easily guessed",
                hint="Use four or more words that do not belong together, or let a password manager make one.",
            )
        return _HASHER.hash(password)


def check_password(stored: str | None, password: str) -> bool:
    """Whether the password is right; takes as long for an unknown name (None).

    Raises:
        TooManyError: too many passwords are being checked already.
    """
    try:
        with turn():
            _HASHER.verify(stored or _NOBODY, password[:MAX_PASSWORD])
    except VerificationError:
        return False
    return stored is not None


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn to hash.

    Raises:
        TooManyError: too many wait already.
    """
    if not _PLACES.acquire(blocking=False):
        raise TooManyError("too many passwords are being checked at the moment")
    try:
        with _TURNS:
            yield
    finally:
        _PLACES.release()


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
