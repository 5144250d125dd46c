"""The whole story: a frame comes, plates are found and read, a read is matched, and is a hit or is forgotten.

    frame -> motion and zones -> detect -> link to a pass -> read -> fuse into the pass's slot -> match -> hit

Everything that could tell a plate lies in the slot, and the slot is destroyed by its deadline whatever
happens here. This module logs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from fast_alpr.base import BaseDetector

from edge.capture.base import Source
from edge.department.list_watch import ListWatch
from edge.errors import Forgotten
from edge.flow import Detection, Frame, Pixels, Reading, Table
from edge.pipeline.hit_maker import HitMaker
from edge.pipeline.passes import Pass, regions_of, table_of
from edge.pipeline.stages import Stages
from edge.pipeline.tracks import Track, Tracker
from edge.retention.scrub import scrub_allocators
from edge.retention.window import Window
from edge.sampling import Pace
from edge.vision.crop import quality, widen
from edge.vision.detector import detections_of
from edge.vision.reader import Reader
from edge.vision.region import RegionReader, combined
from edge.vision.zones import Zones
from hitonly_core.clock import NS, Clock
from hotlist.matching.match import Match
from hotlist.plate import MIN_LENGTH, PAD
from protocol.hit import Hit

_REPEAT_NS: Final = 15 * NS
"""A pass broken in two by a post or a lorry is one pass: the same entry does not hit again so soon."""
_LIKELY: Final = 0.5
"""A pass that may still come to more is decided before its end only when its match is likelier than not."""
_QUIET_NS: Final = 2 * NS
_TURN_NS: Final = 2 * NS
"""A turn may take this long, or a third of the window; then its frame is destroyed under it."""
_SCRUB_NS: Final = 30 * NS
"""On a road that is never quiet, or empty, leftovers are overwritten this often, or twice a window."""


class Gate(Protocol):
    """Decides which frames are worth the detector."""

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:
        """Whether something may have moved into this frame."""

    def lapse(self, now_ns: int) -> None:
        """Overwrite what has been remembered for as long as it may be; boot-time nanoseconds, from any thread."""

    def wipe(self) -> None:
        """Overwrite all that is remembered of earlier frames."""


class EveryFrame:
    """The gate that lets every frame through."""

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:  # noqa: ARG002 - a gate's signature
        """Return true."""
        return True

    def lapse(self, now_ns: int) -> None:
        """Do nothing: nothing is remembered."""

    def wipe(self) -> None:
        """Do nothing: nothing is remembered."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What one camera's pipeline works with."""

    name: str
    place: str
    source: Source
    gate: Gate
    zones: Zones
    detector: BaseDetector
    reader: Reader
    region: RegionReader | None
    detect_every_ns: int
    crop_margin: float
    sure: float


@dataclass(slots=True)
class Tally:
    """Counts of one camera, for people to see that it works; nothing about any plate.

    `frames` came, `watched` were seen by the gate, at `looked` the detector looked; `looks` were at a region.
    """

    frames: int = 0
    watched: int = 0
    looked: int = 0
    detections: int = 0
    passes: int = 0
    readings: int = 0
    looks: int = 0
    hits: int = 0


@dataclass(slots=True)
class Pipeline:
    """One camera's loop: one thread runs it.

    Two other threads come in. A new list's `rematch` reads which passes are open, so `_passes` changes under the
    window's lock only, as `_recent` does. The purge calls the gate's and the source's `lapse`, which have locks.

    Attributes:
        index: the camera's number; its reads carry it.
        camera: source, gate, detector, reader and region model.
        window: where reads live, shared by all cameras.
        lists: the hot list in use.
        hits: composes, seals and spools.
        clock: boot time and wall clock.
        on_hit: told of each hit after it is spooled.
        on_turn: called after each frame; raises to stop the loop.
    """

    index: int
    camera: Camera
    window: Window
    lists: ListWatch
    hits: HitMaker
    clock: Clock
    on_hit: Callable[[Hit], None] = lambda _hit: None
    on_turn: Callable[[], None] = lambda: None
    stages: Stages = field(default_factory=Stages)
    tally: Tally = field(default_factory=Tally)
    _tracker: Tracker = field(default_factory=Tracker)
    _passes: dict[int, Pass] = field(default_factory=dict)
    _recent: dict[str, int] = field(default_factory=dict)
    _pace: Pace = field(init=False)
    _busy_ns: int = 0
    _plates_left: bool = False
    _scrubbed: bool = True
    _scrubbed_ns: int = 0

    def __post_init__(self) -> None:
        self._pace = Pace(self.camera.detect_every_ns)

    def run(self) -> None:
        """Work until the source ends, then decide what is still open.

        Raises:
            SourceError: a file cannot be read on.
            RetentionError: the window has closed; every read is destroyed.
        """
        self.camera.source.on_silence = self.rest
        for frame in self.camera.source.frames():
            self.tally.frames = self.camera.source.seen
            self.turn(frame)
            self.on_turn()
        self.tally.frames = self.camera.source.seen
        self.rest()

    def turn(self, frame: Frame) -> None:
        """Do all that one frame asks for."""
        self.tally.watched += 1
        for track in self._tracker.ended(frame.stream_ns):
            self._end(track)
        for waiting in [each for each in self._passes.values() if each.due(frame.stream_ns)]:
            waiting.decided = True
            self._send(self._decide(waiting))
        with self.stages.of("motion"):
            moving = self.camera.gate.moving(frame.pixels, frame.stream_ns)
        looked = moving and self._pace.due(frame.stream_ns)
        if looked:
            self._look(frame)
        self._scrub_if_due(frame.stream_ns, looked=looked)

    def rematch(self) -> None:
        """Match this camera's reads still inside the window against a list that has just arrived.

        The window's one use. Safe from another thread than the loop's; open passes are left to the loop. What
        matching leaves in the allocators is overwritten here: the loop's next scrub may be after the window's end,
        and none comes while a camera is silent.
        """
        with self.window.lock:
            of_passes = {id(of.slot) for of in self._passes.values()}
            slots = [slot for slot in self.window.live() if id(slot) not in of_passes]
        for slot in slots:
            self._send(self._decide(Pass(slot=slot, settled=True)))
        if slots:
            scrub_allocators()

    def lapse(self, now_ns: int) -> None:
        """Wipe what has come to its end while the loop does nothing, or hangs; from the purge's thread."""
        self.camera.gate.lapse(now_ns)
        self.camera.source.lapse(max(_TURN_NS, self.window.window_ns // 3))

    def rest(self) -> None:
        """No frame will come for now: decide what is still open, and leave nothing of the last scene."""
        for track in self._tracker.finish():
            self._end(track)
        self.scrub()
        self.camera.gate.wipe()

    def scrub(self) -> None:
        """Overwrite what the last vehicles left in buffers and in the inference runtime (promise 4).

        What the gate remembers has a form that cannot hold a plate and an end of its own, which the purge keeps.
        """
        self._scrubbed, self._plates_left = True, False
        self.camera.reader.scrub()
        if self.camera.region is not None:
            self.camera.region.scrub()
        if scrub := getattr(self.camera.detector, "scrub", None):
            scrub()
        scrub_allocators()

    def _scrub_if_due(self, now_ns: int, *, looked: bool) -> None:
        """Overwrite leftovers: of plates when the road has fallen quiet, of anything twice a window."""
        quiet = not looked and now_ns - self._busy_ns > _QUIET_NS
        seldom_ns = max(NS, min(_SCRUB_NS, self.window.window_ns // 2))
        if self._scrubbed or not ((quiet and self._plates_left) or now_ns - self._scrubbed_ns > seldom_ns):
            return
        self._scrubbed_ns = now_ns
        self.scrub()

    def _look(self, frame: Frame) -> None:
        """Detect, link, and read what is worth reading."""
        height, width = frame.pixels.shape[:2]
        self.tally.looked += 1
        with self.stages.of("detect"):
            found = [
                detection
                for detection in detections_of(self.camera.detector, frame.pixels)
                if self.camera.zones.allow(detection.box, width, height)
            ]
        self._scrubbed = False
        if found:
            self._busy_ns = frame.stream_ns
            self._plates_left = True
            self.tally.detections += len(found)
        for track, detection in self._tracker.observe(found, frame.stream_ns):
            if not track.ended:
                self._read(frame, track, detection)

    def _read(self, frame: Frame, track: Track, detection: Detection) -> None:
        """Read a detection where that adds something, fuse it into its pass, match what is known."""
        height, width = frame.pixels.shape[:2]
        if detection.box.cut_by(width, height):
            return  # a part of a plate reads as another plate, and surely: it is worth nothing
        left, top, right, bottom = widen(
            detection.box, by=self.camera.crop_margin, width=width, height=height
        )
        crop = frame.pixels[top:bottom, left:right]
        if not crop.size:
            return
        worth = quality(crop)
        with self.window.lock:
            open_pass = self._passes.setdefault(track.number, Pass())
        if not open_pass.wants(worth, frame.stream_ns):
            return
        with self.stages.of("read"):
            table, regions = self.camera.reader.table(crop)
        if _blank(table):
            return
        if self.camera.region is not None:
            regions = self._regions(self.camera.region, open_pass, crop, worth, regions)
        self.tally.readings += 1
        self.tally.passes += open_pass.readings == 0
        with self.window.lock:
            with self.stages.of("fuse"):
                open_pass.add(self.window, frame, Reading(table, regions, crop, worth), camera=self.index)
            table[:] = 0.0
            hit = self._decide(open_pass)
            if self.window.window_ns == 0:
                open_pass.release(self.window)
        self._send(hit)

    def _regions(
        self, model: RegionReader, of: Pass, crop: Pixels, worth: float, by_ocr: Mapping[str, float]
    ) -> Mapping[str, float]:
        """Return a crop's regions where the pass is worth a look at them; else none."""
        if not of.wants_region(worth):
            return {}
        of.looked(worth)
        self.tally.looks += 1
        with self.stages.of("region"):
            return combined(model.regions(crop), by_ocr)

    def _end(self, track: Track) -> None:
        """End a pass: match it one last time; what is no hit stays in the window, or goes with it."""
        with self.window.lock:
            ended = self._passes.pop(track.number, None)
        if ended is not None:
            ended.settled = True
            self._send(self._decide(ended))

    def _decide(self, of: Pass) -> Hit | None:
        """Make a hit of a pass's read when a match is sure, or as sure as it will get; no I/O here."""
        active = self.lists.current
        if active is None or of.slot is None or of.over:
            return None
        with self.window.lock:
            try:
                if int(of.slot.record["camera"]) != self.index:
                    return None
                with self.stages.of("match"):
                    table = table_of(of.slot)
                    matches = active.matcher.match(table, regions_of(of.slot), self.lists.now())
                    table[:] = 0.0
                enough = _LIKELY if of.decided else self.camera.sure
                sure = of.settled or (bool(matches) and matches[0].probability >= enough)
                sure = sure and not self._region_may_come(of, matches)
                of.doubtful = bool(matches) and not sure
                if not matches or not sure:
                    return None
                return self._hit(of, matches)
            except Forgotten:
                of.slot, of.over = None, True
                return None

    def _region_may_come(self, of: Pass, matches: Sequence[Match]) -> bool:
        """Whether a match lacks only its region, and a better crop of this pass may still tell it."""
        if self.camera.region is None or self.window.window_ns == 0 or not of.may_look:
            return False
        return not (of.settled or of.decided) and any(match.lacks_region for match in matches)

    def _hit(self, of: Pass, matches: Sequence[Match]) -> Hit | None:
        """End a read as a hit, or as part of one: the same entry has just hit here."""
        slot, of.slot, of.over = of.slot, None, True
        if slot is None:
            return None
        now_ns = self.clock.boot_ns()
        self._recent = {entry: at for entry, at in self._recent.items() if now_ns - at < _REPEAT_NS}
        repeated = any(match.entry.id in self._recent for match in matches)
        self._recent.update((match.entry.id, now_ns) for match in matches)
        if repeated:
            self.window.forget(slot)
            return None
        hit = self.hits.compose(slot, matches, camera=self.camera.name, place=self.camera.place)
        self.window.hit(slot)
        self.tally.hits += 1
        return hit

    def _send(self, hit: Hit | None) -> None:
        """Seal and spool a hit, outside the window's lock: the disk may be slow, the purge may not."""
        if hit is not None:
            with self.stages.of("seal"):
                self.hits.spool_sealed(hit)
            self.on_hit(hit)


def _blank(table: Table) -> bool:
    """Whether the reader sees fewer than two characters: no plate."""
    return int((table.argmax(axis=1) != PAD).sum()) < MIN_LENGTH
