import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitonly_core.keys import SealKey, SigningKey
from protocol.hit import Envelope, EnvelopeError, hit_to_bytes, open_hit, seal_hit
from protocol.padding import SIZES, PaddingError, pad, unpad
from tests.api_kit import make_hit

DEPARTMENT, DEVICE = SealKey.generate(), SigningKey.generate()
LARGEST = SIZES[-1] - 4


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, LARGEST), st.binary(min_size=1, max_size=8))
def test_every_text_comes_back_from_the_smallest_size_that_holds_it(length: int, part: bytes) -> None:
    """Whatever the text, zeros at its end included."""
    text = (part * (length // len(part) + 1))[:length]
    padded = pad(text)
    assert len(padded) == min(size for size in SIZES if size >= length + 4)
    assert unpad(padded) == text


@pytest.mark.parametrize("size", SIZES)
def test_both_ends_of_each_size_open(size: int) -> None:
    """The longest text of a size, and one byte more, which takes the next size."""
    longest = b"\x01" * (size - 4)
    assert len(pad(longest)) == size
    assert unpad(pad(longest)) == longest
    more = longest + b"\x01"
    if size == SIZES[-1]:
        assert len(pad(more)) % SIZES[0] == 0
        with pytest.raises(PaddingError, match=f"{len(pad(more))} bytes are no padded size"):
            unpad(pad(more))
    else:
        assert unpad(pad(more)) == more
        assert len(pad(more)) > size


@pytest.mark.parametrize(
    ("padded", "error"),
    [
        (b"", "0 bytes are no padded size"),
        (b"{}", "2 bytes are no padded size"),
        (pad(b"text")[:-1], f"{SIZES[0] - 1} bytes are no padded size"),
        (pad(b"text")[:-1] + b"\x01", "the padding is not all zeros"),
        (pad(b"text")[:8] + b" " + pad(b"text")[9:], "the padding is not all zeros"),
        (pad(b"text").ljust(SIZES[1], b"\0"), f"a text of 4 bytes is not padded to {SIZES[1]}"),
        (b"\xff" * SIZES[0], f"a text of {2**32 - 1} bytes is not padded to {SIZES[0]}"),
        ((SIZES[0] - 3).to_bytes(4, "big") + bytes(SIZES[0] - 4),
         f"a text of {SIZES[0] - 3} bytes is not padded to {SIZES[0]}"),
    ],
    ids=["empty", "bare", "cut", "last byte", "first byte", "too large", "length", "one too long"],
)  # fmt: skip
def test_malformed_padding_is_refused_and_says_how(padded: bytes, error: str) -> None:
    """Exactly one form of a text is accepted; a signed and sealed other one is refused at step 4."""
    with pytest.raises(PaddingError, match=f"^{error}$"):
        unpad(padded)
    hit = make_hit()
    sealed = DEPARTMENT.public.seal(padded, info=f"hitonly/hit/v1\0{hit.device}\0{hit.id}".encode())
    envelope = Envelope(hit.id, hit.device, sealed, b"")
    envelope = replace(envelope, signature=DEVICE.sign(envelope.signed_bytes()))
    with pytest.raises(EnvelopeError, match=f"^step 4: {error}$"):
        open_hit(envelope.to_bytes(), department=DEPARTMENT, device_key=DEVICE.public)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    crop=st.integers(0, 12_000),
    plate=st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=1, max_size=10),
    note=st.text(max_size=500),
)
def test_an_envelopes_size_tells_neither_crop_nor_plate_nor_entry(crop: int, plate: str, note: str) -> None:
    """Every hit with a crop as cameras make them is as long as every other, sealed and signed."""
    hit = make_hit()
    (match,) = hit.matches
    other = replace(
        hit,
        plate_read=plate,
        crop_jpeg=b"\xff\xd8\xff" + bytes(crop),
        matches=(replace(match, why=note),),
    )
    small, large = (seal_hit(one, department=DEPARTMENT.public, device_key=DEVICE) for one in (hit, other))
    assert len(small) == len(large)
    assert len(hit_to_bytes(hit)) != len(hit_to_bytes(other)), "the positive control: the texts differ"
    assert open_hit(large, department=DEPARTMENT, device_key=DEVICE.public) == other
    assert len(json.loads(large)["sealed"]) == len(json.loads(small)["sealed"])
