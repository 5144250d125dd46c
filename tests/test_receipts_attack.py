"""R22: all that leaves a box tells the time of no vehicle that is no hit more finely than a step.

A box's window, account, ledger and heartbeat run on a clock that the test moves. An observer sees everything:
each heartbeat with the time of its arrival, and each change of the state folder, with time, name, size and content.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from edge.department.account import Account
from edge.department.audit_memory import AuditMemory
from edge.department.heartbeat import Condition, HeartbeatSender
from edge.department.ledger import Ledger, read_lines
from edge.errors import Forgotten
from edge.pipeline.passes import READ_DTYPE
from edge.retention.arena import Arena
from edge.retention.window import Slot, Window
from hitonly_core.clock import NS
from hitonly_core.keys import SigningKey
from protocol.receipt_chain import verify
from protocol.receipts import AT_LEAST, DAY_NS, STEP_NS, Kind, Run, digest, from_line
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from edge.department.link import Link

HOUR = 3600
TICK = 5
KEY = SigningKey(bytes(range(32)))
RUN = Run("box", "0", "b", 180 * NS, NS, STEP_NS, AT_LEAST, "hitonly 0", "d" * 64, ("m",), ())


@dataclass(slots=True)
class OneClock(HandClock):
    """A clock that the test moves; the wall clock goes with boot time."""

    def utc(self) -> datetime:
        """Return the same as wall-clock time."""
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.now // 1000)


@dataclass(frozen=True, slots=True)
class Pass:
    """One vehicle: when it comes (seconds from the first start), and whether it is a hit."""

    at: float
    hit: bool = False


@dataclass(slots=True)
class Observer:
    """The department, or who listens to it and reads the box's disk: remembers all, with the time."""

    clock: HandClock
    seen: list[tuple[float, str, bytes]] = field(default_factory=list)
    _last: dict[str, Any] | None = None

    def json(self, _method: str, _path: str, body: bytes) -> dict[str, Any]:
        """Take a heartbeat; answer as the department does."""
        self.note("heartbeat", body)
        for line in json.loads(body)["receipts"]:
            receipt = from_line(line.encode(), KEY.public)
            self._last = {"sequence": receipt.sequence, "digest": digest(line.encode())}
        return {"receipt": self._last, "hot_list": None, "checkpoint": None}

    def note(self, what: str, content: bytes) -> None:
        """Remember something that left the box."""
        self.seen.append((self.clock.now / NS, what, content))


class SimulatedBox:
    """A box whose process can be started, stopped and killed."""

    def __init__(self, folder: Path, *, old: bool = False) -> None:
        self.folder, self.old = folder, old
        self.clock = OneClock(100 * NS)
        self.observer = Observer(self.clock)
        self._runs = 0
        self._files: dict[str, bytes] = {}
        self._next_minute = 0
        self.start()

    def start(self) -> None:
        """Start the process."""
        self._runs += 1
        self.window = Window(Arena(256, READ_DTYPE), self.clock, RUN.window_ns, RUN.late_ns)
        self.ledger = Ledger(self.folder, KEY, replace(RUN, run=str(self._runs)), self.clock)
        self.account = Account(self.window, self.ledger, self.clock)
        link = cast("Link", self.observer)
        self.heartbeat = HeartbeatSender(
            link,
            self.folder,
            AuditMemory(self.folder, KEY.public, print),
            self.folder / "list",
            self._condition,
            self.clock,
            print,
        )
        self.live: list[Slot] = []
        self.account.begin(1)

    def stop(self) -> None:
        """End it cleanly."""
        self.window.destroy_all()
        self.account.end(1, late=False)

    def turn(self) -> None:
        """Do what the box's threads do."""
        self.window.purge()
        self.account.turn(1)
        self.heartbeat.work()
        if self.old and self.clock.now >= self._next_minute:
            self._next_minute = self.clock.now + 60 * NS
            told = {"boot_ns": self.clock.now, "counts": asdict(self.window.counts())}
            self.observer.note("old receipt", json.dumps(told).encode())
        files = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        for name in sorted(files):
            if files[name] != self._files.get(name):
                self.observer.note(f"file {name}", files[name])
        self._files = files

    def take(self, one: Pass) -> None:
        """Let a vehicle pass."""
        try:
            slot = self.window.admit(self.clock.now)
        except Forgotten:
            return
        if one.hit:
            self.window.hit(slot)
            self.observer.note("hit", b"")

    def _condition(self) -> Condition:
        last = self.ledger.last
        degraded = ("the receipts' disk refuses",) if self.account.silent else ()
        return Condition("hitonly 0", ("m",), 1, {"north": "online"}, degraded, last.sequence if last else -1)


@dataclass(frozen=True, slots=True)
class Restart:
    """The process ends at a time (seconds) and starts anew at once."""

    at: float
    clean: bool = True


def watch(
    folder: Path, passes: Sequence[Pass], hours: float, restarts: Sequence[Restart] = (), *, old: bool = False
) -> list[tuple[float, str, bytes]]:
    """Return all that an observer sees of a box on a road."""
    folder.mkdir()
    box = SimulatedBox(folder, old=old)
    begun = box.clock.now
    ticks: list[tuple[float, int, Pass | Restart | None]] = [
        *((each.at + 179.0, -1, None) for each in passes if each.at + 179 < hours * HOUR),
        *((float(second), 0, None) for second in range(0, int(hours * HOUR) + 1, TICK)),
        *((end, 0, None) for _, end in segments(hours, restarts)),
        *((each.at, 1, each) for each in passes),
        *((each.at, 1, each) for each in restarts),
    ]
    for at, order, what in sorted(ticks, key=lambda tick: tick[:2]):
        box.clock.now = begun + round(at * NS)
        if order < 0:
            box.window.purge()  # at each deadline, as the purge's own thread does
            continue
        if isinstance(what, Pass):
            box.take(what)
            continue
        if isinstance(what, Restart):
            if what.clean:
                box.stop()
            box.start()
        box.turn()
    assert box.clock.now == begun + round(hours * HOUR * NS)
    box.stop()
    box.turn()
    verdict = verify(read_lines(folder), KEY.public)
    assert {finding.kind for finding in verdict.findings} <= {Kind.UNFINISHED}
    return box.observer.seen


def poisson(rng: random.Random, per_hour: float, hours: float) -> list[Pass]:
    """Return vehicles that come at random."""
    passes, at = [], rng.expovariate(per_hour / HOUR)
    while at < hours * HOUR:
        passes.append(Pass(round(at, 3)))
        at += rng.expovariate(per_hour / HOUR)
    return passes


def bursts(rng: random.Random, per_hour: float, hours: float) -> list[Pass]:
    """Return vehicles that come in columns of twelve within a few seconds."""
    heads = poisson(rng, per_hour / 12, hours)
    return [Pass(round(head.at + 0.5 * n, 3)) for head in heads for n in range(12)]


def with_hits(rng: random.Random, passes: list[Pass]) -> list[Pass]:
    """Make every fifth vehicle a hit, whose time the observer knows."""
    return [replace(each, hit=True) if rng.random() < 0.2 else each for each in passes]


def segments(hours: float, restarts: Sequence[Restart]) -> list[tuple[float, float]]:
    """Return the steps, and of each run what is left over: in each of these nobody should see a difference."""
    edges = [0.0, *sorted(each.at for each in restarts), hours * HOUR]
    found = []
    for begin, end in pairwise(edges):
        # A run's steps are counted from whole seconds.
        at = float(int(begin))
        while at + HOUR <= end - 200:
            found.append((max(at, begin), at + HOUR))
            at += HOUR
        found.append((max(at, begin), end))
    return found


def moved(rng: random.Random, passes: Sequence[Pass], parts: Sequence[tuple[float, float]]) -> list[Pass]:
    """Move every vehicle that is no hit to another time of its step."""
    result = []
    for each in passes:
        begin, end = next(part for part in parts if part[0] <= each.at < part[1])
        at = each.at if each.hit else round(rng.uniform(begin + 0.002, end - 0.002), 3)
        result.append(replace(each, at=at))
    return sorted(result, key=lambda one: one.at)


def restarts_for(name: str, rng: random.Random, passes: Sequence[Pass], hours: float) -> list[Restart]:
    """Return when the process ends: never, at random, every minute, or right after a vehicle."""
    if name == "random":
        times = [rng.uniform(0, hours * HOUR) for _ in range(6)]
    elif name == "every minute":
        times = [60.0 * minute + 0.5 for minute in range(1, int(hours * 60))]
    elif name == "after a vehicle":
        times = [each.at + 1 for each in passes[9::10]][:12]
    else:
        times = []
    inside = [at for at in times if at < hours * HOUR - 1]
    return [Restart(round(at, 3), clean=number % 2 == 0) for number, at in enumerate(sorted(inside))]


@pytest.mark.parametrize("stops", ["never", "random", "after a vehicle"])
@pytest.mark.parametrize("per_hour", [5, 20, 60, 600])
@pytest.mark.parametrize("road", [poisson, bursts])
def test_moving_vehicles_within_a_step_changes_nothing_that_leaves_the_box(
    tmp_path: Path,
    road: Callable[[random.Random, float, float], list[Pass]],
    per_hour: int,
    stops: str,
) -> None:
    """Byte for byte: heartbeats, their times, receipts with signatures, every change of every file."""
    hours = 26.5 if per_hour < 60 else 4.5
    rng = random.Random(f"{road.__name__} {per_hour} {stops}")
    passes = with_hits(rng, [each for each in road(rng, per_hour, hours) if each.at < hours * HOUR - 1])
    restarts = restarts_for(stops, rng, passes, hours)
    others = moved(rng, passes, segments(hours, restarts))
    assert others != passes
    assert watch(tmp_path / "a", passes, hours, restarts) == watch(tmp_path / "b", others, hours, restarts)


def test_the_old_receipts_would_have_been_told_apart(tmp_path: Path) -> None:
    """The positive control of the test above: counts a minute differ when vehicles move within the hour."""
    rng = random.Random(1)
    passes = poisson(rng, 20, 3)
    others = moved(rng, passes, segments(3, ()))
    seen = [watch(tmp_path / name, road, 3, old=True) for name, road in (("a", passes), ("b", others))]
    assert seen[0] != seen[1]
    new = [[each for each in one if each[1] != "old receipt"] for one in seen]
    assert new[0] == new[1]


def test_a_box_that_is_restarted_every_minute_tells_nothing_of_its_traffic(tmp_path: Path) -> None:
    """An attacker who may start and stop the box sees the same of a busy road as of an empty one."""
    rng = random.Random(2)
    restarts = restarts_for("every minute", rng, (), 1.25)
    busy = watch(tmp_path / "a", poisson(rng, 600, 1.25), 1.25, restarts)
    assert busy == watch(tmp_path / "b", [], 1.25, restarts)


def test_what_moves_between_two_quiet_steps_is_not_seen_either(tmp_path: Path) -> None:
    """Steps with few vehicles are covered by the next receipt, which does not tell which of them held any."""
    crowd = [Pass(3 * HOUR + 10.0 * n) for n in range(60)]
    first = [Pass(100.0 + n) for n in range(19)]
    third = [Pass(2 * HOUR + 100.0 + n) for n in range(19)]
    seen = watch(tmp_path / "a", first + crowd, 5)
    assert seen == watch(tmp_path / "b", third + crowd, 5)
    more = [Pass(2 * HOUR + 100.0 + n) for n in range(20)]
    assert seen != watch(tmp_path / "c", more + crowd, 5), "the positive control: twenty are told"


# The estimator: what an observer makes of it all.


def pins(seen: Sequence[tuple[float, str, bytes]]) -> list[tuple[float, float]]:
    """Return every interval of time in which, for what was seen, some vehicle that is no hit must have come.

    Whenever a count of reads without a hit has grown between two things told, one came between them, or as much
    as a window before; an oldest live read tells its time of capture itself. Hits are known and taken off.
    """
    found, told = [], {"": (0.0, 0)}
    for arrived, what, content in seen:
        for at, run, counts in _claims(what, content):
            oldest = counts.get("oldest_live_ns", 0)
            if oldest:
                found.append((at - oldest / NS - 0.001, at - oldest / NS + 0.001))
            before, known = told.get(run, (at, 0))
            fresh = counts["reads"] - counts["hits"]
            if fresh > known:
                found.append((before - 180, min(at, arrived)))
            if fresh != known or run not in told:
                told[run] = (at, fresh)
    return found


def _claims(what: str, content: bytes) -> list[tuple[float, str, dict[str, int]]]:
    """Return every count that something holds, with its time and its run."""
    if what == "old receipt":
        body = json.loads(content)
        return [(body["boot_ns"] / NS, "", body["counts"])]
    if what == "heartbeat":
        body = json.loads(content)
        assert not {"counters", "counts"} & set(body)
        lines = [line.encode() for line in body["receipts"]]
    else:
        lines = content.splitlines()
    receipts = [from_line(line, KEY.public) for line in lines]
    return [(each.boot_ns / NS, each.run.run, asdict(each.counts)) for each in receipts]


def share_pinned(seen: list[tuple[float, str, bytes]], passes: Sequence[Pass], width: float) -> float:
    """Return the share of the vehicles without a hit that an interval narrower than this was found for."""
    narrow = [(begin, end) for begin, end in pins(seen) if end - begin < width]
    times = [each.at + 100 for each in passes if not each.hit]
    return sum(any(begin <= at <= end for begin, end in narrow) for at in times) / len(times)


@pytest.mark.parametrize(("per_hour", "old_share"), [(5, 0.9), (60, 0.4)])
def test_the_estimator_places_vehicles_by_the_old_receipts_and_none_by_the_new(
    tmp_path: Path, per_hour: int, old_share: float
) -> None:
    """The attack that was made on the old format works there to the millisecond; here it finds no vehicle."""
    passes = with_hits(random.Random(per_hour), poisson(random.Random(per_hour), per_hour, 25))
    seen = watch(tmp_path / "old", passes, 26, old=True)
    assert share_pinned(seen, passes, 0.01) > old_share
    new = [each for each in seen if each[1] != "old receipt"]
    assert pins(new), "the positive control: the estimator reads the new receipts"
    assert share_pinned(new, passes, HOUR) == 0.0


@pytest.mark.parametrize("per_hour", [5, 20, 24, 60])
def test_each_receipts_last_step_holds_twenty_or_it_covers_a_day(tmp_path: Path, per_hour: int) -> None:
    """Twenty that are no hits, hits not counted; so nobody learns that one vehicle completed the number."""
    passes = with_hits(random.Random(per_hour), poisson(random.Random(per_hour), per_hour, 50))
    watch(tmp_path / "box", passes, 51)
    receipts = [from_line(line, KEY.public) for line in read_lines(tmp_path / "box")]
    told = 0
    for before, receipt in pairwise(receipts[:-1]):
        end = receipt.boot_ns / NS - 100
        last = [each for each in passes if end - HOUR < each.at <= end and not each.hit]
        assert len(last) >= AT_LEAST or receipt.boot_ns - before.boot_ns >= DAY_NS
        told += 1
        covered = [each for each in passes if each.at <= end]
        hits = sum(each.hit for each in covered)
        counts = receipt.counts
        assert (counts.reads, counts.hits, counts.live) == (len(covered), hits, 0)
    assert told >= 2
