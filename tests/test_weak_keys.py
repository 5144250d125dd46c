"""Public keys that anybody could use as their owner, or that seal nothing, are refused wherever a key enters."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hitonly_core.errors import KeyFileError
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey

P = 2**255 - 19
SIGN = 1 << 255
ORDER_8 = (
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
)
SMALL = [
    number | sign
    for number in (0, 1, P - 1, *ORDER_8, P, P + 1)
    for sign in (0, SIGN)
]  # fmt: skip
"""Every point of order 1, 2, 4 and 8, with either sign, and their second spellings (Chalkias et al., 2020)."""


def text(kind: str, raw: bytes) -> str:
    """Return a key file's text."""
    return json.dumps({"kind": kind, "version": 1, "key": base64.b64encode(raw).decode()})


@pytest.mark.parametrize("number", SMALL)
def test_points_of_small_order_and_second_spellings_are_refused(number: int) -> None:
    """In bytes and in a file's text."""
    raw = number.to_bytes(32, "little")
    with pytest.raises(KeyFileError):
        VerifyKey(raw)
    with pytest.raises(KeyFileError):
        VerifyKey.from_text(text("hitonly verify key", raw))


def test_the_attack_that_a_weak_key_allows() -> None:
    """One signature, made without any private key, holds for many messages under the identity: the control."""
    identity = (1).to_bytes(32, "little")
    signature = identity + bytes(32)
    Ed25519PublicKey.from_public_bytes(identity).verify(signature, b"anything")
    with pytest.raises(KeyFileError, match="small order"):
        VerifyKey(identity)


@given(st.integers(0, 2**256 - 1))
@settings(max_examples=300, deadline=None)
def test_whatever_is_taken_is_in_its_one_spelling(number: int) -> None:
    """A random number is a point or is refused; what is not below p is always refused."""
    try:
        VerifyKey(number.to_bytes(32, "little"))
    except KeyFileError:
        return
    assert number & (2**255 - 1) < P


def test_made_keys_are_taken() -> None:
    """Two hundred fresh keys of each kind pass."""
    for _ in range(200):
        assert VerifyKey(SigningKey.generate().public.raw).id
    for _ in range(20):
        assert SealPublic(SealKey.generate().public.raw).id


@pytest.mark.parametrize(
    "curve",
    [number.to_bytes(32, "little") for number in (0, 1, P - 1, P, P + 1, 2**255 - 1, 2**255, 2**256 - 1)]
    + [
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ],
)
def test_sealing_keys_with_a_weak_curve_part_are_refused(curve: bytes) -> None:
    """Small order, or a second spelling (RFC 7748, section 6.1)."""
    good = SealKey.generate().public.raw
    with pytest.raises(KeyFileError):
        SealPublic(good[:-32] + curve)


@pytest.mark.parametrize(
    "which", ["zero", "one polynomial", "constant", "too large", "short", "long", "empty"]
)
def test_sealing_keys_with_a_weak_lattice_part_are_refused(which: str) -> None:
    """Zero or constant polynomials, coefficients not below the modulus, another size."""
    good = SealKey.generate().public.raw
    kem, curve = good[:1184], good[1184:]
    bad = {
        "zero": bytes(1184) + curve,
        "one polynomial": bytes(384) + kem[384:] + curve,
        "constant": bytes([1, 16, 0]) * 384 + kem[1152:] + curve,
        "too large": b"\xff\x0f" + kem[2:] + curve,
        "short": good[:-1],
        "long": good + b"\0",
        "empty": b"",
    }[which]
    with pytest.raises(KeyFileError):
        SealPublic(bad)


def test_the_curve_check_is_the_exchange_itself() -> None:
    """The library refuses the exchange with a weak point: the control for the rule."""
    with pytest.raises(ValueError, match=r".*"):
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(bytes(32)))
