"""A hit: the only thing that can leave the box, and the envelope it leaves in.

A `Hit` can be made only from a `Match` (promise 1). Its wire format is canonical JSON; the envelope around it
is sealed to the department, so that the box cannot open its own spool (promise 6), and signed by the device.
This module needs no vision package: the department's service imports it too.

The envelope, in the order it is checked when it is opened (docs/formats.md has the same numbers):

1. it is at most `MAX_ENVELOPE` bytes of JSON with exactly the known members;
2. the device is known, and its signature over the rest holds;
3. it opens with the department's key, with the device's and the hit's id as HPKE ``info``;
4. what is inside is padded as `protocol.padding` says, and is a hit whose id and device are those outside;
5. the crop is a JPEG of bounded size.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from hitonly_core.canonical import canonical
from hitonly_core.errors import HitonlyError, SealError
from hitonly_core.keys import SealKey, SealPublic, SigningKey, VerifyKey
from hitonly_core.wall_clock import ClockState
from hotlist.entry import entry_from_json, entry_to_json
from hotlist.matching.match import Match, MatchKind
from protocol.padding import PaddingError, pad, unpad

FORMAT: Final = "hitonly/hit/v1"
MAX_CROP_BYTES: Final = 64 * 1024
MAX_ENVELOPE: Final = 256 * 1024
MAX_CROP_WIDTH: Final = 256
MAX_CROP_HEIGHT: Final = 96
_MODELS: Final = (2, 3)
"""How many models a hit names: the region model may be absent."""
_JPEG_START: Final = b"\xff\xd8\xff"


class EnvelopeError(HitonlyError):
    """An envelope is malformed, altered, of an unknown device, or not for this key. `step` says where."""

    def __init__(self, step: int, message: str) -> None:
        super().__init__(f"step {step}: {message}")
        self.step = step


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another way the plate may read, with its probability."""

    text: str = field(repr=False)
    probability: float


@dataclass(frozen=True, slots=True)
class HitClock:
    """What a hit's time rests on. Only a hit has it, and it travels sealed.

    Attributes:
        state: whether the device's wall clock could be believed when the hit was made.
        boot: the kernel's random name of the boot; empty where it has none.
        boot_ms: boot time of the capture, milliseconds. With the same boot's wall clock known later, it tells the
            true time of a capture whose wall clock was wrong.
    """

    state: ClockState
    boot: str
    boot_ms: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One vehicle's pass that matched the hot list.

    Attributes:
        id: random (UUID version 4); makes delivery idempotent.
        device: the device's id in the department's register.
        camera: the camera's name in the configuration.
        place: where the camera stands, as the configuration says.
        captured: when the best crop was captured, by the device's wall clock; aware UTC.
        clock: what that time rests on.
        plate_read: the likeliest reading.
        alternatives: other readings, likeliest first.
        region_read: ISO 3166 region as read, or empty.
        matches: the entries it may be, likeliest first; at least one. Several: ambiguous.
        crop_jpeg: JPEG of the plate's crop, at most 256 x 96 pixels and 64 KiB (R5).
        software: name and version of the software that made it.
        models: SHA-256 of the detector and the reader in use, and of the region model where one is.
    """

    id: UUID
    device: str
    camera: str
    place: str
    captured: datetime
    clock: HitClock
    plate_read: str = field(repr=False)
    alternatives: tuple[Alternative, ...] = field(repr=False)
    region_read: str
    matches: tuple[Match, ...] = field(repr=False)
    crop_jpeg: bytes = field(repr=False)
    software: str
    models: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.matches or not all(isinstance(match, Match) for match in self.matches):
            raise TypeError("a Hit is made only from a Match")
        if len(self.crop_jpeg) > MAX_CROP_BYTES or not self.crop_jpeg.startswith(_JPEG_START):
            raise ValueError(f"the crop is no JPEG of at most {MAX_CROP_BYTES} bytes")
        if self.captured.tzinfo is None:
            raise ValueError("the time of capture has no time zone")

    @property
    def urgent(self) -> bool:
        """Whether a person should be woken (R10)."""
        return any(match.urgent for match in self.matches)


def hit_to_bytes(hit: Hit) -> bytes:
    """Return a hit's canonical JSON: sorted members, no spaces, UTF-8."""
    body = {
        "format": FORMAT,
        "id": str(hit.id),
        "device": hit.device,
        "camera": hit.camera,
        "place": hit.place,
        "captured": hit.captured.astimezone(UTC).isoformat(timespec="milliseconds"),
        "clock": [hit.clock.state.value, hit.clock.boot, hit.clock.boot_ms],
        "plate_read": hit.plate_read,
        "alternatives": [[other.text, round(other.probability, 6)] for other in hit.alternatives],
        "region_read": hit.region_read,
        "matches": [_match_to_json(match) for match in hit.matches],
        "crop_jpeg": base64.b64encode(hit.crop_jpeg).decode(),
        "software": hit.software,
        "models": list(hit.models),
    }
    return canonical(body)


def hit_from_bytes(content: bytes) -> Hit:
    """Read a hit's canonical JSON.

    Raises:
        EnvelopeError: step 4 or 5: it is no hit, or its crop is no bounded JPEG.
    """
    try:
        body = json.loads(content)
        if body["format"] != FORMAT:
            raise EnvelopeError(4, f"the content is not in the format {FORMAT}")
        return Hit(
            id=UUID(body["id"]),
            device=_text(body["device"]),
            camera=_text(body["camera"]),
            place=_text(body["place"]),
            captured=datetime.fromisoformat(body["captured"]),
            clock=_clock_from_json(body["clock"]),
            plate_read=_text(body["plate_read"]),
            alternatives=tuple(Alternative(_text(text), float(p)) for text, p in body["alternatives"]),
            region_read=_text(body["region_read"]),
            matches=tuple(_match_from_json(match) for match in body["matches"]),
            crop_jpeg=base64.b64decode(body["crop_jpeg"], validate=True),
            software=_text(body["software"]),
            models=_models(body["models"]),
        )
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
        binascii.Error,
        HitonlyError,
    ) as problem:
        if isinstance(problem, EnvelopeError):
            raise
        raise EnvelopeError(4, "the content is no hit") from None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed hit as it lies on the spool and travels: only the two ids can be read."""

    hit: UUID
    device: str
    sealed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the envelope's canonical JSON."""
        return canonical({**self._signed(), "signature": base64.b64encode(self.signature).decode()})

    def _signed(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "hit": str(self.hit),
            "device": self.device,
            "sealed": base64.b64encode(self.sealed).decode(),
        }

    def signed_bytes(self) -> bytes:
        """Return what the device signs: the envelope without its signature."""
        return canonical(self._signed())

    @classmethod
    def from_bytes(cls, content: bytes) -> "Envelope":
        """Read an envelope; nothing in it is believed yet.

        Raises:
            EnvelopeError: step 1: too large, or not an envelope.
        """
        if len(content) > MAX_ENVELOPE:
            raise EnvelopeError(
                1, f"an envelope of {len(content)} bytes; at most {MAX_ENVELOPE} are accepted"
            )
        try:
            body = json.loads(content)
            if set(body) != {"format", "hit", "device", "sealed", "signature"} or body["format"] != FORMAT:
                raise EnvelopeError(1, f"no envelope in the format {FORMAT}")
            return cls(
                hit=UUID(body["hit"]),
                device=_text(body["device"]),
                sealed=base64.b64decode(body["sealed"], validate=True),
                signature=base64.b64decode(body["signature"], validate=True),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error):
            raise EnvelopeError(1, "no envelope: not the JSON that is expected") from None


def seal_hit(hit: Hit, *, department: SealPublic, device_key: SigningKey) -> bytes:
    """Seal a hit to the department and sign it; return the envelope's bytes, in one of a few lengths."""
    sealed = department.seal(pad(hit_to_bytes(hit)), info=_info(hit.device, hit.id))
    unsigned = Envelope(hit=hit.id, device=hit.device, sealed=sealed, signature=b"")
    signature = device_key.sign(unsigned.signed_bytes())
    return Envelope(hit.id, hit.device, sealed, signature).to_bytes()


def open_hit(content: bytes, *, department: SealKey, device_key: VerifyKey) -> Hit:
    """Open an envelope: steps 1 to 5 of the module's list.

    Raises:
        EnvelopeError: with the step that failed.
    """
    envelope = Envelope.from_bytes(content)
    if not device_key.verifies(envelope.signature, envelope.signed_bytes()):
        raise EnvelopeError(2, "the signature is not the device's")
    try:
        inside = department.open(envelope.sealed, info=_info(envelope.device, envelope.hit))
    except SealError as problem:
        raise EnvelopeError(3, str(problem)) from None
    hit = hit_from_sealed(inside)
    if (hit.id, hit.device) != (envelope.hit, envelope.device):
        raise EnvelopeError(4, "the ids inside and outside differ")
    return hit


def hit_from_sealed(inside: bytes) -> Hit:
    """Read what an envelope's seal held: a hit's canonical JSON, padded.

    Raises:
        EnvelopeError: step 4 or 5: it is not padded as it must be, or no hit.
    """
    try:
        return hit_from_bytes(unpad(inside))
    except PaddingError as problem:
        raise EnvelopeError(4, str(problem)) from None


def _info(device: str, hit: UUID) -> bytes:
    return f"{FORMAT}\0{device}\0{hit}".encode()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _clock_from_json(value: Sequence[object]) -> HitClock:
    state, boot, boot_ms = value
    if type(boot_ms) is not int or boot_ms < 0:
        raise TypeError("milliseconds are expected")
    return HitClock(ClockState(_text(state)), _text(boot), boot_ms)


def _models(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) not in _MODELS:
        raise TypeError("two or three digests are expected")
    return tuple(_text(digest) for digest in value)


def _match_to_json(match: Match) -> dict[str, object]:
    return {
        "entry": entry_to_json(match.entry),
        "kind": match.kind.value,
        "probability": round(match.probability, 6),
        "doubtful": list(match.doubtful),
        "why": match.why,
        "list_version": match.list_version,
        "ambiguous": match.ambiguous,
    }


def _match_from_json(body: dict[str, object]) -> Match:
    doubtful = body["doubtful"]
    if not isinstance(doubtful, Sequence) or isinstance(doubtful, str):
        raise TypeError("places are expected")
    version, probability = body["list_version"], body["probability"]
    if type(version) is not int or not isinstance(probability, int | float):  # true is an int to Python
        raise TypeError("numbers are expected")
    return Match(
        entry=entry_from_json(body["entry"]),
        kind=MatchKind(_text(body["kind"])),
        probability=float(probability),
        doubtful=tuple(int(place) for place in doubtful),
        why=_text(body["why"]),
        list_version=version,
        ambiguous=body["ambiguous"] is True,
    )
