"""The gate before the detector: does anything move that could carry a plate?

What it remembers between frames cannot hold a plate, by its form. The picture is divided into a few large cells.
Of each cell only the shares of its pixels at a few levels of brightness are kept, in steps of a sixteenth:
where in the cell a pixel was is forgotten, and a cell is wider than a character of a plate that fills three
quarters of the picture. Two such summaries are kept, one older than the other, and a third of a moment ago.

A cell differs where its shares have shifted clearly more than the middle one of all cells: noise and a change of
light shift all of them alike. What differs from the older summary is motion. What has stopped becomes part of
the background, and so does what was left there.

What is remembered has an end too. A summary lives for `life_ns` at most, on the boot-time clock, well inside the
retention window: the younger one takes the older one's place, and `lapse` wipes whatever is left when no frame
comes to do it. With a life of 0 (window 0) nothing is remembered and every frame is let through.

What must not happen is that a plate passes unseen, so every doubt opens the gate: it stays open for a while
after the last motion, takes nothing for a change of light for longer than a moment, and opens every few
seconds whatever it sees.
"""

import threading
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from edge.flow import Pixels
from edge.vision.zones import Polygon, Zones
from hitonly_core.clock import NS, Clock, SystemClock

Shares = npt.NDArray[np.float32]
"""(rows, columns, levels) float32, 0 to 1: of each cell, the share of its pixels at each level of brightness."""

_SAMPLES: Final = 320
"""The picture is thinned to at least about this many pixels a row; they are gone when the turn ends."""
_COLUMNS: Final = 8
_MOST_COLUMNS: Final = 12
"""Cells in a row of the picture: the fewest, and the most for a detector that finds smaller plates."""
_DETECTOR_WIDTH: Final = 384
"""The fewest are enough up to this width of the detector's input."""
_BRIGHTNESSES: Final = 256
_LEVELS: Final = 5
"""Levels of brightness that are told apart; a pixel between two of them counts for both in part."""
_STEPS: Final = 16
"""A share is remembered in so many steps."""
_MARGIN: Final = 0.025
"""Share of a cell that must have changed beyond what the middle cell did."""
_RATIO: Final = 2.5
"""And so many times as much: light and noise do not fall evenly."""
_LIGHT: Final = 0.12
"""When even the middle cell has changed by this share, it is the light."""
_LIGHT_NS: Final = NS
"""But not for longer than this."""
_HOLD_NS: Final = 3 * NS // 2
"""Open for this long after the last motion: a vehicle that has just stopped is still read."""
_FORCED_NS: Final = 3 * NS
"""Open at least this often."""
_RECENT_NS: Final = 3 * NS
"""Age at which the summary of a moment ago is taken anew: what differs from that one moves now."""
_ABSORB_NS: Final = 8 * NS
"""What has not moved for this long is background."""
LONGEST_LIFE_NS: Final = 60 * NS
"""A summary lives no longer, however long the window is."""
_SLACK_NS: Final = NS // 4
"""A frame is this old at most when the gate sees it, and `lapse` this late."""


def life_within(window_ns: int) -> int:
    """Return how long the gate may remember in a window: two thirds of it, and a minute at most (nanoseconds).

    A window that is too short for the purge's own beat leaves nothing to remember: 0.
    """
    return min(LONGEST_LIFE_NS, max(0, window_ns - _SLACK_NS) * 2 // 3)


class MotionGate:
    """Tells which frames are worth the detector; for one camera, frames in order.

    `moving` belongs to the camera's thread; `lapse` and `wipe` may be called from any.

    Args:
        zones: motion that cannot belong to a plate in these is ignored.
        detector_width: of the detector's input, pixels; decides how small a vehicle matters.
        life_ns: how long anything of a frame is remembered, boot-time nanoseconds; 0 for not at all.
        clock: the boot-time clock.
    """

    def __init__(
        self,
        zones: Zones | None = None,
        *,
        detector_width: int = _DETECTOR_WIDTH,
        life_ns: int = LONGEST_LIFE_NS,
        clock: Clock | None = None,
    ) -> None:
        self._zones = zones or Zones()
        self._columns = min(_MOST_COLUMNS, max(_COLUMNS, _COLUMNS * detector_width // _DETECTOR_WIDTH))
        self._life_ns, self._clock = life_ns, clock or SystemClock()
        self._lock = threading.Lock()
        self._shape: tuple[int, ...] = ()
        self._older, self._younger, self._recent = Summary(), Summary(), Summary()
        self._moved_ns = self._open_ns = self._recent_ns = 0
        self._light_since_ns: int | None = None

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:
        """Return whether something may have moved into this frame.

        Args:
            pixels: H x W x 3 uint8 BGR.
            stream_ns: the frame's stream time.
        """
        if not self._life_ns:
            return True
        with self._lock:
            if pixels.shape != self._shape:
                self._prepare(pixels.shape)
            now_ns = self._clock.boot_ns()
            self._lapse(now_ns)
            try:
                self._summarise(pixels)
                if not self._older.taken_ns:
                    self._seed(stream_ns, now_ns)
                    self._moved_ns = stream_ns
                elif self._moves(stream_ns, now_ns):
                    self._moved_ns = stream_ns
            finally:
                self._wipe_turn()
            if stream_ns - self._moved_ns <= _HOLD_NS or stream_ns - self._open_ns >= _FORCED_NS:
                self._open_ns = stream_ns
                return True
            return False

    def lapse(self, now_ns: int) -> None:
        """Wipe what has been remembered for its life; called again and again, whether frames come or not.

        Args:
            now_ns: boot-time nanoseconds.
        """
        with self._lock:
            self._lapse(now_ns)

    def wipe(self) -> None:
        """Wipe all that is remembered of earlier frames; the next one is let through and learned anew."""
        with self._lock:
            self._forget()

    def _lapse(self, now_ns: int) -> None:
        for summary in (self._older, self._younger, self._recent):
            if summary.taken_ns and now_ns - summary.taken_ns >= self._life_ns:
                summary.wipe()
        if self._shape and not (self._older.taken_ns or self._younger.taken_ns):
            self._restless_ns.fill(0)

    def _forget(self) -> None:
        for summary in (self._older, self._younger, self._recent):
            summary.wipe()
        if self._shape:
            self._wipe_turn()
            self._restless_ns.fill(0)
        self._light_since_ns = None

    def _wipe_turn(self) -> None:
        """Overwrite what one turn worked with."""
        for scratch in (self._counted, self._spectra, self._shares, self._apart, self._change):
            scratch.fill(0)

    def _prepare(self, shape: tuple[int, ...]) -> None:
        """Make the buffers for pictures of this shape."""
        self._forget()
        step = max(1, shape[1] // _SAMPLES)
        columns = min(self._columns, -(-shape[1] // step))
        rows = max(1, min(round(columns * shape[0] / shape[1]), -(-shape[0] // step)))
        # Green carries most of the brightness, and takes no conversion.
        self._thin = (slice(None, None, step), slice(None, None, step), 1)
        thinned = (-(-shape[0] // step), -(-shape[1] // step))
        self._first_of_cell = _BRIGHTNESSES * _cells(thinned, (rows, columns))
        self._counted: npt.NDArray[np.intp] = np.zeros(thinned, np.intp)
        self._spectra: Shares = np.zeros((rows * columns, _BRIGHTNESSES), np.float32)
        self._shares: Shares = np.zeros((rows, columns, _LEVELS), np.float32)
        self._apart: Shares = np.zeros_like(self._shares)
        self._change: Shares = np.zeros((rows, columns), np.float32)
        self._restless_ns: npt.NDArray[np.int64] = np.zeros((rows, columns), np.int64)
        self._older, self._younger, self._recent = (Summary(self._shares.shape) for _ in range(3))
        self._watched = _watched_cells(self._zones, thinned, (rows, columns))
        self._shape = shape

    def _summarise(self, pixels: Pixels) -> None:
        """Fill `_shares` from a picture: count each cell's brightnesses, gather them, wipe the counts."""
        np.add(self._first_of_cell, pixels[self._thin], out=self._counted)
        counts = np.bincount(self._counted.reshape(-1), minlength=self._spectra.size)
        self._spectra[:] = counts.reshape(self._spectra.shape)
        counts.fill(0)
        self._spectra /= self._spectra.sum(axis=1, keepdims=True)
        np.matmul(self._spectra, _MEMBERSHIP, out=self._shares.reshape(-1, _LEVELS))

    def _moves(self, stream_ns: int, now_ns: int) -> bool:
        """Compare with what is remembered, and let that follow."""
        change = self._changed_since(self._recent)
        self._restless_ns[change > _limit(change)] = stream_ns
        if stream_ns - self._recent_ns >= _RECENT_NS or not self._recent.taken_ns:
            self._recent.take(self._shares, now_ns, self._apart)
            self._recent_ns = stream_ns
        change = self._changed_since(self._older)
        middle = float(np.median(change))
        if middle < _LIGHT:
            self._light_since_ns = None
        elif self._is_light(stream_ns):
            self._seed(stream_ns, now_ns)
            return False
        differing = change > _limit(change)
        self._absorb(differing & (stream_ns - self._restless_ns > _ABSORB_NS))
        self._renew(now_ns, quiet=not differing.any())
        return middle >= _LIGHT or bool((differing & self._watched).any())

    def _changed_since(self, summary: "Summary") -> Shares:
        """Return (rows, columns) float32: the share of each cell that has changed, beyond one step's rounding."""
        np.abs(np.subtract(self._shares, summary.shares(self._apart), out=self._apart), out=self._apart)
        np.maximum(np.subtract(self._apart, 0.5 / _STEPS, out=self._apart), 0, out=self._apart)
        np.sum(self._apart, axis=2, out=self._change)
        self._change /= 2
        return self._change

    def _is_light(self, stream_ns: int) -> bool:
        """Whether a change of the whole picture is still young enough to be taken for one of light."""
        if self._light_since_ns is None:
            self._light_since_ns = stream_ns
        return stream_ns - self._light_since_ns < _LIGHT_NS

    def _absorb(self, resting: npt.NDArray[np.bool_]) -> None:
        """Make what has come to rest part of the background."""
        if resting.any():
            for summary in (self._older, self._younger):
                summary.take_cells(self._shares, resting, self._apart)

    def _renew(self, now_ns: int, *, quiet: bool) -> None:
        """Let the younger summary take the older one's place in time; sooner while nothing moves."""
        age = now_ns - self._younger.taken_ns
        if age >= self._life_ns // 2 or (quiet and age >= self._life_ns // 4):
            self._older, self._younger = self._younger, self._older
            self._younger.take(self._shares, now_ns, self._apart)

    def _seed(self, stream_ns: int, now_ns: int) -> None:
        """Take the picture as it is for the background."""
        for summary in (self._older, self._younger, self._recent):
            summary.take(self._shares, now_ns, self._apart)
        self._recent_ns = stream_ns
        self._restless_ns.fill(stream_ns)


class Summary:
    """The shares of one moment in coarse steps, and when they were taken; 0 while there is none."""

    def __init__(self, shape: tuple[int, ...] = (1, 1, _LEVELS)) -> None:
        self.taken_ns = 0
        self._steps: Pixels = np.zeros(shape, np.uint8)

    def take(self, shares: Shares, now_ns: int, scratch: Shares) -> None:
        """Take a picture's shares in place of the ones before; `scratch` is overwritten by its owner."""
        self.take_cells(shares, np.ones(shares.shape[:2], np.bool_), scratch)
        self.taken_ns = now_ns

    def take_cells(self, shares: Shares, cells: npt.NDArray[np.bool_], scratch: Shares) -> None:
        """Take some cells' shares; the summary's end stays where it was."""
        np.rint(np.multiply(shares, _STEPS, out=scratch), out=scratch)
        np.copyto(self._steps, scratch, where=cells[:, :, None], casting="unsafe")

    def shares(self, out: Shares) -> Shares:
        """Fill `out` with the shares as they are remembered, and return it."""
        return np.multiply(self._steps, np.float32(1 / _STEPS), out=out)

    def wipe(self) -> None:
        """Overwrite it."""
        self._steps.fill(0)
        self.taken_ns = 0


def _limit(change: Shares) -> float:
    """Return the change above which a cell differs."""
    middle = float(np.median(change))
    return max(middle + _MARGIN, _RATIO * middle)


def _membership() -> Shares:
    """Return (256, levels) float32: how far each brightness belongs to each level; a row adds up to 1."""
    centres = np.linspace(0, _BRIGHTNESSES - 1, _LEVELS)
    near = 1 - np.abs(np.arange(_BRIGHTNESSES)[:, None] - centres) / (centres[1] - centres[0])
    membership: Shares = np.clip(near, 0, 1).astype(np.float32)
    return membership


_MEMBERSHIP: Final = _membership()


def _cells(shape: tuple[int, int], cells: tuple[int, int]) -> npt.NDArray[np.intp]:
    """Return (height, width) intp: the number of the cell that each pixel of a picture lies in."""
    rows, columns = (np.arange(size) * count // size for size, count in zip(shape, cells, strict=True))
    return np.asarray(rows[:, None] * cells[1] + columns, np.intp)


def _watched_cells(zones: Zones, shape: tuple[int, int], cells: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return which cells can show a vehicle whose plate counts."""
    included = _filled(zones.include, shape) if zones.include else np.ones(shape, np.uint8)
    excluded = _filled(zones.exclude, shape)
    watched = np.bincount(_cells(shape, cells).reshape(-1), (included * (1 - excluded)).reshape(-1))
    return np.asarray(watched.reshape(cells) > 0, np.bool_)


def _filled(polygons: Sequence[Polygon], shape: tuple[int, int]) -> Pixels:
    """Return a picture that is 1 inside the polygons."""
    height, width = shape
    picture: Pixels = np.zeros(shape, np.uint8)
    for polygon in polygons:
        points = np.rint(np.array(polygon) * (width, height)).astype(np.int32)
        cv2.fillPoly(picture, [points], 1)
    return picture
