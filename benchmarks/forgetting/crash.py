"""kill -9 at random moments while hits are sealed, spooled, sent and deleted: nothing lost, twice or in the clear.

    python -m benchmarks.forgetting.crash --points 1000

Each point is a process that does nothing but make hits and hand them over, killed some milliseconds after it
began. What it had reported as spooled must be on the disk or with the department; what is then sent again must
arrive once; no file may hold a plate.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from benchmarks.harness.results import Part
from edge.department.spool import Spool
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SigningKey
from hitonly_core.wall_clock import ClockState
from hotlist.entry import Entry, Purpose, Severity, Vehicle
from hotlist.matching.match import Match, MatchKind
from protocol.hit import EnvelopeError, Hit, HitClock, open_hit, seal_hit

_PLATE: Final = "QCANARY7"
_LONGEST_S: Final = 0.15
_ID_BYTES: Final = 16


@dataclass(slots=True)
class Tally:
    """What came of all points."""

    points: int = 0
    reported: int = 0
    lost: int = 0
    twice: int = 0
    broken: int = 0
    plain: int = 0
    killed_while_writing: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled, broken or in the clear, and something was put at risk."""
        return self.reported > 0 and not (self.lost or self.twice or self.broken or self.plain)


@dataclass(frozen=True, slots=True)
class Keys:
    """The two parties' keys."""

    department: SealKey
    device: SigningKey


def kill_at_random(points: int, seed: int) -> Tally:
    """Kill a process at `points` random moments; return what came of it."""
    rng, tally = random.Random(seed), Tally()
    keys = Keys(SealKey.generate(), SigningKey.generate())
    hit = _hit()
    for _ in range(points):
        folder = Path(tempfile.mkdtemp(prefix="crash-"))
        try:
            reported = _killed(folder, keys, hit, rng.uniform(0.002, _LONGEST_S))
            _examine(folder, keys, reported, tally)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return tally


def _killed(folder: Path, keys: Keys, hit: Hit, after_s: float) -> list[UUID]:
    """Fork a process that makes hits, kill it after a while, and return the hits that it reported as spooled."""
    (folder / "department").mkdir()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _make_hits(folder, keys, hit, writing)
        finally:
            os._exit(1)  # whatever happens, the child never goes on as the parent
    os.close(writing)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    whole = len(told) // _ID_BYTES * _ID_BYTES
    return [UUID(bytes=told[place : place + _ID_BYTES]) for place in range(0, whole, _ID_BYTES)]


def _make_hits(folder: Path, keys: Keys, hit: Hit, report: int) -> None:
    """Seal, spool, report; send every other one and delete it: until killed."""
    spool = Spool(folder / "spool")
    number = 0
    while True:
        now = replace(hit, id=uuid4())
        spool.put(now.id, seal_hit(now, department=keys.department.public, device_key=keys.device))
        os.write(report, now.id.bytes)
        number += 1
        if number % 2 == 0:
            _send_all(folder, spool)


def _send_all(folder: Path, spool: Spool) -> None:
    """Give the department what is spooled, by id, and delete it only then."""
    for hit, path in spool.pending():
        write_durably(folder / "department" / str(hit), path.read_bytes())
        spool.remove(hit)


def _examine(folder: Path, keys: Keys, reported: list[UUID], tally: Tally) -> None:
    tally.points += 1
    tally.reported += len(reported)
    files = [path for path in folder.rglob("*") if path.is_file()]
    tally.killed_while_writing += any(path.suffix == ".part" for path in files)
    tally.plain += sum(_PLATE.encode() in path.read_bytes() for path in files)
    _send_all(folder, Spool(folder / "spool"))  # the next start
    arrived = list(_opened(folder / "department", keys, tally))
    tally.lost += len(set(reported) - set(arrived))
    tally.twice += len(arrived) - len(set(arrived))


def _opened(folder: Path, keys: Keys, tally: Tally) -> Iterator[UUID]:
    for path in folder.iterdir():
        if path.suffix == ".part":
            continue  # the department's own half-written file; the box still has the hit
        try:
            yield open_hit(path.read_bytes(), department=keys.department, device_key=keys.device.public).id
        except EnvelopeError:
            tally.broken += 1


def _hit() -> Hit:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    entry = Entry(
        id="e1",
        plate=_PLATE,
        region="",
        purpose=Purpose.STOLEN_VEHICLE,
        case_number="BENCH-1",
        source="benchmark",
        author="0" * 16,
        approver="1" * 16,
        created=now,
        effective=now,
        expires=now + timedelta(days=1),
        verified=now,
        severity=Severity.HIGH,
        vehicle=Vehicle(make="any", colour="any"),
    )
    return Hit(
        id=UUID(int=0),
        device="bench-box",
        camera="bench",
        place="nowhere",
        captured=now,
        clock=HitClock(ClockState.SYNCHRONISED, "", 0),
        plate_read=_PLATE,
        alternatives=(),
        region_read="",
        matches=(Match(entry, MatchKind.EXACT, 0.99, (), "read as listed", 1),),
        crop_jpeg=b"\xff\xd8\xff" + bytes(3000),
        software="bench",
        models=("a" * 64, "b" * 64),
    )


def report(part: Part, points: int = 1000, seed: int = 1) -> None:
    """Add the outcome to a part."""
    tally = kill_at_random(points, seed)
    part.check(
        f"kill -9 at {points} random points loses, doubles and shows no hit",
        passed=tally.holds,
        detail=f"{tally.reported} hits reported as spooled, {tally.killed_while_writing} kills in the middle of a "
        f"file: {tally.lost} lost, {tally.twice} twice, {tally.broken} broken, {tally.plain} in the clear",
    )


def main() -> int:
    """Run it and print the tally as JSON; 0 when it holds."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--points", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    tally = kill_at_random(options.points, options.seed)
    sys.stdout.write(json.dumps(asdict(tally)) + "\n")
    return 0 if tally.holds else 1


if __name__ == "__main__":
    sys.exit(main())
