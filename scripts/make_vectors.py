"""Make tests/vectors/hotlist: list files with the error that each must give. Run it from the checkout's root.

The people's keys and the device's are made from fixed bytes, and are test keys: whoever finds them here may
use them, so nobody may trust them. Sealing draws fresh randomness, so that the sealed files differ from run to
run; what is in them does not. An existing set is replaced whole.
"""

import base64
import dataclasses
import hashlib
import json
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hitonly_core.keys import SealKey, SigningKey
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.signed_list import bundle
from hotlist.signed_list.bundle import Signature, SignedList
from hotlist.signed_list.keyset import KeySet, Person
from hotlist.signed_list.timestamp import Timestamp, state_current

FOLDER = Path(__file__).parents[1] / "tests" / "vectors" / "hotlist"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB, EVE, ONLINE = (
    SigningKey(hashlib.sha256(f"test key {name}".encode()).digest())
    for name in ("ann", "bob", "eve", "online")
)
DEVICE = SealKey(hashlib.shake_256(b"test key device").digest(96))
OTHER = SealKey(hashlib.shake_256(b"test key other").digest(96))
KEYS = KeySet(2, (Person("ann", ANN.public), Person("bob", BOB.public)))
NEXT = KeySet(1, (Person("eve", EVE.public),))
STATED = KeySet(2, KEYS.people, timestamp=ONLINE.public)
"""The same people, and a timestamp key."""
LARGE = 100_000
"""Larger files are kept compressed."""
HOUR = timedelta(hours=1)
STATE = {"department": "test-dept", "version": 5, "digest": "00" * 32, "stated": (NOW - HOUR).isoformat()}

Vector = tuple[str, str, int, bytes]
"""Name, error's name or empty, step or 0, file."""


def entry(number: int, plate: str) -> Entry:
    """Return a sound entry."""
    return Entry(
        id=f"entry-{number}",
        plate=plate,
        region="US-NH",
        purpose=Purpose.STOLEN_VEHICLE,
        case_number=f"26-{number:05d}",
        source="vectors",
        author=ANN.public.id,
        approver=BOB.public.id,
        created=NOW - timedelta(days=10),
        effective=NOW - timedelta(days=10),
        expires=NOW + timedelta(days=30),
        verified=NOW - timedelta(days=10),
        severity=Severity.HIGH,
        vehicle=Vehicle(make="FORD", model="FOCUS", colour="BLUE", year=2019),
        note='a "quoted" note, and ü',
    )


def unsigned(
    *,
    version: int = 6,
    issued: datetime = NOW,
    department: str = "test-dept",
    next_keys: KeySet | None = None,
    hours: int = 48,
) -> SignedList:
    """Return a list of two entries."""
    return bundle.make(
        [entry(1, "AB123"), entry(2, "XYZ789")],
        department=department,
        version=version,
        issued=issued,
        expires=issued + timedelta(hours=hours),
        next_keys=next_keys,
    )


def sealed(signed: SignedList) -> bytes:
    """Return the file for the test device."""
    return bundle.seal(signed, [DEVICE.public])


def both(signed: SignedList) -> bytes:
    """Return the file with Ann's and Bob's signatures."""
    return sealed(signed.signed_by(ANN).signed_by(BOB))


def rewritten(change: Callable[[bytes], bytes]) -> bytes:
    """Return a rightly signed file whose body was changed before it was signed."""
    body = change(zlib.decompress(unsigned().packed))
    return both(SignedList(zlib.compress(body), hashlib.sha256(body).digest()))


def stated(signed: SignedList, *, key: SigningKey = ONLINE, **changes: object) -> bytes:
    """Return the file with both signatures and a statement that it is current; changes are to the statement."""
    said = {
        "department": "test-dept",
        "version": 6,
        "digest": signed.digest.hex(),
        "issued": NOW,
        "expires": NOW + 24 * HOUR,
    }
    timestamp = state_current(key, **(said | changes))  # type: ignore[arg-type]
    return both(signed.stated_by(timestamp))


def statements() -> Iterator[Vector]:
    """Yield the vectors about statements; the key set that these lists carry names the timestamp key."""
    week_old = unsigned(next_keys=STATED, issued=NOW - 7 * 24 * HOUR, hours=30 * 24)
    yield "stated", "", 0, stated(week_old)
    yield "stated-with-an-unknown-cancelled-entry", "", 0, stated(week_old, cancelled=("entry-0",))
    yield "one-entry-cancelled", "", 0, stated(week_old, cancelled=("entry-1",))
    sound = _sound_statement(week_old)
    disordered = dataclasses.replace(sound, cancelled=("entry-2", "entry-1"))
    yield "cancelled-out-of-order", "MalformedError", 4, both(week_old.stated_by(disordered))
    alone = sealed(week_old.signed_by(ANN).stated_by(sound))
    yield "stated-though-one-signature-of-two", "ThresholdError", 6, alone
    ended_list = unsigned(next_keys=STATED, issued=NOW - 3 * HOUR, hours=3)
    yield "stated-after-its-end", "ExpiredError", 9, stated(ended_list)
    yield "nobody-states-it", "StaleError", 10, both(unsigned(next_keys=STATED))
    yield "stated-where-no-key-is-named", "UnknownKeyError", 10, stated(unsigned())
    yield "stated-by-another-key", "BadSignatureError", 10, stated(week_old, key=ANN)
    yield "stated-of-another-version", "OtherListError", 10, stated(week_old, version=5)
    yield "stated-of-another-digest", "OtherListError", 10, stated(week_old, digest="11" * 32)
    yield "stated-of-another-department", "OtherListError", 10, stated(week_old, department="elsewhere")
    yield "stated-in-the-future", "NotYetIssuedError", 10, stated(week_old, issued=NOW + HOUR / 10)
    yield (
        "statement-that-ends-before-it-began",
        "MalformedError",
        10,
        stated(week_old, issued=NOW, expires=NOW),
    )
    yield "older-statement", "RollbackError", 10, stated(week_old, issued=NOW - 2 * HOUR)
    yield "statement-that-ended", "StaleError", 11, stated(week_old, issued=NOW - HOUR, expires=NOW)


def _sound_statement(signed: SignedList) -> Timestamp:
    return state_current(
        ONLINE,
        department="test-dept",
        version=6,
        digest=signed.digest.hex(),
        issued=NOW,
        expires=NOW + HOUR,
    )


def _replaced(body: bytes, *, old: bytes, new: bytes) -> bytes:
    return body.replace(old, new)


def vectors() -> Iterator[Vector]:
    """Yield every vector."""
    sound = both(unsigned())
    yield "sound", "", 0, sound
    yield "sound-with-next-keys", "", 0, both(unsigned(next_keys=NEXT))
    yield (
        "sound-with-an-unknown-third-signature",
        "",
        0,
        sealed(unsigned().signed_by(ANN).signed_by(BOB).signed_by(EVE)),
    )
    yield "too-large", "TooLargeError", 1, sound + bytes(1_000_001 - len(sound))
    yield "empty", "MalformedError", 2, b""
    yield "not-a-list", "MalformedError", 2, b'{"format":"something else"}\n'
    yield "first-line-with-a-space", "MalformedError", 2, sound.replace(b'"format":', b'"format": ', 1)
    yield "for-another-device", "NotForDeviceError", 3, bundle.seal(unsigned(), [OTHER.public])
    yield (
        "box-of-another-device",
        "NotForDeviceError",
        3,
        bundle.seal(unsigned(), [OTHER.public]).replace(
            OTHER.public.id.encode(), DEVICE.public.id.encode(), 1
        ),
    )
    yield "content-altered", "MalformedError", 3, sound[:-1] + bytes([sound[-1] ^ 1])
    yield "content-cut-short", "MalformedError", 3, sound[:-40]
    short = dataclasses.replace(unsigned(), packed=unsigned().packed[:-4])
    yield "body-cut-short", "MalformedError", 5, both(short)
    yield "body-inflates-too-far", "TooLargeError", 5, rewritten(lambda _: b"\n" * 2_000_001)
    yield "one-signature-of-two", "ThresholdError", 6, sealed(unsigned().signed_by(ANN))
    yield "unknown-second-key", "UnknownKeyError", 6, sealed(unsigned().signed_by(ANN).signed_by(EVE))
    false = Signature(BOB.public.id, ANN.sign(b"something else"))
    signed = unsigned().signed_by(ANN)
    forged = dataclasses.replace(signed, signatures=(*signed.signatures, false))
    yield "false-signature", "BadSignatureError", 6, sealed(forged)
    yield "header-not-canonical", "MalformedError", 7, rewritten(lambda body: body.replace(b":", b": ", 1))
    yield "another-department", "WrongDepartmentError", 7, both(unsigned(department="elsewhere"))
    yield "rollback", "RollbackError", 8, both(unsigned(version=4))
    yield "same-version-other-list", "RollbackError", 8, both(unsigned(version=5))
    yield "not-yet-issued", "NotYetIssuedError", 9, both(unsigned(issued=NOW + timedelta(minutes=6)))
    yield "stale", "StaleError", 11, both(unsigned(issued=NOW - timedelta(hours=24, seconds=1)))
    yield "expired", "ExpiredError", 9, both(unsigned(issued=NOW - timedelta(hours=2), hours=2))
    swaps = {
        "entry-with-a-space": (b'"note":', b'"note": '),
        "entry-with-a-member-twice": (b'"plate":"AB123"', b'"plate":"AB123","plate":"AB123"'),
        "entry-with-another-purpose": (b'"stolen-vehicle"', b'"immigration"'),
        "entry-approved-by-its-author": (BOB.public.id.encode(), ANN.public.id.encode()),
        "entry-without-a-case-number": (b'"26-00001"', b'""'),
        "entry-that-never-expires": (
            b'"expires":"2026-03-31T12:00:00Z"',
            b'"expires":"2099-01-01T00:00:00Z"',
        ),
        "entry-verified-after-the-list": (b'"verified":"2026-02-19', b'"verified":"2026-03-19'),
        "entry-in-small-letters": (b"AB123", b"ab123"),
    }
    for name, (old, new) in swaps.items():
        yield name, "MalformedError", 12, rewritten(partial(_replaced, old=old, new=new))
    yield (
        "entries-out-of-order",
        "MalformedError",
        12,
        rewritten(lambda body: body.replace(b"entry-1", b"entry-3")),
    )
    yield "one-entry-too-few", "MalformedError", 12, rewritten(lambda body: body[: body.rindex(b"{")])
    yield "no-last-end-of-line", "MalformedError", 12, rewritten(lambda body: body[:-1])
    yield from statements()


def main() -> None:
    """Write the files, and the index that says what each must give."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    index = []
    for name, error, step, content in vectors():
        packed = zlib.compress(content, 9) if len(content) > LARGE else b""
        path = FOLDER / (f"{name}.list.z" if packed else f"{name}.list")
        path.write_bytes(packed or content)
        plates = ["XYZ789"] if name == "one-entry-cancelled" else ["AB123", "XYZ789"]
        index.append(
            {"file": path.name, "error": error, "step": step} | ({} if error else {"plates": plates})
        )
    body = {
        "warning": "TEST KEYS: never trust them",
        "now": NOW.isoformat(),
        "limits": {"file": 1_000_000, "body": 2_000_000, "entries": 1000},
        "state": {**STATE, "keys": KEYS.to_json()},
        "device_key": base64.b64encode(DEVICE.raw).decode(),
        "vectors": index,
    }
    (FOLDER / "index.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
