"""``alpr-edge aim``: how well plates are seen, once a second, in numbers; for the person at the camera.

No reader is loaded, so that no plate's text exists here. A frame lives one turn, as in `run`; of a look only
numbers are kept, for a second. Frames come from the same capture process, and the process is hardened alike.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from edge.capture.base import Source, State
from edge.capture.blank import Shows, what_shows
from edge.flow import Box, Frame, Pixels
from edge.retention.scrub import scrub_allocators
from edge.runtime.aim_advice import Sample, SeenPlate
from edge.vision.crop import widen
from edge.vision.detector import PlateDetector
from edge.vision.plate_view import view_of
from edge.vision.zones import Zones
from hitonly_core.clock import NS, Clock

_BEAT_S: Final = 0.25
_SILENT_NS: Final = 2 * NS
"""After so long without a sample, it is said that no picture comes."""
_TURN_NS: Final = 2 * NS
"""A frame that is looked at for longer is destroyed."""


@dataclass(slots=True)
class Aim:
    """Looks at one camera, and tells a sample a second of its pictures' time.

    Attributes:
        source: the camera.
        detector: of this camera alone.
        zones: where plates count.
        margin: share by which a box is widened before it is measured, as in `run`.
        clock: boot time.
        tell: is given each sample, by one thread at a time.
    """

    source: Source
    detector: PlateDetector
    zones: Zones
    margin: float
    clock: Clock
    tell: Callable[[Sample], None]
    looks: int = 0
    _best: Sample | None = None
    _begun_ns: int | None = None
    _told_ns: int = 0
    _left: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, seconds: int) -> None:
        """Look until the source ends, `stop` is called, or so many seconds have passed; of a clip, its own seconds.

        Raises:
            SourceError: a clip or picture cannot be read.
            ModelError: the detector failed.
        """
        self._left, self._told_ns = seconds, self.clock.boot_ns()
        self.source.on_silence = self._rest
        try:
            with self._beating(self._told_ns + seconds * NS if self.source.live else None):
                for frame in self.source.frames():
                    self._turn(frame)
            if self._best is not None:
                self._tell(self._best)
        finally:
            self.stop()
            self._scrub()

    def stop(self) -> None:
        """End; safe from a signal handler."""
        self.source.close()

    def _turn(self, frame: Frame) -> None:
        """Look at one frame, and tell the second that it ends."""
        self.looks += 1
        if self._begun_ns is None:
            self._begun_ns = frame.stream_ns
        if self._best is not None and frame.stream_ns - self._begun_ns >= NS:
            self._tell(self._best)
            self._best, self._begun_ns = None, frame.stream_ns
            self._scrub()
        sample = self.look(frame.pixels)
        if self._best is None or _rank(sample) >= _rank(self._best):
            self._best = sample

    def look(self, pixels: Pixels) -> Sample:
        """Return what one picture shows, in numbers.

        Args:
            pixels: H x W x 3 uint8 BGR.
        """
        height, width = pixels.shape[:2]
        scale = self.detector.scale_for(height, width)
        plates = [self._plate(pixels, found.box, scale) for found in self.detector.detect(pixels)]
        plates.sort(key=lambda plate: -plate.width)
        shows = Shows.SOMETHING if plates else what_shows(pixels)
        state = self.source.state
        return Sample(State.ONLINE if state is State.ENDED else state, shows, plates)

    def _plate(self, pixels: Pixels, box: Box, scale: float) -> SeenPlate:
        height, width = pixels.shape[:2]
        left, top, right, bottom = widen(box, by=self.margin, width=width, height=height)
        return SeenPlate(
            width=box.width,
            in_network=box.width * scale,
            in_zones=self.zones.allow(box, width, height),
            cut=box.cut_by(width, height),
            view=view_of(pixels[top:bottom, left:right]),
        )

    def _tell(self, sample: Sample) -> None:
        with self._lock:
            if self._left > 0:
                self._left -= 1
                self._told_ns = self.clock.boot_ns()
                self.tell(sample)
            if not self._left:
                self.stop()

    def _rest(self) -> None:
        """No frame will come for now: leave nothing of the last one."""
        self._best = self._begun_ns = None
        self._scrub()

    def _scrub(self) -> None:
        """Overwrite what the last pictures left in buffers and in the inference runtime."""
        self.detector.scrub()
        scrub_allocators()

    @contextmanager
    def _beating(self, end_ns: int | None) -> Iterator[None]:
        """Say when no picture comes, end in time, and let no frame outlive a turn that hangs."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(_BEAT_S):
                self.source.lapse(_TURN_NS)
                now_ns = self.clock.boot_ns()
                if end_ns is not None and now_ns >= end_ns:
                    self.stop()
                elif now_ns - self._told_ns >= _SILENT_NS and self.source.state is not State.ONLINE:
                    self._tell(Sample(self.source.state))

        thread = threading.Thread(target=beat, name="aim", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _rank(sample: Sample) -> tuple[float, int]:
    """How much a frame tells: the widest plate that would be read, then how many are in view."""
    return sample.widest, len(sample.plates)
