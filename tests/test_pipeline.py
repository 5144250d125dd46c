"""One camera's loop: how often the detector is asked, and when leftovers are overwritten."""

import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from fast_alpr.base import BaseDetector, DetectionResult
from open_image_models.detection.core.base import BoundingBox

from edge.flow import COLUMNS, SLOTS, Frame, Pixels, Table
from edge.pipeline import loop
from edge.pipeline.loop import Camera, EveryFrame, Gate, Pipeline
from edge.pipeline.passes import READ_DTYPE
from edge.retention.arena import Arena
from edge.retention.window import Window
from edge.vision.zones import Zones
from hitonly_core.clock import NS, SystemClock
from hotlist.matching.match_settings import MatchSettings
from hotlist.matching.matcher import Matcher
from hotlist.matching.plate_index import Index
from hotlist.plate import PAD
from tests.matching_reference import NOW, columns_of, entry, reading

TENTH = NS // 10
Sight = Callable[[int], list[int]]
"""Where plates are (left sides) at the n-th frame."""


class Detector(BaseDetector):  # type: ignore[misc]  # fast-alpr ships no types
    """Finds the plates that are there, and notes at which frames it was asked and scrubbed."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self.now = 0
        self.asked: list[int] = []
        self.scrubbed: list[int] = []

    def predict(self, frame: Pixels) -> list[DetectionResult]:
        """Return a box of 60 x 20 for each plate."""
        assert frame.any()
        self.asked.append(self.now)
        places = self._sight(self.now)
        return [DetectionResult("plate", 0.9, BoundingBox(x, 50, x + 60, 70)) for x in places]

    def scrub(self) -> None:
        """Note it."""
        self.scrubbed.append(self.now)


class SureReader:
    """Reads seven characters, almost surely."""

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return the table."""
        assert crop.any()
        table = np.full((SLOTS, COLUMNS), 1e-5, np.float32)
        table[:7, 0] = table[7:, PAD] = 1 - 36e-5
        return table, {}

    def scrub(self) -> None:
        """Nothing is kept."""


class OpenUntil:
    """A gate that is open for the first frames, and then once in three seconds."""

    def __init__(self, frames: int) -> None:
        self._frames, self._seen = frames, 0

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:  # noqa: ARG002 - a gate's signature
        """Whether it is open."""
        self._seen += 1
        return self._seen <= self._frames or self._seen % 30 == 0

    def lapse(self, now_ns: int) -> None:
        """Nothing is remembered."""

    def wipe(self) -> None:
        """Nothing is kept."""


class NoList:
    """No hot list is in use."""

    current = None


def watch(sight: Sight, frames: int, gate: Gate | None = None) -> Detector:
    """Show a pipeline so many frames, ten a second; return its detector."""
    detector = Detector(sight)
    pipeline = pipeline_with(detector, gate or EveryFrame())
    show(pipeline, detector, frames)
    assert pipeline.tally.watched == frames
    assert pipeline.tally.looked == len(detector.asked)
    pipeline.window.destroy_all()
    return detector


def pipeline_with(detector: Detector, gate: Gate) -> Pipeline:
    """Return a pipeline without a list."""
    clock = SystemClock()
    camera = Camera("c", "", cast("Any", None), gate, Zones(), detector, SureReader(), None, TENTH, 0.08, 0.9)
    window = Window(Arena(16, READ_DTYPE), clock, window_ns=180 * NS, late_ns=NS)
    return Pipeline(0, camera, window, cast("Any", NoList()), cast("Any", None), clock)


def show(pipeline: Pipeline, detector: Detector, frames: int) -> None:
    """Show it so many frames, ten a second."""
    pixels = np.full((200, 640, 3), 90, np.uint8)
    for number in range(frames):
        detector.now = number
        boot_ns = pipeline.clock.boot_ns()
        pipeline.turn(Frame("c", number, boot_ns, datetime.now(UTC), number * TENTH, pixels))


@contextmanager
def impatient_threads() -> Iterator[None]:
    """Let threads change places at nearly every step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_a_new_list_may_come_at_any_moment() -> None:
    """Its reads are matched from another thread, while passes begin and end: neither thread is upset by that."""
    detector = Detector(lambda number: [(60 * number) % 500, (60 * number + 250) % 500])
    pipeline = pipeline_with(detector, EveryFrame())
    over, faults = threading.Event(), list[BaseException]()

    def rematch() -> None:
        try:
            while not over.is_set():
                pipeline.rematch()
        except BaseException as fault:  # noqa: BLE001 - whatever it is, it is the test's result
            faults.append(fault)

    thread = threading.Thread(target=rematch)
    with impatient_threads():
        thread.start()
        show(pipeline, detector, 400)
        over.set()
        thread.join()
    assert faults == []
    assert pipeline.tally.passes > 20
    counts = pipeline.window.counts()
    assert counts.reads == counts.hits + counts.destroyed + counts.live > 20
    pipeline.window.destroy_all()


class PlateReader(SureReader):
    """Reads one plate, which is on no list."""

    plate = "3XR5BQP"

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return the table."""
        assert crop.any()
        return reading(self.plate, 0.999), {}


def _rows_in_numpys_blocks(plate: str) -> int:
    """Return how many of the small blocks that NumPy keeps hold a plate as a row of column numbers."""
    row = struct.pack(f"{SLOTS}q", *columns_of(plate))
    found = 0
    for size in range(len(row), 1024):
        found += sum(row in block.tobytes() for block in [np.empty(size, np.uint8) for _ in range(7)])
    return found


@pytest.mark.parametrize("overwritten", [True, False])
def test_a_new_list_leaves_nothing_of_the_reads_it_was_matched_with(
    monkeypatch: pytest.MonkeyPatch, *, overwritten: bool
) -> None:
    """A camera that has fallen silent has no turn in which leftovers are overwritten; the control leaves them."""
    detector = Detector(lambda now: [100] if now < 15 else [])
    pipeline = pipeline_with(detector, EveryFrame())
    pipeline.camera = replace(pipeline.camera, reader=PlateReader())
    matcher = Matcher(Index.build(1, [entry("AB12CDE")]), MatchSettings())
    pipeline.lists = cast("Any", SimpleNamespace(current=SimpleNamespace(matcher=matcher), now=lambda: NOW))
    show(pipeline, detector, 50)
    pipeline.rest()
    assert pipeline.window.counts().live == 1
    assert _rows_in_numpys_blocks(PlateReader.plate) == 0

    if not overwritten:
        monkeypatch.setattr(loop, "scrub_allocators", lambda: None)
    thread = threading.Thread(target=pipeline.rematch)
    thread.start()
    thread.join()

    assert (_rows_in_numpys_blocks(PlateReader.plate) == 0) is overwritten
    pipeline.window.destroy_all()


def test_a_road_without_plates_is_looked_at_at_every_turn() -> None:
    """Where nothing has been found, a new vehicle is found at once."""
    assert watch(lambda _: [], 20).asked == list(range(20))


def test_what_a_vehicle_left_is_overwritten_when_the_road_is_quiet() -> None:
    """Two seconds after the last plate, once; the forced looks that find nothing after it ask for no other."""
    detector = watch(lambda now: [100] if now < 5 else [], 200, OpenUntil(8))

    assert detector.asked[-1] > 150
    assert detector.scrubbed == [25]


def test_an_empty_road_is_overwritten_twice_a_window_not_after_every_look() -> None:
    """Nothing was found, so nothing hurries; yet no picture's leftovers stay for more than 30 s."""
    scrubbed = watch(lambda _: [], 1000).scrubbed

    gaps = np.diff([0, *scrubbed])
    assert len(scrubbed) == 3
    assert all(300 <= gap <= 302 for gap in gaps)
