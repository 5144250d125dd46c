"""Passes: one `Read` a vehicle, fused from its readings, in a slot of the retention window and nowhere else.

What a pass knows outside its slot is geometry and counters. The slot's record holds everything that could
tell a plate: the readings, the regions, the best crop. When the window destroys the slot, the pass is
over.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from edge.errors import Forgotten
from edge.flow import COLUMNS, CROP_HEIGHT, CROP_WIDTH, SLOTS, Frame, Reading, Table
from edge.pipeline import fusion
from edge.retention.window import Slot, Window
from edge.vision.crop import fit
from edge.vision.region_names import REGION_CODES
from hitonly_core.clock import NS

_REGION_PLACE: Final = {code: place for place, code in enumerate(REGION_CODES)}

KEPT: Final = 12
"""Readings that a pass is fused from: once there are so many, a better one replaces the worst."""
ENOUGH: Final = 4
"""Readings after which a sure pass is left alone."""
PLENTY: Final = 8
"""Readings after which only a plate that has grown is read again."""
PLENTY_IN_DOUBT: Final = 12
"""The same where a listed plate is likely, and not yet likely enough."""

READ_DTYPE: Final = np.dtype(
    [
        ("logs", np.float32, (KEPT, SLOTS, COLUMNS)),
        ("weights", np.float32, (KEPT,)),
        ("readings", np.uint16),
        ("taken", np.uint16),
        ("camera", np.uint16),
        ("regions", np.float32, (len(REGION_CODES),)),
        ("region_weight", np.float32),
        ("quality", np.float32),
        ("captured_ns", np.int64),
        ("crop_size", np.uint16, (2,)),
        ("crop", np.uint8, (CROP_HEIGHT, CROP_WIDTH, 3)),
    ]
)
"""What a read holds: the log tables and weights of the readings that are kept, how many these are and how many were
taken, the sum of what the readings told of regions, and the best crop with its time (boot time, ns)."""

FIRST_LOOKS: Final = 3
MAX_LOOKS: Final = 6
_NEARER: Final = 1.25
"""After the first looks at the region, only a crop so much better is worth another."""
_INTERVAL_NS: Final = NS // 12
_WORTH: Final = 0.85
_WORTH_IN_DOUBT: Final = 0.5
"""A listed plate that is likely, and not yet likely enough, is worth a worse crop too."""
_SURE: Final = 0.98
_MUCH_BETTER: Final = 1.4
_GROWN: Final = 1.12
"""How much better than every crop read before it, size before all, makes a plate one that has grown."""
_PAST_ITS_BEST_NS: Final = NS // 2
"""A pass with nothing worth reading for so long has left, turned or gone behind something."""


@dataclass(slots=True)
class Pass:
    """One vehicle's pass, as far as it may be known outside its slot.

    Attributes:
        slot: its read; None before the first reading and after the read has ended.
        readings: how many have been taken.
        read_ns: when the last was taken, on the stream's clock.
        best: the weight of its best reading.
        largest: the quality of the best crop that was read, however it read.
        doubtful: a listed plate is likely, and not yet sure.
        settled: it is as sure as it will get.
        decided: it has been decided as it stands, and nothing has been read since.
        over: its read has ended; nothing more is read.
        looks: how often its region has been looked at.
        best_look: the quality of the best crop that was.
    """

    slot: Slot | None = None
    readings: int = 0
    read_ns: int = 0
    best: float = 0.0
    largest: float = 0.0
    doubtful: bool = False
    settled: bool = False
    decided: bool = False
    over: bool = False
    looks: int = 0
    best_look: float = 0.0

    def wants(self, quality: float, now_ns: int) -> bool:
        """Whether reading a crop of this quality now would add something.

        A plate that has grown always would. The steps of growth are even, so a slow approach costs little
        more than a quick one, and a plate that stands still is left alone after a few readings.
        """
        if self.over:
            return False
        if self.readings == 0:
            return True
        if self.settled:
            return quality > self.largest * _MUCH_BETTER
        if now_ns - self.read_ns < _INTERVAL_NS:
            return False
        plenty, worth = (PLENTY_IN_DOUBT, _WORTH_IN_DOUBT) if self.doubtful else (PLENTY, _WORTH)
        if self.readings < plenty:
            return quality > self.best * worth
        return quality > self.largest * _GROWN

    def wants_region(self, quality: float) -> bool:
        """Whether to ask the region model about a crop of this quality: the first, then only much better ones."""
        return self.looks < FIRST_LOOKS or (self.may_look and quality > self.best_look * _NEARER)

    def looked(self, quality: float) -> None:
        """Note that the region model has been asked about a crop of this quality."""
        self.looks += 1
        self.best_look = max(self.best_look, quality)

    @property
    def may_look(self) -> bool:
        """Whether the region model may be asked again."""
        return self.looks < MAX_LOOKS

    def due(self, now_ns: int) -> bool:
        """Whether to decide on what is known, without waiting for the pass's end.

        Nothing has been worth reading for half a second. The pass stays open: if it comes to more, it is
        decided again.
        """
        waited = self.slot is not None and now_ns - self.read_ns >= _PAST_ITS_BEST_NS
        return waited and not (self.decided or self.settled or self.over)

    def release(self, window: Window) -> None:
        """Destroy the pass's read now; a later reading begins a new one (a window of 0)."""
        if self.slot is not None:
            window.forget(self.slot)
            self.slot = None

    def add(self, window: Window, frame: Frame, reading: Reading, *, camera: int) -> None:
        """Fuse a reading into the pass's slot; the pass is over when its read has been destroyed.

        The caller holds the window's lock.
        """
        try:
            if self.slot is None:
                self.slot = window.admit(frame.boot_ns)
            record = self.slot.record
        except Forgotten:
            self.slot, self.over = None, True
            return
        weight = reading.quality * fusion.legibility(reading.table)
        _keep(record, reading, weight)
        record["camera"] = camera
        record["region_weight"] += _add_regions(record["regions"], reading)
        if weight > record["quality"]:
            record["quality"] = weight
            record["captured_ns"] = frame.boot_ns
            record["crop_size"][:] = fit(reading.crop, record["crop"])
        self.readings += 1
        self.read_ns = frame.stream_ns
        self.best = max(self.best, weight)
        self.largest = max(self.largest, reading.quality)
        self.decided = False
        table = table_of(self.slot)
        self.settled = self.readings >= ENOUGH and fusion.sureness(table) >= _SURE
        table[:] = 0.0


def table_of(slot: Slot) -> Table:
    """Return the fused (10 x 37) table of a live read.

    Raises:
        Forgotten: the read has been destroyed.
    """
    record = slot.record
    readings = int(record["readings"])
    return fusion.fuse(record["logs"][:readings], record["weights"][:readings])


def regions_of(slot: Slot) -> dict[str, float]:
    """Return the regions of a live read, averaged over its readings; empty when nothing told any.

    A reading weighs by its crop's quality and by how much of its probability names a region at all: a blurred
    crop that tells nothing does not speak against a sharp one.

    Raises:
        Forgotten: the read has been destroyed.
    """
    record = slot.record
    weight = float(record["region_weight"])
    places = np.flatnonzero(record["regions"] > 0)
    return {REGION_CODES[place]: float(record["regions"][place]) / weight for place in places}


def _keep(record: np.void, reading: Reading, weight: float) -> None:
    """Keep a reading in a read's record: in a free place, or in the worst one's where it is better."""
    kept = int(record["readings"])
    record["taken"] += 1
    place = kept if kept < KEPT else int(record["weights"].argmin())
    if kept == KEPT and weight <= record["weights"][place]:
        return
    record["readings"] = min(kept + 1, KEPT)
    record["logs"][place] = fusion.log_table(reading.table)
    record["weights"][place] = weight


def _add_regions(sums: Table, reading: Reading) -> float:
    """Add a reading's regions to a slot's sums, in place; return the reading's weight."""
    told = {
        place: share
        for code, share in reading.regions.items()
        if share > 0 and (place := _REGION_PLACE.get(code)) is not None
    }
    weight = reading.quality * sum(told.values())
    for place, share in told.items():
        sums[place] += weight * share
    return weight


@dataclass(frozen=True, slots=True)
class Best:
    """The best crop of a live read, copied out for a hit only; `captured_ns` is boot time."""

    crop: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
    captured_ns: int

    @classmethod
    def of(cls, slot: Slot) -> Self:
        """Copy the best crop out of a slot.

        Raises:
            Forgotten: the read has been destroyed.
        """
        record = slot.record
        height, width = (int(side) for side in record["crop_size"])
        return cls(record["crop"][:height, :width].copy(), int(record["captured_ns"]))
