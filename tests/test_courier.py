"""What the box tells its department, against a small department that really listens, signs and forgets."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from edge.department import audit_memory
from edge.department import spool as spooling
from edge.department.audit_memory import CONTRADICTIONS, DAYS, HELD, AuditMemory
from edge.department.heartbeat import PERIOD_NS, Condition, HeartbeatSender
from edge.department.ledger import NAME, Ledger
from edge.department.link import Link
from edge.department.spool import Spool
from edge.department.uploader import BATCH, Courier
from hitonly_core.clock import NS, SystemClock
from hitonly_core.keys import SigningKey
from hitonly_core.wall_clock import ClockState
from protocol.acknowledgement import acknowledge, envelope_digest
from protocol.audit_end import AuditEnd
from protocol.counts import Counts
from protocol.hit import EnvelopeError
from protocol.merkle import consistency_proof, leaf_hash, node_hash, root
from protocol.receipts import AT_LEAST, STEP_NS, Reason, Run

CONDITION = Condition("hitonly 0", ("a", "b"), 1, {"north": "online"}, (), 1)
COUNTS = Counts(0, 0, 0, 0)


class LateClock(SystemClock):
    """The machine's clock, moved on by hand; `wrong` is by how much the time of day alone is wrong."""

    ahead = 0
    wrong = timedelta()

    def boot_ns(self) -> int:
        """Return boot time, and what was added to it."""
        return super().boot_ns() + self.ahead

    def utc(self) -> datetime:
        """Return the time of day, and what was added to it."""
        return super().utc() + timedelta(microseconds=self.ahead // 1000) + self.wrong


class Log:
    """The department's audit log: leaves, and what its service says of it in an answer."""

    def __init__(self, key: SigningKey, size: int, fork: int = 1 << 60) -> None:
        self.key, self.size, self.fork = key, size, fork
        self.at = "2026-06-01T10:00:00.00Z"
        self.says: dict[str, Any] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return a whole node's hash; from the leaf `fork` on it is another history's."""
        if level == 0:
            return leaf_hash(f"{index}{'x' if index >= self.fork else ''}".encode())
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def end(self) -> AuditEnd:
        """Return its signed end."""
        end = AuditEnd(self.size, root(self.size, self.node).hex(), self.at)
        return replace(end, signature=self.key.sign(end.signed_bytes()))

    def answer(self, held: dict[str, Any] | None) -> dict[str, Any]:
        """Return the answer's members, with the proof where there can be one."""
        old = held["seq"] if held else 0
        proof = consistency_proof(old, self.size, self.node) if 0 < old <= self.size else []
        return {
            "checkpoint": self.end().to_json(),
            "consistency": [each.hex() for each in proof],
            **self.says,
        }


class Department(ThreadingHTTPServer):
    """Acknowledges every envelope that is JSON, refuses the others one by one, answers heartbeats."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.key = SigningKey.generate()
        self.held: list[str] = []
        self.refuses: dict[str, Any] = {}
        self.revoked: dict[str, Any] = {}
        self.offered = 0
        self.log = Log(self.key, 5)
        self.heartbeats: list[dict[str, Any]] = []

    def results(self, envelopes: list[str]) -> list[dict[str, Any]]:
        """Take or refuse each envelope."""
        self.offered += len(envelopes)
        return [self._result(envelope) for envelope in envelopes]

    def _result(self, envelope: str) -> dict[str, Any]:
        try:
            hit = UUID(json.loads(envelope)["hit"])
        except ValueError:
            return {"problem": {"title": str(EnvelopeError(1, "no envelope")), "status": 422}}
        if problem := self.refuses.get(str(hit)):
            return {"problem": problem}
        self.held.append(str(hit))
        ack = acknowledge(
            hit, "box", envelope_digest(envelope.encode()), datetime(2026, 6, 1, tzinfo=UTC), self.key
        )
        return {"ack": ack.to_json()}


class _Desk(BaseHTTPRequestHandler):
    server: Department

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/hits":
            answer: dict[str, Any] = {"results": self.server.results(body["envelopes"])}
        else:
            self.server.heartbeats.append(body)
            answer = {"receipt": None, "hot_list": None, **self.server.log.answer(body["audit_end"])}
        content = json.dumps(self.server.revoked or answer).encode()
        self.send_response(401 if self.server.revoked else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def department() -> Iterator[Department]:
    """Run a department."""
    with Department() as desk:
        thread = threading.Thread(target=desk.serve_forever)
        thread.start()
        yield desk
        desk.shutdown()
        thread.join()


@pytest.fixture
def link(department: Department) -> Iterator[Link]:
    """Return the box's way to it."""
    made = Link(f"http://127.0.0.1:{department.server_port}", "box", SigningKey.generate())
    yield made
    made.close()


@pytest.fixture
def courier(department: Department, link: Link, tmp_path: Path) -> Courier:
    """Return a courier with an empty spool."""
    said: list[str] = []
    spool, key = Spool(tmp_path / "spool"), department.key.public
    return Courier(spool, link, key, LateClock(), said.append, lambda: ClockState.UNSYNCHRONISED)


def _envelope(hit: UUID) -> bytes:
    return json.dumps({"hit": str(hit)}).encode()


def _put(spool: Spool, count: int) -> list[UUID]:
    hits = [uuid4() for _ in range(count)]
    for hit in hits:
        spool.put(hit, _envelope(hit))
    return hits


def test_a_spool_of_many_batches_is_delivered_and_emptied(courier: Courier, department: Department) -> None:
    """After days without a connection everything goes out, each hit once."""
    hits = _put(courier.spool, 2 * BATCH + 3)
    courier.work()
    assert sorted(department.held) == sorted(map(str, hits))
    assert list(courier.spool.pending()) == []
    assert courier.delivered == len(hits)


def test_a_long_backlog_leaves_time_for_heartbeats(courier: Courier, department: Department) -> None:
    """R7: a month of hits does not keep a cancelled entry from arriving within the minute."""
    hits, whole = _put(courier.spool, 3 * BATCH), department.results

    def slow(envelopes: list[str]) -> list[dict[str, Any]]:
        courier.clock.ahead += 11 * NS  # type: ignore[attr-defined]
        return whole(envelopes)

    department.results = slow  # type: ignore[method-assign]
    courier.work()
    assert courier.delivered == BATCH
    courier.work()
    courier.work()
    assert sorted(department.held) == sorted(map(str, hits))


def test_what_a_dying_disk_leaves_on_the_spool_holds_nothing_up(
    courier: Courier, department: Department
) -> None:
    """Zeros, rubbish and nothing are refused and set aside, a folder and a foreign file stay; the hits go."""
    folder = courier.spool.folder
    (folder / f"{uuid4()}.hit").write_bytes(bytes(900))
    (folder / f"{uuid4()}.hit").write_bytes(b"\xff\xfe{")
    (folder / f"{uuid4()}.hit").write_bytes(b"")
    (folder / f"{uuid4()}.hit").mkdir()
    (folder / "copy of a hit.hit").write_bytes(b"{}")
    hits = _put(courier.spool, BATCH)
    courier.work()
    assert sorted(department.held) == sorted(map(str, hits))
    assert (courier.delivered, courier.refused) == (BATCH, 3)
    assert len(list(folder.iterdir())) == 5


REFUSAL = {"type": "urn:hitonly:problem:list-version", "title": "not in\nforce", "status": 422}
DAY_NS = 86_400 * NS


def _refuse(courier: Courier, department: Department, said: list[str]) -> UUID:
    """Spool a hit that the department refuses for good, beside one that it takes; deliver."""
    courier.say = said.append
    bad, _good = _put(courier.spool, 2)
    department.refuses[str(bad)] = REFUSAL
    courier.work()
    assert courier.delivered == 1, "the control: its neighbour went"
    return bad


def test_a_hit_refused_for_good_is_said_once_and_offered_once(
    courier: Courier, department: Department
) -> None:
    """It is set aside, as it was and private, and neither this process nor the next offers it again."""
    said: list[str] = []
    bad = _refuse(courier, department, said)
    after = Courier(courier.spool, courier.link, courier.service, courier.clock, said.append)
    for each in (courier, after):
        courier.clock.ahead += 3600 * NS  # type: ignore[attr-defined]
        each.work()
    assert department.offered == 2
    assert said == [f"the department refuses hit {bad}: not in force; kept for 7 days, then forgotten"]
    [(kept, path)] = courier.spool.refused()
    assert (kept, path.read_bytes(), path.stat().st_mode & 0o777) == (bad, _envelope(bad), 0o600)
    assert (courier.refused, list(courier.spool.pending())) == (1, [])


def test_a_refused_hit_is_forgotten_seven_days_after_its_refusal(
    courier: Courier, department: Department
) -> None:
    """Not before and not much after, however long it waited; counted, said, and nothing is left on the disk."""
    said: list[str] = []
    clock: Any = courier.clock
    clock.ahead = 20 * DAY_NS
    _refuse(courier, department, said)
    for ahead, left in ((7 * DAY_NS - 60 * NS, 1), (120 * NS, 0)):
        courier.clock.ahead += ahead  # type: ignore[attr-defined]
        courier.work()
        assert len(list(courier.spool.folder.iterdir())) == left
    assert courier.forgotten == 1
    assert said[1:] == ["refused hits forgotten: 1 (kept for 7 days, 256 at most)"]


def test_a_clock_that_was_set_back_keeps_a_refused_hit_no_longer_than_its_own_time(
    courier: Courier, department: Department
) -> None:
    """A box that starts with a clock of last year forgets nothing early; when the clock is right, in time."""
    _refuse(courier, department, [])
    for ahead, left in ((-365 * DAY_NS, 1), (365 * DAY_NS + 6 * DAY_NS, 1), (DAY_NS, 0)):
        courier.clock.ahead += ahead  # type: ignore[attr-defined]
        courier._tidy_ns = 0
        courier._tidy(courier.clock.boot_ns())
        assert len(list(courier.spool.refused())) == left


@pytest.mark.parametrize(
    ("year", "state"),
    [(1970, ClockState.UNSYNCHRONISED), (1970, ClockState.UNKNOWN), (2106, ClockState.SYNCHRONISED)],
)
def test_a_hit_refused_under_a_wrong_clock_has_its_seven_days_from_when_it_is_right(
    year: int, state: ClockState, courier: Courier, department: Department
) -> None:
    """Neither forgotten in the minute in which the clock is set, nor kept for eighty years."""
    courier.clock.wrong = datetime(year, 6, 1, tzinfo=UTC) - datetime.now(UTC)  # type: ignore[attr-defined]
    _refuse(courier, department, [])
    courier.clock.wrong = timedelta()  # type: ignore[attr-defined]
    courier.state = lambda: state
    for later, left in ((0, 1), (6 * DAY_NS, 1), (2 * DAY_NS, 0)):
        courier.clock.ahead += later  # type: ignore[attr-defined]
        courier._tidy_ns = 0
        courier._tidy(courier.clock.boot_ns())
        assert len(list(courier.spool.refused())) == left


def test_a_flood_of_refusals_is_bounded_and_the_newest_are_kept(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A department that refuses everything does not fill the box's disk: the first refused go first."""
    monkeypatch.setattr(spooling, "REFUSED_MOST", 3)
    spool, clock = courier.spool, courier.clock
    hits = _put(spool, 5)
    for hit in hits:
        clock.ahead += NS  # type: ignore[attr-defined]
        assert spool.set_aside(hit, clock.utc())
    assert spool.forget_refused(clock.utc()) == 2
    assert [hit for hit, _ in spool.refused()] == hits[2:]


def test_a_person_may_have_refused_hits_offered_again(courier: Courier, department: Department) -> None:
    """What the department mended is delivered; what it still refuses keeps its first deadline, and its count."""
    bad = _refuse(courier, department, [])
    ends = courier.spool.forgets_from
    courier.clock.ahead += DAY_NS  # type: ignore[attr-defined]
    courier.offer_refused()
    assert (courier.spool.forgets_from, courier.refused) == (ends, 1)
    department.refuses.clear()
    courier.offer_refused()
    assert department.held[-1] == str(bad)
    assert list(courier.spool.folder.iterdir()) == []


@pytest.mark.parametrize("status", [503, 429, 200, "422", None])
def test_a_hit_that_cannot_be_taken_now_is_not_refused_for_good(
    status: object, courier: Courier, department: Department
) -> None:
    """The service's own trouble, or a word that nobody understands, costs no hit: it is offered again."""
    [hit] = _put(courier.spool, 1)
    department.refuses[str(hit)] = {"title": "busy", "status": status}
    courier.work()
    assert (courier.refused, [each for each, _ in courier.spool.pending()]) == (0, [hit])
    department.refuses.clear()
    courier.clock.ahead += 601 * NS  # type: ignore[attr-defined]
    courier.work()
    assert department.held == [str(hit)]


@pytest.mark.parametrize(("kind", "aside"), [("revoked", 2), ("device", 0)])
def test_a_revoked_box_sets_its_hits_aside_and_another_refusal_of_the_box_does_not(
    kind: str, aside: int, courier: Courier, department: Department
) -> None:
    """Revocation is for good; a clock that is off, or a key that is not known yet, is not."""
    hits = _put(courier.spool, 2)
    department.revoked = {"type": f"urn:hitonly:problem:{kind}", "title": "no", "status": 401}
    courier.work()
    assert len(list(courier.spool.refused())) == aside
    assert len(list(courier.spool.pending())) == len(hits) - aside


def test_a_hit_that_nobody_vouches_for_is_tried_again_later_and_said_once(
    courier: Courier, department: Department
) -> None:
    """What the service acknowledges with another key stays, is named once, and waits ten minutes for a try."""
    said: list[str] = []
    courier.say = said.append
    [hit] = _put(courier.spool, 1)
    department.key = SigningKey.generate()
    for minutes in (0, 9, 2):
        courier.clock.ahead += minutes * 60 * NS  # type: ignore[attr-defined]
        courier.work()
    assert department.held == [str(hit)] * 2
    assert len(said) == 1
    assert str(hit) in said[0]
    assert [each for each, _ in courier.spool.pending()] == [hit], "kept: nobody has signed that it is held"


def test_an_acknowledgement_of_another_hit_deletes_nothing(courier: Courier, department: Department) -> None:
    """A word about one hit is no word about its neighbour, though it is signed and of the same device."""
    hits = _put(courier.spool, 2)
    whole = department.results
    department.results = lambda envelopes: whole(envelopes)[::-1]  # type: ignore[method-assign]
    courier.work()
    assert {hit for hit, _ in courier.spool.pending()} == set(hits)
    assert courier.delivered == 0


@pytest.fixture
def heartbeat(department: Department, link: Link, tmp_path: Path) -> HeartbeatSender:
    """Return the heartbeat of a box with two receipts."""
    key, state = SigningKey.generate(), tmp_path / "state"
    ledger = Ledger(
        state, key, Run("box", "r", "b", 0, NS, STEP_NS, AT_LEAST, "s", "d", (), ()), SystemClock()
    )
    for reason in (Reason.START, Reason.STEP):
        ledger.write(reason, COUNTS, kept=True, list_version=1)
    memory = AuditMemory(state, department.key.public, lambda _: None)
    return HeartbeatSender(
        link, state, memory, tmp_path / "list", lambda: CONDITION, LateClock(), lambda _: None
    )


def _beat(heartbeat: HeartbeatSender) -> None:
    heartbeat.clock.ahead += PERIOD_NS + 1  # type: ignore[attr-defined]
    heartbeat.work()


def _held(heartbeat: HeartbeatSender) -> dict[str, Any]:
    """Return what the box's file holds."""
    held: dict[str, Any] = json.loads((heartbeat.state / HELD).read_text())
    return held


def test_an_unchanged_checkpoint_is_not_written_again(
    heartbeat: HeartbeatSender, department: Department
) -> None:
    """Every 20 s for years: the same bytes are not written to flash memory again; new ones are."""
    _beat(heartbeat)
    path = heartbeat.state / HELD
    first = path.stat().st_ino, path.stat().st_mtime_ns
    _beat(heartbeat)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == first
    department.log.size = 6
    _beat(heartbeat)
    assert _held(heartbeat) == department.log.end().to_json()


FORKS = {
    "shorter": (4, 1 << 60),
    "as long": (5, 4),
    "longer again": (90, 4),
    "longer from the start": (64, 0),
}


@pytest.mark.parametrize(("size", "fork"), FORKS.values(), ids=FORKS.keys())
def test_a_log_that_does_not_continue_the_held_end_is_said_loudly_and_both_ends_are_kept(
    size: int, fork: int, heartbeat: HeartbeatSender, department: Department
) -> None:
    """Cut off and grown again under the service's own key: said once, told in every heartbeat, nothing replaced."""
    said: list[str] = []
    heartbeat.memory.say = said.append
    _beat(heartbeat)
    honest = _held(heartbeat)
    department.log = Log(department.key, size, fork)
    for more in range(3):
        department.log.size = size + more if size > 5 else size
        _beat(heartbeat)
    assert len(said) == 1
    assert _held(heartbeat) == honest
    [pair] = [json.loads(line) for line in (heartbeat.state / CONTRADICTIONS).read_text().splitlines()]
    assert pair["held"] == honest
    assert AuditEnd.from_json(pair["shown"]).signed_by(department.key.public)
    assert pair["shown"]["digest"] != honest["digest"]
    assert any("contradicts" in each for each in department.heartbeats[-1]["degraded"])
    after = AuditMemory(heartbeat.state, department.key.public, said.append)
    assert after.trouble, "a restart forgets nothing"
    assert after.accept() == 1
    assert not after.trouble
    _beat(heartbeat)
    _beat(heartbeat)
    assert department.heartbeats[-1]["degraded"] == []
    assert _held(heartbeat)["seq"] == department.log.size


ABSURD: dict[str, dict[str, Any]] = {
    "unsigned": {"checkpoint": {"seq": 10**15, "digest": "ab" * 32, "at": "2026-06-01T10:00:00.00Z"}},
    "signed by nobody": {
        "checkpoint": {
            "seq": 9, "digest": "ab" * 32, "at": "2026-06-01T10:00:00.00Z", "signature": "A" * 86 + "==",
        }
    },
    "no mark any more": {"checkpoint": None},
    "a list": {"checkpoint": [1]},
    "a number as text": {"checkpoint": {"seq": "9", "digest": "d", "at": "", "signature": ""}},
}  # fmt: skip


@pytest.mark.parametrize("says", ABSURD.values(), ids=ABSURD.keys())
def test_an_unsigned_or_absurd_end_is_never_taken_and_is_said(
    says: dict[str, Any], heartbeat: HeartbeatSender, department: Department
) -> None:
    """It neither replaces the held end nor is the first one held; the next honest one is taken."""
    said: list[str] = []
    heartbeat.memory.say = said.append
    if says["checkpoint"] is not None:
        department.log.says = says
        _beat(heartbeat)
        assert not (heartbeat.state / HELD).exists()
    department.log.says = {}
    _beat(heartbeat)
    honest = _held(heartbeat)
    department.log.says = says
    _beat(heartbeat)
    _beat(heartbeat)
    assert _held(heartbeat) == honest
    assert department.heartbeats[-1]["degraded"] != []
    assert "unproven" in said[-1]
    department.log.says, department.log.size = {}, 8
    _beat(heartbeat)
    _beat(heartbeat)
    assert (_held(heartbeat)["seq"], department.heartbeats[-1]["degraded"]) == (8, [])


@pytest.mark.parametrize("proof", [None, [], ["zz"], [7], ["ab" * 31], ["ab" * 32] * 9, "x" * 64])
def test_a_signed_end_without_its_proof_is_a_contradiction(
    proof: object, heartbeat: HeartbeatSender, department: Department
) -> None:
    """The signature alone says nothing about what came before."""
    _beat(heartbeat)
    department.log.size, department.log.says = 9, {"consistency": proof}
    _beat(heartbeat)
    assert (_held(heartbeat)["seq"], bool(heartbeat.memory.trouble)) == (5, True)


def test_the_last_end_of_each_day_is_kept_and_their_number_is_bounded(
    heartbeat: HeartbeatSender, department: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One a day, oldest first, every one signed; the oldest go once there are too many."""
    most = 20
    monkeypatch.setattr(audit_memory, "DAYS_MOST", most)
    start = datetime(2026, 6, 1, 10, tzinfo=UTC)
    memory, held = heartbeat.memory, None
    for number in range(2 * (most + 5)):
        department.log.size = 5 + number
        department.log.at = f"{start + timedelta(hours=12 * number):%Y-%m-%dT%H:%M:%S}.00Z"
        answer = department.log.answer(held.to_json() if held else None)
        memory.take(answer["checkpoint"], answer["consistency"], held)
        held = memory.held()
    ends = [
        AuditEnd.from_json(json.loads(line)) for line in (heartbeat.state / DAYS).read_text().splitlines()
    ]
    days = [end.day for end in ends]
    assert len(days) == most == len(set(days))
    assert days == sorted(days)
    assert all(end.signed_by(department.key.public) for end in ends)
    (heartbeat.state / HELD).write_bytes(b"torn")
    assert memory.held() == ends[-1], "the last day's end stands in for a torn file"


@pytest.mark.parametrize("left", [b"", bytes(512), b"[]", b'{"seq": 5', b"\xff"])
def test_a_torn_checkpoint_is_replaced(
    left: bytes, heartbeat: HeartbeatSender, department: Department
) -> None:
    """What a power cut made of the file is no reason to stop, nor to accuse the department."""
    said: list[str] = []
    heartbeat.memory.say = said.append
    (heartbeat.state / HELD).write_bytes(left)
    _beat(heartbeat)
    assert said == []
    assert _held(heartbeat) == department.log.end().to_json()


def test_receipts_that_cannot_be_read_are_said_and_the_box_beats_on(
    heartbeat: HeartbeatSender, department: Department
) -> None:
    """A disk that gives nothing back is trouble for a person, not the end of the thread that delivers."""
    said: list[str] = []
    heartbeat.say = said.append
    (heartbeat.state / NAME).rename(heartbeat.state / "kept")
    (heartbeat.state / NAME).mkdir()
    for _ in range(3):
        _beat(heartbeat)
    assert len(said) == 1
    assert department.heartbeats == []
    (heartbeat.state / NAME).rmdir()
    (heartbeat.state / "kept").rename(heartbeat.state / NAME)
    _beat(heartbeat)
    assert len(department.heartbeats[0]["receipts"]) == 2
