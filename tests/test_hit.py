import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.hit import (
    MAX_ENVELOPE,
    Alternative,
    Envelope,
    EnvelopeError,
    Hit,
    hit_from_bytes,
    hit_to_bytes,
    open_hit,
    seal_hit,
)
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.keys import SealKey, SigningKey
from hotlist.match import Match, MatchKind

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
        ({"ambiguous": True}, False),
    ],
)
def test_a_weak_or_ambiguous_match_is_never_urgent(change: dict[str, object], urgent: bool) -> None:  # noqa: FBT001
    """R10: another or unknown region, or two likely plates, wakes nobody."""
    assert replace(HIT, matches=(replace(MATCH, **change),)).urgent is urgent  # type: ignore[arg-type]
