"""Simulated units of a department: real keys, real signatures, real sealed hits, no cameras."""

import json
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import cycle
from typing import Any, Final
from uuid import uuid4

import cv2
import numpy as np

from api.core.service import Service
from api.db.models import DeviceRow
from api.devices.registry import Registration
from benchmarks.drawing.plates import FORMATS, draw_plate
from benchmarks.load.load_client import Ask
from hitonly_core.keys import SealKey, SealPublic, SigningKey
from hitonly_core.wall_clock import ClockState
from hotlist.entry import Entry
from hotlist.matching.match import Match, MatchKind
from protocol.hit import Hit, HitClock, seal_hit
from protocol.signed_requests import Request, sign_request

HIT: Final = "hit"
BATCH: Final = "8 hits at once"
POLL: Final = "list poll"
HEARTBEAT: Final = "heartbeat"
CAMERA: Final = "gate"
REGION: Final = "GB"
BATCH_SIZE: Final = 8
_CROP_WIDTH: Final = 200
_REGISTRATION: Final = Registration(
    device="unit",
    registration_id="LOAD-1",
    make="drawn",
    model="by code",
    installed=date(2030, 1, 2),
    location="the drawn road",
    agency="Load",
    policy_sha256="0" * 64,
    cameras=(CAMERA,),
)


@dataclass(slots=True)
class Unit:
    """One unit: its id, its key, and the end of the audit log that it holds."""

    id: str
    key: SigningKey = field(repr=False)
    end: dict[str, Any] | None = None

    def request(self, method: str, path: str, body: bytes = b"", more: str = "") -> bytes:
        """Return a signed request's bytes; `more` is further header lines, each with its end."""
        signed = sign_request(
            Request(method, "127.0.0.1", path, "", body),
            key=self.key,
            key_id=self.id,
            created=int(time.time()),
            nonce=secrets.token_urlsafe(18),
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{more}{lines}\r\n"
        )
        return head.encode() + body


def enrol_all(service: Service, number: int) -> list[Unit]:
    """Put so many enrolled units into the department's register; return them with their keys."""
    units = [Unit(f"unit-{n}", SigningKey.generate()) for n in range(number)]
    now = service.now()
    registration = _REGISTRATION.model_dump(mode="json")
    seal_key = SealKey.generate().public.raw  # one for all: none of them opens a list here
    with service.database.begin() as session:
        session.add_all(
            DeviceRow(
                id=unit.id,
                registration={**registration, "device": unit.id},
                verify_key=unit.key.public.raw,
                seal_key=seal_key,
                enrolled=now,
            )
            for unit in units
        )
    return units


class Fleet:
    """All units, and what they ask: each kind of request comes from one unit after the other.

    Args:
        units: enrolled.
        entries: on the published list.
        department: the key that hits are sealed to.
        seed: decides crops.
    """

    def __init__(
        self, units: Sequence[Unit], entries: Sequence[Entry], department: SealPublic, seed: int
    ) -> None:
        self._units = units
        self._next = cycle(units)
        self._department = department
        self._pictures: Iterator[tuple[Entry, bytes]] = cycle(
            (entry, _crop(entry.plate, np.random.default_rng(seed + n)))
            for n, entry in enumerate(entries[:32])
        )
        self._sealed: dict[int, deque[tuple[Unit, bytes]]] = {1: deque(), BATCH_SIZE: deque()}
        self.etag = ""
        self.plates: dict[str, str] = {}
        """Which plate stands on each hit's crop, for the people who read it."""

    def seal(self, number: int, size: int = 1) -> None:
        """Seal so many requests of `size` hits beforehand: sealing costs nothing while the service is measured."""
        for _ in range(number):
            unit, envelopes = next(self._next), list[str]()
            for _ in range(size):
                entry, crop = next(self._pictures)
                hit = _hit(unit, entry, crop)
                self.plates[str(hit.id)] = entry.plate
                sealed = seal_hit(hit, department=self._department, device_key=unit.key)
                envelopes.append(sealed.decode())
            self._sealed[size].append((unit, json.dumps({"envelopes": envelopes}).encode()))

    def hit(self) -> Ask | None:
        """Deliver one hit; None when none is left."""
        return self._deliver(HIT, 1)

    def batch(self) -> Ask | None:
        """Deliver several hits of one unit at once, as after a time without network; None when none are left."""
        return self._deliver(BATCH, BATCH_SIZE)

    def _deliver(self, kind: str, size: int) -> Ask | None:
        if not self._sealed[size]:
            return None
        unit, body = self._sealed[size].popleft()
        return Ask(kind, lambda: _json(unit, "/v1/hits", body), _stored)

    def poll(self) -> Ask:
        """Ask for the list that the unit has already."""
        unit, more = next(self._next), f"If-None-Match: {self.etag}\r\n"
        return Ask(
            POLL, lambda: unit.request("GET", "/v1/hotlist", more=more), lambda status, _: status == 304
        )

    def heartbeat(self) -> Ask:
        """Say how a unit is; it holds the audit log's end that the last answer gave it."""
        unit = next(self._next)

        def make() -> bytes:
            said = {
                "software": "hitonly 0.1.0",
                "models": ["a" * 64, "b" * 64],
                "list_version": 1,
                "cameras": {CAMERA: "online"},
                "degraded": [],
                "audit_end": unit.end,
            }
            return _json(unit, "/v1/heartbeat", json.dumps(said).encode())

        def heard(status: int, body: bytes) -> bool:
            if status == 200:
                answer = json.loads(body)
                unit.end, self.etag = answer["checkpoint"], answer["hot_list"]
            return status == 200

        return Ask(HEARTBEAT, make, heard)


def _json(unit: Unit, path: str, body: bytes) -> bytes:
    return unit.request("POST", path, body, "Content-Type: application/json\r\n")


def _stored(status: int, body: bytes) -> bool:
    """Whether every envelope of a batch was stored."""
    return status == 200 and {each["status"] for each in json.loads(body)["results"]} == {"stored"}


def numbers(number: int, seed: int) -> list[str]:
    """Draw so many different plates that no car can carry."""
    rng, found = np.random.default_rng(seed), dict[str, None]()
    while len(found) < number:
        found.setdefault("".join(FORMATS[0].number(rng)))
    return list(found)


def _crop(plate: str, rng: np.random.Generator) -> bytes:
    """Draw a plate as the camera's crop: JPEG."""
    picture = draw_plate(FORMATS[0], (plate[:4], plate[4:]), rng)
    height = round(picture.shape[0] * _CROP_WIDTH / picture.shape[1])
    small = cv2.resize(picture, (_CROP_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return coded.tobytes()


def _hit(unit: Unit, entry: Entry, crop: bytes) -> Hit:
    match = Match(
        entry=entry,
        kind=MatchKind.EXACT,
        probability=0.98,
        doubtful=(2,),
        why="Every character is the likeliest one, and the region agrees.",
        list_version=1,
    )
    return Hit(
        id=uuid4(),
        device=unit.id,
        camera=CAMERA,
        place="the drawn road",
        captured=datetime.now(UTC),
        clock=HitClock(ClockState.SYNCHRONISED, "", 0),
        plate_read=entry.plate,
        alternatives=(),
        region_read=REGION,
        matches=(match,),
        crop_jpeg=crop,
        software="hitonly 0.1.0",
        models=("a" * 64, "b" * 64),
    )
