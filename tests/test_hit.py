import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitonly_core.keys import SealKey, SigningKey
from hitonly_core.wall_clock import ClockState
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.matching.match import Match, MatchKind
from protocol.hit import (
    MAX_CROP_BYTES,
    MAX_CROP_HEIGHT,
    MAX_CROP_WIDTH,
    MAX_ENVELOPE,
    Alternative,
    Envelope,
    EnvelopeError,
    Hit,
    HitClock,
    hit_from_bytes,
    hit_to_bytes,
    open_hit,
    seal_hit,
)
from protocol.padding import pad

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENTRY = Entry(
    id="e1",
    plate="CANARY7",
    region="US-NH",
    purpose=Purpose.STOLEN_VEHICLE,
    case_number="26-100",
    source="desk",
    author="0" * 16,
    approver="1" * 16,
    created=NOW,
    effective=NOW,
    expires=NOW + timedelta(days=1),
    verified=NOW,
    severity=Severity.URGENT,
    vehicle=Vehicle("Make", "Model", "blue", 2001),
)
MATCH = Match(ENTRY, MatchKind.EXACT, 0.97, (3,), "read as listed", 4)
HIT = Hit(
    id=UUID(int=7),
    device="box",
    camera="north",
    place="at the line",
    captured=NOW,
    clock=HitClock(ClockState.SYNCHRONISED, "", 0),
    plate_read="CANARY7",
    alternatives=(Alternative("CANARYZ", 0.25),),
    region_read="US",
    matches=(MATCH,),
    crop_jpeg=b"\xff\xd8\xff" + bytes(100),
    software="hitonly 0",
    models=("a" * 64, "b" * 64),
)


def test_a_hit_survives_its_wire_format() -> None:
    """Written and read, a hit is the same; its text is canonical JSON."""
    content = hit_to_bytes(HIT)
    assert hit_from_bytes(content) == HIT
    assert hit_to_bytes(hit_from_bytes(content)) == content


def test_a_sealed_hit_opens_for_the_department_and_shows_only_two_ids() -> None:
    """The plate, the case and the crop are nowhere in the envelope; the department's key opens it."""
    department, device = SealKey.generate(), SigningKey.generate()
    content = seal_hit(HIT, department=department.public, device_key=device)
    assert open_hit(content, department=department, device_key=device.public) == HIT
    assert set(json.loads(content)) == {"format", "hit", "device", "sealed", "signature"}
    for secret in (b"CANARY7", b"26-100", b"north", b"/9j/"):
        assert secret not in content
        assert secret in hit_to_bytes(HIT), "the positive control: it stands in the plain text"


Spoil = Callable[[Envelope], Envelope]
OTHER = SigningKey.generate()


@pytest.mark.parametrize(
    ("step", "spoil"),
    [
        (2, lambda envelope: replace(envelope, device="other")),
        (2, lambda envelope: replace(envelope, hit=uuid4())),
        (2, lambda envelope: replace(envelope, sealed=envelope.sealed[:-1] + b"\0")),
        (2, lambda envelope: replace(envelope, signature=OTHER.sign(envelope.signed_bytes()))),
    ],
)
def test_an_altered_envelope_is_refused_at_its_step(step: int, spoil: Spoil) -> None:
    """Ids, content and signature are bound together: any change fails where the docstring says."""
    department, device = SealKey.generate(), SigningKey.generate()
    sealed = Envelope.from_bytes(seal_hit(HIT, department=department.public, device_key=device))
    with pytest.raises(EnvelopeError) as caught:
        open_hit(spoil(sealed).to_bytes(), department=department, device_key=device.public)
    assert caught.value.step == step


def test_a_signed_envelope_for_another_key_or_hit_is_refused() -> None:
    """Step 3: sealed to another department, or moved under another hit's id and signed anew by the device."""
    department, device = SealKey.generate(), SigningKey.generate()
    content = seal_hit(HIT, department=department.public, device_key=device)
    with pytest.raises(EnvelopeError, match="step 3"):
        open_hit(content, department=SealKey.generate(), device_key=device.public)
    moved = replace(Envelope.from_bytes(content), hit=uuid4())
    moved = replace(moved, signature=device.sign(moved.signed_bytes()))
    with pytest.raises(EnvelopeError, match="step 3"):
        open_hit(moved.to_bytes(), department=department, device_key=device.public)


def test_a_large_envelope_is_refused_before_it_is_parsed() -> None:
    """Step 1 holds the size, so that a large body costs nothing."""
    with pytest.raises(EnvelopeError, match=f"at most {MAX_ENVELOPE}"):
        Envelope.from_bytes(b"{" * (MAX_ENVELOPE + 1))


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_parsers(content: bytes) -> None:
    """Whatever comes, the only failure is an EnvelopeError."""
    for parse in (Envelope.from_bytes, hit_from_bytes):
        with pytest.raises(EnvelopeError):
            parse(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(st.sampled_from(sorted(json.loads(hit_to_bytes(HIT)))), _JSON)
def test_no_member_of_a_hit_breaks_the_parser(member: str, value: object) -> None:
    """Any JSON in any member is a hit or an EnvelopeError, never another failure."""
    body = {**json.loads(hit_to_bytes(HIT)), member: value}
    content = json.dumps(body).encode()
    with contextlib.suppress(EnvelopeError):
        assert isinstance(hit_from_bytes(content), Hit)


def test_a_text_nested_deep_is_an_error_and_no_fault() -> None:
    """A device that its thief programs anew may seal anything: the parser's depth is no way in."""
    for content in (b"[" * 60_000, b'{"format":' * 30_000):
        with pytest.raises(EnvelopeError, match="step 4"):
            hit_from_bytes(content)
        with pytest.raises(EnvelopeError, match="step 1"):
            Envelope.from_bytes(content)


def _sealed(inside: bytes, device: SigningKey, department: SealKey, /, **outside: object) -> bytes:
    """Return an envelope that the device has signed, whatever it holds."""
    envelope = Envelope(HIT.id, HIT.device, b"", b"")
    sealed = department.public.seal(pad(inside), info=f"hitonly/hit/v1\0{HIT.device}\0{HIT.id}".encode())
    envelope = replace(envelope, sealed=sealed)
    envelope = replace(envelope, signature=device.sign(envelope.signed_bytes()))
    return json.dumps({**json.loads(envelope.to_bytes()), **outside}).encode()


@pytest.mark.parametrize("change", [{"id": str(UUID(int=8))}, {"device": "another"}])
def test_a_hit_inside_another_ones_envelope_is_refused(change: dict[str, str]) -> None:
    """Step 4: the ids inside are those outside, though the device has signed and sealed both."""
    department, device = SealKey.generate(), SigningKey.generate()
    body = json.loads(hit_to_bytes(HIT))
    whole = _sealed(json.dumps(body).encode(), device, department)
    assert open_hit(whole, department=department, device_key=device.public) == HIT, "the positive control"
    other = _sealed(json.dumps({**body, **change}).encode(), device, department)
    with pytest.raises(EnvelopeError, match=r"step 4: the ids inside and outside differ"):
        open_hit(other, department=department, device_key=device.public)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "hitonly/hit/v2"},
        {"extra": ""},
        {"device": 7},
        {"signature": "not base64!"},
        {"sealed": "AA\nAA"},
        {"signature": "AA AA"},
    ],
)
def test_an_envelope_with_other_members_is_refused_at_step_1(change: dict[str, object]) -> None:
    """Exactly the known members, each of its kind: nothing unsigned travels in an envelope."""
    department, device = SealKey.generate(), SigningKey.generate()
    with pytest.raises(EnvelopeError) as caught:
        Envelope.from_bytes(_sealed(b"", device, department, **change))
    assert caught.value.step == 1


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "hitonly/hit/v2"),
        ("device", 7),
        ("plate_read", ["CANARY7"]),
        ("captured", "2026-01-02T03:04:05"),
        ("crop_jpeg", "/9j/ AAAA"),
        ("models", ["a"]),
        ("matches", []),
    ],
)
def test_a_hit_with_a_member_of_another_kind_is_refused(member: str, value: object) -> None:
    """Step 4 takes no number for a text, no time without its zone, no loose base64, no other format."""
    body = {**json.loads(hit_to_bytes(HIT)), member: value}
    with pytest.raises(EnvelopeError) as caught:
        hit_from_bytes(json.dumps(body).encode())
    assert caught.value.step == 4


@pytest.mark.parametrize(
    ("member", "value"),
    [("doubtful", "123"), ("doubtful", 3), ("list_version", "4"), ("probability", "0.9"), ("why", 1)],
)
def test_a_match_with_a_member_of_another_kind_is_refused(member: str, value: object) -> None:
    """A match inside a hit is read as strictly as the hit."""
    body = json.loads(hit_to_bytes(HIT))
    body["matches"][0][member] = value
    with pytest.raises(EnvelopeError, match="step 4"):
        hit_from_bytes(json.dumps(body).encode())


def test_a_time_is_written_in_utc_and_a_probability_to_six_places() -> None:
    """The wire format does not depend on where the box thinks it is."""
    there = HIT.captured.astimezone(timezone(timedelta(hours=-5)))
    body = json.loads(hit_to_bytes(replace(HIT, captured=there)))
    assert body["captured"] == "2026-01-02T03:04:05.000+00:00"
    [[_, probability]] = json.loads(hit_to_bytes(replace(HIT, alternatives=(Alternative("X", 1 / 3),))))[
        "alternatives"
    ]
    assert probability == 0.333333


def test_a_time_without_zone_makes_no_hit() -> None:
    """A hit's time means one moment."""
    with pytest.raises(ValueError, match="time zone"):
        replace(HIT, captured=HIT.captured.replace(tzinfo=None))


def test_the_largest_crop_fits_and_one_byte_more_does_not() -> None:
    """R5's bound is 64 KiB; a crop's pixels are at most 256 x 96."""
    assert (MAX_CROP_BYTES, MAX_CROP_WIDTH, MAX_CROP_HEIGHT) == (65_536, 256, 96)
    start = b"\xff\xd8\xff"
    largest = replace(HIT, crop_jpeg=start + bytes(MAX_CROP_BYTES - 3))
    assert hit_from_bytes(hit_to_bytes(largest)) == largest
    sealed = seal_hit(largest, department=SealKey.generate().public, device_key=SigningKey.generate())
    assert len(sealed) <= MAX_ENVELOPE
    with pytest.raises(ValueError, match="JPEG"):
        replace(HIT, crop_jpeg=start + bytes(MAX_CROP_BYTES - 2))


def test_a_hit_is_made_only_from_a_match_and_a_bounded_jpeg() -> None:
    """Promise 1, and R5's bound: no match, no hit; no large or other picture."""
    with pytest.raises(TypeError, match="only from a Match"):
        replace(HIT, matches=())
    with pytest.raises(TypeError, match="only from a Match"):
        replace(HIT, matches=("CANARY7",))  # type: ignore[arg-type]
    for crop in (b"\x89PNG" + bytes(9), b"\xff\xd8\xff" + bytes(64 * 1024)):
        with pytest.raises(ValueError, match="JPEG"):
            replace(HIT, crop_jpeg=crop)


def test_a_hit_shows_no_plate_in_its_repr() -> None:
    """The repr of a hit, its match, its entry and its alternatives holds neither plate nor case."""
    for text in (repr(HIT), repr(MATCH), repr(ENTRY), repr(HIT.alternatives[0])):
        assert "CANARY" not in text
        assert "26-100" not in text
    assert "CANARY" in HIT.plate_read, "the positive control"


@pytest.mark.parametrize(
    ("change", "urgent"),
    [
        ({}, True),
        ({"kind": MatchKind.CONFUSABLE}, True),
        ({"kind": MatchKind.WEAK}, False),
        ({"kind": MatchKind.REGION_NOT_READ}, False),
        ({"ambiguous": True}, False),
    ],
)
def test_a_weak_or_ambiguous_match_is_never_urgent(change: dict[str, object], urgent: bool) -> None:  # noqa: FBT001
    """R10: a region that is different or was not read, or two likely plates, wakes nobody."""
    assert replace(HIT, matches=(replace(MATCH, **change),)).urgent is urgent  # type: ignore[arg-type]
