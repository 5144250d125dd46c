from edge.flow import Box, Detection
from edge.pipeline.tracks import CAP_NS, GAP_NS, PARKED_NS, Tracker
from hitonly_core.clock import NS

STEP = NS // 10


def at(x: float, y: float = 100.0, width: float = 60.0) -> Detection:
    """Return a plate's detection around a centre."""
    return Detection(Box(x - width / 2, y - 10, x + width / 2, y + 10), 0.9)


def test_a_moving_plate_keeps_its_track() -> None:
    """A plate that moves a plate's width between looks is one track."""
    tracker = Tracker()
    numbers = {tracker.observe([at(100 + 55 * turn)], turn * STEP)[0][0].number for turn in range(12)}
    assert len(numbers) == 1


def test_two_plates_side_by_side_do_not_swap() -> None:
    """Two lanes in opposite directions keep their tracks while they pass each other."""
    tracker = Tracker()
    lanes: dict[str, set[int]] = {"left": set(), "right": set()}
    for turn in range(12):
        pairs = tracker.observe([at(100 + 40 * turn, 100), at(540 - 40 * turn, 150)], turn * STEP)
        lanes["left"].add(pairs[0][0].number)
        lanes["right"].add(pairs[1][0].number)
    assert [len(each) for each in lanes.values()] == [1, 1]
    assert lanes["left"] != lanes["right"]


def test_a_gap_within_two_seconds_is_bridged_and_a_longer_one_ends_the_pass() -> None:
    """Unseen for 1.5 s: the same pass. Unseen for 2 s: it has ended, once."""
    tracker = Tracker()
    first = tracker.observe([at(100)], 0)[0][0]
    tracker.observe([at(105)], STEP)
    again = tracker.observe([at(110)], STEP + 3 * NS // 2)[0][0]
    assert again is first
    now = again.seen_ns + GAP_NS
    assert tracker.ended(now - 1) == []
    assert tracker.ended(now) == [first]
    assert tracker.ended(now + STEP) == []
    assert tracker.observe([at(110)], now + STEP)[0][0] is not first


def test_a_parked_car_is_one_pass_until_unseen_for_45_seconds() -> None:
    """After the cap of 15 s the pass ends; the same plate begins no other while it stays or is hidden."""
    tracker = Tracker()
    ended, now = [], 0
    for turn in range(300):
        now = turn * STEP
        ended += tracker.ended(now)
        tracker.observe([at(100)], now)
    assert len(ended) == 1
    assert tracker.observe([at(100)], now + PARKED_NS - 1)[0][0].ended
    last = now + PARKED_NS - 1
    tracker.ended(last + PARKED_NS)
    assert not tracker.observe([at(100)], last + PARKED_NS)[0][0].ended
    assert CAP_NS == 15 * NS


def test_another_size_is_another_plate() -> None:
    """A box of three times the width in the same place is not the same plate."""
    tracker = Tracker()
    small = tracker.observe([at(100, width=30)], 0)[0][0]
    large = tracker.observe([at(100, width=95)], STEP)[0][0]
    assert small is not large


def test_the_end_of_the_stream_ends_what_is_open() -> None:
    """At the end every open track ends once and none is left."""
    tracker = Tracker()
    tracker.observe([at(100), at(500)], 0)
    assert len(tracker.finish()) == 2
    assert tracker.finish() == []


def test_a_parked_car_that_comes_nearer_begins_a_new_pass_once() -> None:
    """A car far down a queue is parked; it rolls up, one and a half times as large, and is one new pass."""
    tracker = Tracker()
    for turn in range(200):
        tracker.ended(turn * STEP)
        parked = tracker.observe([at(100)], turn * STEP)[0][0]
    assert parked.parked
    numbers = []
    for turn in range(200, 260):
        width = min(90.0, 60.0 + 2 * (turn - 200))
        tracker.ended(turn * STEP)
        numbers.append(tracker.observe([at(100, width=width)], turn * STEP)[0][0].number)
    assert sorted(set(numbers)) == [parked.number, parked.number + 1]
    assert not tracker.tracks[0].ended
    assert len(tracker.tracks) == 1
