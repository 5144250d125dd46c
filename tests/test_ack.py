"""The department's signed word: what it must say before the box deletes its copy of a hit."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from hitonly_core.keys import SigningKey
from protocol.acknowledgement import AckError, acknowledge, envelope_digest, read_acknowledgement

KEY = SigningKey(bytes(range(32)))
ENVELOPE = b'{"an": "envelope"}'
HIT = UUID(int=7)
RECEIVED = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone(timedelta(hours=-5)))
BODY = acknowledge(HIT, "box", envelope_digest(ENVELOPE), RECEIVED, KEY).to_json()


def _read(body: object) -> UUID:
    return read_acknowledgement(body, envelope=ENVELOPE, device="box", key=KEY.public)


def test_a_sound_acknowledgement_names_its_hit() -> None:
    """The word that the department signed is good, and its time is in UTC."""
    assert _read(BODY) == HIT
    assert BODY["received"] == "2026-01-02T08:04:05.678+00:00"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("hit", str(UUID(int=8))),
        ("device", "other"),
        ("digest", envelope_digest(b"another")),
        ("received", "2027-01-02T08:04:05.678+00:00"),
        ("format", "hitonly/ack/v2"),
        ("hit", 7),
        ("received", None),
        ("signature", "not base64!"),
        ("signature", f"{BODY['signature']}\n"),
        ("signature", ""),
    ],
)
def test_any_other_word_is_refused(member: str, value: object) -> None:
    """Altered in one member, of another format, or signed for something else: the copy stays."""
    with pytest.raises(AckError):
        _read({**BODY, member: value})


@pytest.mark.parametrize("body", [None, [], "yes", 1, {}, {"format": BODY["format"]}])
def test_what_is_no_acknowledgement_is_refused(body: object) -> None:
    """Anything may come from the network; nothing but an `AckError` comes of it."""
    with pytest.raises(AckError):
        _read(body)


def test_an_acknowledgement_for_another_box_or_by_another_service_is_refused() -> None:
    """A replayed word of a neighbour's box, and one by a service that is not ours, delete nothing."""
    signer = SigningKey.generate()
    for body in (
        acknowledge(HIT, "neighbour", envelope_digest(ENVELOPE), RECEIVED, KEY).to_json(),
        acknowledge(HIT, "box", envelope_digest(ENVELOPE), RECEIVED, signer).to_json(),
        {**BODY, "device": "neighbour"},
    ):
        with pytest.raises(AckError):
            _read(body)
    assert read_acknowledgement(
        acknowledge(HIT, "box", envelope_digest(ENVELOPE), RECEIVED.astimezone(UTC), KEY).to_json(),
        envelope=ENVELOPE, device="box", key=KEY.public,
    ) == HIT  # fmt: skip
