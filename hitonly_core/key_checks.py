"""Whether public bytes are a key at all, and one that only its owner can use: decided by rule, not from a list.

1. An Ed25519 key is a point of the curve in its one encoding (RFC 8032, 5.1.3), and not of small order: eight
   times the point is not the identity. With a point of small order anybody can make signatures that hold.
2. An X25519 key is in its one encoding and not of small order: no secret comes out of the exchange otherwise.
3. An ML-KEM-768 key has every coefficient below the modulus (FIPS 203, 7.2), and no polynomial that is zero or
   constant: with such a one anybody could read what is sealed.
"""

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from hitonly_core.errors import KeyFileError

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT: Final = pow(2, (_P - 1) // 4, _P)
_Q: Final = 3329
_COEFFICIENTS: Final = 256
_POLYNOMIALS: Final = 3
_BITS: Final = 12
_SEED: Final = 32
_HINT: Final = (
    "Make a new key pair; this key would let others pass for its owner or read what is sealed to it."
)


@lru_cache(maxsize=4096)
def check_ed25519(raw: bytes) -> None:
    """Refuse what is no Ed25519 public key that only its owner can sign with.

    Raises:
        KeyFileError: no point in its one encoding, or of small order.
    """
    point = _decoded(raw)
    if point is None:
        raise KeyFileError("a verify key that is no point of the curve in its one encoding", hint=_HINT)
    for _ in range(3):
        point = _doubled(point)
    if point == (0, 1):
        raise KeyFileError("a weak verify key: a point of small order", hint=_HINT)


def check_x25519(raw: bytes) -> None:
    """Refuse an X25519 public key from whose exchange no secret comes.

    Raises:
        KeyFileError: not in its one encoding, or of small order.
    """
    if int.from_bytes(raw, "little") >= _P:
        raise KeyFileError("a sealing key whose X25519 part is not in its one encoding", hint=_HINT)
    try:
        X25519PrivateKey.from_private_bytes(bytes(32)).exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        raise KeyFileError("a weak sealing key: its X25519 part is of small order", hint=_HINT) from None


def check_mlkem768(raw: bytes) -> None:
    """Refuse an ML-KEM-768 public key that is malformed, or that hides nothing.

    Raises:
        KeyFileError: a coefficient is not below the modulus, or a polynomial is zero or constant.
    """
    packed = int.from_bytes(raw[:-_SEED], "little")
    numbers = [packed >> place & 0xFFF for place in range(0, _POLYNOMIALS * _COEFFICIENTS * _BITS, _BITS)]
    if any(number >= _Q for number in numbers):
        raise KeyFileError("a sealing key whose ML-KEM part has a coefficient out of range", hint=_HINT)
    for start in range(0, len(numbers), _COEFFICIENTS):
        if len(set(numbers[start : start + _COEFFICIENTS])) == 1:
            raise KeyFileError("a weak sealing key: its ML-KEM part hides nothing", hint=_HINT)


def _decoded(raw: bytes) -> tuple[int, int] | None:
    """Return the point of 32 bytes; None where they are no point, or another point's second spelling."""
    number = int.from_bytes(raw, "little")
    y, odd = number & (2**255 - 1), number >> 255
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and odd):
        return None
    return (_P - x if x & 1 != odd else x), y


def _doubled(point: tuple[int, int]) -> tuple[int, int]:
    """Return twice a point, by the curve's complete law of addition."""
    x, y = point
    product = _D * x * x * y * y % _P
    return (
        2 * x * y * pow(1 + product, -1, _P) % _P,
        (y * y + x * x) * pow(1 - product, -1, _P) % _P,
    )
