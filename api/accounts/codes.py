"""One-time codes: made once, shown once, kept only as a hash."""

import base64
import hashlib
import secrets
from typing import Final

_BYTES: Final = 15


def new_code() -> str:
    """Return 120 random bits as four groups of six letters and digits."""
    text = base64.b32encode(secrets.token_bytes(_BYTES)).decode()
    return "-".join(text[place : place + 6] for place in range(0, len(text), 6))


def new_token() -> str:
    """Return 256 random bits, safe in a cookie or a link."""
    return secrets.token_urlsafe(32)


def digest(code: str) -> str:
    """Return what is stored of a code. The code has too many bits to be guessed, so no salt is needed."""
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()


def token_digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
